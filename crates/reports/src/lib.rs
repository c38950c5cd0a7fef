//! Results as pages, lists and an offline package: data in, bytes out.
//!
//! This crate does no I/O, knows no clock and no HTTP. It takes the rows of an evaluation ([`Material`]), checks that they
//! agree with each other and prepares them once ([`Report`]), then renders pages with a [`Links`] strategy: relative
//! files for the [`package`], absolute paths for the portal. The same input gives the same bytes.
//!
//! Two rules hold everywhere. A page never says more than the rows do: conclusions are printed in the words of the trade,
//! no score and no "compliant" exists. And every text that comes from a cluster is [`Shown`] before it meets a
//! template: characters that hide, reorder or break text are made visible, and the template escapes the rest.
//!
//! Read [`Report`] first, then [`pages`].

pub mod access;
pub mod admission;
pub mod analysis;
pub mod csv_file;
pub mod evidence;
pub mod figures;
pub mod forms;
pub mod links;
pub mod material;
pub mod network;
pub mod package;
pub mod pages;
pub mod record_lines;
pub mod report;
pub mod secrets;
pub mod shown;
pub mod strip;
pub mod timeline;

pub use access::{AccessMaterial, AccessQuestion};
pub use admission::{AdmissionMaterial, DecisionFilter, DecisionList, DecisionMaterial};
pub use evidence::{EvidenceMaterial, ProofMaterial, RedactionMaterial, SealedProof};
pub use links::{
    AccessList, AccessPlace, AdmissionPlace, CsvFile, EvidenceFile, Links, NetworkCsv, NetworkPlace, Place, SecretsCsv,
    SecretsPlace,
};
pub use material::{ControlText, LogText, Material, MaterialError};
pub use network::{FlowList, NetworkMaterial, NetworkQuery};
pub use package::{CopiedFile, PackageError};
pub use report::Report;
pub use secrets::{SecretList, SecretMaterial, SecretsMaterial};
pub use shown::Shown;
