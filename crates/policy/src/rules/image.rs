//! Rules about images: of containers, and of volumes that mount an image.

use records::image::ImageReference;
use records::repository::RepositoryPattern;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rule, at_least_one, written};
use crate::findings::{Findings, listed, quoted};
use crate::pattern::Pattern;
use crate::workload::pod::Pod;

/// Calls for each image with its path. What is no reference is a finding of every rule about images: nobody can say where it comes
/// from.
fn each_image<'p>(
    pod: &'p Pod,
    findings: &mut Findings<'_>,
    mut judge: impl FnMut(&mut Findings<'_>, &str, &'p str, ImageReference<'p>),
) {
    for (path, image) in crate::requested_images::of_pod(pod) {
        match ImageReference::parse(image) {
            Some(reference) => judge(findings, &path, image, reference),
            None if image.is_empty() => findings.add(path, "is not set", "an image reference"),
            None => findings.add(
                path,
                format_args!("is {}, which is no image reference", quoted(image)),
                "an image reference",
            ),
        }
    }
}

fn shown(patterns: &[RepositoryPattern]) -> String {
    listed(&patterns.iter().map(RepositoryPattern::to_string).collect::<Vec<_>>())
}

fn covered(patterns: &[RepositoryPattern], reference: &ImageReference<'_>) -> bool {
    patterns.iter().any(|pattern| pattern.covers(reference))
}

/// `trusted-registries`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustedRegistries {
    #[serde(deserialize_with = "at_least_one")]
    repositories: Vec<RepositoryPattern>,
}

impl Rule for TrustedRegistries {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        each_image(pod, findings, |findings, path, image, reference| {
            if !covered(&self.repositories, &reference) {
                let repository = format!("{}/{}", reference.registry, reference.repository);
                findings.add(path, format_args!("is {} ({repository})", quoted(image)), shown(&self.repositories));
            }
        });
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}

/// `require-digest`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RequireDigest {
    exempt: Vec<RepositoryPattern>,
}

/// Whether it is of an algorithm that the OCI image specification registers. The grammar lets others through.
fn is_registered(digest: &str) -> bool {
    digest.starts_with("sha256:") || digest.starts_with("sha512:")
}

impl Rule for RequireDigest {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        each_image(pod, findings, |findings, path, image, reference| {
            if !reference.digest.is_some_and(is_registered) && !covered(&self.exempt, &reference) {
                let lacking = if reference.digest.is_some() { "a digest of another algorithm" } else { "no digest" };
                findings.add(
                    path,
                    format_args!("is {}, with {lacking}", quoted(image)),
                    "a reference with @sha256:<digest> or @sha512:<digest>",
                );
            }
        });
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}

/// `immutable-tags`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ImmutableTags {
    refused_tags: Vec<Pattern>,
    exempt: Vec<RepositoryPattern>,
}

impl Default for ImmutableTags {
    fn default() -> Self {
        Self { refused_tags: vec![Pattern::from("latest")], exempt: Vec::new() }
    }
}

impl Rule for ImmutableTags {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        let refused = |tag: &str| self.refused_tags.iter().any(|pattern| pattern.matches(tag));
        let allowed = || {
            let tags: Vec<_> = self.refused_tags.iter().map(Pattern::as_str).collect();
            format!("a digest, or a tag other than {}", listed(&tags))
        };
        each_image(pod, findings, |findings, path, image, reference| {
            // With a digest, the tag is only a remark.
            if reference.digest.is_some() || covered(&self.exempt, &reference) {
                return;
            }
            match reference.tag {
                None => findings.add(path, format_args!("is {}, without tag or digest", quoted(image)), allowed()),
                Some(tag) if refused(tag) => {
                    findings.add(path, format_args!("is {}, with the tag {}", quoted(image), quoted(tag)), allowed());
                }
                Some(_) => {}
            }
        });
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}

/// `approved-base-image`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovedBaseImage {
    #[serde(default = "standard_key")]
    key: String,
    #[serde(default)]
    from: Source,
    #[serde(deserialize_with = "at_least_one")]
    repositories: Vec<RepositoryPattern>,
}

/// Where the name of the base image is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    #[default]
    Annotation,
    Label,
}

/// The annotation that the OCI image specification defines for it.
fn standard_key() -> String {
    "org.opencontainers.image.base.name".to_owned()
}

impl Rule for ApprovedBaseImage {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        let (field, all) = match self.from {
            Source::Annotation => ("annotations", &pod.metadata.annotations),
            Source::Label => ("labels", &pod.metadata.labels),
        };
        let path = format!("metadata.{field}[{}]", quoted(&self.key));
        let value = all.get(&self.key).and_then(Option::as_deref).unwrap_or_default();
        if value.trim().is_empty() {
            return findings.add(path, "is not set", shown(&self.repositories));
        }
        for name in value.split(',').map(str::trim) {
            if !ImageReference::parse(name).is_some_and(|reference| covered(&self.repositories, &reference)) {
                findings.add(&path, format_args!("names {}", quoted(name)), shown(&self.repositories));
            }
        }
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
