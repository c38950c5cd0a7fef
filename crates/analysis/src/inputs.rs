//! What the analysis is given.

use records::Timestamp;

pub(crate) mod audit_row;
mod write_event;

use crate::admission::guarded::GuardedEvent;
use crate::identities::{CredentialGroup, IssuedCredential};
use crate::observation::heartbeats::Heartbeats;
use crate::rbac::usage::ObservedUse;
use records::tables::admission::{AdmissionDecision, AdmissionPolicySet};
use records::tables::approvals::ApprovalReading;
use records::tables::audit::AuditEvent;
use records::tables::encryption::{CloudEncryption, EncryptionReading, EtcdObject, EtcdScan};
use records::tables::identities::PeopleReading;
use records::tables::monitoring::{ConfigurationRead, ConfigurationReport, Fault, StatementRow};
use records::tables::objects::ObjectObservation;
use records::tables::repositories::RepositoryReading;
pub use write_event::WriteEvent;

/// Everything that [`crate::derive()`] looks at. Rows may come in any order; order within a source is taken from
/// `segment` and `seq`.
#[derive(Debug, Clone)]
pub struct Inputs<'r> {
    /// All rows of `object_observations`.
    pub observations: Vec<ObjectObservation<'r>>,
    /// At least all rows of `audit_events` of requests that were carried out (2xx, complete, no dry run as far as the event tells) whose
    /// verb is one of [`WRITE_VERBS`], whose subresource is none of [`NOT_WRITING`] and whose resource is governed
    /// ([`Settings::governed_resources`]); others may be among them. They are matched to versions of objects, too.
    pub audit_writes: Vec<WriteEvent<'r>>,
    /// At least all rows of `audit_events` that belong to privileged sessions: those with an impersonated user, and those
    /// with a subresource of [`SESSION_SUBRESOURCES`]. Others may be among them. An event may be here and in `audit_writes`.
    pub privileged_events: Vec<AuditEvent<'r>>,
    /// All rows of `statements`, but for those that a source was alive which are in `heartbeats`, and that a kind was not served which are in `absences`.
    pub statements: Vec<StatementRow<'r>>,
    /// Statements that a source was alive, merged. One may be here and among the `statements`.
    pub heartbeats: Heartbeats,
    /// Statements that the kind of a source was not served, merged. One may be here and among the `statements`.
    pub absences: Heartbeats,
    /// The audit events (one is enough of each) whose audit ID is that of a canary that was sent.
    pub canaries_seen: Vec<CanarySeen>,
    /// All rows of `configuration_reads`.
    pub configuration_reads: Vec<ConfigurationRead<'r>>,
    /// All rows of `configuration_reports`.
    pub configuration_reports: Vec<ConfigurationReport<'r>>,
    /// All rows of `faults`.
    pub faults: Vec<Fault<'r>>,
    /// All rows of `admission_decisions`.
    pub admission_decisions: Vec<AdmissionDecision<'r>>,
    /// All rows of `admission_policy_sets`.
    pub policy_sets: Vec<AdmissionPolicySet<'r>>,
    /// At least all rows of `audit_events` that have `webhook_decisions` or `failed_open`, or a `response_message` by which a webhook gave no answer
    /// ([`GuardedEvent::tells_of_no_answer`]).
    pub guarded_events: Vec<GuardedEvent<'r>>,
    /// One for each kind of request that was allowed, at least of all events with a decision `allow`.
    pub observed_uses: Vec<ObservedUse<'r>>,
    /// Whether `observed_uses` are all: they are cut when there are too many kinds.
    pub observed_uses_complete: bool,
    /// All rows of `encryption_readings`.
    pub encryption_readings: Vec<EncryptionReading<'r>>,
    /// All rows of `etcd_scans`.
    pub etcd_scans: Vec<EtcdScan<'r>>,
    /// All rows of `etcd_objects`.
    pub etcd_objects: Vec<EtcdObject<'r>>,
    /// All rows of `cloud_encryption`.
    pub cloud_encryption: Vec<CloudEncryption<'r>>,
    /// The use of each credential but those of pods, nodes and the control plane ([`CredentialGroup`]).
    pub credential_groups: Vec<CredentialGroup<'r>>,
    /// At least all rows of `audit_events` with an `issued_credential_id` whose actor is no node.
    pub issued_credentials: Vec<IssuedCredential<'r>>,
    /// All rows of `people_readings`.
    pub people_readings: Vec<PeopleReading<'r>>,
    /// All rows of `approval_readings`.
    pub approval_readings: Vec<ApprovalReading<'r>>,
    /// All rows of `repository_readings`.
    pub repository_readings: Vec<RepositoryReading<'r>>,
    /// One for each source that has an entry in the store.
    pub source_summaries: Vec<SourceSummary>,
    /// End of knowledge: nothing that was received later is in the rows.
    pub now: Timestamp,
    /// Configuration.
    pub settings: Settings,
}

impl Inputs<'_> {
    /// No rows at all, known until `now`, with default settings.
    #[must_use]
    pub fn empty(now: Timestamp) -> Self {
        Self {
            observations: Vec::new(),
            audit_writes: Vec::new(),
            privileged_events: Vec::new(),
            statements: Vec::new(),
            heartbeats: Heartbeats::default(),
            absences: Heartbeats::default(),
            canaries_seen: Vec::new(),
            configuration_reads: Vec::new(),
            configuration_reports: Vec::new(),
            faults: Vec::new(),
            admission_decisions: Vec::new(),
            policy_sets: Vec::new(),
            guarded_events: Vec::new(),
            observed_uses: Vec::new(),
            observed_uses_complete: true,
            encryption_readings: Vec::new(),
            etcd_scans: Vec::new(),
            etcd_objects: Vec::new(),
            cloud_encryption: Vec::new(),
            credential_groups: Vec::new(),
            issued_credentials: Vec::new(),
            people_readings: Vec::new(),
            approval_readings: Vec::new(),
            repository_readings: Vec::new(),
            source_summaries: Vec::new(),
            now,
            settings: Settings::default(),
        }
    }
}

/// Verbs that change objects.
pub const WRITE_VERBS: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

/// Subresources with which a request does not change the object: connections, tokens, status.
pub const NOT_WRITING: [&str; 7] = ["status", "exec", "attach", "portforward", "proxy", "log", "token"];

/// Subresources whose use opens a privileged session: `pods/exec`, `pods/attach`, `pods/portforward`,
/// `pods/ephemeralcontainers` and `nodes/proxy`.
pub const SESSION_SUBRESOURCES: [&str; 5] = ["exec", "attach", "portforward", "ephemeralcontainers", "proxy"];

/// An audit event that carries the audit ID of a canary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanarySeen {
    /// Name of the audit source that it came by.
    pub source: String,
    /// Its audit ID.
    pub audit_id: String,
    /// Its own time.
    pub event_time: Timestamp,
}

/// What the store holds of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSummary {
    /// The source's name.
    pub name: String,
    /// When its first entry was received.
    pub first_received_at: Timestamp,
    /// When its last entry was received.
    pub last_received_at: Timestamp,
    /// How many entries it has.
    pub entries: i64,
    /// Segment of its last entry.
    pub last_segment: i64,
    /// Number of its last entry.
    pub last_seq: i64,
}

/// A resource whose writes are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GovernedResource {
    /// API group; empty for core.
    pub group: String,
    /// Resource: plural, lower case; `*` for all of the group.
    pub resource: String,
}

impl GovernedResource {
    /// Whether objects of this group and resource are governed by it.
    #[must_use]
    pub fn covers(&self, group: &str, resource: &str) -> bool {
        self.group == group && (self.resource == resource || self.resource == "*")
    }
}

/// Configuration of the analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Resources whose writes become rows of `object_writes`.
    pub governed_resources: Vec<GovernedResource>,
    /// Names of ValidatingAdmissionPolicies and of validating webhooks that are known to refuse privileged pods, beside those that carry the annotation
    /// `plimsoll.dev/refuses: privileged-pods`. What a policy's expressions refuse is not worked out from their text.
    pub enforcing_policies: Vec<String>,
    /// Trust levels of namespaces, and how network policies are read where the API leaves it open.
    pub network: crate::network::Options,
    /// The store's key of digests; without it credentials in plain text have none. It changes nothing else.
    pub digest_key: Option<::plaintext::Key>,
    /// The rules by which credentials in plain text are searched for.
    pub credential_search: ::plaintext::Search,
    /// Seconds between two [`records::Statement::Alive`] of a source.
    pub heartbeat_seconds: i64,
    /// Seconds between two canaries of an audit source.
    pub canary_seconds: i64,
    /// Seconds after which an audit event that an API server counted has arrived or is lost: longest wait for a batch plus the
    /// five tries with their back-off (about 87 s with default flags) and some reserve.
    pub in_flight_seconds: i64,
    /// Seconds by which the time of a write in the audit log and its observation by a watch may differ when nothing but the time
    /// tells that they belong together.
    pub matching_seconds: i64,
    /// The version of the API servers, where none stated its own.
    pub server_version: Option<crate::rbac::risks::ServerVersion>,
    /// Feature gates of the API servers, by name, where none stated them.
    pub feature_gates: std::collections::BTreeMap<String, bool>,
    /// Seconds for which a permission may go unused before it counts as unused.
    pub permission_look_back_seconds: i64,
    /// Seconds for which a reading of what an API server counts of encryption speaks when no other follows.
    pub encryption_reading_seconds: i64,
    /// Seconds for which a scan of etcd speaks when no other follows.
    pub etcd_scan_seconds: i64,
    /// Seconds for which the description of a managed cluster by its cloud speaks when no other follows.
    pub cloud_description_seconds: i64,
}

/// The governed resources of the default configuration, as (group, resource). Constraints are each a kind of their own, named by their template. Not among them: what controllers write all the time without
/// a person's doing (Events, Leases, EndpointSlices, Nodes' status).
pub const DEFAULT_GOVERNED_RESOURCES: [(&str, &str); 40] = [
    ("", "configmaps"),
    ("", "limitranges"),
    ("", "namespaces"),
    ("", "persistentvolumes"),
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("", "resourcequotas"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("config.gatekeeper.sh", "*"),
    ("constraints.gatekeeper.sh", "*"),
    ("expansion.gatekeeper.sh", "*"),
    ("kyverno.io", "clusterpolicies"),
    ("kyverno.io", "policies"),
    ("kyverno.io", "policyexceptions"),
    ("mutations.gatekeeper.sh", "*"),
    ("networking.k8s.io", "ingresses"),
    ("networking.k8s.io", "networkpolicies"),
    ("plimsoll.dev", "policyexceptions"),
    ("policies.kyverno.io", "*"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
    ("templates.gatekeeper.sh", "*"),
];

impl Default for Settings {
    fn default() -> Self {
        let governed =
            |(group, resource): (&str, &str)| GovernedResource { group: group.into(), resource: resource.into() };
        Self {
            governed_resources: DEFAULT_GOVERNED_RESOURCES.into_iter().map(governed).collect(),
            enforcing_policies: Vec::new(),
            network: crate::network::Options::default(),
            digest_key: None,
            credential_search: ::plaintext::Search::default(),
            heartbeat_seconds: 10,
            canary_seconds: 60,
            in_flight_seconds: 130,
            matching_seconds: 5,
            server_version: None,
            feature_gates: std::collections::BTreeMap::new(),
            permission_look_back_seconds: 90 * 86_400,
            encryption_reading_seconds: 1_800,
            etcd_scan_seconds: 8 * 86_400,
            cloud_description_seconds: 35 * 86_400,
        }
    }
}
