//! Time of a decision on a large pod under every rule and all levels of the Pod Security Standards: from the bytes of an
//! AdmissionReview to the decision. `cargo run --release -p policy --example policy_speed [ROUNDS]`.

use std::time::{Duration, Instant};

use policy::{Context, PolicySet, Request, evaluate, rules, trial};
use traffic::admission::review;

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let block = |rule: &rules::RuleKind| trial::yaml_under(rule.page, "Policy").unwrap_or_default();
    let mut policies: String = rules::all().iter().map(|rule| format!("---\n{}", block(rule))).collect();
    for (level, minor) in (0..8).flat_map(|n| [("baseline", 30 + n), ("restricted", 30 + n)]) {
        policies.push_str(&format!(
            "---\napiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {{name: {level}-{minor}}}\nspec:\n  rule: pod-security\n  \
             parameters: {{level: {level}, version: v1.{minor}}}\n"
        ));
    }
    let set = PolicySet::load([("pages", policies.as_str())]);
    assert!(set.faults().is_empty(), "{:?}", set.faults());
    let Ok(now) = "2026-11-23T09:00:00Z".parse() else { return };
    for privileged in [false, true] {
        let bytes = review(privileged);
        let mut times: Vec<Duration> = Vec::with_capacity(rounds);
        let mut violations = 0;
        for _ in 0..rounds {
            let start = Instant::now();
            let Ok(request) = Request::from_review(&bytes) else { return };
            violations = evaluate(&set, &request, &Context::at(now)).violations.len();
            times.push(start.elapsed());
        }
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1e3;
        println!(
            "{} policies, review of {} bytes, {violations} violations, {rounds} rounds: p50 {:.1} us, p99 {:.1} us, max {:.1} us",
            set.policies().len(),
            bytes.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}
