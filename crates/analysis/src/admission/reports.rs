//! Results in reports of policies over time: rows of `policy_reports`.

use std::collections::BTreeMap;

use records::table::Provenance;
use records::tables::admission::PolicyReportResult;
use records::tables::objects::ObjectVersion;
use serde::Deserialize;

use crate::identifier::identifier;
use crate::replay::{Lasting, moments};

/// Texts of tools are cut to this many characters.
const LONGEST: usize = 2048;

fn is_report(version: &ObjectVersion<'_>) -> bool {
    matches!(
        (&*version.api_group, &*version.resource),
        ("wgpolicyk8s.io", "policyreports" | "clusterpolicyreports") | ("openreports.io", "reports" | "clusterreports")
    )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    scope: Option<Reference>,
    source: Option<String>,
    results: Option<Vec<serde_json::Value>>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference {
    api_version: Option<String>,
    kind: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    source: Option<String>,
    policy: Option<String>,
    rule: Option<String>,
    category: Option<String>,
    severity: Option<String>,
    result: Option<String>,
    message: Option<String>,
    description: Option<String>,
    resources: Option<Vec<Reference>>,
}

/// What tells one result of a report from another; the number is for those that nothing else tells apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    policy: String,
    rule: Option<String>,
    object: Reference,
    number: usize,
}

#[derive(Debug, Clone)]
struct Told<'r> {
    tool: Option<String>,
    category: Option<String>,
    severity: Option<String>,
    result: Option<String>,
    message: String,
    provenance: Provenance<'r>,
}

impl PartialEq for Told<'_> {
    fn eq(&self, other: &Self) -> bool {
        let facts = |t: &Self| (t.tool.clone(), t.category.clone(), t.severity.clone(), t.result.clone());
        facts(self) == facts(other) && self.message == other.message
    }
}

/// The rows of `policy_reports`.
pub(crate) fn policy_reports<'r>(versions: &[ObjectVersion<'r>]) -> Vec<PolicyReportResult<'r>> {
    let mut objects: BTreeMap<(&str, &str, &str), Vec<&ObjectVersion<'r>>> = BTreeMap::new();
    for version in versions.iter().filter(|version| is_report(version)) {
        objects.entry((&*version.provenance.cluster, &*version.api_group, &*version.uid)).or_default().push(version);
    }
    let mut rows = Vec::new();
    for versions in objects.into_values() {
        let Some(first) = versions.first().copied() else { continue };
        let mut lasting: Lasting<Key, Told<'r>> = Lasting::new();
        for moment in moments(versions.iter().copied()) {
            let now = moment.begins.iter().flat_map(|version| results(version));
            lasting.replace(moment.at, now);
        }
        rows.extend(lasting.finish().into_iter().map(|held| {
            let Key { policy, rule, object, number } = held.key;
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let id = identifier(&[
                &first.provenance.cluster,
                &first.uid,
                &policy,
                &text(&rule),
                &text(&object.kind),
                &text(&object.namespace),
                &text(&object.name),
                &text(&object.uid),
                &number.to_string(),
                &held.from.to_string(),
            ]);
            PolicyReportResult {
                provenance: held.value.provenance,
                result_id: id.into(),
                report_kind: first.kind.clone(),
                report_namespace: first.namespace.clone(),
                report: first.name.clone(),
                tool: held.value.tool.map(Into::into),
                policy: policy.into(),
                rule: rule.map(Into::into),
                category: held.value.category.map(Into::into),
                severity: held.value.severity.map(Into::into),
                result: held.value.result.map(Into::into),
                object_api_version: object.api_version.map(Into::into),
                object_kind: object.kind.map(Into::into),
                object_namespace: object.namespace.map(Into::into),
                object_name: object.name.map(Into::into),
                object_uid: object.uid.map(Into::into),
                message: held.value.message.into(),
                valid_from: held.from,
                valid_to: held.to,
            }
        }));
    }
    rows
}

fn results<'r>(version: &ObjectVersion<'r>) -> Vec<(Key, Told<'r>)> {
    // A body of another form tells nothing; the normaliser lists it as a fault.
    let Ok(report) = serde_json::from_str::<Report>(&version.body_json) else { return Vec::new() };
    let mut numbers: BTreeMap<(String, Option<String>, Reference), usize> = BTreeMap::new();
    let mut found = Vec::new();
    for value in report.results.unwrap_or_default() {
        // One result of another form does not hide the others.
        let Ok(written) = serde_json::from_value::<Written>(value) else { continue };
        let objects = written.resources.filter(|objects| !objects.is_empty());
        let objects = objects.unwrap_or_else(|| vec![report.scope.clone().unwrap_or_default()]);
        let message = written.message.or(written.description).unwrap_or_default();
        let told = Told {
            tool: written.source.or_else(|| report.source.clone()),
            category: written.category,
            severity: written.severity,
            result: written.result,
            message: message.chars().take(LONGEST).collect(),
            provenance: version.provenance.clone(),
        };
        let (policy, rule) = (written.policy.unwrap_or_default(), written.rule);
        for object in objects {
            let count = numbers.entry((policy.clone(), rule.clone(), object.clone())).or_default();
            let key = Key { policy: policy.clone(), rule: rule.clone(), object, number: *count };
            *count += 1;
            found.push((key, told.clone()));
        }
    }
    found
}
