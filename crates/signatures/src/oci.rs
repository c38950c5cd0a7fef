//! The parts of OCI manifests and indexes that are needed to find signatures.
//!
//! Rules: OCI image and distribution specifications 1.1. Everything here is read from bytes that anybody who may push can have
//! written: fields of other types are errors, fields that are not known are ignored, and counts are bounded by the callers.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::digest::Digest;

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The payload of a signature in the form that cosign had before bundles.
pub(crate) const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// What registries give as artifact type of a manifest that leaves it to its configuration.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Whether the media type is one of a Sigstore bundle, of any version.
pub(crate) fn is_bundle(media_type: &str) -> bool {
    media_type.starts_with(BUNDLE)
}

/// What points to content.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) artifact_type: Option<String>,
    #[serde(default)]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

impl Descriptor {
    /// Whether the referrer that it describes may hold a bundle. Registries differ in what they give as artifact type, so that only one
    /// that says that it is something else is left out.
    pub(crate) fn may_be_bundle(&self) -> bool {
        let manifest = matches!(self.media_type.as_str(), "" | MANIFEST);
        manifest && self.artifact_type.as_deref().is_none_or(|kind| kind.is_empty() || kind == EMPTY || is_bundle(kind))
    }

    /// Whether it says of itself that it is a bundle.
    pub(crate) fn says_bundle(&self) -> bool {
        self.artifact_type.as_deref().is_some_and(is_bundle)
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(name).map(String::as_str)
    }
}

/// An index: what a tag of many platforms is, and the form in which referrers are listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    pub(crate) manifests: Vec<Descriptor>,
}

impl Index {
    /// Reads an index.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let index: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if index.schema_version != 2 || index.media_type.as_deref().is_some_and(|kind| kind != INDEX) {
            return Err("it is no index of the OCI".to_owned());
        }
        Ok(index)
    }
}

/// A manifest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    schema_version: u32,
    #[serde(default)]
    subject: Option<Descriptor>,
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
}

impl Manifest {
    /// Reads a manifest.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if manifest.schema_version != 2 {
            return Err("it is no manifest of version 2".to_owned());
        }
        Ok(manifest)
    }

    /// Whether it says that it is about the image.
    pub(crate) fn is_about(&self, image: &Digest) -> bool {
        self.subject.as_ref().is_some_and(|subject| Digest::parse(&subject.digest).as_ref() == Some(image))
    }
}

/// Whether the bytes are a manifest or index at all.
pub(crate) fn is_manifest_or_index(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Any {
        schema_version: u32,
    }
    serde_json::from_slice::<Any>(bytes).is_ok_and(|any| any.schema_version == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_that_it_is_something_else_is_left_out() {
        for (json, may) in [
            (r#"{"digest": "d", "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}"#, true),
            (r#"{"digest": "d", "artifactType": "application/vnd.oci.empty.v1+json"}"#, true),
            (r#"{"digest": "d"}"#, true),
            (r#"{"digest": "d", "mediaType": "application/vnd.oci.image.manifest.v1+json"}"#, true),
            (r#"{"digest": "d", "artifactType": "application/spdx+json"}"#, false),
            (r#"{"digest": "d", "mediaType": "application/vnd.oci.image.index.v1+json"}"#, false),
        ] {
            assert_eq!(serde_json::from_str::<Descriptor>(json).unwrap().may_be_bundle(), may, "{json}");
        }
    }

    /// A registry was seen to answer for the fallback tag with the image itself.
    #[test]
    fn a_manifest_is_no_index() {
        assert!(Index::parse(br#"{"schemaVersion": 2, "mediaType": "x", "manifests": []}"#).is_err());
        assert!(Index::parse(br#"{"schemaVersion": 2, "layers": []}"#).is_err());
        assert!(Index::parse(br#"{"schemaVersion": 1, "manifests": []}"#).is_err());
        assert!(Index::parse(br#"{"schemaVersion": 2, "manifests": []}"#).is_ok());
    }
}
