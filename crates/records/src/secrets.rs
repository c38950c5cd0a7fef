//! What is known of one Secret at one instant, as the one-shot analysis tells it.

use crate::Timestamp;

/// One Secret, from its metadata and the objects around it; never from its values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretSummary {
    /// Namespace; empty when a manifest names none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The file that it was read from; empty when it comes from a cluster or the history.
    pub file: String,
    /// Number of its document in the file, from 1; 0 without a file.
    pub document: usize,
    /// Line on which it begins, from 1; 0 without a file.
    pub line: usize,
    /// `type` as far as known.
    pub secret_type: Option<String>,
    /// What keeps it, as in the table `secrets_posture`.
    pub manager: Option<String>,
    /// The object that keeps it, as `Kind:namespace/name`.
    pub manager_object: Option<String>,
    /// When its keeper looks for new content, as in `secrets_posture`.
    pub refresh: Option<String>,
    /// Seconds between two looks.
    pub refresh_seconds: Option<i64>,
    /// Whether its keeper says that content and source agree.
    pub synced: Option<bool>,
    /// How often its owner wants it replaced.
    pub rotation_class: Option<String>,
    /// End of its TLS certificate, where that is known.
    pub certificate_not_after: Option<Timestamp>,
}
