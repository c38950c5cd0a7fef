//! Grants outside RBAC: clouds that manage clusters authorize by rights of their own, which no object of the cluster shows. They show only
//! when they are used, by the reason that the audit event tells.

use std::collections::BTreeMap;

use records::tables::rbac::PermissionUse;

use super::observed::ObservedUse;
use crate::identifier::identifier;
use crate::rbac::questions::qualified;
use crate::rbac::subject::Subject;

/// Which authorizer gives a reason; `None` for those of Kubernetes and for none.
pub(super) fn authorizer(reason: &str) -> Option<&'static str> {
    match reason {
        "" => None,
        _ if reason.starts_with("RBAC:") => None,
        _ if reason.starts_with("EKS Access Policy:") => Some("eks_access_policy"),
        _ if reason.starts_with("access granted by IAM permissions") => Some("gke_iam"),
        _ if reason.starts_with("Access allowed by Azure RBAC") => Some("azure_rbac"),
        _ => Some("other"),
    }
}

/// What the reason calls the role: the policy of EKS, the role's number in Azure.
fn role(reason: &str) -> Option<String> {
    if reason.starts_with("EKS Access Policy:") {
        let (_, rest) = reason.split_once(" of ClusterRole \"")?;
        return rest.split_once('"').map(|(name, _)| name.to_owned());
    }
    let (_, rest) = reason.split_once(" of Role ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// One row for each caller, kind of request and reason's role, from the first use to the last.
pub(super) fn rows<'r>(uses: &[ObservedUse<'r>]) -> Vec<PermissionUse<'r>> {
    let mut rows: BTreeMap<String, PermissionUse<'r>> = BTreeMap::new();
    for one in uses {
        let Some(granted_by) = authorizer(&one.reason) else { continue };
        let subject = Subject::of_user(&one.caller().user);
        let resource = match &*one.subresource {
            "" => one.resource.to_string(),
            subresource => format!("{}/{subresource}", one.resource),
        };
        let what = if one.resource.is_empty() { one.path.to_string() } else { qualified(&one.group, &resource) };
        let permission = format!("{} {what}", one.verb);
        let role = role(&one.reason);
        let label = subject.to_string();
        let cluster = &one.provenance.cluster;
        let parts = [&**cluster, granted_by, &label, &permission, &one.namespace, role.as_deref().unwrap_or("")];
        let id = identifier(&parts);
        // The last use is inside.
        let ends = one.last.plus_micros(1);
        let row = rows.entry(id.clone()).or_insert_with(|| PermissionUse {
            provenance: one.provenance.clone(),
            permission_id: id.into(),
            valid_from: one.first,
            valid_to: Some(ends),
            subject: label.into(),
            subject_kind: subject.kind().into(),
            permission: permission.into(),
            namespace: (!one.namespace.is_empty()).then(|| one.namespace.clone()),
            binding: None,
            role: role.map(Into::into),
            granted_by: granted_by.into(),
            usage: "used".into(),
            reason: "seen by its use; what else is granted so is not known".into(),
            recorded: None,
            first_use: Some(one.first),
            last_use: Some(one.last),
            requests: Some(0),
        });
        row.valid_from = row.valid_from.min(one.first);
        row.valid_to = row.valid_to.max(Some(ends));
        row.first_use = row.first_use.into_iter().chain([one.first]).min();
        row.last_use = row.last_use.into_iter().chain([one.last]).max();
        row.requests = row.requests.map(|requests| requests.saturating_add(one.requests));
    }
    rows.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_clouds_are_told_apart() {
        let eks = "EKS Access Policy: allowed by ClusterRoleBinding \"arn:aws:iam::1:role/r+arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy\" of ClusterRole \"arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy\" to User \"AROA\"";
        let azure = "Access allowed by Azure RBAC Role Assignment 1f0 of Role 3498e952 to user 77";
        for (reason, by, named) in [
            (eks, Some("eks_access_policy"), Some("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")),
            ("access granted by IAM permissions.", Some("gke_iam"), None),
            (azure, Some("azure_rbac"), Some("3498e952")),
            ("allowed by my webhook", Some("other"), None),
            ("RBAC: allowed by ClusterRoleBinding \"b\" of ClusterRole \"r\" to User \"u\"", None, Some("")),
            ("", None, None),
        ] {
            assert_eq!(authorizer(reason), by, "{reason}");
            if by.is_some() {
                assert_eq!(role(reason).as_deref(), named, "{reason}");
            }
        }
    }
}
