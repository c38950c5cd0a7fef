//! What is decided on.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// An `AdmissionReview` longer than this is refused. The API server takes objects of up to 3 MiB; an update has two of them.
pub const MAX_REVIEW_BYTES: usize = 8 << 20;

/// What is being done to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is made.
    Create,
    /// It is replaced or patched.
    Update,
    /// It is deleted.
    Delete,
    /// Somebody connects to it (`pods/exec` and its like).
    Connect,
}

/// A request to the API server, in the parts that policies look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// The review's identifier; empty for a manifest.
    pub uid: String,
    /// API group of the object's kind; empty for the core group.
    pub group: String,
    /// Kind of the object.
    pub kind: String,
    /// The resource, in the plural; empty for a manifest.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// What is being done.
    pub operation: Operation,
    /// Namespace; empty when the object has none, or a manifest does not say.
    pub namespace: String,
    /// Name; empty when the API server is to make one.
    pub name: String,
    /// Name of the user; empty for a manifest.
    pub user: String,
    /// Groups of the user.
    pub groups: Vec<String>,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The object as JSON; `None` for a deletion.
    pub object: Option<Cow<'a, str>>,
    /// The object before an update or a deletion, as JSON.
    pub old_object: Option<Cow<'a, str>>,
    /// The whole review, as JSON; `None` for a manifest.
    pub review: Option<&'a str>,
}

/// Why bytes are no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// More than [`MAX_REVIEW_BYTES`].
    #[error("the review has {0} bytes; at most {MAX_REVIEW_BYTES} are read")]
    TooLong(usize),
    /// No UTF-8, no JSON, or no JSON of the form.
    #[error("failed to read the bytes as an AdmissionReview: {0}")]
    Form(String),
    /// Of another kind or version.
    #[error("expected kind AdmissionReview of admission.k8s.io/v1, found kind {kind:?} of {api_version:?}")]
    Kind {
        /// The kind that it names.
        kind: String,
        /// The API version that it names.
        api_version: String,
    },
    /// An answer, or nothing.
    #[error("the AdmissionReview has no request")]
    NoRequest,
    /// A manifest without a kind or API version.
    #[error("the object has no {0}: every object of Kubernetes has apiVersion and kind")]
    NoKind(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "R: Deserialize<'de>"))]
struct Review<R> {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<R>,
}

impl<R> Review<R> {
    fn of_known_kind(self) -> Result<Self, RequestError> {
        if self.kind == "AdmissionReview" && self.api_version == "admission.k8s.io/v1" {
            return Ok(self);
        }
        Err(RequestError::Kind { kind: cut(&self.kind), api_version: cut(&self.api_version) })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReviewRequest<'a> {
    #[serde(default)]
    uid: String,
    kind: Kind,
    #[serde(default)]
    resource: Resource,
    #[serde(default)]
    sub_resource: Option<String>,
    operation: Operation,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    user_info: User,
    #[serde(default)]
    dry_run: Option<bool>,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    old_object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    group: String,
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    resource: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: Option<String>,
    groups: Option<Vec<String>>,
}

impl Operation {
    /// Its name in reviews.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// The identifier of a review that may be no [`Request`] otherwise: enough to answer it. `None` when there is none.
#[must_use]
pub fn review_uid(bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct OnlyUid {
        request: Uid,
    }
    #[derive(Deserialize)]
    struct Uid {
        uid: String,
    }
    if bytes.len() > MAX_REVIEW_BYTES {
        return None;
    }
    let found = serde_json::from_slice::<OnlyUid>(bytes).ok()?.request.uid;
    answerable(&found).map(str::to_owned)
}

/// The identifier of a review, when it can be one: the API server's are UUIDs; whatever is much longer is not its.
#[must_use]
pub fn answerable(uid: &str) -> Option<&str> {
    (1..=128).contains(&uid.len()).then_some(uid)
}

impl<'a> Request<'a> {
    /// Reads an `AdmissionReview` of `admission.k8s.io/v1`. The objects in it are not interpreted yet.
    ///
    /// # Errors
    /// When the bytes are too many, of another form or of another kind.
    pub fn from_review(bytes: &'a [u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REVIEW_BYTES {
            return Err(RequestError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| RequestError::Form(error.to_string()))?;
        let review = serde_json::from_str::<Review<ReviewRequest<'a>>>(text).map_err(|error| {
            // Of a review of another kind it tells more that it is of another kind.
            let kind =
                serde_json::from_str::<Review<IgnoredAny>>(text).ok().and_then(|review| review.of_known_kind().err());
            kind.unwrap_or_else(|| RequestError::Form(error.to_string()))
        })?;
        let request = review.of_known_kind()?.request.ok_or(RequestError::NoRequest)?;
        Ok(Self {
            uid: request.uid,
            group: request.kind.group,
            kind: request.kind.kind,
            resource: request.resource.resource,
            subresource: request.sub_resource.unwrap_or_default(),
            operation: request.operation,
            namespace: request.namespace.unwrap_or_default(),
            name: request.name.unwrap_or_default(),
            user: request.user_info.username.unwrap_or_default(),
            groups: request.user_info.groups.unwrap_or_default(),
            dry_run: request.dry_run.unwrap_or_default(),
            object: request.object.map(|raw| Cow::Borrowed(raw.get())),
            old_object: request.old_object.map(|raw| Cow::Borrowed(raw.get())),
            review: Some(text),
        })
    }

    /// Takes an object for one that somebody is about to make.
    ///
    /// # Errors
    /// When it has no API version or no kind.
    pub fn from_manifest(object: &serde_json::Value) -> Result<Request<'static>, RequestError> {
        let text = |value: Option<&serde_json::Value>| value.and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let api_version = text(object.get("apiVersion"));
        let kind = text(object.get("kind"));
        if kind.is_empty() {
            return Err(RequestError::NoKind("kind"));
        }
        if api_version.is_empty() {
            return Err(RequestError::NoKind("apiVersion"));
        }
        let metadata = object.get("metadata");
        Ok(Request {
            uid: String::new(),
            group: api_version.split_once('/').map_or("", |(group, _)| group).to_owned(),
            kind,
            resource: String::new(),
            subresource: String::new(),
            operation: Operation::Create,
            namespace: text(metadata.and_then(|m| m.get("namespace"))),
            name: text(metadata.and_then(|m| m.get("name"))),
            user: String::new(),
            groups: Vec::new(),
            dry_run: false,
            object: Some(Cow::Owned(object.to_string())),
            old_object: None,
            review: None,
        })
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_read_without_its_objects() {
        let review = br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"group":"","version":"v1","kind":"Pod"},
            "resource":{"group":"","version":"v1","resource":"pods"},"name":"a","namespace":"b","operation":"CREATE","userInfo":{"username":"c","groups":["d"]},
            "object":{"x":[1]},"oldObject":null,"dryRun":true,"options":{}}}"#;
        let request = Request::from_review(review).unwrap();
        assert_eq!(request.object.as_deref(), Some(r#"{"x":[1]}"#));
        assert_eq!((request.old_object, request.dry_run, request.user.as_str()), (None, true, "c"));
    }

    #[test]
    fn what_is_no_review_says_why() {
        for (bytes, error) in [
            (&b"\xff"[..], "failed to read the bytes as an AdmissionReview: invalid utf-8"),
            (b"", "failed to read the bytes as an AdmissionReview: EOF"),
            (
                br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}"#,
                "expected kind AdmissionReview of admission.k8s.io/v1, found",
            ),
            (br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#, "the AdmissionReview has no request"),
            (
                br#"{"kind":"ConversionReview","apiVersion":"apiextensions.k8s.io/v1","request":{"uid":"u"}}"#,
                "expected kind AdmissionReview of admission.k8s.io/v1, found kind \"ConversionReview\"",
            ),
            (
                br#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":1}}"#,
                "failed to read the bytes as an AdmissionReview: invalid type: integer `1`, expected a string",
            ),
        ] {
            let told = Request::from_review(bytes).unwrap_err().to_string();
            assert!(told.starts_with(error), "{told}");
        }
    }
}
