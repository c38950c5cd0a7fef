//! `plimsoll analyze rbac`.

use std::collections::HashMap;

use analysis::rbac::defaults;
use analysis::rbac::risks::{self, Options, catalogue};
use anyhow::Result;
use reports::analysis::rbac_risks as forms;

use super::{Answer, Outcome, print, source};
use crate::arguments::{Arguments, RbacArguments};

pub(super) fn run(arguments: &Arguments, own: &RbacArguments) -> Result<Outcome> {
    let snapshot = source::read(arguments, &own.source)?.snapshot;
    let options = Options {
        server_version: own.server_version,
        // What stands in some manifests is not all that there is.
        whole_cluster: own.source.manifests.is_empty(),
        ..Options::default()
    };
    let mut risks = if own.source.manifests.is_empty() || own.without_default_roles {
        risks::of(&snapshot, &options)
    } else {
        defaults::risks(snapshot.clone(), &options)
    };
    if own.without_built_in {
        risks.retain(|risk| !risk.built_in);
    }
    let places: HashMap<String, (String, usize)> = snapshot
        .all()
        .filter(|object| !object.place.file.is_empty())
        .map(|object| {
            let namespace = object.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
            let label = format!("{}:{namespace}{}", object.kind, object.name);
            (label, (object.place.file.clone(), object.place.line))
        })
        .collect();
    let patterns = catalogue::all().iter().map(|pattern| (pattern.id, pattern.title, pattern.remediation));
    let answer = Answer {
        sheet: forms::sheet(&risks),
        findings: Some((forms::rules(patterns), forms::findings(&risks, |label| places.get(label).cloned()))),
        graph: Some(forms::graph(&risks)),
    };
    print(arguments.format, &answer, own.fail)
}
