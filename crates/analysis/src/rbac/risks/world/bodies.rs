//! What is read of the bodies of objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use records::table::Provenance;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The body of an object, as text or as a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    /// JSON as text.
    Text(&'a str),
    /// Parsed.
    Value(&'a Value),
}

impl Body<'_> {
    /// Reads what is asked. A body of another form says nothing, as the API server would have refused it; the normaliser lists it as a fault.
    pub(crate) fn read<T: DeserializeOwned + Default>(&self) -> T {
        match self {
            Self::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            Self::Value(value) => T::deserialize(*value).unwrap_or_default(),
        }
    }
}

/// Labels or annotations; values of another form than text are left out.
type Texts = BTreeMap<String, Value>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    labels: Option<Texts>,
    annotations: Option<Texts>,
}

fn text<'a>(texts: &'a Option<Texts>, key: &str) -> Option<&'a str> {
    texts.as_ref()?.get(key)?.as_str().filter(|text| !text.is_empty())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WithMetadata {
    metadata: Metadata,
}

/// Whether the labels of a namespace have privileged pods refused (Pod Security at `baseline` or `restricted`).
pub(crate) fn refuses_privileged(body: &Body<'_>) -> bool {
    let body: WithMetadata = body.read();
    matches!(text(&body.metadata.labels, "pod-security.kubernetes.io/enforce"), Some("baseline" | "restricted"))
}

/// Whether the labels of a node say that it is of the control plane.
pub(crate) fn is_control_plane_node(body: &Body<'_>) -> bool {
    let body: WithMetadata = body.read();
    let roles = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
    body.metadata.labels.iter().flatten().any(|(key, _)| roles.contains(&key.as_str()))
}

/// Annotations by which a service account names an identity at a cloud provider, with the provider's word for it.
const CLOUD: [(&str, &str); 3] = [
    ("eks.amazonaws.com/role-arn", "AWS role"),
    ("iam.gke.io/gcp-service-account", "Google service account"),
    ("azure.workload.identity/client-id", "Azure identity"),
];

/// A service account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Whether pods get its token unless they say otherwise; `None`: not said, so they do.
    pub(crate) automount: Option<bool>,
    /// Identities at cloud providers that it names.
    pub(crate) cloud: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AccountBody {
    metadata: Metadata,
    automount_service_account_token: Option<bool>,
}

impl Account {
    pub(crate) fn read(body: &Body<'_>) -> Self {
        let body: AccountBody = body.read();
        let named = |(key, word): &(&str, &str)| {
            text(&body.metadata.annotations, key).map(|identity| format!("{word} {identity}"))
        };
        Self { automount: body.automount_service_account_token, cloud: CLOUD.iter().filter_map(named).collect() }
    }
}

/// A Secret that holds a token of a service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenSecret {
    /// Name of the account, of the same namespace.
    pub(crate) account: String,
    /// Whether its type is known to be that of tokens; metadata alone do not tell the type.
    pub(crate) certain: bool,
    /// Day since which its token is no longer taken.
    pub(crate) invalid_since: Option<String>,
    /// The raw entry that it was first read from.
    pub(crate) entry: Option<Arc<Provenance<'static>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SecretBody {
    metadata: Metadata,
    r#type: Option<String>,
}

impl TokenSecret {
    /// `None` when it is another Secret. What was known `before` keeps its entry, so that heartbeats of the label of last use change nothing.
    pub(crate) fn read(body: &Body<'_>, entry: Option<&Provenance<'_>>, before: Option<Self>) -> Option<Self> {
        let body: SecretBody = body.read();
        let account = text(&body.metadata.annotations, "kubernetes.io/service-account.name")?.to_owned();
        let certain = match body.r#type.as_deref() {
            Some("kubernetes.io/service-account-token") => true,
            Some(_) => return None,
            None => false,
        };
        let invalid_since = text(&body.metadata.labels, "kubernetes.io/legacy-token-invalid-since").map(str::to_owned);
        let entry = before.and_then(|before| before.entry).or_else(|| entry.map(|e| Arc::new(e.clone().into_owned())));
        Some(Self { account, certain, invalid_since, entry })
    }
}

/// The ConfigMap by which EKS maps identities of the cloud to users and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AwsAuth {
    /// User names (or, where none is given, ARNs) that it puts into `system:masters`.
    pub(crate) masters: Vec<String>,
    /// The raw entry that it was read from.
    pub(crate) entry: Option<Arc<Provenance<'static>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AwsAuthBody {
    data: Option<Texts>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mapping {
    rolearn: Option<String>,
    userarn: Option<String>,
    username: Option<String>,
    groups: Option<Vec<String>>,
}

/// Longest text of mappings that is read, bytes: a ConfigMap may not be larger.
const LONGEST: usize = 1 << 20;

impl AwsAuth {
    pub(crate) fn read(body: &Body<'_>, entry: Option<&Provenance<'_>>) -> Self {
        let body: AwsAuthBody = body.read();
        let mut masters = Vec::new();
        for key in ["mapRoles", "mapUsers"] {
            let Some(yaml) = text(&body.data, key).filter(|yaml| yaml.len() <= LONGEST) else { continue };
            // A text that is no list of mappings maps nobody, on EKS as here.
            let mappings: Vec<Mapping> = serde_yaml_ng::from_str(yaml).unwrap_or_default();
            for mapping in mappings {
                if mapping.groups.iter().flatten().any(|group| group == crate::rbac::subject::MASTERS) {
                    masters.extend(mapping.username.or(mapping.rolearn).or(mapping.userarn));
                }
            }
        }
        masters.sort();
        masters.dedup();
        Self { masters, entry: entry.map(|entry| Arc::new(entry.clone().into_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_asked_is_read_and_other_forms_say_nothing() {
        let account =
            json!({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/r", "x": 1}}});
        assert_eq!(Account::read(&Body::Value(&account)).cloud, ["AWS role arn:aws:iam::1:role/r"]);
        assert_eq!(Account::read(&Body::Text(r#"{"metadata": 5}"#)), Account::default());
        assert!(refuses_privileged(&Body::Text(
            r#"{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"baseline"}}}"#
        )));
        assert!(!refuses_privileged(&Body::Text(
            r#"{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}"#
        )));
    }

    #[test]
    fn metadata_alone_do_not_tell_the_type_of_a_secret() {
        let annotated = json!({"metadata": {"annotations": {"kubernetes.io/service-account.name": "web"}}});
        assert!(!TokenSecret::read(&Body::Value(&annotated), None, None).unwrap().certain);
        let mut other = annotated.clone();
        other["type"] = json!("Opaque");
        assert_eq!(TokenSecret::read(&Body::Value(&other), None, None), None);
        other["type"] = json!("kubernetes.io/service-account-token");
        assert!(TokenSecret::read(&Body::Value(&other), None, None).unwrap().certain);
    }

    #[test]
    fn the_map_of_cloud_users_is_read() {
        let map = json!({"data": {
            "mapRoles": "- rolearn: arn:aws:iam::1:role/node\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:nodes]\n- rolearn: arn:aws:iam::1:role/admin\n  groups:\n  - system:masters\n",
            "mapUsers": "- userarn: arn:aws:iam::1:user/eve\n  username: eve\n  groups: ['system:masters']\n"}});
        assert_eq!(AwsAuth::read(&Body::Value(&map), None).masters, ["arn:aws:iam::1:role/admin", "eve"]);
        let odd = json!({"data": {"mapRoles": "system:masters", "mapUsers": ":\n- ["}});
        assert!(AwsAuth::read(&Body::Value(&odd), None).masters.is_empty());
    }
}
