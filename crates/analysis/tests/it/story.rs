//! A history told as sentences: what the watches, the audit log and the components said, second by second.

use analysis::{CanarySeen, Derived, Inputs, SourceSummary, derive};
use records::table::Provenance;
use records::tables::audit::AuditEvent;
use records::tables::monitoring::{ConfigurationRead, Fault, StatementRow};
use records::tables::objects::ObjectObservation;
use records::{Statement, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The cluster of all stories.
pub(crate) const CLUSTER: &str = "prod";
pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";
pub(crate) const ADMISSION: &str = "admissionregistration.k8s.io";

/// An instant `seconds` after nine o'clock.
pub(crate) fn t(seconds: f64) -> Timestamp {
    let start: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
    start.plus_micros((seconds * 1e6).round() as i64)
}

/// Seconds after nine o'clock.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    at.micros_since(t(0.0)) as f64 / 1e6
}

/// An interval as seconds after nine o'clock.
pub(crate) fn span(from: Timestamp, to: Option<Timestamp>) -> (f64, Option<f64>) {
    (seconds(from), to.map(seconds))
}

/// What is being told.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) inputs: Inputs<'static>,
    seqs: HashMap<String, i64>,
}

/// An observation of an object that is being described.
pub(crate) struct Object<'a> {
    story: &'a mut Story,
    row: ObjectObservation<'static>,
    body: Value,
}

/// Begins a story.
pub(crate) fn history() -> Story {
    Story { inputs: Inputs::empty(t(10_000.0)), seqs: HashMap::new() }
}

impl Story {
    fn provenance(&mut self, source: &str) -> Provenance<'static> {
        let seq = self.seqs.entry(source.to_owned()).or_insert(0);
        *seq += 1;
        Provenance {
            cluster: CLUSTER.into(),
            source: source.to_owned().into(),
            segment: 1 + *seq / 50,
            seq: *seq,
            normaliser_version: 1,
        }
    }

    fn observation(&mut self, at: f64, sort: &str, group: &str, resource: &str) -> ObjectObservation<'static> {
        let source = match group {
            "" => format!("{CLUSTER}/watch/{resource}"),
            group => format!("{CLUSTER}/watch/{resource}.{group}"),
        };
        ObjectObservation {
            provenance: self.provenance(&source),
            observed_at: t(at),
            observation: sort.to_owned().into(),
            api_group: group.to_owned().into(),
            api_version: "v1".into(),
            resource: resource.to_owned().into(),
            kind: None,
            namespace: None,
            name: None,
            uid: None,
            resource_version: None,
            generation: None,
            created_time: None,
            deletion_time: None,
            last_write_time: None,
            last_write_manager: None,
            content_write_time: None,
            refreshed_time: None,
            material_digest: None,
            body_json: None,
            status_json: None,
            list_id: None,
            list_count: None,
        }
    }

    /// The watch of `resource.group` sees `namespace/name` (or `name`); `sort` is `listed`, `added`, `modified` or `deleted`.
    pub(crate) fn sees(&mut self, at: f64, sort: &str, kind: (&str, &str), name: &str, body: Value) -> Object<'_> {
        let mut row = self.observation(at, sort, kind.0, kind.1);
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
            None => (None, name.to_owned()),
        };
        row.uid = Some(format!("uid-{}-{name}", namespace.as_deref().unwrap_or("")).into());
        row.namespace = namespace.map(Into::into);
        row.name = Some(name.into());
        row.resource_version = Some(format!("{}", row.provenance.seq + 100).into());
        Object { story: self, row, body }
    }

    pub(crate) fn list_begins(&mut self, at: f64, kind: (&str, &str), id: &str) -> &mut Self {
        let mut row = self.observation(at, "list_begin", kind.0, kind.1);
        row.list_id = Some(id.to_owned().into());
        self.inputs.observations.push(row);
        self
    }

    pub(crate) fn list_ends(&mut self, at: f64, kind: (&str, &str), id: &str, count: i64) -> &mut Self {
        let mut row = self.observation(at, "list_end", kind.0, kind.1);
        row.list_id = Some(id.to_owned().into());
        row.list_count = Some(count);
        self.inputs.observations.push(row);
        self
    }

    /// A list of nothing: from then on absence is knowledge.
    pub(crate) fn lists_none(&mut self, at: f64, kind: (&str, &str)) -> &mut Self {
        self.list_begins(at, kind, "empty").list_ends(at, kind, "empty", 0)
    }

    pub(crate) fn not_served(&mut self, at: f64, kind: (&str, &str)) -> &mut Self {
        let row = self.observation(at, "not_served", kind.0, kind.1);
        self.inputs.observations.push(row);
        self
    }

    /// An audit event; `change` fills in what matters.
    pub(crate) fn event(
        &mut self,
        at: f64,
        verb: &str,
        change: impl FnOnce(&mut AuditEvent<'static>),
    ) -> AuditEvent<'static> {
        let mut row = AuditEvent {
            provenance: self.provenance(&format!("{CLUSTER}/audit/one")),
            event_time: t(at),
            request_received_time: Some(t(at - 0.01)),
            received_at: t(at + 1.0),
            envelope: "kubernetes".into(),
            lost_fields: "".into(),
            level: Some("Metadata".into()),
            stage: Some("ResponseComplete".into()),
            audit_id: None,
            event_digest: "".into(),
            verb: Some(verb.to_owned().into()),
            request_uri: Some("/x".into()),
            request_path: Some("/x".into()),
            user_name: Some("alice".into()),
            user_uid: None,
            user_groups_json: None,
            user_extra_json: None,
            credential_id: None,
            impersonated_user: None,
            impersonated_groups_json: None,
            actor_class: "human".into(),
            authentication: "client_certificate".into(),
            token_secret: None,
            issued_credential_id: None,
            source_ip: Some("192.0.2.1".into()),
            source_ips_json: None,
            user_agent: None,
            api_group: Some("".into()),
            api_version: Some("v1".into()),
            resource: Some("configmaps".into()),
            subresource: None,
            namespace: None,
            name: None,
            object_uid: None,
            response_name: None,
            response_uid: None,
            response_resource_version: None,
            response_code: Some(200),
            response_reason: None,
            response_message: None,
            decision: None,
            decision_reason: None,
            annotations_json: None,
            webhook_decisions: None,
            failed_open: None,
            dry_run: Some(false),
            has_request_object: false,
            has_response_object: false,
            truncated: false,
            command_json: None,
            redacted: false,
        };
        row.audit_id = Some(format!("audit-{}", row.provenance.seq).into());
        row.event_digest = format!("digest-{}", row.provenance.seq).into();
        change(&mut row);
        row
    }

    /// Somebody writes an object, and the audit log tells.
    pub(crate) fn write(
        &mut self,
        at: f64,
        verb: &str,
        kind: (&str, &str),
        name: &str,
        change: impl FnOnce(&mut AuditEvent<'static>),
    ) -> &mut Self {
        let event = self.event(at, verb, |e| {
            e.api_group = Some(kind.0.to_owned().into());
            e.resource = Some(kind.1.to_owned().into());
            let (namespace, name) = match name.split_once('/') {
                Some((namespace, name)) => (Some(namespace.to_owned()), name),
                None => (None, name),
            };
            e.namespace = namespace.map(Into::into);
            e.name = (!name.is_empty()).then(|| name.to_owned().into());
            change(e);
        });
        self.inputs.audit_writes.push(event.into());
        self
    }

    /// An event of a privileged session.
    pub(crate) fn session(&mut self, at: f64, verb: &str, change: impl FnOnce(&mut AuditEvent<'static>)) -> &mut Self {
        let event = self.event(at, verb, change);
        self.inputs.privileged_events.push(event);
        self
    }

    /// A component states.
    pub(crate) fn states(&mut self, statement: Statement) -> &mut Self {
        let provenance = self.provenance(&format!("{CLUSTER}/statements/collect"));
        self.inputs.statements.push(StatementRow {
            provenance,
            statement: "".into(),
            subject: None,
            at: t(0.0),
            until: None,
            statement_json: serde_json::to_string(&statement).unwrap().into(),
        });
        self
    }

    pub(crate) fn alive(&mut self, source: &str, from: f64, to: f64) -> &mut Self {
        self.states(Statement::Alive { subject: source.parse().unwrap(), from: t(from), to: t(to) })
    }

    /// A reading of counters: counted, admitted (by the webhook), received.
    pub(crate) fn counters(&mut self, at: f64, started: f64, counted: u64, admitted: u64, received: u64) -> &mut Self {
        self.states(Statement::Balance {
            subject: format!("{CLUSTER}/audit/one").parse().unwrap(),
            at: t(at),
            process_start: t(started),
            event_total: counted,
            error_buffered: 0,
            error_webhook: admitted,
            error_truncate: 0,
            received,
        })
    }

    /// A canary with an answer; it arrives or not.
    pub(crate) fn canary(&mut self, at: f64, number: u64, arrives: bool) -> &mut Self {
        let source = format!("{CLUSTER}/audit/one");
        let audit_id = format!("canary-{number}");
        if arrives {
            let seen = CanarySeen { source: source.clone(), audit_id: audit_id.clone(), event_time: t(at + 0.1) };
            self.inputs.canaries_seen.push(seen);
        }
        self.states(Statement::CanarySent {
            subject: source.parse().unwrap(),
            at: t(at),
            number,
            audit_id,
            status: 200,
        })
    }

    pub(crate) fn fault(&mut self, at: f64, source: &str, fault: &str) -> &mut Self {
        let provenance = self.provenance(source);
        self.inputs.faults.push(Fault {
            provenance,
            at: t(at),
            fault: fault.to_owned().into(),
            detail: "somewhere".into(),
        });
        self
    }

    pub(crate) fn reads_policy(&mut self, at: f64, content: &str) -> &mut Self {
        let provenance = self.provenance(&format!("{CLUSTER}/configuration/one"));
        self.inputs.configuration_reads.push(ConfigurationRead {
            provenance,
            read_at: t(at),
            configures: "audit-policy".into(),
            api_server: "one".into(),
            digest: content.to_owned().into(),
            content: content.to_owned().into(),
        });
        self
    }

    pub(crate) fn holds(&mut self, source: &str, entries: i64) -> &mut Self {
        self.inputs.source_summaries.push(SourceSummary {
            name: source.to_owned(),
            first_received_at: t(0.0),
            last_received_at: t(100.0),
            entries,
            last_segment: 3,
            last_seq: entries,
        });
        self
    }

    /// Knowledge ends.
    pub(crate) fn until(&mut self, at: f64) -> &mut Self {
        self.inputs.now = t(at);
        self
    }

    pub(crate) fn digest_key(&mut self, key: plaintext::Key) {
        self.inputs.settings.digest_key = Some(key);
    }

    pub(crate) fn told(&self) -> Derived<'static> {
        derive(self.inputs.clone())
    }

    // What stories of access are made of.

    pub(crate) fn role(&mut self, at: f64, sort: &str, name: &str, rules: Value) -> &mut Self {
        let kind = if name.contains('/') { (RBAC, "roles") } else { (RBAC, "clusterroles") };
        self.sees(at, sort, kind, name, json!({"rules": rules})).end()
    }

    pub(crate) fn binding(&mut self, at: f64, sort: &str, name: &str, role: &str, subjects: Value) -> &mut Self {
        let (kind, role_kind) = match name.contains('/') {
            true => ((RBAC, "rolebindings"), if role.contains('/') { "Role" } else { "ClusterRole" }),
            false => ((RBAC, "clusterrolebindings"), "ClusterRole"),
        };
        let role = role.rsplit('/').next().unwrap();
        self.sees(at, sort, kind, name, json!({"roleRef": {"kind": role_kind, "name": role}, "subjects": subjects}))
            .end()
    }

    pub(crate) fn namespace(&mut self, at: f64, sort: &str, name: &str, labels: Value) -> &mut Self {
        self.sees(at, sort, ("", "namespaces"), name, json!({"metadata": {"labels": labels}})).end()
    }
}

impl<'a> Object<'a> {
    pub(crate) fn uid(mut self, uid: &str) -> Self {
        self.row.uid = Some(uid.to_owned().into());
        self
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        self.row.resource_version = Some(version.to_owned().into());
        self
    }

    pub(crate) fn created(mut self, at: f64) -> Self {
        self.row.created_time = Some(t(at));
        self
    }

    /// The newest time in managedFields.
    pub(crate) fn fields(mut self, at: f64) -> Self {
        self.row.last_write_time = Some(t(at));
        self.row.last_write_manager = Some("kubectl".into());
        self
    }

    pub(crate) fn kind(mut self, kind: &str) -> Self {
        self.row.kind = Some(kind.to_owned().into());
        self
    }

    pub(crate) fn status(mut self, status: &Value) -> Self {
        self.row.status_json = Some(status.to_string().into());
        self
    }

    pub(crate) fn deleting(mut self, at: f64) -> Self {
        self.row.deletion_time = Some(t(at));
        self
    }

    /// Ends the description.
    pub(crate) fn end(mut self) -> &'a mut Story {
        self.row.body_json = Some(self.body.to_string().into());
        self.row.material_digest = Some(format!("digest of {}", self.body).into());
        self.story.inputs.observations.push(self.row);
        self.story
    }
}
