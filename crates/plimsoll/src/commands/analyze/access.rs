//! `plimsoll analyze who-can`, `what-can` and `access-diff`.

use analysis::rbac::questions;
use analysis::rbac::state::State;
use analysis::rbac::subject::Subject;
use anyhow::{Context, Result, ensure};
use controls::access::AccessRequest;
use reports::analysis::access;

use super::{Answer, Outcome, print, source};
use crate::arguments::{AccessDiffArguments, Arguments, WhatCanArguments, WhoCanArguments};
use crate::configuration::Configuration;
use crate::{evidence, output};

pub(super) fn who_can(arguments: &Arguments, own: &WhoCanArguments) -> Result<Outcome> {
    let asked = AccessRequest { verb: &own.verb, resource: &own.resource, namespace: &own.namespace, name: &own.name };
    ensure!(
        !own.resource.starts_with('/') || (own.namespace.is_empty() && own.name.is_empty()),
        "{} is a path, which has no namespace and no name",
        own.resource
    );
    let taken_as = asked.taken_as();
    if taken_as != own.resource {
        output::note(format_args!(
            "note: {} is taken as {}",
            output::printable(&own.resource),
            output::printable(&taken_as)
        ));
    }
    if !records::access::is_known_verb(&own.verb) {
        output::note(format_args!(
            "note: Kubernetes itself asks about no verb {:?}: only what extends it may; verbs are written in small letters",
            output::printable(&own.verb)
        ));
    }
    let facts = source::read_with_defaults(arguments, &own.source, own.without_default_roles)?;
    let rules = questions::who_can(&State::of(&facts.snapshot), &asked.request());
    let place = facts.places();
    print(arguments.format, &Answer::of(access::held_rules(&rules, |label| place.get(label).cloned())), false)
}

pub(super) fn what_can(arguments: &Arguments, own: &WhatCanArguments) -> Result<Outcome> {
    let subject = Subject::parse(&own.subject).with_context(|| {
        format!("{:?} is no subject: expected User:name, Group:name or ServiceAccount:namespace/name", own.subject)
    })?;
    let facts = source::read_with_defaults(arguments, &own.source, own.without_default_roles)?;
    let rules = questions::what_can(&State::of(&facts.snapshot), &subject);
    let place = facts.places();
    print(arguments.format, &Answer::of(access::held_rules(&rules, |label| place.get(label).cloned())), false)
}

pub(super) fn diff(arguments: &Arguments, own: &AccessDiffArguments) -> Result<Outcome> {
    let to = own.to.unwrap_or_else(evidence::now);
    ensure!(own.from < to, "--from must be before --to");
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let [before, after] = source::history(arguments, &configuration, own.cluster.as_deref(), [own.from, to])?;
    let (before, after) = (State::of(&before), State::of(&after));
    print(arguments.format, &Answer::of(access::changes(&questions::diff(&before, &after))), false)
}
