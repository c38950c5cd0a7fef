//! What the audit policy of an API server records, held against what must be recorded.
//!
//! The policy is evaluated as the API server does it (`k8s.io/apiserver/pkg/audit/policy/checker.go`, version 1.37): the first rule that
//! matches gives the level; without any, nothing is recorded; stages are left out that the policy or the rule omits. Each requirement
//! is a set of requests by a user who is in no special group, with any name, in any namespace. A rule that gives less
//! for some namespaces or names only is a hole, and the requirement is not met; a rule for named users or groups is not
//! about the user of the requirement, and is told in `detail`.
//!
//! What is read is the file. An API server reads it when it starts: that the running process has this version of it is not proven here.

use std::collections::BTreeMap;

use records::tables::monitoring::{AuditPolicyRequirement, ConfigurationRead};

pub mod policy;
pub mod requirement;

use policy::{Level, Policy};
use requirement::{REQUIREMENTS, Requirement};

/// The rows of `audit_policy_requirements`: for each API server and requirement one row for each run of readings with one content.
pub(crate) fn requirements<'r>(reads: &[ConfigurationRead<'r>]) -> Vec<AuditPolicyRequirement<'r>> {
    let mut by_server: BTreeMap<(&str, &str), Vec<&ConfigurationRead<'r>>> = BTreeMap::new();
    for read in reads.iter().filter(|read| read.configures == "audit-policy") {
        by_server.entry((&read.provenance.cluster, &read.api_server)).or_default().push(read);
    }
    let mut rows = Vec::new();
    for reads in by_server.values_mut() {
        reads.sort_by_key(|read| (read.read_at, read.provenance.segment, read.provenance.seq));
        reads.dedup_by(|later, earlier| later.digest == earlier.digest);
        for (i, read) in reads.iter().enumerate() {
            let valid_to = reads.get(i + 1).map(|next| next.read_at);
            if valid_to == Some(read.read_at) {
                continue; // Two contents at one instant: the later entry speaks.
            }
            let policy = Policy::read(&read.content);
            for requirement in REQUIREMENTS {
                let judged = match &policy {
                    Ok(policy) => judge(policy, requirement),
                    Err(error) => Judged { detail: format!("the policy cannot be read: {error}"), ..Judged::default() },
                };
                rows.push(AuditPolicyRequirement {
                    provenance: read.provenance.clone(),
                    api_server: read.api_server.clone(),
                    requirement: requirement.id.into(),
                    valid_from: read.read_at,
                    valid_to,
                    met: judged.met,
                    required_level: requirement.level_text().into(),
                    actual_level: judged.level.map(|level| level.as_str().into()),
                    rule: judged.rule.and_then(|rule| i64::try_from(rule).ok()),
                    detail: judged.detail.into(),
                });
            }
        }
    }
    rows
}

/// What the policy does with a requirement.
#[derive(Debug, Default, PartialEq, Eq)]
struct Judged {
    met: Option<bool>,
    /// The level of the request that falls short, else the lowest of all.
    level: Option<Level>,
    rule: Option<usize>,
    detail: String,
}

fn judge(policy: &Policy, requirement: &Requirement) -> Judged {
    let mut lowest: Option<(Level, Option<usize>)> = None;
    let mut failures = Vec::new();
    let mut first_failure = None;
    let mut exempt: Vec<String> = Vec::new();
    for request in requirement.requests() {
        let decision = policy.decide(&request);
        if lowest.as_ref().is_none_or(|(level, _)| decision.level < *level) {
            lowest = Some((decision.level, decision.rule));
        }
        let mut fail = |level: Level, rule: Option<usize>, why: String| {
            first_failure.get_or_insert((level, rule));
            failures.push(format!("{request}: {why}"));
        };
        if !requirement.accepts(decision.level) {
            fail(decision.level, decision.rule, format!("level {}", decision.level.as_str()));
        } else if let Some(stage) = requirement.stages.iter().find(|stage| decision.omits(stage)) {
            fail(decision.level, decision.rule, format!("stage {stage} is omitted"));
        }
        for (number, level) in policy.partial(&request) {
            if !requirement.accepts(level) {
                fail(
                    level,
                    Some(number),
                    format!("level {} for some namespaces or names by rule {number}", level.as_str()),
                );
            }
        }
        for (number, who) in policy.exemptions(&request, |level| !requirement.accepts(level)) {
            let text = format!("rule {number} differs for {who}");
            if !exempt.contains(&text) {
                exempt.push(text);
            }
        }
    }
    let (level, rule) = first_failure.or(lowest).map_or((None, None), |(level, rule)| (Some(level), rule));
    let mut detail = if failures.is_empty() { "recorded as required".to_owned() } else { shortened(&failures) };
    if !exempt.is_empty() {
        detail = format!("{detail}; {}", shortened(&exempt));
    }
    Judged { met: Some(failures.is_empty()), level, rule, detail }
}

/// The first few, so that a row stays a row.
fn shortened(all: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = all[..all.len().min(SHOWN)].join(", ");
    if all.len() > SHOWN {
        text.push_str(&format!(" and {} more", all.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ["system:apiserver"]}
- {level: None, nonResourceURLs: ["/metrics*", "/healthz*"]}
- {level: None, resources: [{group: coordination.k8s.io, resources: [leases]}]}
- {level: Metadata, resources: [{group: "", resources: [secrets, configmaps, serviceaccounts/token]}]}
- {level: RequestResponse, verbs: [create, update, patch, delete]}
- {level: Metadata}
"#;

    fn unmet(policy: &str) -> Vec<&'static str> {
        let policy = Policy::read(policy).unwrap();
        REQUIREMENTS.iter().filter(|r| judge(&policy, r).met == Some(false)).map(|r| r.id).collect()
    }

    /// The good policy with one rule put before all others.
    fn with_rule(rule: &str) -> String {
        GOOD.replacen("rules:\n", &format!("rules:\n- {rule}\n"), 1)
    }

    #[test]
    fn a_policy_that_records_what_matters_meets_all() {
        assert_eq!(unmet(GOOD), [""; 0]);
    }

    #[test]
    fn each_hole_is_found() {
        for (policy, expected) in [
            (with_rule(r#"{level: Metadata, resources: [{group: rbac.authorization.k8s.io}]}"#), vec!["rbac-writes"]),
            (
                with_rule(r#"{level: Metadata, resources: [{group: "*", resources: [namespaces]}]}"#),
                vec!["namespace-writes"],
            ),
            (with_rule(r#"{level: None, resources: [{group: "", resources: ["pods/exec"]}]}"#), vec!["pod-sessions"]),
            (with_rule(r#"{level: None, resources: [{group: "", resources: ["*/exec"]}]}"#), vec!["pod-sessions"]),
            (
                with_rule(
                    r#"{level: Metadata, omitStages: [ResponseStarted], resources: [{group: "", resources: ["pods/attach"]}]}"#,
                ),
                vec!["pod-sessions"],
            ),
            (
                with_rule(r#"{level: RequestResponse, resources: [{group: "", resources: [secrets]}]}"#),
                vec!["secret-access"],
            ),
            (
                with_rule(
                    r#"{level: None, verbs: [get, list, watch], resources: [{group: "", resources: [secrets]}]}"#,
                ),
                vec!["secret-access"],
            ),
            (
                with_rule(r#"{level: Request, resources: [{group: "", resources: [serviceaccounts/token]}]}"#),
                vec!["token-requests"],
            ),
            (
                with_rule(r#"{level: None, namespaces: [kube-system], resources: [{group: networking.k8s.io}]}"#),
                vec!["network-policy-writes"],
            ),
            (
                with_rule(
                    r#"{level: None, resources: [{group: certificates.k8s.io, resources: ["*"], resourceNames: [x]}]}"#,
                ),
                vec!["certificate-request-writes"],
            ),
            (with_rule(r#"{level: None, resources: [{group: "", resources: ["nodes/*"]}]}"#), vec!["node-proxy"]),
            (
                with_rule(r#"{level: None, resources: [{group: admissionregistration.k8s.io}]}"#),
                vec!["admission-writes"],
            ),
            (with_rule(r#"{level: None, resources: [{group: apps}]}"#), vec!["workload-writes"]),
            (
                GOOD.replace("[RequestReceived]", "[RequestReceived, ResponseStarted]"),
                vec!["pod-sessions", "refused-credentials"],
            ),
        ] {
            assert_eq!(unmet(&policy), expected, "{policy}");
        }
    }

    #[test]
    fn rules_for_named_users_are_told_and_no_hole() {
        let policy = with_rule(r#"{level: None, userGroups: ["system:nodes"]}"#);
        assert_eq!(unmet(&policy), [""; 0]);
        let judged = judge(&Policy::read(&policy).unwrap(), &REQUIREMENTS[0]);
        assert!(judged.detail.contains("rule 1 differs for groups system:nodes"), "{}", judged.detail);
        let all = with_rule(
            r#"{level: None, userGroups: ["system:authenticated"], resources: [{group: rbac.authorization.k8s.io}]}"#,
        );
        assert_eq!(unmet(&all), ["rbac-writes"]);
    }

    #[test]
    fn an_empty_policy_records_nothing() {
        let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n";
        assert_eq!(unmet(policy).len(), REQUIREMENTS.len());
    }
}
