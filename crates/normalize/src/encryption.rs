//! Evidence of encryption at rest: scans of etcd, readings of API servers' counters, descriptions of managed clusters.
//!
//! An entry of a source of class `encryption` is a JSON object; its member `record` says what it is:
//!
//! | record | what it is |
//! |---|---|
//! | `etcd_objects` | some of the objects of a scan ([`ScannedObjects`]) |
//! | `etcd_scan` | the end of a scan, with the count of its objects |
//! | `encryption_reading` | what one API server counts |
//! | `cloud_description` | a managed cluster as its cloud describes it ([`cloud`]) |

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::encryption::{CloudEncryption, EncryptionReading, EtcdObject, EtcdScan};
use records::{EntryView, Row as _, Timestamp};
use serde::{Deserialize, Serialize};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{Json, MAX_DEPTH, check};
use crate::record::{Members, append, cells};

pub mod cloud;
pub mod range;
pub mod stored_value;

use stored_value::StoredForm;

/// The record of some objects of a scan, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannedObjects {
    /// `etcd_objects`.
    pub record: Cow<'static, str>,
    /// Identifier of the scan.
    pub scan_id: String,
    /// When they were read.
    pub scanned_at: Timestamp,
    /// API group of the resource.
    pub api_group: String,
    /// The resource.
    pub resource: String,
    /// The objects.
    pub objects: Vec<ScannedObject>,
}

/// One object of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannedObject {
    /// Namespace; none for cluster-scoped objects.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// How its stored value begins.
    #[serde(flatten)]
    pub form: StoredForm,
    /// Revision of etcd at which it was last written.
    pub modified_revision: i64,
}

/// The record of a managed cluster's description, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudDescription {
    /// `cloud_description`.
    pub record: Cow<'static, str>,
    /// When the description was taken.
    pub read_at: Timestamp,
    /// The description as the cloud's tool printed it.
    pub content: String,
}

/// Makes the rows of an entry.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    let mut faults = Faults::of(entry);
    if let Err(malformed) = check(entry.raw, MAX_DEPTH) {
        faults.malformed("record", malformed);
        faults.append_to(sink);
        return;
    }
    let record = Json::of(entry.raw);
    match record.member("record").and_then(|kind| kind.text()).as_deref() {
        Some("etcd_scan") => {
            let cells = cells(EtcdScan::TABLE, entry, &[&Members::of(record)], &mut faults);
            append::<EtcdScan<'_>>(&cells, &mut faults, sink);
        }
        Some("encryption_reading") => {
            let cells = cells(EncryptionReading::TABLE, entry, &[&Members::of(record)], &mut faults);
            append::<EncryptionReading<'_>>(&cells, &mut faults, sink);
        }
        Some("etcd_objects") => match serde_json::from_slice(entry.raw) {
            Ok(objects) => scanned(&objects, entry, sink),
            Err(error) => faults.add("wrong_type", format!("no objects of a scan: {error}")),
        },
        Some("cloud_description") => match serde_json::from_slice(entry.raw) {
            Ok(description) => described(&description, entry, &mut faults, sink),
            Err(error) => faults.add("wrong_type", format!("no description of a cluster: {error}")),
        },
        Some(other) => faults.add("wrong_type", format!("a record of the unknown kind {other:?}")),
        None => faults.add("missing_field", "the entry has no member record"),
    }
    faults.append_to(sink);
}

fn scanned(objects: &ScannedObjects, entry: &EntryView<'_>, sink: &mut impl TableSink) {
    for object in &objects.objects {
        let form = &object.form;
        let text = |text: &Option<String>| text.clone().map(Cow::Owned);
        sink.append(&EtcdObject {
            provenance: Provenance::of(entry, VERSION),
            scan_id: Cow::Borrowed(&objects.scan_id),
            scanned_at: objects.scanned_at,
            api_group: Cow::Borrowed(&objects.api_group),
            resource: Cow::Borrowed(&objects.resource),
            namespace: object.namespace.as_deref().map(Cow::Borrowed),
            name: Cow::Borrowed(&object.name),
            provider: Cow::Borrowed(form.provider.as_str()),
            encrypted: form.provider.encrypted(),
            key_name: text(&form.key_name),
            key_id: text(&form.key_id),
            key_id_hash: text(&form.key_id_hash),
            modified_revision: object.modified_revision,
        });
    }
}

fn described(
    description: &CloudDescription,
    entry: &EntryView<'_>,
    faults: &mut Faults<'_>,
    sink: &mut impl TableSink,
) {
    let found = match cloud::read(&description.content) {
        Ok(found) => found,
        Err(error) => {
            faults.add("wrong_type", error.to_string());
            return;
        }
    };
    sink.append(&CloudEncryption {
        provenance: Provenance::of(entry, VERSION),
        read_at: description.read_at,
        cloud: Cow::Borrowed(found.cloud),
        name: Cow::Owned(found.name),
        version: found.version.map(Cow::Owned),
        encrypted: found.encrypted,
        scope: found.scope.map(Cow::Borrowed),
        key: found.key.map(Cow::Owned),
        key_owner: found.key_owner.map(Cow::Borrowed),
        detail: Cow::Owned(found.detail),
    });
}
