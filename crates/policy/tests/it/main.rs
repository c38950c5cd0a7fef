//! Policies against Kubernetes' own fixtures, their own pages, and whatever proptest thinks of.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod admission_policies;
mod differential;
mod exceptions;
mod fixtures;
mod gatekeeper;
mod hostile;
mod output;
mod pages;
mod requests;
mod sets;
mod user_policies;
mod user_policy_cases;
mod user_policy_faults;

use policy::{Context, Decision, PolicySet, Request, evaluate, manifest};
use records::Timestamp;

fn now() -> Timestamp {
    "2026-11-23T09:00:00Z".parse().unwrap()
}

fn context() -> Context<'static> {
    Context::at(now())
}

/// A set without faults.
fn set(text: &str) -> PolicySet {
    let set = PolicySet::load([("policies.yaml", text)]);
    assert_eq!(set.faults(), []);
    set
}

/// A policy document: rule, further lines of its spec.
fn policy(rule: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {{name: {rule}}}\nspec:\n  rule: {rule}\n{spec}"
    )
}

fn json(yaml: &str) -> serde_json::Value {
    manifest::read(yaml.as_bytes()).remove(0).unwrap().tree.to_json()
}

fn judge(set: &PolicySet, yaml: &str) -> Decision {
    evaluate(set, &Request::from_manifest(&json(yaml)).unwrap(), &context())
}

fn paths(decision: &Decision) -> Vec<&str> {
    decision.violations.iter().map(|violation| violation.path.as_str()).collect()
}
