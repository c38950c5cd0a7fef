//! The rows of `credential_use`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use records::table::Provenance;
use records::tables::identities::CredentialUse;
use records::tables::objects::ObjectVersion;
use records::{ReadRowError, RowReader, Timestamp};
use serde_json::Value;

use super::certificates::certificates;
use crate::identifier::identifier;

/// A credential of one holder that was used from more addresses than this is told.
const MANY_ADDRESSES: i64 = 3;

/// The requests with one credential, counted: of a year with a hundred million events there are so many rows as there are credentials.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialGroup<'r> {
    /// The first entry of them.
    pub provenance: Provenance<'r>,
    /// `user_name`.
    pub user_name: Cow<'r, str>,
    /// `actor_class`.
    pub actor_class: Cow<'r, str>,
    /// `authentication`.
    pub authentication: Cow<'r, str>,
    /// `credential_id`.
    pub credential_id: Option<Cow<'r, str>>,
    /// `token_secret`.
    pub token_secret: Option<Cow<'r, str>>,
    /// `user_extra_json`, of people only.
    pub extra_json: Option<Cow<'r, str>>,
    /// The earliest `event_time`.
    pub first_at: Timestamp,
    /// The latest.
    pub last_at: Timestamp,
    /// How many events of them are complete.
    pub requests: i64,
    /// How many of these have a code below 400.
    pub succeeded: i64,
    /// How many different `source_ip`.
    pub source_addresses: i64,
    /// The `source_ip` of the first event.
    pub first_address: Option<Cow<'r, str>>,
    /// The `source_ip` of the last event.
    pub last_address: Option<Cow<'r, str>>,
    /// How many different `user_agent`.
    pub user_agents: i64,
}

/// A request by which a token was issued (`issued_credential_id`).
#[derive(Debug, Clone, PartialEq)]
pub struct IssuedCredential<'r> {
    /// The cluster.
    pub cluster: Cow<'r, str>,
    /// `issued_credential_id`.
    pub credential_id: Cow<'r, str>,
    /// `event_time`.
    pub at: Timestamp,
    /// `user_name`.
    pub user_name: Option<Cow<'r, str>>,
    /// `actor_class`.
    pub actor_class: Cow<'r, str>,
}

/// A column that must be there.
pub(super) fn needed<T>(value: Option<T>, column: &'static str) -> Result<T, ReadRowError> {
    value.ok_or(ReadRowError { table: "audit_events", column })
}

impl<'r> IssuedCredential<'r> {
    /// Reads a row with the columns of the fields, in their order.
    ///
    /// # Errors
    /// [`ReadRowError`] when a column that may not be null is.
    pub fn read(r: &impl RowReader<'r>) -> Result<Self, ReadRowError> {
        Ok(Self {
            cluster: needed(r.text(0), "cluster")?.into(),
            credential_id: needed(r.text(1), "issued_credential_id")?.into(),
            at: needed(r.time(2), "event_time")?,
            user_name: r.text(3).map(Into::into),
            actor_class: needed(r.text(4), "actor_class")?.into(),
        })
    }
}

/// Puts together what is known of each credential.
pub(crate) fn credential_use<'r>(
    groups: Vec<CredentialGroup<'r>>,
    issued: &[IssuedCredential<'r>],
    versions: &[ObjectVersion<'r>],
) -> Vec<CredentialUse<'r>> {
    let certificates = certificates(versions);
    let mut issues: HashMap<(&str, &str), &IssuedCredential<'r>> = HashMap::new();
    for issue in issued {
        // The API server draws identifiers at random: a second event with the same one is a second stage of it, or a forgery, and comes later.
        let first = issues.entry((&issue.cluster, &issue.credential_id)).or_insert(issue);
        if issue.at < first.at {
            *first = issue;
        }
    }
    // From when on the API servers of a cluster give identifiers to certificates.
    let mut identifying: BTreeMap<String, Timestamp> = BTreeMap::new();
    for group in
        groups.iter().filter(|group| group.credential_id.as_ref().is_some_and(|id| id.starts_with("X509SHA256=")))
    {
        let from = identifying.entry(group.provenance.cluster.to_string()).or_insert(group.first_at);
        *from = group.first_at.min(*from);
    }
    let mut rows: Vec<CredentialUse<'r>> = groups
        .into_iter()
        .map(|group| {
            let cluster = group.provenance.cluster.to_string();
            let id = group.credential_id.as_deref();
            let identifies = identifying.get(&cluster).is_some_and(|from| *from <= group.first_at);
            let account = group.user_name.starts_with("system:serviceaccount:");
            let kind = match &*group.authentication {
                "unknown" if identifies && id.is_none() && !account => Cow::Borrowed("unidentified"),
                _ => group.authentication.clone(),
            };
            let issue = id.and_then(|id| issues.get(&(cluster.as_str(), id)));
            let certificate = id.and_then(|id| id.strip_prefix("X509SHA256=")).map(str::to_ascii_lowercase);
            let certificate = certificate.and_then(|digest| certificates.get(&(cluster.clone(), digest)));
            let claims = group.extra_json.as_deref().map(claims);
            let one_holder = matches!(
                &*kind,
                "client_certificate" | "service_account_token" | "legacy_token" | "jwt" | "cloud_iam" | "unidentified"
            );
            CredentialUse {
                credential: identifier(&[
                    &cluster,
                    &group.user_name,
                    &group.authentication,
                    id.unwrap_or_default(),
                    group.token_secret.as_deref().unwrap_or_default(),
                    group.extra_json.as_deref().unwrap_or_default(),
                ])
                .into(),
                many_addresses: one_holder && group.source_addresses > MANY_ADDRESSES,
                kind,
                claims_json: claims.map(Into::into),
                issued_at: issue.map(|issue| issue.at),
                issued_by: issue.and_then(|issue| issue.user_name.clone()),
                issued_by_class: issue.map(|issue| issue.actor_class.clone()),
                certificate_request: certificate.map(|c| c.request.clone().into()),
                certificate_requested_by: certificate.and_then(|c| c.requested_by.clone()).map(Into::into),
                certificate_signer: certificate.and_then(|c| c.signer.clone()).map(Into::into),
                provenance: group.provenance,
                user_name: group.user_name,
                actor_class: group.actor_class,
                credential_id: group.credential_id,
                token_secret: group.token_secret,
                first_used_at: group.first_at,
                last_used_at: group.last_at,
                requests: group.requests,
                succeeded: group.succeeded,
                source_addresses: group.source_addresses,
                first_address: group.first_address,
                last_address: group.last_address,
                user_agents: group.user_agents,
            }
        })
        .collect();
    rows.sort_by(|a, b| (a.first_used_at, &a.credential).cmp(&(b.first_used_at, &b.credential)));
    rows
}

/// The extras without Kubernetes' own, which no issuer can set.
fn claims(extra: &str) -> String {
    let kubernetes = |key: &str| {
        let domain = key.split('/').next().unwrap_or_default();
        ["kubernetes.io", "k8s.io"].iter().any(|own| domain == *own || domain.ends_with(&format!(".{own}")))
    };
    let extra = serde_json::from_str::<BTreeMap<String, Value>>(extra).unwrap_or_default();
    let claims: serde_json::Map<String, Value> = extra.into_iter().filter(|(key, _)| !kubernetes(key)).collect();
    Value::Object(claims).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_what_kubernetes_did_not_set() {
        let extra = r#"{"idp.example/amr":["mfa"],"authentication.kubernetes.io/credential-id":["JTI=1"],"k8s.io/x":["1"],"notk8s.io/x":["2"]}"#;
        assert_eq!(claims(extra), r#"{"idp.example/amr":["mfa"],"notk8s.io/x":["2"]}"#);
        assert_eq!(claims("[]"), "{}");
    }
}
