//! The open tables, version 1. Column names are part of the public interface.

pub mod admission;
pub mod approvals;
pub mod audit;
mod documentation;
pub mod encryption;
pub mod identities;
pub mod logs;
pub mod monitoring;
pub mod network;
pub mod objects;
pub mod plaintext;
pub mod rbac;
pub mod repositories;
pub mod results;
pub mod secrets;
pub mod workloads;

pub use documentation::markdown;

use crate::Table;
use crate::table::Row;

/// Version of the set of tables; raised when a column changes its meaning or goes.
pub const VERSION: u32 = 1;

/// All tables in the order of the documentation.
pub const ALL: &[&Table] = &[
    audit::AuditEvent::TABLE,
    audit::PrivilegedSession::TABLE,
    audit::ObjectWrite::TABLE,
    admission::AdmissionDecision::TABLE,
    admission::AdmittedImage::TABLE,
    admission::AdmissionPolicySet::TABLE,
    admission::AdmissionProbe::TABLE,
    admission::GuardDecision::TABLE,
    admission::AdmissionReconciliation::TABLE,
    admission::PolicyException::TABLE,
    admission::PolicyState::TABLE,
    admission::PolicyReportResult::TABLE,
    objects::ObjectObservation::TABLE,
    objects::ObjectVersion::TABLE,
    rbac::RbacGrant::TABLE,
    rbac::RbacRule::TABLE,
    rbac::RbacRisk::TABLE,
    rbac::PermissionUse::TABLE,
    rbac::BindingUse::TABLE,
    encryption::EtcdScan::TABLE,
    encryption::EtcdObject::TABLE,
    encryption::EncryptionReading::TABLE,
    encryption::CloudEncryption::TABLE,
    encryption::EncryptionState::TABLE,
    secrets::SecretPosture::TABLE,
    secrets::SecretRotation::TABLE,
    secrets::SecretReaders::TABLE,
    workloads::RunningImage::TABLE,
    workloads::NamespaceEnforcement::TABLE,
    workloads::WorkloadPosture::TABLE,
    identities::CredentialUse::TABLE,
    identities::ServiceAccount::TABLE,
    identities::AuthenticationSettings::TABLE,
    identities::PeopleReading::TABLE,
    identities::Person::TABLE,
    approvals::ApprovalReading::TABLE,
    approvals::Approval::TABLE,
    network::NetworkIsolation::TABLE,
    network::NetworkRule::TABLE,
    network::NetworkPath::TABLE,
    network::TrustBoundary::TABLE,
    network::EntryPoint::TABLE,
    network::NetworkProbe::TABLE,
    plaintext::PlaintextInLog::TABLE,
    logs::LogReading::TABLE,
    plaintext::PlaintextFinding::TABLE,
    repositories::RepositoryReading::TABLE,
    repositories::RepositoryCredential::TABLE,
    monitoring::StatementRow::TABLE,
    monitoring::ConfigurationRead::TABLE,
    monitoring::ConfigurationReport::TABLE,
    monitoring::Fault::TABLE,
    monitoring::Source::TABLE,
    monitoring::Coverage::TABLE,
    monitoring::Gap::TABLE,
    monitoring::AuditPolicyRequirement::TABLE,
    monitoring::AuditBalance::TABLE,
    monitoring::ClockSkew::TABLE,
    results::Evaluation::TABLE,
    results::ControlResult::TABLE,
    results::ControlItem::TABLE,
];

/// The table with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Table> {
    ALL.iter().copied().find(|table| table.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_snake_case_and_unique_and_every_column_is_documented() {
        let snake = |t: &str| !t.is_empty() && t.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        let mut tables = HashSet::new();
        for table in ALL {
            assert!(snake(table.name) && tables.insert(table.name), "{}", table.name);
            let mut columns = HashSet::new();
            for column in table.columns {
                assert!(snake(column.name) && columns.insert(column.name), "{}.{}", table.name, column.name);
                assert!(!column.doc.trim().is_empty(), "{}.{}", table.name, column.name);
            }
        }
    }
}
