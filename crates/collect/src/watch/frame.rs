//! Reading one line of a watch.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// One line of a watch, borrowed from its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Frame<'a> {
    /// An object was added, changed or deleted.
    Change {
        /// `ADDED`, `MODIFIED` or `DELETED`.
        change: Change,
        /// The object's bytes.
        object: &'a str,
        /// Its `metadata.resourceVersion`; `None` when it has none that can be read.
        resource_version: Option<&'a str>,
    },
    /// Nothing happened up to this resourceVersion.
    Bookmark {
        /// It.
        resource_version: &'a str,
    },
    /// The API server ends the watch with a Status.
    Error {
        /// The status code; 410 means that the resourceVersion is too old.
        code: u16,
        /// What it says.
        message: &'a str,
    },
    /// Something else.
    Unknown,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Modified,
    Deleted,
}

impl Change {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow, rename = "resourceVersion")]
    resource_version: &'a str,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(default)]
    code: u16,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
}

/// `metadata.resourceVersion` of an object. It never holds characters that JSON escapes: it is a decimal number.
pub(crate) fn resource_version(object: &str) -> Option<&str> {
    serde_json::from_str::<Object<'_>>(object)
        .ok()
        .map(|object| object.metadata.resource_version)
        .filter(|v| !v.is_empty())
}

/// `metadata.name` of an object.
pub(crate) fn name(object: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    serde_json::from_str::<Object>(object).ok().map(|object| object.metadata.name)
}

impl<'a> Frame<'a> {
    /// Reads a line; whatever cannot be read is [`Frame::Unknown`].
    pub(crate) fn read(line: &'a [u8]) -> Self {
        let Ok(Line { kind, object }) = serde_json::from_slice::<Line<'a>>(line) else { return Self::Unknown };
        let object = object.get();
        let change = match kind.as_ref() {
            "ADDED" => Change::Added,
            "MODIFIED" => Change::Modified,
            "DELETED" => Change::Deleted,
            "BOOKMARK" => {
                return resource_version(object)
                    .map_or(Self::Unknown, |resource_version| Self::Bookmark { resource_version });
            }
            "ERROR" => {
                return serde_json::from_str::<Status<'a>>(object).map_or(Self::Unknown, |status| Self::Error {
                    code: status.code,
                    message: status.message.map_or("", |message| message.get().trim_matches('"')),
                });
            }
            _ => return Self::Unknown,
        };
        Self::Change { change, object, resource_version: resource_version(object) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_object_is_the_bytes_that_came() {
        let line =
            br#"{"type":"MODIFIED","object":{"kind":"Pod", "metadata":{"name":"a","resourceVersion":"12"},"x":1.0e2}}"#;
        let Frame::Change { change: Change::Modified, object, resource_version } = Frame::read(line) else { panic!() };
        assert_eq!(object, r#"{"kind":"Pod", "metadata":{"name":"a","resourceVersion":"12"},"x":1.0e2}"#);
        assert_eq!(resource_version, Some("12"));
    }

    #[test]
    fn the_end_of_a_watch_by_age() {
        let line = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (266)"}}"#;
        assert!(matches!(Frame::read(line), Frame::Error { code: 410, message: "too old resource version: 1 (266)" }));
    }

    #[test]
    fn what_is_no_frame() {
        for line in [
            "",
            "{}",
            "[]",
            r#"{"type":"BOOKMARK","object":{}}"#,
            r#"{"type":"LATER","object":{}}"#,
            r#"{"type":"ADDED"}"#,
        ] {
            assert!(matches!(Frame::read(line.as_bytes()), Frame::Unknown), "{line}");
        }
        let odd = br#"{"type":"ADDED","object":{"metadata":{"resourceVersion":7}}}"#;
        assert!(matches!(Frame::read(odd), Frame::Change { resource_version: None, .. }));
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Frame::read(&bytes);
        }
    }
}
