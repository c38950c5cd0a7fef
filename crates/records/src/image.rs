//! The grammar of image references, as the container runtimes read them.
//!
//! Rules: the `reference` grammar of the Distribution project with Docker's defaults. The part before the first `/` is a
//! registry when it holds a `.` or `:`, is `localhost`, or has a capital letter; else the registry is `docker.io`, and a
//! repository of one part there is under `library/`.

/// An image reference in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// Host and port; `docker.io` when none is written.
    pub registry: &'a str,
    /// The repository without registry, with `library/` where that is implied.
    pub repository: String,
    /// The tag as written. There is no default here: without tag and digest, runtimes take `latest`.
    pub tag: Option<&'a str>,
    /// The digest as written, with its algorithm.
    pub digest: Option<&'a str>,
}

const DEFAULT_REGISTRY: &str = "docker.io";

impl<'a> ImageReference<'a> {
    /// Reads a reference; `None` when the grammar does not allow it (capital letters in the repository, a bad tag or digest, nothing
    /// at all).
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (named, digest) = match text.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (text, None),
        };
        let slash = named.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match named[slash..].find(':') {
            Some(colon) => (&named[..slash + colon], Some(&named[slash + colon + 1..])),
            None => (named, None),
        };
        let is_registry = |first: &str| {
            first.contains(['.', ':']) || first == "localhost" || first.bytes().any(|b| b.is_ascii_uppercase())
        };
        let (registry, path) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (first, rest),
            _ => (DEFAULT_REGISTRY, name),
        };
        let registry = if registry == "index.docker.io" { DEFAULT_REGISTRY } else { registry };
        let implied = registry == DEFAULT_REGISTRY && !path.contains('/');
        let length = registry.len() + 1 + path.len() + if implied { "library/".len() } else { 0 };
        let valid = valid_registry(registry)
            && path.split('/').all(valid_component)
            && !(name == path && is_bare_digest(path))
            && length <= 255
            && tag.is_none_or(valid_tag)
            && digest.is_none_or(valid_digest);
        valid.then(|| Self {
            registry,
            repository: if implied { format!("library/{path}") } else { path.to_owned() },
            tag,
            digest,
        })
    }
}

/// Sixty-four hexadecimal digits alone are read as the identifier of an image, not as a name.
fn is_bare_digest(path: &str) -> bool {
    path.len() == 64 && path.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn valid_registry(registry: &str) -> bool {
    let (host, port) = match registry.strip_prefix('[') {
        Some(rest) => {
            let Some((address, rest)) = rest.split_once(']') else { return false };
            if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
                return false;
            }
            return rest.is_empty() || rest.strip_prefix(':').is_some_and(valid_port);
        }
        None => match registry.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (registry, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && port.is_none_or(valid_port)
}

fn valid_port(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
fn valid_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends = bytes.first().is_some_and(|b| alphanumeric(*b)) && bytes.last().is_some_and(|b| alphanumeric(*b));
    ends && component
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

fn valid_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128 && tag.bytes().next().is_some_and(word) && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

fn valid_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let part = |p: &str| {
        p.bytes().next().is_some_and(|b| b.is_ascii_alphabetic()) && p.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let length = match algorithm {
        "sha256" => hex.len() == 64,
        "sha384" => hex.len() == 96,
        "sha512" => hex.len() == 128,
        _ => hex.len() >= 32,
    };
    algorithm.split(['-', '_', '+', '.']).all(part) && length && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn parts_are_told_apart() {
        let pinned = format!("registry.example/team/app:1.2@{D}");
        for (text, registry, repository, tag, digest) in [
            ("nginx", "docker.io", "library/nginx", None, None),
            ("nginx:1.27", "docker.io", "library/nginx", Some("1.27"), None),
            ("bitnami/redis", "docker.io", "bitnami/redis", None, None),
            ("index.docker.io/nginx", "docker.io", "library/nginx", None, None),
            ("docker.io/library/nginx", "docker.io", "library/nginx", None, None),
            ("localhost/app", "localhost", "app", None, None),
            ("localhost:5000/app", "localhost:5000", "app", None, None),
            ("registry:5000/app", "registry:5000", "app", None, None),
            ("registry:5000/a/b:v1", "registry:5000", "a/b", Some("v1"), None),
            ("registry:5000", "docker.io", "library/registry", Some("5000"), None),
            ("Registry/app", "Registry", "app", None, None),
            ("[2001:db8::1]:5000/app:v1", "[2001:db8::1]:5000", "app", Some("v1"), None),
            ("ghcr.io/a/b__c/d--e.f:X", "ghcr.io", "a/b__c/d--e.f", Some("X"), None),
            (&pinned, "registry.example", "team/app", Some("1.2"), Some(D)),
        ] {
            let r = ImageReference::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (r.registry, r.repository.as_str(), r.tag, r.digest),
                (registry, repository, tag, digest),
                "{text}"
            );
        }
    }

    #[test]
    fn what_no_runtime_pulls_is_refused() {
        let long = format!("a/{}", "b".repeat(260));
        let bare = "a".repeat(64);
        // Only with what is implied is it too long.
        let long_in_full = "a".repeat(255 - "docker.io/library/".len() + 1);
        for text in [
            "",
            "Nginx",
            "team/App",
            "ghcr.io/Team/app",
            "nginx:",
            "nginx:-x",
            "nginx@",
            "nginx@sha256:abc",
            "a//b",
            "/nginx",
            "nginx/",
            "a..b",
            "a___b",
            "-a",
            "nginx:a:b",
            "nginx:1@2@3",
            "ghcr.io:x/app",
            " nginx",
            &long,
            &long_in_full,
            &bare,
        ] {
            assert_eq!(ImageReference::parse(text), None, "{text:?}");
        }
    }
}
