//! What is known of each Secret in time, from its metadata and the objects around it; never from its values.
//!
//! What keeps a Secret shows by marks on the Secret itself ([`marks`]), and by the objects that name it as their target ([`keepers`]), which also tell
//! how its content is renewed. When the content last changed is worked out by [`content`]. With what it is stored comes from the last scan of etcd: an
//! object that was created after that scan is not in it, and nothing is said of it, even when another had its name. Who may read follows
//! from grants (module `readers`).

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::secrets::SecretSummary;
use records::tables::encryption::EncryptionState;
use records::tables::objects::ObjectVersion;
use records::tables::rbac::RbacGrant;
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};
use serde_json::Value;

use crate::encryption::Encryption;
use crate::identifier::identifier;
use crate::objects::History;
use crate::rbac;
use crate::replay::{Held, Lasting, moments};
use crate::snapshot::{Object, Snapshot};
use crate::timeline::Interval;

mod content;
mod duration;
pub mod keepers;
pub mod marks;
mod readers;

use keepers::{Keeper, Keepers};
use marks::Marks;

/// What is known of one Secret at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posture {
    /// What its own metadata tells.
    pub marks: Marks,
    /// What keeps it, by its marks or by the object that names it.
    pub manager: Option<&'static str>,
    /// The object that keeps it, as `Kind:namespace/name`.
    pub manager_object: Option<String>,
    /// How its content is renewed, and the state of that.
    pub keeper: Option<Keeper>,
}

impl Posture {
    /// From the Secret's metadata and the objects that may keep it.
    #[must_use]
    pub fn of(namespace: &str, name: &str, body: &Value, keepers: &Keepers) -> Self {
        let marks = Marks::read(namespace, name, body);
        let keeper = keepers.of(namespace, name, &marks).cloned();
        // An object that names the Secret without having marked it (its first look is still to come, or it failed) does not keep it yet.
        let manager = match (&marks.manager, &keeper) {
            (Some("flux"), Some(keeper)) if keeper.manager == "sops" => Some("sops"),
            (Some(manager), _) => Some(*manager),
            (None, Some(keeper)) if !keeper.marks_its_secrets => Some(keeper.manager),
            (None, _) => None,
        };
        let keeper = keeper.filter(|keeper| manager == Some(keeper.manager));
        let manager_object =
            keeper.as_ref().map(|keeper| keeper.object.clone()).or_else(|| marks.manager_object.clone());
        Self { marks, manager, manager_object, keeper }
    }
}

/// The Secrets of a snapshot, in order.
#[must_use]
pub fn of_snapshot(snapshot: &Snapshot) -> Vec<SecretSummary> {
    let mut keepers = Keepers::default();
    for object in snapshot.all() {
        keepers.put(&object.group, &object.kind, object.namespace.as_deref(), &object.name, &object.body, None);
    }
    let text = |text: Option<&'static str>| text.map(str::to_owned);
    let summary = |object: &Object| {
        let namespace = object.namespace.clone().unwrap_or_default();
        let Posture { marks, manager, manager_object, keeper } =
            Posture::of(&namespace, &object.name, &object.body, &keepers);
        let keeper = keeper.as_ref();
        SecretSummary {
            namespace,
            name: object.name.clone(),
            file: object.place.file.clone(),
            document: object.place.document,
            line: object.place.line,
            secret_type: marks.secret_type,
            manager: text(manager),
            manager_object,
            refresh: text(keeper.and_then(|keeper| keeper.refresh)),
            refresh_seconds: keeper.and_then(|keeper| keeper.refresh_seconds),
            synced: keeper.and_then(|keeper| keeper.synced),
            rotation_class: marks.rotation_class,
            certificate_not_after: keeper.and_then(|keeper| keeper.certificate_not_after),
        }
    };
    snapshot.of("", "secrets").map(summary).collect()
}

/// A Secret while it is there.
struct Present<'a, 'r> {
    version: &'a ObjectVersion<'r>,
    body: Value,
}

/// What held of one Secret; the version that it rests on is not compared.
struct Shown<'a, 'r> {
    version: &'a ObjectVersion<'r>,
    posture: Posture,
}

impl PartialEq for Shown<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        self.posture == other.posture
    }
}

/// UID of a Secret.
type Uid<'a> = &'a str;

/// The rows of the tables about Secrets.
#[derive(Debug, Default)]
pub(crate) struct AboutSecrets<'r> {
    /// Rows of `secrets_posture`.
    pub(crate) posture: Vec<SecretPosture<'r>>,
    /// Rows of `secret_rotations`.
    pub(crate) rotations: Vec<SecretRotation<'r>>,
    /// Rows of `secret_readers`.
    pub(crate) readers: Vec<SecretReaders<'r>>,
}

/// Kinds of which all must be known before it is known who may read.
const ACCESS: [&str; 4] = ["clusterroles", "clusterrolebindings", "roles", "rolebindings"];

/// Works them out.
pub(crate) fn secrets<'r>(
    history: &History<'r>,
    grants: &[RbacGrant<'r>],
    encryption: &Encryption<'r>,
) -> AboutSecrets<'r> {
    let versions = &history.versions;
    let mut clusters: BTreeMap<&str, Vec<&ObjectVersion<'r>>> = BTreeMap::new();
    for version in versions {
        let secret = version.api_group.is_empty() && version.resource == "secrets";
        if secret || keepers::is_keeper(&version.api_group, &version.kind) {
            clusters.entry(&version.provenance.cluster).or_default().push(version);
        }
    }
    let mut about = AboutSecrets::default();
    for (cluster, versions) in clusters {
        let secrets = || versions.iter().copied().filter(|v| v.resource == "secrets");
        let contents = content::Contents::of(secrets());
        let stored = Storage::of(cluster, encryption);
        for held in walk(&versions) {
            stored.cut(cluster, held, &contents, &mut about.posture);
        }
        contents.rotations(cluster, &mut about.rotations);
        let namespaces: BTreeSet<&str> = secrets().filter_map(|secret| secret.namespace.as_deref()).collect();
        let known = ACCESS.iter().map(|resource| history.known_from(cluster, rbac::GROUP, resource));
        if let Some(known) = known.collect::<Option<Vec<Timestamp>>>().and_then(|known| known.into_iter().max()) {
            let of_cluster = grants.iter().filter(|grant| grant.provenance.cluster == cluster);
            readers::readers(of_cluster, &namespaces, known, &mut about.readers);
        }
    }
    about
}

/// What is known of each Secret of one cluster, moment by moment.
fn walk<'a, 'r>(versions: &[&'a ObjectVersion<'r>]) -> Vec<Held<Uid<'a>, Shown<'a, 'r>>> {
    let mut keepers = Keepers::default();
    let mut present: BTreeMap<(&str, &str), Present<'a, 'r>> = BTreeMap::new();
    let mut lasting: Lasting<Uid<'a>, Shown<'a, 'r>> = Lasting::new();
    for moment in moments(versions.iter().copied()) {
        let mut touched: BTreeSet<(String, String)> = BTreeSet::new();
        for version in &moment.ends {
            let namespace = version.namespace.as_deref().unwrap_or_default();
            if version.resource == "secrets" {
                present.remove(&(namespace, &*version.name));
                // Goes on when the next version begins at this instant and says the same.
                if !moment.begins.iter().any(|next| next.uid == version.uid) {
                    lasting.end(moment.at, &&*version.uid);
                }
            } else {
                touched.extend(keepers.take(&version.kind, version.namespace.as_deref(), &version.name));
            }
        }
        for version in &moment.begins {
            // A body of another form tells nothing; the normaliser lists it as a fault.
            let body: Value = serde_json::from_str(&version.body_json).unwrap_or_default();
            let namespace = version.namespace.as_deref();
            if version.resource == "secrets" {
                let namespace = namespace.unwrap_or_default();
                touched.insert((namespace.to_owned(), version.name.to_string()));
                if let Some(object) = Marks::read(namespace, &version.name, &body).manager_object {
                    keepers.mark(&object, namespace, &version.name);
                }
                present.insert((namespace, &*version.name), Present { version, body });
            } else {
                let refreshed = version.refreshed_time;
                let targets =
                    keepers.put(&version.api_group, &version.kind, namespace, &version.name, &body, refreshed);
                touched.extend(targets);
            }
        }
        for (namespace, name) in touched {
            let Some(secret) = present.get(&(namespace.as_str(), name.as_str())) else { continue };
            let posture = Posture::of(&namespace, &name, &secret.body, &keepers);
            lasting.set(moment.at, &*secret.version.uid, Shown { version: secret.version, posture });
        }
    }
    lasting.finish()
}

/// How the Secrets of one cluster are stored.
struct Storage<'s, 'r> {
    /// By namespace and name.
    objects: BTreeMap<(&'s str, &'s str), Vec<&'s EncryptionState<'r>>>,
    scans: Vec<Timestamp>,
}

impl<'s, 'r> Storage<'s, 'r> {
    fn of(cluster: &str, encryption: &'s Encryption<'r>) -> Self {
        let mut objects: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for state in &encryption.states {
            if state.provenance.cluster == cluster
                && state.subject_kind == "object"
                && (&*state.api_group, &*state.resource) == ("", "secrets")
                && let (Some(namespace), Some(name)) = (state.namespace.as_deref(), state.name.as_deref())
            {
                objects.entry((namespace, name)).or_default().push(state);
            }
        }
        let of_secrets = encryption.scans.iter().filter(|scan| {
            scan.cluster == cluster && (scan.api_group.as_str(), scan.resource.as_str()) == ("", "secrets")
        });
        let mut scans: Vec<Timestamp> = of_secrets.map(|scan| scan.at).collect();
        scans.sort_unstable();
        Self { objects, scans }
    }

    /// Cuts what held of a Secret where its storage or its content changed, and adds the rows.
    fn cut(
        &self,
        cluster: &str,
        held: Held<Uid<'_>, Shown<'_, 'r>>,
        contents: &content::Contents<'_, 'r>,
        rows: &mut Vec<SecretPosture<'r>>,
    ) {
        let Some(interval) = Interval::new(held.from, held.to) else { return };
        let version = held.value.version;
        let namespace = version.namespace.as_deref().unwrap_or_default();
        let history = contents.history(held.key);
        let states = self.objects.get(&(namespace, &*version.name)).map(Vec::as_slice).unwrap_or_default();
        // The first scan that can have seen this object, not an earlier one of its name.
        let born = contents.born(held.key).unwrap_or(held.from);
        let first_scan = self.scans.get(self.scans.partition_point(|at| *at < born)).copied();
        let cuts = states.iter().flat_map(|s| [Some(s.valid_from), s.valid_to]).flatten().chain(first_scan);
        let cuts = cuts.chain(history.iter().map(|content| content.seen_from));
        let secret_id = identifier(&[cluster, namespace, &version.name, held.key]);
        for piece in interval.cut(cuts) {
            let state = states.iter().find(|s| {
                s.valid_from <= piece.from
                    && s.valid_to.is_none_or(|to| piece.from < to)
                    && first_scan.is_some_and(|first| first <= piece.from)
            });
            let content = history.iter().rev().find(|content| content.seen_from <= piece.from);
            let state =
                state.map(|state| (*state, first_scan.map_or(state.valid_from, |first| first.max(state.valid_from))));
            let row = row(version, &secret_id, piece, &held.value.posture, content, state);
            if let Some(last) = rows.last_mut()
                && last.valid_to == Some(row.valid_from)
                && same(last, &row)
            {
                last.valid_to = row.valid_to;
            } else {
                rows.push(row);
            }
        }
    }
}

fn row<'r>(
    version: &ObjectVersion<'r>,
    secret_id: &str,
    piece: Interval,
    posture: &Posture,
    content: Option<&content::Content>,
    state: Option<(&EncryptionState<'r>, Timestamp)>,
) -> SecretPosture<'r> {
    let keeper = posture.keeper.as_ref();
    SecretPosture {
        provenance: version.provenance.clone(),
        secret_id: secret_id.to_owned().into(),
        valid_from: piece.from,
        valid_to: piece.to,
        namespace: version.namespace.clone().unwrap_or_default(),
        name: version.name.clone(),
        secret_type: posture.marks.secret_type.clone().map(Into::into),
        manager: posture.manager.map(Into::into),
        manager_object: posture.manager_object.clone().map(Into::into),
        refresh: keeper.and_then(|keeper| keeper.refresh).map(Into::into),
        refresh_seconds: keeper.and_then(|keeper| keeper.refresh_seconds),
        synced: keeper.and_then(|keeper| keeper.synced),
        refreshed_at: keeper.and_then(|keeper| keeper.refreshed_at),
        content_changed_at: content.and_then(|content| content.from),
        content_changed_basis: content.and_then(|content| content.basis).map(Into::into),
        rotation_class: posture.marks.rotation_class.clone().map(Into::into),
        encrypted: state.and_then(|(state, _)| state.encrypted),
        encryption_provider: state.and_then(|(state, _)| state.provider.clone()),
        encryption_key: state.and_then(|(state, _)| state.key.clone()),
        encryption_seen_from: state.map(|(_, since)| since),
        certificate_not_after: keeper.and_then(|keeper| keeper.certificate_not_after),
    }
}

/// Whether two rows say the same of one Secret, but for when and by which entry.
fn same<'r>(a: &SecretPosture<'r>, b: &SecretPosture<'r>) -> bool {
    let other =
        SecretPosture { provenance: a.provenance.clone(), valid_from: a.valid_from, valid_to: a.valid_to, ..b.clone() };
    *a == other
}
