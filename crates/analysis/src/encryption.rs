//! Encryption at rest in time: how each API server writes Secrets, how each object is stored, and what is known of all that is stored.
//!
//! Three sorts of evidence, each with what it can show:
//!
//! - **Counters of an API server** ([`api_servers`]): with what Secrets were written between two readings. They say nothing of what was stored
//!   before, and nothing at all where no encryption is configured, for then nothing is counted.
//! - **A scan of etcd** ([`stored`]): with what every object was written, at one instant. It speaks until the next scan, and no longer than
//!   [`crate::Settings::etcd_scan_seconds`]. A scan with fewer objects than it counted says nothing.
//! - **The description of a managed cluster by its cloud** ([`stored`]), for [`crate::Settings::cloud_description_seconds`].

use records::Timestamp;
use records::tables::encryption::{CloudEncryption, EncryptionReading, EncryptionState, EtcdObject, EtcdScan};

use crate::Settings;

mod api_servers;
mod counters;
mod stored;

/// What is known of encryption at rest.
pub(crate) struct Evidence<'a, 'r> {
    /// All rows of `encryption_readings`.
    pub(crate) readings: &'a [EncryptionReading<'r>],
    /// All rows of `etcd_scans`.
    pub(crate) scans: &'a [EtcdScan<'r>],
    /// All rows of `etcd_objects`.
    pub(crate) objects: &'a [EtcdObject<'r>],
    /// All rows of `cloud_encryption`.
    pub(crate) clouds: &'a [CloudEncryption<'r>],
    /// End of knowledge.
    pub(crate) now: Timestamp,
    /// Configuration.
    pub(crate) settings: &'a Settings,
}

/// The rows of `encryption_state`, and when each kind of object was scanned.
#[derive(Debug, Default)]
pub(crate) struct Encryption<'r> {
    /// Rows of `encryption_state`.
    pub(crate) states: Vec<EncryptionState<'r>>,
    /// The whole scans.
    pub(crate) scans: Vec<Scanned>,
}

/// One whole scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub(crate) cluster: String,
    pub(crate) api_group: String,
    pub(crate) resource: String,
    pub(crate) at: Timestamp,
}

/// Works it out.
pub(crate) fn encryption<'r>(evidence: &Evidence<'_, 'r>) -> Encryption<'r> {
    let mut states = api_servers::states(evidence);
    let scans = stored::whole_scans(evidence);
    stored::objects(evidence, &scans, &mut states);
    stored::all(evidence, &scans, &mut states);
    states.sort_by(|a, b| {
        let place = |s: &EncryptionState<'_>| (s.valid_from, s.provenance.segment, s.provenance.seq);
        (&a.provenance.cluster, &a.subject_kind, &a.api_group, &a.resource, &a.subject)
            .cmp(&(&b.provenance.cluster, &b.subject_kind, &b.api_group, &b.resource, &b.subject))
            .then_with(|| place(a).cmp(&place(b)))
    });
    let scans = scans
        .iter()
        .map(|scan| Scanned {
            cluster: scan.row.provenance.cluster.to_string(),
            api_group: scan.row.api_group.to_string(),
            resource: scan.row.resource.to_string(),
            at: scan.row.began_at,
        })
        .collect();
    Encryption { states, scans }
}

/// A row of the state that goes on from the one before, with nothing else different, lengthens it. Rows come in the order of time, of one subject.
fn extend<'r>(rows: &mut Vec<EncryptionState<'r>>, next: EncryptionState<'r>) {
    if next.valid_to.is_some_and(|to| to <= next.valid_from) {
        return;
    }
    if let Some(last) = rows.last_mut()
        && last.valid_to == Some(next.valid_from)
        && told(last) == told(&next)
    {
        last.valid_to = next.valid_to;
        return;
    }
    rows.push(next);
}

/// All that a row says but where and when.
#[expect(clippy::type_complexity, reason = "it is only compared")]
fn told<'s>(
    row: &'s EncryptionState<'_>,
) -> ([&'s str; 4], Option<bool>, [Option<&'s str>; 3], Option<bool>, &'s str, &'s str) {
    (
        [&row.provenance.cluster, &row.subject_kind, &row.subject, &row.resource],
        row.encrypted,
        [row.provider.as_deref(), row.key.as_deref(), row.config_hash.as_deref()],
        row.config_differs,
        &row.basis,
        &row.detail,
    )
}
