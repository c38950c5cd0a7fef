//! How objects are stored, by scans of etcd and by the descriptions of clouds.

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use records::table::Provenance;
use records::tables::encryption::{CloudEncryption, EncryptionState, EtcdObject, EtcdScan};

use super::counters::joined;
use super::{Evidence, extend};
use crate::replay::Lasting;

/// A scan of which every object is there.
#[derive(Debug)]
pub(super) struct WholeScan<'a, 'r> {
    pub(super) row: &'a EtcdScan<'r>,
    /// By namespace and name.
    objects: BTreeMap<(Option<&'a str>, &'a str), &'a EtcdObject<'r>>,
}

/// Cluster, API group, resource.
type Kind<'a> = (&'a str, &'a str, &'a str);

impl<'a, 'r> WholeScan<'a, 'r> {
    fn kind(&self) -> Kind<'a> {
        (&self.row.provenance.cluster, &self.row.api_group, &self.row.resource)
    }
}

/// The scans of which as many objects are there as they count, by kind and time.
pub(super) fn whole_scans<'a, 'r>(evidence: &Evidence<'a, 'r>) -> Vec<WholeScan<'a, 'r>> {
    type Id<'a> = (&'a str, &'a str);
    let mut objects: BTreeMap<Id<'_>, Vec<&EtcdObject<'r>>> = BTreeMap::new();
    for object in evidence.objects {
        objects.entry((&object.provenance.source, &object.scan_id)).or_default().push(object);
    }
    let mut scans: Vec<WholeScan<'a, 'r>> = Vec::new();
    let mut seen: BTreeSet<Id<'_>> = BTreeSet::new();
    for row in evidence.scans {
        let id: Id<'_> = (&row.provenance.source, &row.scan_id);
        let found = objects.get(&id).map(Vec::as_slice).unwrap_or_default();
        let of_kind = found.iter().filter(|o| o.api_group == row.api_group && o.resource == row.resource);
        let by_name: BTreeMap<_, _> = of_kind.map(|o| ((o.namespace.as_deref(), &*o.name), *o)).collect();
        if i64::try_from(by_name.len()) == Ok(row.objects) && seen.insert(id) {
            scans.push(WholeScan { row, objects: by_name });
        }
    }
    scans.sort_by(|a, b| a.kind().cmp(&b.kind()).then(a.row.began_at.cmp(&b.row.began_at)));
    scans
}

/// Of one object, for comparing: the entry that it rests on is not part of it.
#[derive(Debug, Clone)]
struct Stored<'r> {
    entry: Provenance<'r>,
    encrypted: Option<bool>,
    provider: String,
    key: Option<String>,
}

impl PartialEq for Stored<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.encrypted, &self.provider, &self.key) == (other.encrypted, &other.provider, &other.key)
    }
}

/// The key of an object: its name, or the KMS provider with the hash of the key's identifier.
fn key(object: &EtcdObject<'_>) -> Option<String> {
    let name = object.key_name.as_deref()?;
    Some(match object.key_id_hash.as_deref() {
        Some(hash) => format!("{name}/{hash}"),
        None => name.to_owned(),
    })
}

/// Adds the rows of single objects.
pub(super) fn objects<'r>(
    evidence: &Evidence<'_, 'r>,
    scans: &[WholeScan<'_, 'r>],
    rows: &mut Vec<EncryptionState<'r>>,
) {
    let limit = evidence.settings.etcd_scan_seconds.max(1);
    for of_kind in scans.chunk_by(|a, b| a.kind() == b.kind()) {
        let Some(first) = of_kind.first() else { continue };
        let mut lasting: Lasting<(Option<String>, String), Stored<'r>> = Lasting::new();
        for (number, scan) in of_kind.iter().enumerate() {
            let at = scan.row.began_at;
            let now = scan.objects.iter().map(|((namespace, name), object)| {
                let stored = Stored {
                    entry: object.provenance.clone(),
                    encrypted: object.encrypted,
                    provider: object.provider.to_string(),
                    key: key(object),
                };
                ((namespace.map(str::to_owned), (*name).to_owned()), stored)
            });
            lasting.replace(at, now);
            let expires = at.plus_seconds(limit);
            let next = of_kind.get(number + 1).map_or(evidence.now, |next| next.row.began_at);
            if expires < next {
                lasting.replace(expires, []);
            }
        }
        rows.extend(lasting.finish().into_iter().map(|held| {
            let (namespace, name) = held.key;
            let subject = match &namespace {
                Some(namespace) => format!("{namespace}/{name}"),
                None => name.clone(),
            };
            EncryptionState {
                provenance: held.value.entry,
                subject_kind: "object".into(),
                subject: subject.into(),
                api_group: first.row.api_group.clone(),
                resource: first.row.resource.clone(),
                namespace: namespace.map(Into::into),
                name: Some(name.into()),
                valid_from: held.from,
                valid_to: held.to,
                encrypted: held.value.encrypted,
                detail: match held.value.encrypted {
                    Some(true) => "stored encrypted",
                    Some(false) => "stored in the clear",
                    None => "stored in a form that is not known",
                }
                .into(),
                provider: Some(held.value.provider.into()),
                key: held.value.key.map(Into::into),
                basis: "etcd_scan".into(),
                config_hash: None,
                config_differs: None,
            }
        }));
    }
}

/// What one scan or description says of all that is stored of a resource.
#[derive(Debug, Clone)]
struct Said<'a, 'r> {
    from: Timestamp,
    to: Timestamp,
    entry: &'a Provenance<'r>,
    encrypted: Option<bool>,
    provider: Option<String>,
    key: Option<String>,
    basis: &'static str,
    detail: String,
}

/// Adds the rows of all that is stored: of each resource that was scanned, and of Secrets wherever there is any evidence of encryption.
pub(super) fn all<'r>(evidence: &Evidence<'_, 'r>, scans: &[WholeScan<'_, 'r>], rows: &mut Vec<EncryptionState<'r>>) {
    let mut kinds: BTreeMap<Kind<'_>, (Timestamp, &Provenance<'r>)> = BTreeMap::new();
    let readings = evidence.readings.iter().map(|r| (&r.provenance, r.read_at));
    let clouds = evidence.clouds.iter().map(|c| (&c.provenance, c.read_at));
    let of_secrets = readings.chain(clouds).map(|(entry, at)| ((&*entry.cluster, "", "secrets"), at, entry));
    let of_scans = scans.iter().map(|scan| (scan.kind(), scan.row.began_at, &scan.row.provenance));
    for (kind, at, entry) in of_secrets.chain(of_scans) {
        let first = kinds.entry(kind).or_insert((at, entry));
        if at < first.0 {
            *first = (at, entry);
        }
    }
    for (kind, (first, entry)) in kinds {
        let of_clouds = if (kind.1, kind.2) == ("", "secrets") { by_clouds(kind.0, evidence) } else { Vec::new() };
        let said = [by_scans(kind, scans, evidence), of_clouds];
        let mut own = Vec::new();
        for row in over_time(kind, first, entry, &said, evidence.now) {
            extend(&mut own, row);
        }
        rows.append(&mut own);
    }
}

fn by_scans<'a, 'r>(kind: Kind<'_>, scans: &'a [WholeScan<'a, 'r>], evidence: &Evidence<'_, 'r>) -> Vec<Said<'a, 'r>> {
    let of_kind: Vec<&WholeScan<'a, 'r>> = scans.iter().filter(|scan| scan.kind() == kind).collect();
    let limit = evidence.settings.etcd_scan_seconds.max(1);
    let said = of_kind.iter().enumerate().map(|(number, scan)| {
        let objects = || scan.objects.values();
        let from = scan.row.began_at;
        let expires = from.plus_seconds(limit);
        let (clear, unknown) = (
            objects().filter(|o| o.encrypted == Some(false)).count(),
            objects().filter(|o| o.encrypted.is_none()).count(),
        );
        let providers: BTreeSet<&str> = objects().map(|o| &*o.provider).collect();
        let keys: BTreeSet<String> = objects().filter_map(|o| key(o)).collect();
        let (encrypted, detail) = match (clear, unknown) {
            // There may be none, or the keys begin otherwise: that a scan found nothing proves nothing.
            _ if scan.objects.is_empty() => (None, "etcd held no object under the prefix that was scanned".to_owned()),
            (0, 0) => (Some(true), "every object was stored encrypted".to_owned()),
            (0, _) => (None, "objects were stored in a form that is not known".to_owned()),
            _ => (Some(false), "objects were stored in the clear".to_owned()),
        };
        Said {
            from,
            to: of_kind.get(number + 1).map_or(expires, |next| next.row.began_at.min(expires)),
            entry: &scan.row.provenance,
            encrypted,
            provider: joined(providers.into_iter()),
            key: joined(keys.iter().map(String::as_str)),
            basis: "etcd_scan",
            detail,
        }
    });
    said.collect()
}

fn by_clouds<'a, 'r>(cluster: &str, evidence: &Evidence<'a, 'r>) -> Vec<Said<'a, 'r>> {
    let mut clouds: Vec<&CloudEncryption<'r>> =
        evidence.clouds.iter().filter(|c| c.provenance.cluster == cluster).collect();
    clouds.sort_by_key(|c| (c.read_at, c.provenance.segment, c.provenance.seq));
    let limit = evidence.settings.cloud_description_seconds.max(1);
    let said = clouds.iter().enumerate().map(|(number, cloud)| {
        let expires = cloud.read_at.plus_seconds(limit);
        Said {
            from: cloud.read_at,
            to: clouds.get(number + 1).map_or(expires, |next| next.read_at.min(expires)),
            entry: &cloud.provenance,
            encrypted: cloud.encrypted,
            provider: cloud.encrypted.filter(|yes| *yes).map(|_| cloud.cloud.to_string()),
            key: cloud.key.as_deref().map(str::to_owned),
            basis: "cloud_description",
            detail: cloud.detail.to_string(),
        }
    });
    said.collect()
}

/// What is said at each time by each sort of evidence, whose sayings come in the order of time and do not overlap: what speaks against encryption before what speaks for it, a scan before a description.
fn over_time<'r>(
    (_, api_group, resource): Kind<'_>,
    first: Timestamp,
    entry: &Provenance<'r>,
    said: &[Vec<Said<'_, 'r>>; 2],
    now: Timestamp,
) -> Vec<EncryptionState<'r>> {
    let mut cuts: BTreeSet<Timestamp> =
        said.iter().flatten().flat_map(|s| [s.from, s.to]).filter(|at| *at <= now).collect();
    cuts.insert(first);
    let cuts: Vec<Timestamp> = cuts.into_iter().collect();
    let weight = |s: &&Said<'_, 'r>| {
        let by_verdict = match s.encrypted {
            Some(false) => 0,
            Some(true) => 1,
            None => 2,
        };
        (by_verdict, s.basis != "etcd_scan")
    };
    let at = |(number, from): (usize, &Timestamp)| {
        let last = |said: &'_ Vec<Said<'_, 'r>>| said.partition_point(|s| s.from <= *from).checked_sub(1);
        let holds = said.iter().filter_map(|said| said.get(last(said)?)).filter(|s| *from < s.to).min_by_key(weight);
        let text = |text: Option<&String>| text.map(|text| text.clone().into());
        EncryptionState {
            provenance: holds.map_or(entry, |s| s.entry).clone(),
            subject_kind: "stored".into(),
            subject: "etcd".into(),
            api_group: api_group.to_owned().into(),
            resource: resource.to_owned().into(),
            namespace: None,
            name: None,
            valid_from: *from,
            valid_to: cuts.get(number + 1).copied(),
            encrypted: holds.and_then(|s| s.encrypted),
            provider: text(holds.and_then(|s| s.provider.as_ref())),
            key: text(holds.and_then(|s| s.key.as_ref())),
            basis: holds.map_or("nothing", |s| s.basis).into(),
            config_hash: None,
            config_differs: None,
            detail: holds
                .map_or_else(
                    || "no scan of etcd and no description by a cloud in time".to_owned(),
                    |s| s.detail.clone(),
                )
                .into(),
        }
    };
    cuts.iter().enumerate().map(at).collect()
}
