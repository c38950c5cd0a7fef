//! What the pages about Secrets are made from: how they are stored and kept, who may and did read them, and credentials in plain text. Never a
//! value.
//!
//! A cluster may hold tens of thousands of Secrets. A report holds their counts at one instant ([`SecretsMaterial`]); the Secrets come a page at a
//! time ([`SecretList`], [`SecretMaterial`]).

pub mod query;
pub mod rotation;

use std::collections::BTreeSet;

use records::table::Provenance;
use records::tables::encryption::EncryptionState;
use records::tables::plaintext::{PlaintextFinding, PlaintextInLog};
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};
use records::{EntryReference, Period, Timestamp};

use crate::admission::entry_of;

pub use query::{ManagerChoice, SecretQuery};

/// The most Secrets that are given as CSV at once; all of them are in the table `secrets_posture`.
pub const CSV_SECRETS: usize = 20_000;

/// What is told of the Secrets of one cluster at one instant.
#[derive(Debug, Clone)]
pub struct SecretsMaterial {
    /// Names of all clusters of which the tables tell anything, in order.
    pub clusters: Vec<String>,
    /// The cluster that this is of; empty when there is none.
    pub cluster: String,
    /// The instant whose state is told; `None` for the end of the window.
    pub at: Option<Timestamp>,
    /// End of knowledge: nothing is known of later instants.
    pub known_until: Timestamp,
    /// Encryption at rest in the window, of API servers and of all that is stored, in order of subject and time; bounded by whoever gathers it.
    pub encryption: Vec<EncryptionState<'static>>,
    /// What keeps Secrets, with how many; most first.
    pub managers: Vec<ManagerCount>,
    /// Reads of Secrets by people in the window, the newest first; bounded by whoever gathers them.
    pub reads: Vec<SecretRead>,
    /// How many such reads there were in the window.
    pub reads_total: u64,
    /// Credentials in plain text in objects, by the object; bounded by whoever gathers them.
    pub findings: Vec<PlaintextFinding<'static>>,
    /// How many there are.
    pub findings_total: u64,
    /// Credentials in plain text in audit events of the window, the newest first; bounded by whoever gathers them.
    pub in_logs: Vec<PlaintextInLog<'static>>,
    /// How many there were in the window.
    pub in_logs_total: u64,
    /// The Secrets that the package has pages for, those without a manager first. Empty in the portal.
    pub secrets: Vec<SecretMaterial>,
}

/// Secrets that one manager keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagerCount {
    /// The manager, as in `secrets_posture`; `None` when nothing was recognised.
    pub manager: Option<String>,
    /// How many.
    pub secrets: i64,
    /// Of how many the manager says that content and source do not agree.
    pub not_synced: i64,
    /// How many it never renews.
    pub never_renewed: i64,
    /// How many have a rotation class.
    pub with_class: i64,
    /// How many are known to be stored encrypted.
    pub encrypted: i64,
    /// How many are known to be stored in the clear.
    pub in_the_clear: i64,
}

/// One request by which a person read Secrets.
#[derive(Debug, Clone)]
pub struct SecretRead {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub user: String,
    /// As whom, by impersonation; empty when as himself or herself.
    pub impersonated: String,
    /// `get`, `list` or `watch`.
    pub verb: String,
    /// Namespace; empty for all.
    pub namespace: String,
    /// Name; empty for all of them.
    pub name: String,
    /// The audit event.
    pub provenance: Provenance<'static>,
}

/// One Secret with what is known around it.
#[derive(Debug, Clone)]
pub struct SecretMaterial {
    /// What held of it at the instant.
    pub posture: SecretPosture<'static>,
    /// What held before and after, in the window, in order of time; in lists empty.
    pub history: Vec<SecretPosture<'static>>,
    /// Its contents, the newest first; in lists empty.
    pub rotations: Vec<SecretRotation<'static>>,
    /// Who could read all Secrets of its namespace; `None` when it is not known.
    pub readers: Option<SecretReaders<'static>>,
    /// Who else could read it because a role names it; `None` when nobody.
    pub named_readers: Option<SecretReaders<'static>>,
}

/// One page of Secrets.
#[derive(Debug, Clone, Default)]
pub struct SecretList {
    /// What was asked for.
    pub query: SecretQuery,
    /// Names of the clusters.
    pub clusters: Vec<String>,
    /// The Secrets of this page.
    pub rows: Vec<SecretMaterial>,
    /// How many pass.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: usize,
    /// How many Secrets a full page has.
    pub per_page: usize,
    /// The last page that is given.
    pub last_page: usize,
}

impl SecretsMaterial {
    /// Nothing is told.
    #[must_use]
    pub fn empty(clusters: Vec<String>, cluster: String, at: Option<Timestamp>, known_until: Timestamp) -> Self {
        Self {
            clusters,
            cluster,
            at,
            known_until,
            encryption: Vec::new(),
            managers: Vec::new(),
            reads: Vec::new(),
            reads_total: 0,
            findings: Vec::new(),
            findings_total: 0,
            in_logs: Vec::new(),
            in_logs_total: 0,
            secrets: Vec::new(),
        }
    }

    /// The instant whose state is told.
    #[must_use]
    pub fn instant(&self, window: Period) -> Timestamp {
        crate::network::instant(self.at, window)
    }

    /// How many Secrets there are.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.managers.iter().map(|one| one.secrets).sum()
    }

    /// The entries that the package's pages about Secrets lead to.
    #[must_use]
    pub fn references(&self) -> BTreeSet<EntryReference> {
        let encryption = self.encryption.iter().map(|row| &row.provenance);
        let reads = self.reads.iter().map(|row| &row.provenance);
        let findings = self.findings.iter().map(|row| &row.provenance);
        let in_logs = self.in_logs.iter().map(|row| &row.provenance);
        let secrets = self.secrets.iter().flat_map(SecretMaterial::provenances);
        encryption.chain(reads).chain(findings).chain(in_logs).chain(secrets).filter_map(entry_of).collect()
    }
}

impl SecretMaterial {
    fn provenances(&self) -> impl Iterator<Item = &Provenance<'static>> {
        let history = self.history.iter().map(|row| &row.provenance);
        let rotations = self.rotations.iter().map(|row| &row.provenance);
        let readers = self.readers.iter().chain(&self.named_readers).map(|row| &row.provenance);
        std::iter::once(&self.posture.provenance).chain(history).chain(rotations).chain(readers)
    }
}
