//! The rules: which images need which signatures, and whose.
//!
//! One document of YAML. Everything that decides is in it, keys and trust roots too, so that its hash names what was asked for. An image
//! is under every rule whose patterns cover it and must satisfy all of them; an image under none is refused unless the document says
//! otherwise.

mod document;

pub(crate) use document::SIGNATURE_PREDICATE;

use std::collections::BTreeMap;

use records::image::ImageReference;
use records::repository::RepositoryPattern;
use serde::Serialize;

use crate::digest::Digest;
use crate::outcome::Requirement;
use crate::trust::{TrustError, TrustRoot};

/// Longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;
/// Most rules of a document.
pub const MAX_RULES: usize = 512;
/// Most signers of one requirement, and most requirements of one rule.
pub const MAX_SIGNERS: usize = 16;

/// A set of rules that can be used.
#[derive(Debug)]
pub struct Rules {
    name: String,
    unmatched: Unmatched,
    rules: Vec<Rule>,
    registries: Vec<RegistryOptions>,
    trust_roots: BTreeMap<String, TrustRoot>,
    hash: Digest,
}

/// What becomes of an image that no rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, Serialize)]
pub enum Unmatched {
    /// It is refused: a mistyped pattern must not let everything in.
    #[default]
    Refuse,
    /// It needs no signature.
    Allow,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The images that it is for.
    pub images: Vec<RepositoryPattern>,
    /// What they need; empty when `unsigned` says why they need nothing.
    pub requirements: Vec<Required>,
    /// Why its images need no signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
}

/// A requirement and who may satisfy it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Required {
    /// What.
    pub what: Requirement,
    /// By whom: any of these.
    pub by: Vec<Authority>,
}

/// Somebody whose signature counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Authority {
    /// The holder of a key.
    Key(Key),
    /// Somebody whom an issuer of identities knows.
    Keyless(Keyless),
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// SHA-256 of the public key's DER (SubjectPublicKeyInfo).
    pub fingerprint: Digest,
    /// The public key, PEM.
    pub public_key: String,
    /// Whether the signature must be in a transparency log.
    pub transparency_log: TransparencyLog,
    /// The trust root whose logs count.
    pub trust_root: String,
}

/// Whether a signature by a key must be in a transparency log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, Serialize)]
pub enum TransparencyLog {
    /// It must be, so that a signature with a stolen key cannot be made unseen.
    #[default]
    Required,
    /// It is not looked at.
    Ignored,
}

/// An identity that an issuer vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Keyless {
    /// The issuer, exactly.
    pub issuer: String,
    /// The identity. `*` stands for characters other than `/`, `**` between two `/` for any number of parts.
    pub identity: String,
    /// The trust root that the certificate and the log's entry must come from.
    pub trust_root: String,
}

/// How one registry is spoken to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryOptions {
    /// Host and port as references have it.
    pub host: String,
    /// HTTP without TLS. Whoever is on the way can then say that there is no signature, and read credentials.
    #[serde(default)]
    pub plain_http: bool,
    /// PEM of authorities that its certificate may come from, besides those of the system.
    #[serde(default)]
    pub certificate_authority: Option<String>,
    /// Local hosts, with or without port, that it may redirect to.
    #[serde(default)]
    pub redirects: Vec<String>,
}

/// Why a document is no set of rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is too long.
    #[error("the rules have more than {MAX_DOCUMENT_BYTES} bytes")]
    TooLong,
    /// It is not of the form.
    #[error("line {line} column {column}: {message}")]
    Form {
        /// From 1; 0 when it is not known.
        line: u64,
        /// From 1; 0 when it is not known.
        column: u64,
        /// What is wrong.
        message: String,
    },
    /// A trust root cannot be used.
    #[error("trust root {name}: {source}")]
    TrustRoot {
        /// Its name.
        name: String,
        /// Why.
        source: TrustError,
    },
}

/// The rules that are for one image.
pub(crate) struct Applying<'a> {
    pub(crate) rules: Vec<&'a Rule>,
    /// SHA-256 over what the rules ask for.
    pub(crate) hash: Digest,
    /// SHA-256 over the trust roots that they use.
    pub(crate) trust_roots: Digest,
}

impl Rules {
    /// Reads a document.
    ///
    /// # Errors
    /// [`RulesError`], with the place of the first fault.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        document::read(text)
    }

    /// The document's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 over everything that decides: rules, trust roots, what becomes of other images.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The rules, in the document's order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub(crate) fn unmatched(&self) -> Unmatched {
        self.unmatched
    }

    pub(crate) fn registries(&self) -> &[RegistryOptions] {
        &self.registries
    }

    pub(crate) fn trust_root(&self, name: &str) -> Option<&TrustRoot> {
        self.trust_roots.get(name)
    }

    pub(crate) fn applying(&self, image: &ImageReference<'_>) -> Applying<'_> {
        let rules: Vec<&Rule> =
            self.rules.iter().filter(|rule| rule.images.iter().any(|pattern| pattern.covers(image))).collect();
        let hash = canonical(&rules);
        let mut used: Vec<(&str, Digest)> = rules
            .iter()
            .flat_map(|rule| &rule.requirements)
            .flat_map(|required| &required.by)
            .filter_map(|authority| self.trust_roots.get_key_value(authority.trust_root()))
            .map(|(name, root)| (name.as_str(), root.hash()))
            .collect();
        used.sort_unstable();
        used.dedup();
        Applying { rules, hash, trust_roots: canonical(&used) }
    }
}

impl Authority {
    pub(crate) fn trust_root(&self) -> &str {
        match self {
            Self::Key(key) => &key.trust_root,
            Self::Keyless(keyless) => &keyless.trust_root,
        }
    }
}

/// SHA-256 of the JSON form. All that is hashed here has fields in the order of their declaration and maps in the order of their keys.
fn canonical<T: Serialize>(value: &T) -> Digest {
    // A value of ours that cannot be written has no second spelling either: nothing else hashes to an empty text.
    Digest::of(&serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests;
