//! The document of the rules, as people write it.

use std::collections::{BTreeMap, BTreeSet};

use records::repository::RepositoryPattern;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::{
    Authority, Key, Keyless, MAX_DOCUMENT_BYTES, MAX_RULES, MAX_SIGNERS, RegistryOptions, Required, Rule, Rules,
    RulesError, TransparencyLog, Unmatched, canonical,
};
use crate::key::PublicKey;
use crate::outcome::Requirement;
use crate::trust::{PUBLIC_GOOD, TrustRoot};

const API_VERSION: &str = "plimsoll.dev/v1alpha1";
const KIND: &str = "ImageSignatures";
/// What cosign calls a signature among statements; asked for as a signature.
pub(crate) const SIGNATURE_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// Longest name, issuer, identity or type, in bytes.
const MAX_TEXT: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    api_version: Spanned<String>,
    kind: Spanned<String>,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    unmatched: Unmatched,
    rules: Spanned<Vec<WrittenRule>>,
    #[serde(default)]
    registries: Vec<Spanned<RegistryOptions>>,
    #[serde(default)]
    trust_roots: Vec<WrittenTrustRoot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenTrustRoot {
    name: Spanned<String>,
    /// A `trusted_root.json` of Sigstore.
    trusted_root: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenRule {
    name: Spanned<String>,
    images: Vec<Spanned<String>>,
    #[serde(default)]
    signed_by: Option<Vec<WrittenAuthority>>,
    #[serde(default)]
    attestations: Vec<WrittenAttestation>,
    #[serde(default)]
    unsigned: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenAttestation {
    predicate_type: Spanned<String>,
    by: Vec<WrittenAuthority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenAuthority {
    #[serde(default)]
    key: Option<WrittenKey>,
    #[serde(default)]
    keyless: Option<WrittenKeyless>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenKey {
    public_key: Spanned<String>,
    #[serde(default)]
    transparency_log: TransparencyLog,
    #[serde(default)]
    trust_root: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenKeyless {
    issuer: Spanned<String>,
    identity: Spanned<String>,
    #[serde(default)]
    trust_root: Option<Spanned<String>>,
}

fn fault<T>(at: Location, message: impl Into<String>) -> Result<T, RulesError> {
    Err(RulesError::Form { line: at.line(), column: at.column(), message: message.into() })
}

fn form(error: &serde_saphyr::Error) -> RulesError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or("not YAML");
    let message = first.rsplit_once(" at line ").map_or(first, |(before, _)| before).to_owned();
    RulesError::Form { line, column, message }
}

pub(super) fn read(text: &str) -> Result<Rules, RulesError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(RulesError::TooLong);
    }
    let document: Document = serde_saphyr::from_str(text).map_err(|error| form(&error))?;
    if document.api_version.value != API_VERSION {
        return fault(document.api_version.defined, format!("apiVersion must be {API_VERSION}"));
    }
    if document.kind.value != KIND {
        return fault(document.kind.defined, format!("kind must be {KIND}"));
    }
    let name = text_of(document.metadata.name)?;
    let trust_roots = trust_roots(document.spec.trust_roots)?;
    let at = document.spec.rules.defined;
    let written = document.spec.rules.value;
    if written.is_empty() || written.len() > MAX_RULES {
        return fault(at, format!("there must be 1 to {MAX_RULES} rules"));
    }
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for written in written {
        let at = written.name.defined;
        let rule = rule(written, at, &trust_roots)?;
        if !names.insert(rule.name.clone()) {
            return fault(at, format!("there are two rules {}", rule.name));
        }
        rules.push(rule);
    }
    let mut hosts = BTreeSet::new();
    let mut registries = Vec::new();
    for Spanned { value: options, defined, .. } in document.spec.registries {
        let reference = format!("{}/a", options.host);
        let known = records::image::ImageReference::parse(&reference);
        if known.is_none_or(|reference| reference.registry != options.host) {
            return fault(defined, format!("{:?} is no host of an image reference", options.host));
        }
        if !hosts.insert(options.host.to_ascii_lowercase()) {
            return fault(defined, format!("there are two registries {}", options.host));
        }
        registries.push(options);
    }
    let roots: Vec<_> = trust_roots.iter().map(|(name, root)| (name, root.hash())).collect();
    let hash = canonical(&(document.spec.unmatched, &rules, roots));
    Ok(Rules { name, unmatched: document.spec.unmatched, rules, registries, trust_roots, hash })
}

/// Those that are built in, and those of the document.
fn trust_roots(written: Vec<WrittenTrustRoot>) -> Result<BTreeMap<String, TrustRoot>, RulesError> {
    let mut roots = BTreeMap::new();
    for (name, root) in TrustRoot::embedded() {
        let root = root.map_err(|source| RulesError::TrustRoot { name: name.to_owned(), source })?;
        roots.insert(name.to_owned(), root);
    }
    for written in written {
        let at = written.name.defined;
        let name = text_of(written.name)?;
        let root = TrustRoot::parse(&written.trusted_root)
            .map_err(|source| RulesError::TrustRoot { name: name.clone(), source })?;
        if roots.insert(name.clone(), root).is_some() {
            return fault(at, format!("there is a trust root {name} already"));
        }
    }
    Ok(roots)
}

fn rule(written: WrittenRule, at: Location, roots: &BTreeMap<String, TrustRoot>) -> Result<Rule, RulesError> {
    let name = text_of(written.name)?;
    if written.images.is_empty() || written.images.len() > MAX_RULES {
        return fault(at, format!("rule {name} must have 1 to {MAX_RULES} patterns of images"));
    }
    let mut images = Vec::new();
    for pattern in written.images {
        match RepositoryPattern::parse(&pattern.value) {
            Ok(pattern) => images.push(pattern),
            Err(error) => return fault(pattern.defined, error.to_string()),
        }
    }
    let mut requirements = Vec::new();
    if let Some(by) = written.signed_by {
        let by = authorities(by, at, &name, roots)?;
        requirements.push(Required { what: Requirement::Signature, by });
    }
    if written.attestations.len() > MAX_SIGNERS {
        return fault(at, format!("rule {name} asks for more than {MAX_SIGNERS} attestations"));
    }
    for attestation in written.attestations {
        let at = attestation.predicate_type.defined;
        let predicate_type = text_of(attestation.predicate_type)?;
        if predicate_type == SIGNATURE_PREDICATE {
            return fault(at, "this is the type of a signature: ask for it with signedBy");
        }
        let by = authorities(attestation.by, at, &name, roots)?;
        requirements.push(Required { what: Requirement::Attestation { predicate_type }, by });
    }
    let unsigned = match written.unsigned {
        None => None,
        Some(reason) => Some(text_of(reason)?),
    };
    match (&unsigned, requirements.is_empty()) {
        (None, true) => fault(
            at,
            format!("rule {name} asks for nothing: give signedBy or attestations, or unsigned with the reason"),
        ),
        (Some(_), false) => fault(at, format!("rule {name} asks for signatures and says that there are none")),
        _ => Ok(Rule { name, images, requirements, unsigned }),
    }
}

fn authorities(
    written: Vec<WrittenAuthority>,
    at: Location,
    rule: &str,
    roots: &BTreeMap<String, TrustRoot>,
) -> Result<Vec<Authority>, RulesError> {
    if written.is_empty() || written.len() > MAX_SIGNERS {
        return fault(at, format!("rule {rule} must name 1 to {MAX_SIGNERS} signers for each thing that it asks for"));
    }
    let mut out = Vec::new();
    for authority in written {
        out.push(match (authority.key, authority.keyless) {
            (Some(key), None) => key_of(key, roots)?,
            (None, Some(keyless)) => keyless_of(keyless, roots)?,
            _ => return fault(at, format!("rule {rule}: a signer is either a key or keyless")),
        });
    }
    Ok(out)
}

fn key_of(written: WrittenKey, roots: &BTreeMap<String, TrustRoot>) -> Result<Authority, RulesError> {
    let key = match PublicKey::from_pem(&written.public_key.value) {
        Ok(key) => key,
        Err(error) => return fault(written.public_key.defined, error.to_string()),
    };
    let trust_root = trust_root_of(written.trust_root, roots)?;
    Ok(Authority::Key(Key {
        fingerprint: key.fingerprint(),
        public_key: written.public_key.value,
        transparency_log: written.transparency_log,
        trust_root,
    }))
}

fn keyless_of(written: WrittenKeyless, roots: &BTreeMap<String, TrustRoot>) -> Result<Authority, RulesError> {
    let at = written.identity.defined;
    let identity = text_of(written.identity)?;
    // A pattern of stars alone would take everybody whom the issuer knows.
    if identity.chars().all(|c| matches!(c, '*' | '/' | '.' | '@' | ':')) {
        return fault(at, "the identity stands for everybody: name whose signature counts");
    }
    let issuer_at = written.issuer.defined;
    let issuer = text_of(written.issuer)?;
    if issuer.contains('*') {
        return fault(issuer_at, "the issuer is compared as written: it has no *");
    }
    Ok(Authority::Keyless(Keyless { issuer, identity, trust_root: trust_root_of(written.trust_root, roots)? }))
}

fn trust_root_of(written: Option<Spanned<String>>, roots: &BTreeMap<String, TrustRoot>) -> Result<String, RulesError> {
    let Some(written) = written else { return Ok(PUBLIC_GOOD.to_owned()) };
    if roots.contains_key(&written.value) {
        return Ok(written.value);
    }
    let known: Vec<&str> = roots.keys().map(String::as_str).collect();
    fault(written.defined, format!("there is no trust root {:?}; there are {}", written.value, known.join(", ")))
}

fn text_of(text: Spanned<String>) -> Result<String, RulesError> {
    let bad = text.value.is_empty() || text.value.len() > MAX_TEXT || text.value.chars().any(char::is_control);
    if bad {
        return fault(text.defined, format!("expected a text of 1 to {MAX_TEXT} bytes without control characters"));
    }
    Ok(text.value)
}
