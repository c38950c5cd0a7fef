//! Time of a decision on a large pod under every rule and all levels of the Pod Security Standards: from the bytes of an
//! AdmissionReview to the decision. `cargo run --release -p policy --example policy_speed [ROUNDS]`.

use std::time::{Duration, Instant};

use policy::{Context, PolicySet, Request, evaluate, trial};
use traffic::admission::review;

/// A review of 32 KiB that is nothing but containers which violate whatever can be violated in few bytes.
fn hostile() -> Vec<u8> {
    let container = r#"{"name":"a","image":"b","securityContext":{"privileged":true}},"#;
    let head = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE","namespace":"n","object":{"spec":{"containers":["#;
    let containers = container.repeat((32 << 10) / container.len() - 5);
    format!("{head}{}]}}}}}}}}", containers.trim_end_matches(',')).into_bytes()
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20_000);
    let policies = trial::many_policies();
    let set = PolicySet::load([("pages", policies.as_str())]);
    assert!(set.faults().is_empty(), "{:?}", set.faults());
    let Ok(now) = "2026-11-23T09:00:00Z".parse() else { return };
    for bytes in [review(false), review(true), hostile()] {
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
