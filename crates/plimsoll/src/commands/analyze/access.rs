//! `plimsoll analyze who-can`, `what-can` and `access-diff`.

use analysis::inputs::DEFAULT_GOVERNED_RESOURCES;
use analysis::rbac::authorizer::{Request, Resource};
use analysis::rbac::questions;
use analysis::rbac::state::State;
use analysis::rbac::subject::Subject;
use anyhow::{Context, Result, ensure};
use reports::analysis::access;

use super::{Answer, Outcome, print, source};
use crate::arguments::{AccessDiffArguments, Arguments, WhatCanArguments, WhoCanArguments};
use crate::configuration::Configuration;
use crate::{evidence, output};

pub(super) fn who_can(arguments: &Arguments, own: &WhoCanArguments) -> Result<Outcome> {
    let state = State::of(&source::read(arguments, &own.source)?.snapshot);
    let (named, subresource) = own.resource.split_once('/').unwrap_or((&own.resource, ""));
    let request = if own.resource.starts_with('/') {
        ensure!(
            own.namespace.is_empty() && own.name.is_empty(),
            "{} is a path, which has no namespace and no name",
            own.resource
        );
        Request::path(&own.verb, &own.resource)
    } else {
        let (resource, group) = named.split_once('.').unwrap_or_else(|| (named, group_of(named)));
        Request::resource(
            &own.verb,
            Resource {
                group,
                resource,
                subresource,
                namespace: &own.namespace,
                name: &own.name,
                ..Resource::default()
            },
        )
    };
    print(arguments.format, &Answer::of(access::held_rules(&questions::who_can(&state, &request))), false)
}

/// The group of one of Kubernetes' own resources, for who does not name it; core where the name is in no other.
fn group_of(resource: &str) -> &'static str {
    let found = DEFAULT_GOVERNED_RESOURCES.into_iter().find(|(_, own)| *own == resource);
    let group = found.map_or("", |(group, _)| group);
    if !group.is_empty() {
        output::note(format_args!("note: {resource} is taken as {resource}.{group}"));
    }
    group
}

pub(super) fn what_can(arguments: &Arguments, own: &WhatCanArguments) -> Result<Outcome> {
    let subject = Subject::parse(&own.subject).with_context(|| {
        format!("{:?} is no subject: expected User:name, Group:name or ServiceAccount:namespace/name", own.subject)
    })?;
    let state = State::of(&source::read(arguments, &own.source)?.snapshot);
    print(arguments.format, &Answer::of(access::held_rules(&questions::what_can(&state, &subject))), false)
}

pub(super) fn diff(arguments: &Arguments, own: &AccessDiffArguments) -> Result<Outcome> {
    let to = own.to.unwrap_or_else(evidence::now);
    ensure!(own.from < to, "--from must be before --to");
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let [before, after] = source::history(arguments, &configuration, own.cluster.as_deref(), [own.from, to])?;
    let (before, after) = (State::of(&before), State::of(&after));
    print(arguments.format, &Answer::of(access::changes(&questions::diff(&before, &after))), false)
}
