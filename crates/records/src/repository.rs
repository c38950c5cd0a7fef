//! Which image references a pattern of repositories covers.
//!
//! A pattern is `<host>[:<port>]/<path>`; the path may end in `/**` for everything below, and `*` stands for one whole part of the
//! path. The leftmost label of the host may be `*`. Host and port are compared whole: `ghcr.io` covers neither `ghcr.io:8443` nor
//! `ghcr.io.example.com`. Hosts are compared without regard to case, paths with. What a reference leaves out is filled in as the
//! container runtimes do it (`nginx` is `docker.io/library/nginx`); a pattern must write its host out, because in a pattern
//! `acme/**` could be meant either way.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::image::ImageReference;

/// Repositories that are covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPattern {
    /// As written.
    text: String,
    /// Host and port in lower case.
    host: String,
    path: Vec<String>,
    everything_below: bool,
}

/// Why a text is no pattern of repositories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no pattern of repositories: {reason}")]
pub struct RepositoryPatternError {
    /// The text, cut to 128 characters.
    text: String,
    reason: &'static str,
}

impl RepositoryPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the host is not written out, a part is empty or no part of a repository, or there is a tag or digest.
    pub fn parse(text: &str) -> Result<Self, RepositoryPatternError> {
        let refuse = |reason| Err(RepositoryPatternError { text: text.chars().take(128).collect(), reason });
        let Some((host, path)) = text.split_once('/') else {
            return refuse("expected <host>/<path>, for example docker.io/library/nginx or ghcr.io/acme/**");
        };
        let (path, everything_below) = match path.strip_suffix("**") {
            Some("") => ("", true),
            Some(above) => match above.strip_suffix('/') {
                Some(above) => (above, true),
                None => return refuse("** stands alone at the end, after a /"),
            },
            None => (path, false),
        };
        let bare_host = host.strip_prefix("*.").unwrap_or(host);
        if !bare_host.contains(['.', ':']) && bare_host != "localhost" {
            return refuse("the host must be written out, with a . or a port, or be localhost");
        }
        // A host that the grammar of references takes is one that can occur in them.
        if bare_host.contains('*') || ImageReference::parse(&format!("{bare_host}/a")).is_none() {
            return refuse("the host is not one of an image reference; only its leftmost label may be *");
        }
        let parts: Vec<String> =
            if path.is_empty() { Vec::new() } else { path.split('/').map(str::to_owned).collect() };
        if parts.is_empty() && !everything_below {
            return refuse("the path is empty; write /** for every repository of the host");
        }
        if !parts
            .iter()
            .all(|part| part == "*" || ImageReference::parse(&format!("localhost/{part}")).is_some_and(is_bare))
        {
            return refuse(
                "a part of the path is not one of a repository: lower case, no tag, no digest, * only as a whole part",
            );
        }
        let host = canonical_host(host);
        Ok(Self { text: text.to_owned(), host, path: parts, everything_below })
    }

    /// Whether the reference is in one of the repositories.
    #[must_use]
    pub fn covers(&self, reference: &ImageReference<'_>) -> bool {
        let host = canonical_host(reference.registry);
        let host_covered = match self.host.strip_prefix('*') {
            // One label stands for the star: `*.example.com` covers `eu.example.com`, not `a.eu.example.com`.
            Some(rest) => host.strip_suffix(rest).is_some_and(|label| !label.is_empty() && !label.contains('.')),
            None => host == self.host,
        };
        let mut parts = reference.repository.split('/');
        host_covered
            && self.path.iter().all(|pattern| parts.next().is_some_and(|part| pattern == "*" || pattern == part))
            && (parts.next().is_some() == self.everything_below)
    }
}

fn is_bare(reference: ImageReference<'_>) -> bool {
    reference.tag.is_none() && reference.digest.is_none() && reference.registry == "localhost"
}

/// Lower case; both names of Docker's registry are one.
fn canonical_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    if host == "index.docker.io" { "docker.io".to_owned() } else { host }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for RepositoryPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for RepositoryPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_covered_exactly() {
        for (pattern, image, covered) in [
            ("docker.io/library/nginx", "nginx", true),
            ("docker.io/library/nginx", "nginx:1.27", true),
            ("docker.io/library/nginx", "docker.io/nginx", true),
            ("docker.io/library/nginx", "index.docker.io/library/nginx", true),
            ("index.docker.io/library/nginx", "nginx", true),
            ("docker.io/library/nginx", "DOCKER.IO/library/nginx", true),
            ("docker.io/library/nginx", "nginx/nginx", false),
            ("docker.io/library/**", "bitnami/redis", false),
            ("docker.io/**", "bitnami/redis", true),
            ("ghcr.io/acme/**", "ghcr.io/acme/app/web:1", true),
            ("ghcr.io/acme/**", "ghcr.io/acme", false),
            ("ghcr.io/acme/**", "ghcr.io/acme-evil/app", false),
            ("ghcr.io/acme/**", "ghcr.io.example.com/acme/app", false),
            ("ghcr.io/acme/**", "ghcr.io:8443/acme/app", false),
            ("ghcr.io/acme/**", "GHCR.io/acme/app", true),
            ("ghcr.io/acme/*", "ghcr.io/acme/app", true),
            ("ghcr.io/acme/*", "ghcr.io/acme/app/web", false),
            ("ghcr.io/*/web", "ghcr.io/acme/web", true),
            ("registry.example:5000/**", "registry.example:5000/a", true),
            ("registry.example:5000/**", "registry.example/a", false),
            ("localhost:5000/**", "localhost:5000/a", true),
            ("localhost:5000/**", "localhost/a", false),
            ("*.example.com/a", "eu.example.com/a", true),
            ("*.example.com/a", "example.com/a", false),
            ("*.example.com/a", "x.eu.example.com/a", false),
            ("*.example.com/a", "evil-example.com/a", false),
        ] {
            let pattern = RepositoryPattern::parse(pattern).unwrap();
            assert_eq!(pattern.covers(&ImageReference::parse(image).unwrap()), covered, "{pattern} {image}");
        }
    }

    #[test]
    fn what_could_be_meant_two_ways_is_refused() {
        for text in [
            "",
            "*",
            "**",
            "nginx",
            "ghcr.io",
            "ghcr.io/",
            "acme/**",
            "*/**",
            "ghcr.io/acme**",
            "ghcr.io/**/web",
            "ghcr.io/a*",
            "ghcr.io/Acme/**",
            "ghcr.io/acme/app:1",
            "ghcr.io/acme/app@sha256:0",
            "gh*.io/a",
            "*.*.io/a",
            "ghcr.io//a",
            "https://ghcr.io/a",
        ] {
            assert!(RepositoryPattern::parse(text).is_err(), "{text}");
        }
    }
}
