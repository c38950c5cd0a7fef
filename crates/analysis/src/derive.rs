//! All derived tables at once.

use records::tables::admission::{AdmissionReconciliation, PolicyException, PolicyReportResult, PolicyState};
use records::tables::audit::PrivilegedSession;
use records::tables::encryption::EncryptionState;
use records::tables::identities::{AuthenticationSettings, CredentialUse, ServiceAccount};
use records::tables::monitoring::{AuditBalance, AuditPolicyRequirement, ClockSkew, Coverage, Gap, Source};
use records::tables::network::{EntryPoint, NetworkIsolation, NetworkPath, NetworkRule, TrustBoundary};
use records::tables::objects::ObjectVersion;
use records::tables::plaintext::PlaintextFinding;
use records::tables::rbac::{BindingUse, PermissionUse, RbacGrant, RbacRisk, RbacRule};
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};
use records::tables::workloads::{NamespaceEnforcement, RunningImage, WorkloadPosture};

use crate::network::history::{NetworkTables, network_tables};
use crate::objects::writers::WriteIndex;
use crate::observation::statements::Stated;
use crate::writes::ObjectWrites;
use crate::{
    Inputs, Settings, admission, audit_policy, clocks, encryption, enforcement, identities, objects, observation, rbac,
    secrets, sessions, workloads, writes,
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
    /// Rows of `rbac_risks`.
    pub rbac_risks: Vec<RbacRisk<'static>>,
    /// Rows of `permission_use`.
    pub permission_use: Vec<PermissionUse<'r>>,
    /// Rows of `binding_use`.
    pub binding_use: Vec<BindingUse<'r>>,
    /// Rows of `running_images`.
    pub running_images: Vec<RunningImage<'r>>,
    /// Rows of `workload_posture`.
    pub workload_posture: Vec<WorkloadPosture<'r>>,
    /// Rows of `namespace_enforcement`.
    pub namespace_enforcement: Vec<NamespaceEnforcement<'r>>,
    /// Rows of `authentication_settings`.
    pub authentication_settings: Vec<AuthenticationSettings<'r>>,
    /// Rows of `credential_use`.
    pub credential_use: Vec<CredentialUse<'r>>,
    /// Rows of `service_accounts`.
    pub service_accounts: Vec<ServiceAccount<'r>>,
    /// Rows of `network_isolation`.
    pub network_isolation: Vec<NetworkIsolation<'r>>,
    /// Rows of `network_rules`.
    pub network_rules: Vec<NetworkRule<'r>>,
    /// Rows of `network_paths`.
    pub network_paths: Vec<NetworkPath<'r>>,
    /// Rows of `trust_boundaries`.
    pub trust_boundaries: Vec<TrustBoundary<'r>>,
    /// Rows of `entry_points`.
    pub entry_points: Vec<EntryPoint<'r>>,
    /// Rows of `privileged_sessions`.
    pub privileged_sessions: Vec<PrivilegedSession<'r>>,
    /// Rows of `object_writes`.
    pub object_writes: ObjectWrites<'r>,
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
    /// Rows of `encryption_state`.
    pub encryption_state: Vec<EncryptionState<'r>>,
    /// Rows of `secrets_posture`.
    pub secrets_posture: Vec<SecretPosture<'r>>,
    /// Rows of `secret_rotations`.
    pub secret_rotations: Vec<SecretRotation<'r>>,
    /// Rows of `secret_readers`.
    pub secret_readers: Vec<SecretReaders<'r>>,
    /// Rows of `plaintext_findings`.
    pub plaintext_findings: Vec<PlaintextFinding<'r>>,
    /// Rows of `exceptions`.
    pub exceptions: Vec<PolicyException<'r>>,
    /// Rows of `policy_state`.
    pub policy_state: Vec<PolicyState<'r>>,
    /// Rows of `policy_reports`.
    pub policy_reports: Vec<PolicyReportResult<'r>>,
}

/// Computes all derived tables. The risks, which take about as long as all others, are worked out at the same time.
#[must_use]
pub fn derive(mut inputs: Inputs<'_>) -> Derived<'_> {
    let observations = std::mem::take(&mut inputs.observations);
    let credential_groups = std::mem::take(&mut inputs.credential_groups);
    let index = WriteIndex::new(&inputs.audit_writes, &inputs.settings);
    let statements = observation::statements::read(&inputs.statements);
    let statuses = admission::statuses(&observations);
    let history = objects::histories(observations, &index);
    let (rbac_risks, (derived, writes)) = std::thread::scope(|scope| {
        let risks = scope.spawn(|| rbac::versions::risks(&history, &statements, &inputs.settings));
        let others = but_risks(&inputs, credential_groups, &index, &statements, &statuses, &history);
        (risks.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), others)
    });
    Derived {
        rbac_risks,
        object_versions: history.versions,
        object_writes: ObjectWrites::new(inputs.audit_writes, writes),
        ..derived
    }
}

/// The rows of all tables but risks, and those that are the inputs' own, of which the writes are told.
fn but_risks<'r>(
    inputs: &Inputs<'r>,
    credential_groups: Vec<identities::CredentialGroup<'r>>,
    index: &WriteIndex<'_, 'r>,
    statements: &[Stated<'_, 'r>],
    statuses: &[admission::StatusSeen],
    history: &objects::History<'r>,
) -> (Derived<'r>, Vec<writes::Found>) {
    let of_versions = AboutVersions::of(history, statuses, &inputs.settings);
    let observed = observation::observe(inputs, statements);
    let writes = writes::object_writes(&inputs.audit_writes, index, history, &observed.covered, &inputs.settings);
    let admission_reconciliation = admission::reconciliation(&admission::Evidence {
        decisions: &inputs.admission_decisions,
        policy_sets: &inputs.policy_sets,
        guarded: &inputs.guarded_events,
        writes: &inputs.audit_writes,
        versions: &history.versions,
        now: inputs.now,
        settings: &inputs.settings,
    });
    let encryption = encryption::encryption(&encryption::Evidence {
        readings: &inputs.encryption_readings,
        scans: &inputs.etcd_scans,
        objects: &inputs.etcd_objects,
        clouds: &inputs.cloud_encryption,
        now: inputs.now,
        settings: &inputs.settings,
    });
    let about_secrets = secrets::secrets(history, &of_versions.rbac_grants, &encryption);
    let (permission_use, binding_use) = rbac::usage::permission_use(&rbac::usage::Evidence {
        uses: &inputs.observed_uses,
        complete: inputs.observed_uses_complete,
        grants: &of_versions.rbac_grants,
        versions: &history.versions,
        configuration_reads: &inputs.configuration_reads,
        coverage: &observed.coverage,
        now: inputs.now,
        look_back_seconds: inputs.settings.permission_look_back_seconds,
    });
    let exceptions = admission::exceptions(&inputs.policy_sets, &inputs.admission_decisions);
    let credential_use = identities::credential_use(credential_groups, &inputs.issued_credentials, &history.versions);
    let service_accounts =
        identities::service_accounts(&history.versions, &of_versions.workload_posture, &of_versions.rbac_grants);
    let derived = Derived {
        rbac_grants: of_versions.rbac_grants,
        rbac_rules: of_versions.rbac_rules,
        permission_use,
        binding_use,
        running_images: of_versions.running_images,
        workload_posture: workloads::with_exceptions(of_versions.workload_posture, &exceptions),
        namespace_enforcement: of_versions.namespace_enforcement,
        authentication_settings: identities::authentication_settings(
            &inputs.configuration_reads,
            &inputs.configuration_reports,
        ),
        credential_use,
        service_accounts,
        network_isolation: of_versions.network.isolation,
        network_rules: of_versions.network.rules,
        network_paths: of_versions.network.paths,
        trust_boundaries: of_versions.network.boundaries,
        entry_points: of_versions.network.entries,
        privileged_sessions: sessions::privileged_sessions(&inputs.privileged_events),
        sources: observed.sources,
        coverage: observed.coverage,
        gaps: observed.gaps,
        audit_policy_requirements: audit_policy::requirements(&inputs.configuration_reads),
        audit_balance: observed.balance,
        clock_skew: clocks::clock_skew(statements),
        admission_reconciliation,
        encryption_state: encryption.states,
        secrets_posture: about_secrets.posture,
        secret_rotations: about_secrets.rotations,
        secret_readers: about_secrets.readers,
        exceptions,
        plaintext_findings: of_versions.plaintext_findings,
        policy_state: of_versions.policy_state,
        policy_reports: of_versions.policy_reports,
        ..Derived::default()
    };
    (derived, writes)
}

/// What follows from the history of objects, but the risks, which take about as long as all of it.
struct AboutVersions<'r> {
    rbac_grants: Vec<RbacGrant<'r>>,
    rbac_rules: Vec<RbacRule<'r>>,
    running_images: Vec<RunningImage<'r>>,
    workload_posture: Vec<WorkloadPosture<'r>>,
    namespace_enforcement: Vec<NamespaceEnforcement<'r>>,
    policy_state: Vec<PolicyState<'r>>,
    policy_reports: Vec<PolicyReportResult<'r>>,
    network: NetworkTables<'r>,
    plaintext_findings: Vec<PlaintextFinding<'r>>,
}

impl<'r> AboutVersions<'r> {
    fn of(history: &objects::History<'r>, statuses: &[admission::StatusSeen], settings: &Settings) -> Self {
        let versions = &history.versions;
        let (rbac_grants, rbac_rules) = rbac::grants_and_rules(history);
        Self {
            rbac_grants,
            rbac_rules,
            running_images: workloads::running_images(versions),
            workload_posture: workloads::workload_posture(versions),
            namespace_enforcement: enforcement::namespace_enforcement(versions, settings),
            policy_state: admission::policy_state(versions, statuses),
            policy_reports: admission::policy_reports(versions),
            network: network_tables(versions, &settings.network),
            plaintext_findings: crate::plaintext::findings(
                versions,
                &settings.credential_search,
                settings.digest_key.as_ref(),
            ),
        }
    }
}
