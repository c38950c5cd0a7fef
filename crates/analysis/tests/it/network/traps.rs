//! The traps in the semantics of policies, one test each: what is written, and what it means.

use analysis::network::ports::Protocol;
use analysis::network::{Options, PodBlocks, reachability};
use serde_json::{Value, json};

use super::{asked, open, snapshot, workload};

/// Pods `a/one`, `a/two` and `b/three` with labels `app`, and one policy in namespace `a`.
fn state(spec: Value) -> Vec<Value> {
    let pod = |namespace: &str, name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 80}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]}]}})
    };
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": name}}});
    vec![
        namespace("a"),
        namespace("b"),
        pod("a", "one"),
        pod("a", "two"),
        pod("b", "three"),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "a"}, "spec": spec}),
    ]
}

/// For each pair of the three pods, and for both ways to the world outside: whether TCP 80 is open.
fn tcp_80(objects: &[Value]) -> Vec<String> {
    let mut all = asked(objects, PodBlocks::Never);
    let mut found = Vec::new();
    let short = |name: &str| name.split(['/', '[']).nth(1).unwrap().to_owned();
    for from in 0..all.workloads.len() {
        let name = all.workloads[from].name.to_string();
        for to in 0..all.workloads.len() {
            if from != to && open(&mut all, from, to, Protocol::Tcp, 80).0 {
                found.push(format!("{}>{}", short(&name), short(&all.workloads[to].name.to_string())));
            }
        }
        let has = |answers: &[(_, analysis::network::engine::Answer)], all: &super::Reachability| {
            answers.iter().any(|(_, answer)| all.engine.pool.get(answer.open).contains(Protocol::Tcp, 80))
        };
        let (out, into) = (all.to_outside(from), all.from_outside(from));
        for (some, what) in
            [(has(&out, &all), format!("{}>out", short(&name))), (has(&into, &all), format!("out>{}", short(&name)))]
        {
            if some {
                found.push(what);
            }
        }
    }
    found
}

/// What of it a policy about `a/one` lets in.
fn into_one(spec: Value) -> Vec<String> {
    let mut whole = json!({"podSelector": {"matchLabels": {"app": "one"}}});
    for (key, value) in spec.as_object().unwrap() {
        whole[key] = value.clone();
    }
    tcp_80(&state(whole)).into_iter().filter_map(|pair| pair.strip_suffix(">one").map(str::to_owned)).collect()
}

const NOBODY: [&str; 0] = [];

#[test]
fn selectors_in_one_peer_must_both_hold_and_two_peers_are_alternatives() {
    let (namespaces, pods) = (json!({"matchLabels": {"team": "b"}}), json!({"matchLabels": {"app": "two"}}));
    let one = json!({"ingress": [{"from": [{"namespaceSelector": namespaces, "podSelector": pods}]}]});
    assert_eq!(into_one(one), NOBODY);
    let two = json!({"ingress": [{"from": [{"namespaceSelector": namespaces}, {"podSelector": pods}]}]});
    assert_eq!(into_one(two), ["two", "three"]);
}

#[test]
fn peers_that_are_missing_or_empty_are_everybody() {
    for rule in [json!({}), json!({"from": []}), json!({"from": null, "ports": []})] {
        assert_eq!(into_one(json!({"ingress": [rule]})), ["out", "two", "three"]);
    }
    assert_eq!(into_one(json!({"ingress": [{"from": [{}]}]})), NOBODY);
    assert_eq!(into_one(json!({"ingress": [{"from": [{"podSelector": {}}]}]})), ["two"]);
    assert_eq!(into_one(json!({"ingress": [{"from": [{"namespaceSelector": {}}]}]})), ["two", "three"]);
}

#[test]
fn no_rules_allow_nothing_and_an_empty_rule_everything() {
    for spec in [json!({}), json!({"ingress": []}), json!({"policyTypes": ["Ingress"]})] {
        assert_eq!(into_one(spec), NOBODY);
    }
    assert_eq!(into_one(json!({"ingress": [{}]})), ["out", "two", "three"]);
}

#[test]
fn directions_follow_from_types_or_from_rules() {
    let out = |spec: Value| -> usize {
        let mut whole = json!({"podSelector": {"matchLabels": {"app": "one"}}});
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        tcp_80(&state(whole)).iter().filter(|pair| pair.starts_with("one>")).count()
    };
    // Without types egress counts only with a rule.
    assert_eq!(out(json!({})), 3);
    assert_eq!(out(json!({"egress": []})), 3);
    assert_eq!(out(json!({"egress": [{"to": [{"podSelector": {}}]}]})), 1);
    assert_eq!(out(json!({"policyTypes": ["Egress"]})), 0);
    // A section whose direction is not among the types is ignored, and does not isolate.
    assert_eq!(
        into_one(json!({"policyTypes": ["Egress"], "ingress": [{"from": [{"podSelector": {}}]}]})),
        ["out", "two", "three"]
    );
    assert_eq!(into_one(json!({"policyTypes": [], "egress": []})), NOBODY);
}

#[test]
fn what_is_cut_out_of_a_block_another_rule_may_allow() {
    let ranges = |blocks: Value| {
        let objects = state(
            json!({"podSelector": {"matchLabels": {"app": "one"}}, "policyTypes": ["Egress"], "egress": [{"to": blocks}]}),
        );
        let mut all = asked(&objects, PodBlocks::Never);
        let one = workload(&all, "a/one[Pod]");
        all.to_outside(one).iter().map(|(range, _)| range.to_string()).collect::<Vec<_>>()
    };
    let but = json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}});
    assert_eq!(ranges(json!([but])), ["10.0.0.0-10.0.255.255", "10.3.0.0-10.255.255.255"]);
    assert_eq!(
        ranges(json!([but, {"ipBlock": {"cidr": "10.1.0.0/16"}}])),
        ["10.0.0.0-10.1.255.255", "10.3.0.0-10.255.255.255"]
    );
    // Blocks of IPv6 do not reach IPv4.
    assert_eq!(ranges(json!([{"ipBlock": {"cidr": "::/0"}}])), ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
}

#[test]
fn whether_a_block_takes_pods_is_not_known() {
    let objects = state(
        json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}),
    );
    for (blocks, expected) in
        [(PodBlocks::Unknown, (false, true)), (PodBlocks::Never, (false, false)), (PodBlocks::ByAddress, (false, true))]
    {
        // Without an address nobody knows whether it is in the block, either.
        let mut all = asked(&objects, blocks);
        let (one, two) = (workload(&all, "a/one[Pod]"), workload(&all, "a/two[Pod]"));
        assert_eq!(open(&mut all, one, two, Protocol::Tcp, 80), expected, "{blocks:?}");
    }
}

#[test]
fn named_ports_are_those_of_the_destination_with_their_protocol() {
    let ports = |port: Value| {
        let objects = state(json!({"podSelector": {"matchLabels": {"app": "one"}}, "ingress": [{"ports": [port]}]}));
        let mut all = asked(&objects, PodBlocks::Never);
        let (one, two) = (workload(&all, "a/one[Pod]"), workload(&all, "a/two[Pod]"));
        let answer = all.between(two, one);
        let intervals: Vec<String> = all
            .engine
            .intervals(answer)
            .into_iter()
            .map(|(_, protocol, first, last)| format!("{}:{first}-{last}", protocol.map_or("ANY", Protocol::name)))
            .collect();
        intervals.join(" ")
    };
    assert_eq!(ports(json!({"port": "web"})), "TCP:80-80");
    assert_eq!(ports(json!({"port": "web", "protocol": "UDP"})), "");
    assert_eq!(ports(json!({"port": "dns", "protocol": "UDP"})), "UDP:53-53");
    assert_eq!(ports(json!({"port": "none"})), "");
    assert_eq!(ports(json!({"port": 8000, "endPort": 8010})), "TCP:8000-8010");
    // An end needs a port that is a number, and not above it.
    assert_eq!(ports(json!({"port": "web", "endPort": 90})), "");
    assert_eq!(ports(json!({"port": 80, "endPort": 79})), "");
    assert_eq!(ports(json!({"endPort": 79})), "");
    // SCTP is a protocol of its own, and no protocol means TCP.
    assert_eq!(ports(json!({"port": 80, "protocol": "SCTP"})), "SCTP:80-80");
    assert_eq!(ports(json!({"protocol": "UDP"})), "UDP:1-65535");
    assert_eq!(ports(json!({"port": 0})), "");
    assert_eq!(ports(json!({"protocol": "ICMP"})), "");
}

#[test]
fn pods_in_the_network_of_their_node_are_not_selected_and_near_to_those_of_it() {
    let mut objects = state(json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}));
    objects[3]["spec"]["hostNetwork"] = json!(true);
    let mut all = asked(&objects, PodBlocks::Never);
    let [one, two, three] = ["a/one[Pod]", "a/two[Pod]", "b/three[Pod]"].map(|name| workload(&all, name));
    // Nothing isolates it; it is no peer by its labels; but it may be on the node of the other.
    assert_eq!(open(&mut all, three, two, Protocol::Tcp, 80), (true, true));
    assert_eq!(open(&mut all, two, one, Protocol::Tcp, 80), (false, true));
    assert_eq!(open(&mut all, three, one, Protocol::Tcp, 80), (false, false));
}

#[test]
fn a_workload_is_all_its_pods_and_its_template_only_without_any() {
    let template = |app: &str| json!({"template": {"metadata": {"labels": {"app": app}}, "spec": {}}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "a"}, "spec": template("one")});
    let mut objects = state(json!({"podSelector": {"matchLabels": {"app": "one"}}}));
    objects.push(deployment);
    let mut all = asked(&objects, PodBlocks::Never);
    let (three, deployed) = (workload(&all, "b/three[Pod]"), workload(&all, "a/d[Deployment]"));
    assert_eq!(open(&mut all, three, deployed, Protocol::Tcp, 80), (false, false));
    // A pod of it that the policy does not select lets others in.
    objects.push(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "d-x", "namespace": "a", "labels": {"app": "new"}, "ownerReferences": [{"kind": "Deployment", "name": "d", "controller": true}]}}));
    let mut all = asked(&objects, PodBlocks::Never);
    assert_eq!(open(&mut all, three, deployed, Protocol::Tcp, 80), (true, true));
    // One that has ended does not.
    objects.last_mut().unwrap()["status"] = json!({"phase": "Succeeded"});
    let mut all = asked(&objects, PodBlocks::Never);
    assert_eq!(open(&mut all, three, deployed, Protocol::Tcp, 80), (false, false));
}

#[test]
fn namespaces_have_their_name_for_a_label() {
    let from = |selector: Value| into_one(json!({"ingress": [{"from": [{"namespaceSelector": selector}]}]}));
    assert_eq!(from(json!({"matchLabels": {"kubernetes.io/metadata.name": "b"}})), ["three"]);
    assert_eq!(
        from(
            json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["b"]}]})
        ),
        ["two"]
    );
}

#[test]
fn policies_that_are_not_modelled_make_pairs_unknown() {
    let mut objects = state(json!({"podSelector": {}}));
    objects.push(json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "x", "namespace": "b"}}));
    let mut all = asked(&objects, PodBlocks::Never);
    let [one, two, three] = ["a/one[Pod]", "a/two[Pod]", "b/three[Pod]"].map(|name| workload(&all, name));
    assert_eq!(open(&mut all, one, three, Protocol::Tcp, 80), (false, true));
    assert_eq!(open(&mut all, three, one, Protocol::Tcp, 80), (false, true));
    assert_eq!(open(&mut all, two, one, Protocol::Tcp, 80), (false, false));
    let unknown = all.flows().filter(|flow| flow.certainty == records::network::Certainty::Unknown).count();
    assert_eq!(unknown, 6, "four pairs of pods, and the world outside both ways");
}

#[test]
fn selectors_without_a_value_take_objects_without_the_key() {
    let from = |operator: &str, values: Value| {
        into_one(
            json!({"ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "two"}, "matchExpressions": [{"key": "zone", "operator": operator, "values": values}]}}]}]}),
        )
    };
    assert_eq!(from("NotIn", json!(["x"])), ["two"]);
    assert_eq!(from("DoesNotExist", json!(null)), ["two"]);
    assert_eq!(from("Exists", json!(null)), NOBODY);
}

#[test]
fn policies_of_one_priority_that_differ_are_ambiguous() {
    let policy = |name: &str, action: &str, priority: i64| {
        json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": name},
            "spec": {"tier": "Admin", "priority": priority, "subject": {"namespaces": {}}, "ingress": [{"action": action, "from": [{"namespaces": {}}]}]}})
    };
    let mut objects = state(json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}));
    objects.extend([policy("x", "Accept", 5), policy("y", "Deny", 5)]);
    let mut all = asked(&objects, PodBlocks::Never);
    let (one, two) = (workload(&all, "a/one[Pod]"), workload(&all, "a/two[Pod]"));
    assert_eq!(open(&mut all, one, two, Protocol::Tcp, 80), (false, true));
    let conflicts = all.conflicts();
    assert_eq!(
        (conflicts[0].policy.as_str(), conflicts[0].other.as_str()),
        ("ClusterNetworkPolicy:x", "ClusterNetworkPolicy:y")
    );
    // In order there is nothing to doubt.
    objects.push(policy("z", "Accept", 4));
    let mut all = asked(&objects, PodBlocks::Never);
    assert_eq!(open(&mut all, one, two, Protocol::Tcp, 80), (true, true));
}

#[test]
fn what_is_not_known_of_a_policy_of_the_cluster_fails_closed() {
    let state = |action: &str, peer: Value| {
        let mut objects = state(json!({"podSelector": {"matchLabels": {"app": "nobody"}}}));
        objects.push(json!({"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "x"},
            "spec": {"tier": "Admin", "priority": 1, "subject": {"namespaces": {}}, "egress": [{"action": action, "to": [peer]}]}}));
        let mut all = asked(&objects, PodBlocks::Never);
        let (one, two) = (workload(&all, "a/one[Pod]"), workload(&all, "a/two[Pod]"));
        open(&mut all, one, two, Protocol::Tcp, 80)
    };
    assert_eq!(state("Accept", json!({"moons": {}})), (true, true), "it matches nothing, and nothing else denies");
    assert_eq!(state("Pass", json!({"moons": {}})), (false, false));
    assert_eq!(state("Deny", json!({})), (false, false));
    assert_eq!(state("Deny", json!({"networks": ["0.0.0.0/0"]})), (false, false), "networks take pods");
    assert_eq!(state("Deny", json!({"domainNames": ["example.com"]})), (true, true));
}

#[test]
fn policies_of_the_older_api_are_read_likewise() {
    let objects = {
        let mut objects = state(json!({"podSelector": {"matchLabels": {"app": "one"}}}));
        let rule = |action: &str, ports: Value| json!({"action": action, "from": [{"namespaces": {}}], "ports": ports});
        let spec = json!({"priority": 1, "subject": {"pods": {"namespaceSelector": {}, "podSelector": {}}}, "ingress": [
            rule("Allow", json!([{"portNumber": {"protocol": "UDP", "port": 53}}])), rule("Pass", json!([{"portRange": {"start": 80, "end": 90}}])), rule("Deny", json!(null))]});
        objects.push(json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy", "metadata": {"name": "x"}, "spec": spec}));
        let spec = json!({"subject": {"namespaces": {}}, "ingress": [{"action": "Deny", "from": [{"namespaces": {}}], "ports": [{"namedPort": "web"}]}]});
        objects.push(json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "BaselineAdminNetworkPolicy", "metadata": {"name": "default"}, "spec": spec}));
        objects
    };
    let mut all = asked(&objects, PodBlocks::Never);
    let [one, two, three] = ["a/one[Pod]", "a/two[Pod]", "b/three[Pod]"].map(|name| workload(&all, name));
    // Allowed before the NetworkPolicy, which denies what is passed on to it.
    assert_eq!(open(&mut all, three, one, Protocol::Udp, 53), (true, true));
    assert_eq!(open(&mut all, three, one, Protocol::Tcp, 85), (false, false));
    // No NetworkPolicy selects it: what is passed on goes to the baseline.
    assert_eq!(open(&mut all, one, two, Protocol::Tcp, 85), (true, true));
    assert_eq!(open(&mut all, one, two, Protocol::Tcp, 80), (false, false));
    assert_eq!(open(&mut all, one, two, Protocol::Tcp, 22), (false, false));
}

#[test]
fn flows_are_told_with_ranges_as_large_as_they_can_be() {
    let objects = state(json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "one"}}}], "ports": [{"port": "web"}, {"port": 81}]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/1"}}, {"ipBlock": {"cidr": "128.0.0.0/1"}}], "ports": [{"port": 443}]}, {"to": [{"podSelector": {}}]}]}));
    let options = Options { blocks: PodBlocks::Never, ..Options::default() };
    let flows: Vec<String> = reachability(&snapshot(&objects), &options)
        .flows()
        .map(|f| format!("{},{},{},{},{}", f.from, f.to, f.protocol, f.first_port, f.last_port))
        .collect();
    assert_eq!(
        flows,
        [
            "a/one[Pod],a/two[Pod],TCP,80,81",
            "a/one[Pod],0.0.0.0-255.255.255.255,TCP,443,443",
            "a/two[Pod],0.0.0.0-255.255.255.255,TCP,443,443",
            "b/three[Pod],0.0.0.0-255.255.255.255,ANY,1,65535",
            "0.0.0.0-255.255.255.255,b/three[Pod],ANY,1,65535",
        ]
    );
}
