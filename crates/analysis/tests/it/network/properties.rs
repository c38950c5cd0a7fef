//! What must be so whatever the state.

use analysis::network::PodBlocks;
use analysis::network::engine::Answer;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::reference::{network_policy, state};
use super::{Reachability, asked};

/// The answers of all pairs, with the sets of ports told as text, so that they can be compared between states.
fn answers(all: &mut Reachability) -> Vec<String> {
    let mut found = Vec::new();
    for from in 0..all.workloads.len() {
        for to in 0..all.workloads.len() {
            let answer = all.between(from, to);
            found.push(format!("{:?}", all.engine.intervals(answer)));
        }
        for answers in [all.to_outside(from), all.from_outside(from)] {
            for (range, answer) in answers {
                found.push(format!("{range} {:?}", all.engine.intervals(answer)));
            }
        }
    }
    found
}

/// Whether what is open in the first, and what may be, is so in the second, too, for all pairs of workloads.
fn is_within(a: &mut Reachability, b: &mut Reachability) -> bool {
    let count = a.workloads.len();
    (0..count).all(|from| {
        (0..count).all(|to| {
            let (Answer { open, possible }, other) = (a.between(from, to), b.between(from, to));
            a.engine.pool.get(open).without(b.engine.pool.get(other.open)).is_none()
                && a.engine.pool.get(possible).without(b.engine.pool.get(other.possible)).is_none()
        })
    })
}

/// Without policies of the cluster, by which a NetworkPolicy can open what is denied below it.
fn of_namespaces(objects: Vec<Value>) -> Vec<Value> {
    objects.into_iter().filter(|object| object["kind"] != "ClusterNetworkPolicy").collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_objects_does_not_matter(objects in state(), turn in 0_usize..8) {
        let mut turned = objects.clone();
        turned.reverse();
        let by = turn % turned.len();
        turned.rotate_left(by);
        prop_assert_eq!(answers(&mut asked(&objects, PodBlocks::Unknown)), answers(&mut asked(&turned, PodBlocks::Unknown)));
    }

    #[test]
    fn what_is_open_for_certain_may_be_open(objects in state()) {
        let mut all = asked(&objects, PodBlocks::Unknown);
        for from in 0..all.workloads.len() {
            for to in 0..all.workloads.len() {
                let Answer { open, possible } = all.between(from, to);
                prop_assert!(all.engine.pool.get(open).without(all.engine.pool.get(possible)).is_none());
                let masks = all.engine.masks();
                prop_assert!(all.may_reach(&masks, from, to) || possible == 0);
            }
        }
    }

    /// A policy without rules selects pods and allows nothing: whoever it selects, it opens nothing.
    #[test]
    fn a_policy_that_allows_nothing_opens_nothing(objects in state(), mut policy in network_policy()) {
        let objects = of_namespaces(objects);
        policy["metadata"]["name"] = json!("added");
        policy["spec"]["policyTypes"] = json!(["Ingress", "Egress"]);
        for section in ["ingress", "egress"] {
            policy["spec"].as_object_mut().unwrap().remove(section);
        }
        let mut more = objects.clone();
        more.push(policy);
        prop_assert!(is_within(&mut asked(&more, PodBlocks::ByAddress), &mut asked(&objects, PodBlocks::ByAddress)));
    }

    /// A policy that selects only pods that are isolated in its directions already closes nothing.
    #[test]
    fn a_rule_that_is_added_closes_nothing(objects in state(), other in network_policy(), of in 0_usize..8) {
        let mut more = objects.clone();
        let policies: Vec<usize> = (0..more.len()).filter(|at| more[*at]["kind"] == "NetworkPolicy").collect();
        prop_assume!(!policies.is_empty());
        let policy = &mut more[policies[of % policies.len()]];
        // With rules of both directions, so that one more of them makes no direction that was not there.
        policy["spec"]["policyTypes"] = json!(["Ingress", "Egress"]);
        let mut less = objects;
        less[policies[of % policies.len()]]["spec"]["policyTypes"] = json!(["Ingress", "Egress"]);
        for section in ["ingress", "egress"] {
            let rules = other["spec"][section].as_array().cloned().unwrap_or_default();
            let spec = more[policies[of % policies.len()]]["spec"].as_object_mut().unwrap();
            let listed = spec.entry(section).or_insert_with(|| json!([]));
            listed.as_array_mut().unwrap().extend(rules);
        }
        prop_assert!(is_within(&mut asked(&less, PodBlocks::ByAddress), &mut asked(&more, PodBlocks::ByAddress)));
    }

    /// Which objects there are is not for us to say: nothing of what comes may end it.
    #[test]
    fn hostile_objects_are_taken(spec in proptest::arbitrary::any::<u64>().prop_map(hostile)) {
        let objects = ["NetworkPolicy", "ClusterNetworkPolicy", "AdminNetworkPolicy", "Pod"].map(|kind| {
            let api = match kind {
                "NetworkPolicy" => "networking.k8s.io/v1",
                "Pod" => "v1",
                _ => "policy.networking.k8s.io/v1alpha2",
            };
            json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x", "namespace": "n"}, "spec": spec})
        });
        let mut all = asked(&objects, PodBlocks::Unknown);
        answers(&mut all);
        all.conflicts();
    }
}

/// Some JSON that is like a specification, and is none.
fn hostile(seed: u64) -> Value {
    let mut state = seed | 1;
    fn value(state: &mut u64, depth: u32) -> Value {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        const KEYS: [&str; 20] = [
            "podSelector",
            "policyTypes",
            "ingress",
            "egress",
            "from",
            "to",
            "ports",
            "protocols",
            "ipBlock",
            "cidr",
            "except",
            "port",
            "endPort",
            "matchLabels",
            "matchExpressions",
            "subject",
            "namespaces",
            "networks",
            "tier",
            "action",
        ];
        let pick = (*state >> 33) as usize;
        match pick % if depth == 0 { 5 } else { 8 } {
            0 => Value::Null,
            1 => json!(pick as i64 - 1_000_000_000),
            2 => json!(["0.0.0.0/0", "::/0", "", "Deny", "Admin", "TCP", "-1", "Ingress"][pick / 8 % 8]),
            3 => json!(pick.is_multiple_of(16)),
            4 => json!(1e300),
            5 => (0..pick % 4).map(|_| value(state, depth - 1)).collect(),
            _ => (0..pick % 7)
                .map(|_| {
                    let inner = value(state, depth - 1);
                    (KEYS[(*state >> 40) as usize % KEYS.len()].to_owned(), inner)
                })
                .collect(),
        }
    }
    value(&mut state, 6)
}
