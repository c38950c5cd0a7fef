//! Tables of role-based access control as intervals.

use crate::table::table;

table! {
    /// One subject holding one role through one binding, over one interval in which binding and role did not change.
    Derived "rbac_grants" RbacGrant {
        /// A stable identifier of the grant: binding, role and subject, without the interval.
        grant_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The subject: `User:name`, `Group:name` or `ServiceAccount:namespace/name`.
        subject: text,
        /// `User`, `Group` or `ServiceAccount`.
        subject_kind: text,
        /// The binding: `ClusterRoleBinding:name` or `RoleBinding:namespace/name`.
        binding: text,
        /// The role: `ClusterRole:name` or `Role:namespace/name`.
        role: text,
        /// Namespace that the grant is limited to; null for the whole cluster.
        namespace: optional_text,
        /// Whether the role existed; a grant of a missing role gives nothing until it is created.
        role_exists: boolean,
        /// Whether the rules in force, alone, are equal to cluster-admin over the whole cluster: all verbs on all resources of all groups, or rights from which that follows at once (escalate, bind or impersonate without restriction).
        cluster_admin_equivalent: boolean,
        /// Why it is equal to cluster-admin, in one line.
        cluster_admin_reason: optional_text,
        /// Whether the subject stands for callers without credentials (`system:anonymous`, `system:unauthenticated`).
        anonymous: boolean,
        /// Whether binding and role are the ones that Kubernetes itself creates (label `kubernetes.io/bootstrapping=rbac-defaults`).
        built_in: boolean,
        /// The rules in force as JSON.
        rules_json: text,
    }
}

table! {
    /// One rule of one Role or ClusterRole over one interval.
    Derived "rbac_rules" RbacRule {
        /// A stable identifier: the role and the digest of the rule.
        rule_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The role: `ClusterRole:name` or `Role:namespace/name`.
        role: text,
        /// Namespace of a Role; null for a ClusterRole.
        namespace: optional_text,
        /// Whether the role is one that Kubernetes itself creates.
        built_in: boolean,
        /// Whether the role is filled by aggregation.
        aggregated: boolean,
        /// `*` in verbs.
        wildcard_verbs: boolean,
        /// `*` or `*/subresource` in resources.
        wildcard_resources: boolean,
        /// `*` in API groups.
        wildcard_groups: boolean,
        /// `*` alone or at the end in non-resource URLs.
        wildcard_urls: boolean,
        /// The rule as JSON.
        rule_json: text,
    }
}

table! {
    /// One subject holding one risky permission of the catalogue (`docs/rbac-patterns.md`) in one scope, over one interval in which what it rests on and where it leads did not change.
    Derived "rbac_risks" RbacRisk {
        /// A stable identifier of the risk: subject, pattern and scope, without the interval.
        risk_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The subject: `User:name`, `Group:name` or `ServiceAccount:namespace/name`. What comes together on a node is told of the user of its kubelet.
        subject: text,
        /// `User`, `Group` or `ServiceAccount`.
        subject_kind: text,
        /// The pattern: `RB-01` to `RB-45`.
        pattern: text,
        /// What the pattern is, in a few words.
        title: text,
        /// `low`, `medium`, `high` or `critical`: of the pattern in this scope, one step lower when limited to names; `critical` when the path ends at cluster-admin, at least `high` when it ends at a node.
        severity: text,
        /// Namespace in which it is held; null for the whole cluster.
        scope: optional_text,
        /// What it becomes at the end of the path: `cluster-admin`, `node`, `cloud identity`, `namespace admin`, `service account`, `user or group`, `code in pods`, `credentials`, `objects of others`, `guards removed`, `traffic of others`, `exposure`, `loss`, `information`, `rights that come later` or `more than is needed`.
        effect: text,
        /// The permissions that are the pattern, as `verb group/resource`; the one that the path begins with first, further ones after `; `.
        permission: text,
        /// The shortest path to the worst end: subject, binding, role, permission, what it becomes, and so on, joined by ` -> `.
        path: text,
        /// The steps of the path as JSON: `from`, `permission`, `scope`, `evidence` (bindings, roles and rules, or objects) and `to` of each.
        path_json: text,
        /// How many steps the path has.
        steps: integer,
        /// Whether no single binding gives what the path begins with.
        combined: boolean,
        /// Whether the subject holds everything in this scope (RB-01, or all of it by RB-02), so that this says nothing beside it.
        implied: boolean,
        /// Whether everything that gives it to the subject is what Kubernetes itself created.
        built_in: boolean,
        /// What is not known, and how it was read; null when nothing is.
        remark: optional_text,
        /// What to do about it.
        remediation: text,
    }
}

table! {
    /// One permission of one subject over a part of the time for which it was held, and whether it was used. What roles give is taken apart into one verb on one resource or path; grants that Kubernetes makes itself are not told. A grant outside RBAC is told only by its uses, from the first to the last.
    Derived "permission_use" PermissionUse {
        /// A stable identifier: the grant and the permission, without the interval.
        permission_id: text,
        /// Beginning.
        valid_from: time,
        /// End; null while it holds.
        valid_to: optional_time,
        /// The subject: `User:name`, `Group:name` or `ServiceAccount:namespace/name`.
        subject: text,
        /// `User`, `Group` or `ServiceAccount`.
        subject_kind: text,
        /// The permission: `get pods`, `create deployments.apps/scale`, `get secrets named a,b`, `get /metrics`, with `*` as the rule has it.
        permission: text,
        /// Namespace that it is limited to; null for the whole cluster. Of a grant outside RBAC the namespace in which it was used.
        namespace: optional_text,
        /// The binding: `ClusterRoleBinding:name` or `RoleBinding:namespace/name`; null outside RBAC.
        binding: optional_text,
        /// The role: `ClusterRole:name` or `Role:namespace/name`; outside RBAC as the reason calls it, or null.
        role: optional_text,
        /// What granted it: `rbac`, `eks_access_policy`, `gke_iam`, `azure_rbac`, or `other` for another authorizer that gave a reason of its own.
        granted_by: text,
        /// `used` (a use was seen within the look-back), `recent` (held for less than the look-back), `unused`, or `undetermined`.
        usage: text,
        /// Why, in one line.
        reason: text,
        /// Whether the audit policy, as it was read last, records every use; null when it is not known.
        recorded: optional_boolean,
        /// First use that was seen while the permission was held; an upper bound when uses were seen before it was.
        first_use: optional_time,
        /// Last use that was seen while the permission was held; a lower bound when uses were seen after it was.
        last_use: optional_time,
        /// How many requests used it; null when it is not known how many of them fall into the time.
        requests: optional_integer,
    }
}

table! {
    /// One binding as it stands at the end of knowledge, and whether what was done needs it: found by taking it away. Bindings that Kubernetes makes itself are not told.
    Derived "binding_use" BindingUse {
        /// The binding: `ClusterRoleBinding:name` or `RoleBinding:namespace/name`.
        binding: text,
        /// The role: `ClusterRole:name` or `Role:namespace/name`.
        role: text,
        /// Namespace of a RoleBinding; null for the whole cluster.
        namespace: optional_text,
        /// Its subjects, sorted and joined by `, `.
        subjects: text,
        /// End of knowledge.
        as_of: time,
        /// Beginning of the look-back.
        looked_back_to: time,
        /// Whether a request that was seen would not be allowed without it; null when that cannot be told.
        needed: optional_boolean,
        /// Why, in one line.
        reason: text,
        /// Kinds of requests (caller, verb, resource, namespace) that were seen and that it allows.
        request_kinds: integer,
        /// Those of them that no other binding allows.
        request_kinds_by_it_alone: integer,
        /// YAML of the narrowest role that would have sufficed for what was used through it; null when nothing was.
        narrowest_role: optional_text,
    }
}
