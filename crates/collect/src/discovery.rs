//! Which kinds an API server serves: its list of API groups.
//!
//! A kind that is not served has no objects, and that is knowledge, as long as it is renewed. What it rests on:
//! - The API server answered a list of the kind with 404, in every version that we know. While an API server starts and does not know all of its kinds yet, it
//!   answers 503, not 404.
//! - Its list of API groups, asked for after that, does not have the kind in any version, and does not call the kind's group stale.
//! - From then on the list of groups is asked for at each heartbeat, and at once when a definition of the kind is seen by the watch of
//!   CustomResourceDefinitions. Nothing is claimed beyond the moment at which a definition was seen.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use serde::Deserialize;

use crate::kinds::GovernedKind;
use crate::request::{ReadClient, RequestError};

/// Where it is.
pub(crate) const PATH: &str = "/apis";
/// With all resources in one answer (Kubernetes 1.27 to 1.30 by another version); older ones give the groups alone.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
/// Longest answer: some hundred kilobytes are usual.
const ANSWER_LIMIT: usize = 64 << 20;

/// Whether a kind is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// In a version that we know.
    Served,
    /// In no version.
    NotServed,
    /// The answer does not tell, or only versions are served that we do not know.
    Unknown,
}

/// What was served at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Discovery {
    /// When it was asked for.
    pub(crate) asked_at: Timestamp,
    groups: BTreeMap<String, Group>,
    etag: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Group {
    /// Versions by resource; `None` when the answer does not have resources.
    resources: Option<BTreeMap<String, BTreeSet<String>>>,
    /// The API server could not ask whoever serves it.
    stale: bool,
}

/// Why it is not known what is served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    #[error("failed to ask what is served")]
    Request(#[from] RequestError),
    #[error("failed to ask what is served: the API server answered {status}")]
    Refused { status: u16 },
    #[error("failed to ask what is served: the answer is not as expected")]
    Answer(#[source] serde_json::Error),
}

#[derive(Deserialize)]
struct List {
    kind: String,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    groups: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: Named,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    freshness: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    resource: String,
}

/// Asks; `last` is the answer before, which an API server does not repeat when nothing changed.
pub(crate) async fn ask(client: &ReadClient, last: Option<&Discovery>) -> Result<Discovery, DiscoveryError> {
    let etag = last.and_then(|last| last.etag.as_deref());
    let mut answer = client.get_with(PATH, ACCEPT, etag.map(|etag| (http::header::IF_NONE_MATCH, etag))).await?;
    match (answer.status, last) {
        (200, _) => {}
        (304, Some(last)) => return Ok(Discovery { asked_at: answer.sent_at, ..last.clone() }),
        (status, _) => return Err(DiscoveryError::Refused { status }),
    }
    let (asked_at, etag) = (answer.sent_at, answer.etag());
    let bytes = answer.bytes(ANSWER_LIMIT).await?;
    Ok(Discovery { etag, ..Discovery::read(&bytes, asked_at).map_err(DiscoveryError::Answer)? })
}

impl Discovery {
    fn read(bytes: &[u8], asked_at: Timestamp) -> Result<Self, serde_json::Error> {
        let list: List = serde_json::from_slice(bytes)?;
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        match list.kind.as_str() {
            "APIGroupDiscoveryList" => {
                for item in list.items {
                    let group = groups.entry(item.metadata.name).or_default();
                    let resources = group.resources.get_or_insert_default();
                    for version in item.versions {
                        group.stale |= version.freshness == "Stale";
                        for resource in version.resources {
                            resources.entry(resource.resource).or_default().insert(version.version.clone());
                        }
                    }
                }
            }
            "APIGroupList" => groups.extend(list.groups.into_iter().map(|group| (group.name, Group::default()))),
            other => return Err(serde::de::Error::custom(format!("a list of API groups was expected, not {other:?}"))),
        }
        Ok(Self { asked_at, groups, etag: None })
    }

    /// Whether a kind is served. Of the core group, which stands elsewhere, it does not tell.
    pub(crate) fn presence(&self, kind: &GovernedKind) -> Presence {
        if kind.group().is_empty() {
            return Presence::Unknown;
        }
        let Some(group) = self.groups.get(kind.group()) else { return Presence::NotServed };
        let Some(resources) = &group.resources else { return Presence::Unknown };
        match resources.get(kind.resource()) {
            Some(versions) if kind.versions().iter().any(|known| versions.contains(known)) => Presence::Served,
            None if !group.stale => Presence::NotServed,
            _ => Presence::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    fn presence(text: &str, kind: &str) -> Presence {
        Discovery::read(text.as_bytes(), at()).unwrap().presence(&kind.parse().unwrap())
    }

    #[test]
    fn resources_are_told_by_group_and_version() {
        let text = r#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[
            {"metadata":{"name":"apps","creationTimestamp":null},"versions":[{"version":"v1","freshness":"Current","resources":[{"resource":"deployments","scope":"Namespaced","verbs":["list"]}]}]},
            {"metadata":{"name":"cilium.io"},"versions":[{"version":"v3","freshness":"Current","resources":[{"resource":"ciliumnetworkpolicies"}]}]},
            {"metadata":{"name":"away.example.com"},"versions":[{"version":"v1","freshness":"Stale"}]}]}"#;
        for (kind, expected) in [
            ("deployments.apps/v1", Presence::Served),
            ("daemonsets.apps/v1", Presence::NotServed),
            ("ciliumnetworkpolicies.cilium.io/v2", Presence::Unknown),
            ("ciliumendpoints.cilium.io/v2", Presence::NotServed),
            ("things.away.example.com/v1", Presence::Unknown),
            ("certificates.cert-manager.io/v1", Presence::NotServed),
            ("pods/v1", Presence::Unknown),
        ] {
            assert_eq!(presence(text, kind), expected, "{kind}");
        }
    }

    #[test]
    fn groups_alone_tell_what_is_not_there() {
        let text = r#"{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"apps","versions":[{"groupVersion":"apps/v1","version":"v1"}]}]}"#;
        assert_eq!(presence(text, "deployments.apps/v1"), Presence::Unknown);
        assert_eq!(presence(text, "things.example.com/v1"), Presence::NotServed);
    }

    #[test]
    fn another_answer_tells_nothing() {
        for text in
            ["", "{}", "[]", r#"{"kind":"Status","code":200}"#, r#"{"kind":"APIGroupDiscoveryList","items":[{}]}"#]
        {
            assert!(Discovery::read(text.as_bytes(), at()).is_err(), "{text}");
        }
    }
}
