//! Any bytes as an AdmissionReview under every rule: no panic, the same decision twice, and a decision of bounded size.

#![no_main]

use std::sync::LazyLock;

use policy::{Context, PolicySet, Request, evaluate, rules, trial};
use records::Timestamp;

static SET: LazyLock<PolicySet> = LazyLock::new(|| {
    let block = |rule: &rules::RuleKind| trial::yaml_under(rule.page, "Policy").expect("every page has a policy");
    let policies: String = rules::all().iter().map(|rule| format!("---\n{}", block(rule))).collect();
    PolicySet::load([("pages", policies.as_str())])
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let now: Timestamp = "2026-11-23T09:00:00Z".parse().expect("the time is a constant");
    if let Ok(request) = Request::from_review(bytes) {
        let decision = evaluate(&SET, &request, &Context::at(now));
        assert_eq!(decision, evaluate(&SET, &request, &Context::at(now)));
        assert!(decision.violations.len() < 2_000);
    }
});
