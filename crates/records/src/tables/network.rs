//! Tables of what can reach what in the network.

use crate::table::table;

table! {
    /// Whether what is not allowed is denied, for the pods of one namespace or workload in one direction, over one interval.
    Derived "network_isolation" NetworkIsolation {
        /// A stable identifier: namespace, workload and direction.
        isolation_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The namespace.
        namespace: text,
        /// The workload, as `namespace/name[Kind]`; null in the row of the namespace as a whole.
        workload: optional_text,
        /// `ingress` or `egress`.
        direction: text,
        /// Of a namespace: `default_deny` (a policy selects all its pods, those that come too), `isolated` (each of its workloads is), `partly` (some are), `open` (none is) or `empty` (there are none). Of a workload: `isolated`, `open`, `host_network` (its pods are in the network of their node, where no policy isolates them). `unknown` where a policy of a kind that is not modelled has a say.
        state: text,
        /// The policies that do it, comma separated; empty when none does. In a state of `unknown`: the policies that are not modelled.
        policies: text,
        /// Workloads of the namespace that are open, comma separated, at most ten; empty in rows of workloads.
        open_workloads: text,
    }
}

table! {
    /// One rule of one network policy that accepts connections, over one interval.
    Derived "network_rules" NetworkRule {
        /// A stable identifier: policy, direction and content of the rule.
        rule_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The policy: `NetworkPolicy:namespace/name`, `ClusterNetworkPolicy:name`, `AdminNetworkPolicy:name` or `BaselineAdminNetworkPolicy:name`.
        policy: text,
        /// Namespace of a NetworkPolicy; null for the others.
        namespace: optional_text,
        /// `ingress` or `egress`.
        direction: text,
        /// Whether it takes everybody, outside of the cluster too.
        everybody: boolean,
        /// Whether it takes all pods of all namespaces.
        all_namespaces: boolean,
        /// Whether it takes all addresses (`0.0.0.0/0` or `::/0`) without cutting any out.
        all_addresses: boolean,
        /// Whether it takes every port of every protocol.
        every_port: boolean,
    }
}

table! {
    /// Ports on which one peer reaches another, over one interval. What is in no row is closed.
    ///
    /// Where all workloads of a namespace are alike in it, one row stands for them all. A workload's connections to itself are not told.
    Derived "network_paths" NetworkPath {
        /// A stable identifier: both peers, protocol and ports.
        path_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// Who opens the connection: a workload `namespace/name[Kind]`, all of a namespace `namespace/*`, or a range of addresses outside of the cluster `a.b.c.d-e.f.g.h`.
        from_peer: text,
        /// Its namespace; null outside of the cluster.
        from_namespace: optional_text,
        /// To whom, likewise.
        to_peer: text,
        /// Its namespace; null outside of the cluster.
        to_namespace: optional_text,
        /// `TCP`, `UDP` or `SCTP`; `ANY` for every port of all of them.
        protocol: text,
        /// First port of the destination.
        first_port: integer,
        /// Last port, itself included.
        last_port: integer,
        /// `reachable`, or `unknown` where it cannot be known whether it is.
        state: text,
    }
}

table! {
    /// Two namespaces of which the first has the lower trust level, over one interval.
    Derived "trust_boundaries" TrustBoundary {
        /// A stable identifier: both namespaces.
        boundary_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The namespace with the lower level.
        from_namespace: text,
        /// Its level.
        from_level: integer,
        /// The namespace with the higher level.
        to_namespace: text,
        /// Its level.
        to_level: integer,
    }
}

table! {
    /// One way from outside of the cluster to something in it, over one interval.
    Derived "entry_points" EntryPoint {
        /// A stable identifier: the object and what it opens.
        entry_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The object that opens it: `Service:namespace/name`, `Ingress:namespace/name`, `Gateway:namespace/name`, `HTTPRoute:namespace/name` and so on.
        entry: text,
        /// Kind of the object.
        kind: text,
        /// Namespace of the object.
        namespace: text,
        /// How: `LoadBalancer`, `NodePort`, `externalIPs`, `host` (a name that an Ingress or a route takes) or `listener` (of a Gateway).
        exposure: text,
        /// Host names or addresses, comma separated; empty when it takes any.
        hosts: text,
        /// `TCP`, `UDP`, `SCTP`, `HTTP`, `HTTPS` or `TLS`.
        protocol: text,
        /// Port; null when the object does not say.
        port: optional_integer,
        /// Whether what goes in is encrypted by TLS; null when the object cannot tell (a Service passes on what it gets).
        tls: optional_boolean,
        /// Sources that are let in, comma separated (`loadBalancerSourceRanges`); empty when that is not limited.
        sources: text,
        /// What it leads to, comma separated: Services, or the selector of a Service's pods.
        targets: text,
    }
}

table! {
    /// One connection that an enforcement probe tried.
    Segment "network_probes" NetworkProbe {
        /// The run: UID of the probe's pod.
        probe_id: text,
        /// When the run ended.
        finished_at: time,
        /// When its result was observed.
        observed_at: time,
        /// The probe's pod, as `namespace/name`.
        pod: text,
        /// The service account that it ran as.
        service_account: optional_text,
        /// The image that it ran, as the node names it; null when the node did not tell.
        image_id: optional_text,
        /// The node.
        node: optional_text,
        /// What was tried, in a few words.
        check_name: text,
        /// Where to: `address:port`.
        target: text,
        /// `open` or `closed`: what the policies of the probe demand.
        expected: text,
        /// `open`, `closed`, or `failed` when it could not be tried.
        outcome: text,
        /// Whether nothing was really connected: a made-up result, to try the rest with.
        simulated: boolean,
        /// More about the outcome; empty when there is nothing to say.
        detail: text,
    }
}
