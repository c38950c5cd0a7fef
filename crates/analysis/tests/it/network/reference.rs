//! A slow and obvious engine: one connection of one pod at a time, from the text of the objects, without classes, intervals or numbers. What it
//! says of random states is what the other says.

use std::net::Ipv4Addr;

use analysis::network::PodBlocks;
use analysis::network::ports::Protocol;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{asked, open, workload};

/// One end of a connection.
#[derive(Clone, Copy)]
enum End<'a> {
    Pod(&'a Value),
    Outside(Ipv4Addr),
}

struct State<'a> {
    objects: &'a [Value],
    /// Whether `ipBlock` takes pods.
    blocks_take_pods: bool,
    /// Policies of one priority are asked in the order of the objects, or the other way round.
    reversed: bool,
}

#[derive(PartialEq, Clone, Copy)]
enum Verdict {
    Accept,
    Deny,
    Pass,
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten().all(|(k, v)| &labels[k.as_str()] == v);
    let each = selector["matchExpressions"].as_array().into_iter().flatten().all(|e| {
        let value = &labels[e["key"].as_str().unwrap()];
        let listed = e["values"].as_array().is_some_and(|values| values.contains(value));
        match e["operator"].as_str().unwrap() {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => !value.is_null(),
            _ => value.is_null(),
        }
    });
    equal && each
}

fn in_block(address: Ipv4Addr, cidr: &str) -> bool {
    let (base, prefix) = cidr.split_once('/').unwrap();
    let base: Ipv4Addr = base.parse().unwrap();
    let free = 32 - prefix.parse::<u32>().unwrap();
    free == 32 || u32::from(address) >> free == u32::from(base) >> free
}

impl State<'_> {
    fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.objects.iter().filter(|o| o["kind"] == kind).collect()
    }

    fn namespace_labels(&self, name: &str) -> Value {
        let namespaces = self.of_kind("Namespace");
        let mut labels =
            namespaces.iter().find(|n| n["metadata"]["name"] == name).unwrap()["metadata"]["labels"].clone();
        labels["kubernetes.io/metadata.name"] = json!(name);
        labels
    }

    fn is_in(&self, pod: &Value, namespaces: &Value, pods: &Value) -> bool {
        pod["spec"]["hostNetwork"] != true
            && selects(namespaces, &self.namespace_labels(pod["metadata"]["namespace"].as_str().unwrap()))
            && selects(pods, &pod["metadata"]["labels"])
    }

    fn allowed(&self, from: End<'_>, to: End<'_>, protocol: &str, port: u64) -> bool {
        let side = |subject, other, section| match subject {
            End::Pod(pod) if pod["spec"]["hostNetwork"] != true => self.side(pod, other, to, section, protocol, port),
            _ => true,
        };
        side(from, to, "egress") && side(to, from, "ingress")
    }

    fn side(&self, subject: &Value, other: End<'_>, to: End<'_>, section: &str, protocol: &str, port: u64) -> bool {
        let ports = |listed: &Value| {
            let listed = listed.as_array().into_iter().flatten();
            let mut listed = listed.peekable();
            listed.peek().is_none() || listed.any(|entry| matches_port(entry, to, protocol, port))
        };
        match self.tier("Admin", subject, other, section, &ports) {
            Some(Verdict::Accept) => return true,
            Some(Verdict::Deny) => return false,
            _ => {}
        }
        let own = |policy: &&Value| {
            let types = policy["spec"]["policyTypes"].as_array();
            let about = match types {
                Some(types) => types.iter().any(|t| t.as_str().unwrap().to_lowercase() == section),
                None => section == "ingress" || policy["spec"]["egress"].as_array().is_some_and(|e| !e.is_empty()),
            };
            about
                && policy["metadata"]["namespace"] == subject["metadata"]["namespace"]
                && selects(&policy["spec"]["podSelector"], &subject["metadata"]["labels"])
        };
        let own: Vec<&Value> = self.of_kind("NetworkPolicy").into_iter().filter(own).collect();
        if !own.is_empty() {
            return own.iter().any(|policy| {
                policy["spec"][section].as_array().into_iter().flatten().any(|rule| {
                    let peers = rule[if section == "ingress" { "from" } else { "to" }].as_array();
                    let namespace = policy["metadata"]["namespace"].as_str().unwrap();
                    let peer = peers.is_none_or(|peers| {
                        peers.is_empty() || peers.iter().any(|peer| self.is_peer(peer, namespace, other))
                    });
                    peer && ports(&rule["ports"])
                })
            });
        }
        self.tier("Baseline", subject, other, section, &ports) != Some(Verdict::Deny)
    }

    fn is_peer(&self, peer: &Value, own: &str, other: End<'_>) -> bool {
        if let Some(block) = peer.get("ipBlock") {
            let address = match other {
                End::Outside(address) => address,
                End::Pod(pod) if self.blocks_take_pods || pod["spec"]["hostNetwork"] == true => address_of(pod),
                End::Pod(_) => return false,
            };
            let except = block["except"].as_array().into_iter().flatten();
            return in_block(address, block["cidr"].as_str().unwrap())
                && !except.into_iter().any(|e| in_block(address, e.as_str().unwrap()));
        }
        let End::Pod(pod) = other else { return false };
        let own = json!({"matchLabels": {"kubernetes.io/metadata.name": own}});
        let nothing = json!({});
        self.is_in(pod, peer.get("namespaceSelector").unwrap_or(&own), peer.get("podSelector").unwrap_or(&nothing))
    }

    fn tier(
        &self,
        tier: &str,
        subject: &Value,
        other: End<'_>,
        section: &str,
        ports: &dyn Fn(&Value) -> bool,
    ) -> Option<Verdict> {
        let mut policies = self.of_kind("ClusterNetworkPolicy");
        policies.retain(|p| p["spec"]["tier"] == tier);
        if self.reversed {
            policies.reverse();
        }
        policies.sort_by_key(|p| p["spec"]["priority"].as_i64().unwrap());
        let anybody = json!({});
        for policy in policies {
            let of = &policy["spec"]["subject"];
            let about = match of.get("namespaces") {
                Some(namespaces) => self.is_in(subject, namespaces, &anybody),
                None => self.is_in(subject, &of["pods"]["namespaceSelector"], &of["pods"]["podSelector"]),
            };
            if !about {
                continue;
            }
            for rule in policy["spec"][section].as_array().into_iter().flatten() {
                let peers = rule[if section == "ingress" { "from" } else { "to" }].as_array().unwrap();
                let hit = peers.iter().any(|peer| match (other, peer.get("networks")) {
                    (_, Some(networks)) => {
                        let address = match other {
                            End::Outside(address) => address,
                            End::Pod(pod) => address_of(pod),
                        };
                        networks.as_array().unwrap().iter().any(|n| in_block(address, n.as_str().unwrap()))
                    }
                    (End::Pod(pod), None) => match peer.get("namespaces") {
                        Some(namespaces) => self.is_in(pod, namespaces, &anybody),
                        None => self.is_in(pod, &peer["pods"]["namespaceSelector"], &peer["pods"]["podSelector"]),
                    },
                    (End::Outside(_), None) => false,
                });
                if hit && ports(&rule["protocols"]) {
                    return Some(match rule["action"].as_str().unwrap() {
                        "Accept" => Verdict::Accept,
                        "Deny" => Verdict::Deny,
                        _ => Verdict::Pass,
                    });
                }
            }
        }
        None
    }
}

fn address_of(pod: &Value) -> Ipv4Addr {
    pod["status"]["podIP"].as_str().unwrap().parse().unwrap()
}

/// Whether an entry of `ports` or `protocols` takes the port.
fn matches_port(entry: &Value, to: End<'_>, protocol: &str, port: u64) -> bool {
    let has_name = |name: &Value, of: Option<&str>| {
        let End::Pod(pod) = to else { return false };
        let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap();
        ports.iter().any(|p| {
            &p["name"] == name
                && p["containerPort"] == port
                && p["protocol"] == protocol
                && of.is_none_or(|of| of == protocol)
        })
    };
    if let Some(name) = entry.get("destinationNamedPort") {
        return has_name(name, None);
    }
    for of in ["tcp", "udp", "sctp"] {
        if let Some(match_) = entry.get(of) {
            let destination = &match_["destinationPort"];
            let within = match (destination["number"].as_u64(), destination.get("range")) {
                (Some(number), _) => number == port,
                (None, Some(range)) => {
                    (range["start"].as_u64().unwrap()..=range["end"].as_u64().unwrap()).contains(&port)
                }
                (None, None) => true,
            };
            return of.to_uppercase() == protocol && within;
        }
    }
    let of = entry["protocol"].as_str().unwrap_or("TCP");
    match &entry["port"] {
        Value::Null => of == protocol,
        Value::String(_) => has_name(&entry["port"], Some(of)),
        first => {
            let first = first.as_u64().unwrap();
            of == protocol && (first..=entry["endPort"].as_u64().unwrap_or(first)).contains(&port)
        }
    }
}

// Random states.

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(values).prop_map(str::to_owned)
}

fn labels() -> impl Strategy<Value = Value> {
    let label = (one_of(&["a", "b"]), one_of(&["1", "2"]));
    prop::collection::vec(label, 0..3).prop_map(|labels| labels.into_iter().map(|(k, v)| (k, json!(v))).collect())
}

fn selector() -> impl Strategy<Value = Value> {
    let expression =
        (one_of(&["a", "b"]), one_of(&["In", "NotIn", "Exists", "DoesNotExist"]), one_of(&["1", "2", "3"])).prop_map(
            |(key, operator, value)| match operator.as_str() {
                "In" | "NotIn" => json!({"key": key, "operator": operator, "values": [value]}),
                _ => json!({"key": key, "operator": operator}),
            },
        );
    prop_oneof![
        2 => Just(json!({})),
        2 => labels().prop_map(|labels| json!({"matchLabels": labels})),
        1 => expression.prop_map(|e| json!({"matchExpressions": [e]})),
    ]
}

fn block() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"cidr": "0.0.0.0/0"})),
        Just(json!({"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32", "10.0.0.0/30"]})),
        Just(json!({"cidr": "10.0.0.0/31"})),
        Just(json!({"cidr": "10.0.0.0/8", "except": ["10.0.0.2/31"]})),
        Just(json!({"cidr": "8.8.0.0/16"})),
    ]
}

fn peer() -> impl Strategy<Value = Value> {
    prop_oneof![
        selector().prop_map(|s| json!({"podSelector": s})),
        selector().prop_map(|s| json!({"namespaceSelector": s})),
        (selector(), selector()).prop_map(|(n, p)| json!({"namespaceSelector": n, "podSelector": p})),
        block().prop_map(|b| json!({"ipBlock": b})),
    ]
}

fn policy_port() -> impl Strategy<Value = Value> {
    let protocol = || one_of(&["TCP", "UDP", "SCTP"]);
    prop_oneof![
        protocol().prop_map(|p| json!({"protocol": p})),
        (protocol(), 80_u16..83).prop_map(|(p, n)| json!({"protocol": p, "port": n})),
        (80_u16..82, 82_u16..90).prop_map(|(a, b)| json!({"port": a, "endPort": b})),
        (protocol(), one_of(&["web", "dns"])).prop_map(|(p, n)| json!({"protocol": p, "port": n})),
    ]
}

fn list(key: &'static str, of: impl Strategy<Value = Value>) -> impl Strategy<Value = (&'static str, Option<Value>)> {
    prop::option::of(prop::collection::vec(of, 0..3)).prop_map(move |list| (key, list.map(Value::Array)))
}

fn rule(peers: &'static str) -> impl Strategy<Value = Value> {
    (list(peers, peer()), list("ports", policy_port())).prop_map(|(a, b)| object([a, b]))
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

pub(super) fn network_policy() -> impl Strategy<Value = Value> {
    let types = prop::option::of(prop::sample::select(vec![
        json!(["Ingress"]),
        json!(["Egress"]),
        json!(["Ingress", "Egress"]),
    ]));
    (one_of(&["x", "y"]), selector(), types, list("ingress", rule("from")), list("egress", rule("to"))).prop_map(
        |(namespace, pods, types, ingress, egress)| {
            let spec = object([("podSelector", Some(pods)), ("policyTypes", types), ingress, egress]);
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"namespace": namespace}, "spec": spec})
        },
    )
}

fn cluster_rule(peers: &'static str) -> impl Strategy<Value = Value> {
    let peer = prop_oneof![
        2 => selector().prop_map(|s| json!({"namespaces": s})),
        2 => (selector(), selector()).prop_map(|(n, p)| json!({"pods": {"namespaceSelector": n, "podSelector": p}})),
        1 => prop::sample::select(vec!["0.0.0.0/0", "10.0.0.0/31", "8.8.0.0/16"]).prop_map(move |n| {
            // Networks are peers of what goes out only.
            if peers == "to" { json!({"networks": [n]}) } else { json!({"namespaces": {}}) }
        }),
    ];
    let transport = || one_of(&["tcp", "udp", "sctp"]);
    let protocol = prop_oneof![
        transport().prop_map(|t| json!({t: {}})),
        (transport(), 80_u16..83).prop_map(|(t, n)| json!({t: {"destinationPort": {"number": n}}})),
        (transport(), 80_u16..82, 82_u16..90)
            .prop_map(|(t, a, b)| json!({t: {"destinationPort": {"range": {"start": a, "end": b}}}})),
        one_of(&["web", "dns"]).prop_map(|n| json!({"destinationNamedPort": n})),
    ];
    let action = one_of(&["Accept", "Deny", "Pass"]);
    (action, prop::collection::vec(peer, 1..3), prop::collection::vec(protocol, 0..3))
        .prop_map(move |(action, of, protocols)| json!({"action": action, peers: of, "protocols": protocols}))
}

fn cluster_policy() -> impl Strategy<Value = Value> {
    let subject = prop_oneof![
        selector().prop_map(|s| json!({"namespaces": s})),
        (selector(), selector()).prop_map(|(n, p)| json!({"pods": {"namespaceSelector": n, "podSelector": p}})),
    ];
    let rules = |peers| prop::collection::vec(cluster_rule(peers), 0..4);
    (one_of(&["Admin", "Baseline"]), 0_i64..3, subject, rules("from"), rules("to")).prop_map(
        |(tier, priority, subject, ingress, egress)| {
            json!({
                "apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {},
                "spec": {"tier": tier, "priority": priority, "subject": subject, "ingress": ingress, "egress": egress},
            })
        },
    )
}

fn pod() -> impl Strategy<Value = Value> {
    let ports = prop::sample::select(vec![
        json!([{"name": "web", "containerPort": 80, "protocol": "TCP"}]),
        json!([{"name": "web", "containerPort": 81, "protocol": "UDP"}, {"name": "dns", "containerPort": 82, "protocol": "SCTP"}]),
        json!([]),
    ]);
    (one_of(&["x", "y"]), labels(), ports, prop::bool::weighted(0.15)).prop_map(|(namespace, labels, ports, host)| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "labels": labels},
            "spec": {"hostNetwork": host, "containers": [{"ports": ports}]}, "status": {"phase": "Running"},
        })
    })
}

/// Namespaces `x` and `y`, pods `p0` ... with addresses from 10.0.0.0 on, and policies.
pub(super) fn state() -> impl Strategy<Value = Vec<Value>> {
    let namespaces = (labels(), labels()).prop_map(|(x, y)| [("x", x), ("y", y)]);
    let pods = prop::collection::vec(pod(), 2..6);
    let policies = prop::collection::vec(network_policy(), 0..5);
    let of_cluster = prop::collection::vec(cluster_policy(), 0..4);
    (namespaces, pods, policies, of_cluster).prop_map(|(namespaces, pods, policies, of_cluster)| {
        let mut objects = Vec::new();
        for (name, labels) in namespaces {
            objects
                .push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}));
        }
        for (number, mut pod) in pods.into_iter().enumerate() {
            pod["metadata"]["name"] = json!(format!("p{number}"));
            pod["status"]["podIP"] = json!(format!("10.0.0.{number}"));
            objects.push(pod);
        }
        for (number, mut policy) in policies.into_iter().chain(of_cluster).enumerate() {
            policy["metadata"]["name"] = json!(format!("policy{number}"));
            objects.push(policy);
        }
        objects
    })
}

const PORTS: [u16; 7] = [1, 80, 81, 82, 85, 89, 65535];

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn random_states_are_judged_as_one_connection_at_a_time(objects in state()) {
        let judge = |blocks_take_pods, reversed| State { objects: &objects, blocks_take_pods, reversed };
        let pods: Vec<&Value> = objects.iter().filter(|o| o["kind"] == "Pod").collect();
        let name = |pod: &Value| format!("{}/{}[Pod]", pod["metadata"]["namespace"].as_str().unwrap(), pod["metadata"]["name"].as_str().unwrap());
        for (blocks, states) in [
            (PodBlocks::ByAddress, vec![judge(true, false), judge(true, true)]),
            (PodBlocks::Never, vec![judge(false, false), judge(false, true)]),
            (PodBlocks::Unknown, vec![judge(true, false), judge(true, true), judge(false, false), judge(false, true)]),
        ] {
            let mut ours = asked(&objects, blocks);
            let in_order = ours.conflicts().is_empty();
            for from in &pods {
                for to in &pods {
                    let ends = [workload(&ours, &name(from)), workload(&ours, &name(to))];
                    let host = from["spec"]["hostNetwork"] == true || to["spec"]["hostNetwork"] == true;
                    for protocol in Protocol::ALL {
                        for port in PORTS {
                            let (certain, possible) = open(&mut ours, ends[0], ends[1], protocol, port);
                            let verdicts: Vec<bool> = states.iter().map(|s| s.allowed(End::Pod(from), End::Pod(to), protocol.name(), u64::from(port))).collect();
                            let (all, any) = (verdicts.iter().all(|v| *v), verdicts.iter().any(|v| *v));
                            let what = format!("{blocks:?} {} to {} {} {port}: {verdicts:?}", name(from), name(to), protocol.name());
                            prop_assert!(!certain || all, "open for certain: {}", what);
                            prop_assert!(possible || !any, "closed for certain: {}", what);
                            // What all orders and readings agree on is known, unless policies of one priority meet; the way to the own node is not.
                            if all == any && in_order && blocks != PodBlocks::Unknown {
                                prop_assert_eq!((certain, possible || host), (all, all || host), "{}", what);
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_world_outside_is_judged_as_one_address_at_a_time(objects in state()) {
        let judge = State { objects: &objects, blocks_take_pods: false, reversed: false };
        let mut ours = asked(&objects, PodBlocks::Never);
        let exact = ours.conflicts().is_empty();
        for pod in objects.iter().filter(|o| o["kind"] == "Pod") {
            let name = format!("{}/{}[Pod]", pod["metadata"]["namespace"].as_str().unwrap(), pod["metadata"]["name"].as_str().unwrap());
            let number = workload(&ours, &name);
            let (out, into) = (ours.to_outside(number), ours.from_outside(number));
            for address in ["8.8.4.4", "9.9.9.9", "10.0.0.1", "10.0.0.3", "10.200.0.0", "169.254.169.254", "0.0.0.0", "255.255.255.255"] {
                let outside: Ipv4Addr = address.parse().unwrap();
                for (ranges, ends) in [(&out, (End::Pod(pod), End::Outside(outside))), (&into, (End::Outside(outside), End::Pod(pod)))] {
                    let address = std::net::IpAddr::V4(outside).into();
                    let answer = ranges.iter().find(|(range, _)| range.contains(address)).map(|(_, answer)| *answer);
                    for protocol in Protocol::ALL {
                        for port in PORTS {
                            let has = |pick: fn(analysis::network::engine::Answer) -> u32| answer.is_some_and(|a| ours.engine.pool.get(pick(a)).contains(protocol, port));
                            let expected = judge.allowed(ends.0, ends.1, protocol.name(), u64::from(port));
                            prop_assert!(!exact || has(|a| a.open) == expected, "{name} {outside} {protocol:?} {port}");
                            prop_assert!(!exact || has(|a| a.possible) == expected, "{name} {outside} {protocol:?} {port}");
                        }
                    }
                }
            }
        }
    }
}
