//! When the content of Secrets changed.
//!
//! The values are never seen. What tells of a change, from the most to the least exact: the manager's hash of the content changed from one
//! version to the next; a newer time in `managedFields` of whoever owns the content (a later bound: it moves with every write of that
//! manager); and for a Secret whose versions carry neither, nothing.

use std::collections::BTreeMap;

use records::Timestamp;
use records::tables::objects::ObjectVersion;
use records::tables::secrets::SecretRotation;
use serde_json::Value;

use super::marks::Marks;
use crate::identifier::identifier;

/// One content of one Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    /// Since when it is known to be there.
    pub(super) seen_from: Timestamp,
    /// When it was put in; none when that is not known.
    pub(super) from: Option<Timestamp>,
    /// What that rests on.
    pub(super) basis: Option<&'static str>,
}

/// One Secret: its versions in the order of time, and its contents.
struct Life<'a, 'r> {
    versions: Vec<&'a ObjectVersion<'r>>,
    contents: Vec<Content>,
    born: Option<Timestamp>,
}

/// The contents of Secrets, by UID.
pub(super) struct Contents<'a, 'r> {
    lives: BTreeMap<&'a str, Life<'a, 'r>>,
}

fn created(body: &Value) -> Option<Timestamp> {
    body.get("metadata")?.get("creationTimestamp")?.as_str()?.parse().ok()
}

impl<'a, 'r> Contents<'a, 'r> {
    /// Of the versions of the Secrets of one cluster.
    pub(super) fn of(versions: impl Iterator<Item = &'a ObjectVersion<'r>>) -> Self {
        let mut lives: BTreeMap<&'a str, Life<'a, 'r>> = BTreeMap::new();
        for version in versions {
            let life = lives.entry(&version.uid).or_insert_with(|| Life {
                versions: Vec::new(),
                contents: Vec::new(),
                born: None,
            });
            life.versions.push(version);
        }
        for life in lives.values_mut() {
            life.versions.sort_by_key(|version| version.valid_from);
            life.read();
        }
        Self { lives }
    }

    /// The contents of a Secret in the order of time.
    pub(super) fn history(&self, uid: &str) -> &[Content] {
        self.lives.get(uid).map(|life| life.contents.as_slice()).unwrap_or_default()
    }

    /// When a Secret was created, or first seen.
    pub(super) fn born(&self, uid: &str) -> Option<Timestamp> {
        self.lives.get(uid)?.born
    }

    /// Adds the rows of `secret_rotations`.
    pub(super) fn rotations(&self, cluster: &str, rows: &mut Vec<SecretRotation<'r>>) {
        for (uid, life) in &self.lives {
            for (number, content) in life.contents.iter().enumerate() {
                let next = life.contents.get(number + 1);
                let to = next.map(|next| next.from.unwrap_or(next.seen_from));
                life.rotation(cluster, uid, content, to, rows);
            }
        }
    }
}

impl<'r> Life<'_, 'r> {
    fn read(&mut self) {
        let mut last_hash: Option<String> = None;
        let mut last_write: Option<Timestamp> = None;
        for version in &self.versions {
            let body: Value = serde_json::from_str(&version.body_json).unwrap_or_default();
            let namespace = version.namespace.as_deref().unwrap_or_default();
            let hash = Marks::read(namespace, &version.name, &body).content_hash;
            let created = created(&body);
            let written = version.content_write_time;
            let (changed, from, basis) = match self.contents.is_empty() {
                true => {
                    self.born = Some(created.map_or(version.valid_from, |created| created.min(version.valid_from)));
                    match (written, created) {
                        // Times of `managedFields` and of creation are whole seconds: equal means not written since.
                        (Some(written), Some(created)) if written <= created => (true, Some(created), Some("created")),
                        (Some(written), _) => (true, Some(written), Some("managed_fields")),
                        (None, _) => (true, None, None),
                    }
                }
                false => match (&hash, &last_hash) {
                    (Some(now), Some(then)) => (now != then, Some(version.valid_from), Some("content_hash")),
                    _ => (
                        written.is_some_and(|written| last_write.is_none_or(|last| last < written)),
                        written,
                        Some("managed_fields"),
                    ),
                },
            };
            if changed {
                self.contents.push(Content { seen_from: version.valid_from, from, basis });
            }
            last_hash = hash.or(last_hash);
            last_write = last_write.max(written);
        }
    }

    fn rotation(
        &self,
        cluster: &str,
        uid: &str,
        content: &Content,
        replaced_at: Option<Timestamp>,
        rows: &mut Vec<SecretRotation<'r>>,
    ) {
        // In the order of time: the version that brought the content, and the last one before the next content.
        let at = self.versions.partition_point(|version| version.valid_from < content.seen_from);
        let end = replaced_at.map_or(self.versions.len(), |to| self.versions.partition_point(|v| v.valid_from < to));
        let first = self.versions.get(at);
        let last = end.checked_sub(1).filter(|last| *last >= at).and_then(|last| self.versions.get(last));
        let last = last.or(first);
        let (Some(first), Some(last)) = (first, last) else { return };
        let body: Value = serde_json::from_str(&last.body_json).unwrap_or_default();
        let namespace = last.namespace.as_deref().unwrap_or_default();
        let marks = Marks::read(namespace, &last.name, &body);
        let secret_id = identifier(&[cluster, namespace, &last.name, uid]);
        let began = content.from.unwrap_or(content.seen_from).to_string();
        // A version of the object that was replaced by one with the same content does not end it.
        let (content_to, ended_by) = match replaced_at {
            Some(at) => (Some(at), Some("replaced".into())),
            None => (last.valid_to, last.ended_by.clone().filter(|_| last.valid_to.is_some())),
        };
        rows.push(SecretRotation {
            provenance: first.provenance.clone(),
            rotation_id: identifier(&[&secret_id, &began]).into(),
            secret_id: secret_id.into(),
            namespace: last.namespace.clone().unwrap_or_default(),
            name: last.name.clone(),
            secret_type: marks.secret_type.map(Into::into),
            manager: marks.manager.map(Into::into),
            rotation_class: marks.rotation_class.map(Into::into),
            content_from: content.from,
            content_from_basis: content.basis.map(Into::into),
            observed_at: first.observed_at,
            content_to,
            ended_by,
        });
    }
}
