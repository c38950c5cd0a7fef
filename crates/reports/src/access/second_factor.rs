//! Whether a credential shows that a second factor was used, as control AC-07 judges it.

use records::tables::identities::CredentialUse;
use serde_json::Value;

use crate::material::Material;

/// The control whose parameter names the claims.
const CONTROL: &str = "AC-07";
/// The parameter.
const PARAMETER: &str = "multi_factor_claims";

/// Whether a second factor was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// A claim says so.
    Yes,
    /// No claim says so, or the credential needs none.
    No(&'static str),
    /// It cannot be told.
    Unknown(&'static str),
}

/// The claims that prove a second factor, as key and value; `None` when the evaluation does not say which.
#[must_use]
pub fn claims(material: &Material) -> Option<Vec<(String, String)>> {
    let control = material.controls.iter().find(|control| control.id.as_str() == CONTROL)?;
    let (_, value) = control.parameters.iter().find(|(name, _)| name == PARAMETER)?;
    let list: Vec<String> = serde_json::from_str(value).ok()?;
    let pair = |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    Some(list.iter().filter_map(pair).filter(|(key, _)| !key.is_empty()).collect())
}

/// What a credential shows.
#[must_use]
pub fn of(used: &CredentialUse<'_>, claims: Option<&[(String, String)]>) -> SecondFactor {
    if used.issued_by_class.as_deref() == Some("human") {
        return SecondFactor::No("a token of a service account needs none");
    }
    match &*used.kind {
        "client_certificate" => return SecondFactor::No("a client certificate needs none"),
        "legacy_token" => return SecondFactor::No("a token without end needs none"),
        "cloud_iam" => return SecondFactor::Unknown("it stands in the log of the cloud"),
        "delegated" => return SecondFactor::Unknown("a webhook or a front proxy says who it is, and may say anything"),
        _ => {}
    }
    let Some(claims) = claims.filter(|claims| !claims.is_empty()) else {
        return SecondFactor::Unknown("no claim about second factors is configured (AC-07)");
    };
    let Some(own) = used.claims_json.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return SecondFactor::No("it has no claims");
    };
    let has = |(key, value): &(String, String)| {
        own.get(key).and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one.as_str() == Some(value)))
    };
    if claims.iter().any(has) { SecondFactor::Yes } else { SecondFactor::No("no claim says so") }
}
