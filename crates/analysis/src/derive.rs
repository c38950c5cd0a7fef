//! All derived tables at once.

use records::tables::admission::{AdmissionReconciliation, PolicyException};
use records::tables::audit::{ObjectWrite, PrivilegedSession};
use records::tables::monitoring::{AuditBalance, AuditPolicyRequirement, ClockSkew, Coverage, Gap, Source};
use records::tables::objects::ObjectVersion;
use records::tables::rbac::{RbacGrant, RbacRule};
use records::tables::workloads::{NamespaceEnforcement, RunningImage};

use crate::objects::writers::WriteIndex;
use crate::{
    Inputs, admission, audit_policy, clocks, enforcement, objects, observation, rbac, sessions, workloads, writes,
};

/// The rows of the derived tables, in an order that depends on nothing but the inputs' content.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Derived<'r> {
    /// Rows of `object_versions`.
    pub object_versions: Vec<ObjectVersion<'r>>,
    /// Rows of `rbac_grants`.
    pub rbac_grants: Vec<RbacGrant<'r>>,
    /// Rows of `rbac_rules`.
    pub rbac_rules: Vec<RbacRule<'r>>,
    /// Rows of `running_images`.
    pub running_images: Vec<RunningImage<'r>>,
    /// Rows of `namespace_enforcement`.
    pub namespace_enforcement: Vec<NamespaceEnforcement<'r>>,
    /// Rows of `privileged_sessions`.
    pub privileged_sessions: Vec<PrivilegedSession<'r>>,
    /// Rows of `object_writes`.
    pub object_writes: Vec<ObjectWrite<'r>>,
    /// Rows of `sources`.
    pub sources: Vec<Source<'r>>,
    /// Rows of `coverage`.
    pub coverage: Vec<Coverage<'r>>,
    /// Rows of `gaps`.
    pub gaps: Vec<Gap<'r>>,
    /// Rows of `audit_policy_requirements`.
    pub audit_policy_requirements: Vec<AuditPolicyRequirement<'r>>,
    /// Rows of `audit_balance`.
    pub audit_balance: Vec<AuditBalance<'r>>,
    /// Rows of `clock_skew`.
    pub clock_skew: Vec<ClockSkew<'r>>,
    /// Rows of `admission_reconciliation`.
    pub admission_reconciliation: Vec<AdmissionReconciliation<'r>>,
    /// Rows of `exceptions`.
    pub exceptions: Vec<PolicyException<'r>>,
}

/// Computes all derived tables.
#[must_use]
pub fn derive(inputs: Inputs<'_>) -> Derived<'_> {
    let statements = observation::statements::read(&inputs.statements);
    let observed = observation::observe(&inputs, &statements);
    let clock_skew = clocks::clock_skew(&statements);
    let audit_policy_requirements = audit_policy::requirements(&inputs.configuration_reads);
    let privileged_sessions = sessions::privileged_sessions(&inputs.privileged_events);

    let index = WriteIndex::new(&inputs.audit_writes, &inputs.settings);
    let history = objects::histories(inputs.observations, &index);
    let object_writes =
        writes::object_writes(&inputs.audit_writes, &index, &history, &observed.covered, &inputs.settings);
    let admission_reconciliation = admission::reconciliation(&admission::Evidence {
        decisions: &inputs.admission_decisions,
        policy_sets: &inputs.policy_sets,
        guarded: &inputs.guarded_events,
        writes: &inputs.audit_writes,
        versions: &history.versions,
        now: inputs.now,
        settings: &inputs.settings,
    });
    let exceptions = admission::exceptions(&inputs.policy_sets, &inputs.admission_decisions);
    let (rbac_grants, rbac_rules) = rbac::grants_and_rules(&history);
    Derived {
        rbac_grants,
        rbac_rules,
        running_images: workloads::running_images(&history.versions),
        namespace_enforcement: enforcement::namespace_enforcement(&history.versions, &inputs.settings),
        privileged_sessions,
        object_writes,
        sources: observed.sources,
        coverage: observed.coverage,
        gaps: observed.gaps,
        audit_policy_requirements,
        audit_balance: observed.balance,
        clock_skew,
        admission_reconciliation,
        exceptions,
        object_versions: history.versions,
    }
}
