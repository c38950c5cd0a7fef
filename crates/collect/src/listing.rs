//! What there is right now, asked for once: for answers that are not evidence (namespaces for admission, analyses of the moment).

use serde::Deserialize;
use serde_json::Value;

use crate::kinds::{Content, GovernedKind};
use crate::request::{JSON, ReadClient, RequestError, percent_encoded};

/// Objects in a page of a list.
const PAGE: u32 = 500;
/// Longest page, in bytes. An object has at most about 3 MiB.
const LONGEST: usize = 64 << 20;
/// What is asked for where nothing but metadata may be read.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ListingError {
    /// The request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The API server refused.
    #[error("the API server answered {status} to the list of {what}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
    },
    /// The answer is no list.
    #[error("the list of {what} cannot be read")]
    List {
        /// What was asked for.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// All objects of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The kind that was asked for.
    pub kind: GovernedKind,
    /// The objects, each with `apiVersion` and `kind`; Secrets without their content. `None` when the API server does not serve the kind.
    pub objects: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    metadata: PageMetadata,
    items: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct PageMetadata {
    resource_version: String,
    #[serde(rename = "continue")]
    next: String,
}

/// Lists one kind over all namespaces, in the first of its versions that is served.
///
/// # Errors
/// [`ListingError`]; that a kind is not served is none.
pub async fn list(client: &ReadClient, kind: &GovernedKind) -> Result<Listed, ListingError> {
    for version in kind.versions() {
        match all(client, &kind.path(version), &kind.detail(), kind.content()).await {
            Ok((objects, _)) => return Ok(Listed { kind: kind.clone(), objects: Some(objects) }),
            Err(ListingError::Status { status: 404, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Listed { kind: kind.clone(), objects: None })
}

/// All objects under a path, and the resource version at which the list stands.
pub(crate) async fn all(
    client: &ReadClient,
    path: &str,
    what: &str,
    content: Content,
) -> Result<(Vec<Value>, String), ListingError> {
    let accept = if content == Content::Metadata { METADATA } else { JSON };
    let mut items = Vec::new();
    let mut next = String::new();
    loop {
        let mut path = format!("{path}?limit={PAGE}");
        if !next.is_empty() {
            path.push_str("&continue=");
            path.push_str(&percent_encoded(&next));
        }
        let mut answer = client.get(&path, accept).await?;
        if answer.status != 200 {
            return Err(ListingError::Status { status: answer.status, what: what.to_owned() });
        }
        let bytes = answer.bytes(LONGEST).await?;
        let page: Page =
            serde_json::from_slice(&bytes).map_err(|source| ListingError::List { what: what.to_owned(), source })?;
        let kind = page.kind.strip_suffix("List").unwrap_or(&page.kind).to_owned();
        items.extend(page.items.unwrap_or_default().into_iter().map(|item| named(item, &kind, &page.api_version)));
        if page.metadata.next.is_empty() {
            return Ok((items, page.metadata.resource_version));
        }
        next = page.metadata.next;
    }
}

/// Items of a list carry neither kind nor version: the list says them once for all.
fn named(mut item: Value, kind: &str, api_version: &str) -> Value {
    if let Some(object) = item.as_object_mut() {
        object.entry("kind").or_insert_with(|| kind.into());
        object.entry("apiVersion").or_insert_with(|| api_version.into());
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn items_are_named_by_their_list() {
        let item = named(json!({"metadata": {"name": "a"}}), "Pod", "v1");
        assert_eq!(item, json!({"metadata": {"name": "a"}, "kind": "Pod", "apiVersion": "v1"}));
        assert_eq!(named(json!({"kind": "X"}), "Pod", "v1"), json!({"kind": "X", "apiVersion": "v1"}));
    }
}
