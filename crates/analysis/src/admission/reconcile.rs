//! Decisions and audit events held against each other.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use records::Timestamp;
use records::table::Provenance;
use records::tables::admission::{AdmissionDecision, AdmissionPolicySet, AdmissionReconciliation};
use records::tables::objects::ObjectVersion;
use serde::Deserialize;

use super::configuration::{self, Asked, Held, Loosened};
use super::guarded::GuardedEvent;
use crate::Settings;
use crate::identifier::identifier;
use crate::inputs::WriteEvent;
use crate::objects::writers::carried_out;
use crate::selector::Labels;

/// The label with its own name that the API server gives every namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// How long an API server may take to follow a change of a webhook's configuration, in seconds. About one is usual.
const FOLLOWING_SECONDS: i64 = 15;

/// What is looked at.
pub(crate) struct Evidence<'a, 'r> {
    pub(crate) decisions: &'a [AdmissionDecision<'r>],
    pub(crate) policy_sets: &'a [AdmissionPolicySet<'r>],
    pub(crate) guarded: &'a [GuardedEvent<'r>],
    pub(crate) writes: &'a [WriteEvent<'r>],
    pub(crate) versions: &'a [ObjectVersion<'r>],
    /// End of knowledge.
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
}

/// Our webhooks by cluster and name: those that recorded a decision or the set that they began with.
struct Guards<'a>(BTreeSet<(&'a str, &'a str)>);

impl Guards<'_> {
    fn has(&self, cluster: &str, webhook: &str) -> bool {
        self.0.contains(&(cluster, webhook))
    }
}

/// The rows of `admission_reconciliation`.
pub(crate) fn reconciliation<'r>(evidence: &Evidence<'_, 'r>) -> Vec<AdmissionReconciliation<'r>> {
    let of_decisions = evidence.decisions.iter().map(|d| (&*d.provenance.cluster, &*d.webhook));
    let of_sets = evidence.policy_sets.iter().map(|s| (&*s.provenance.cluster, &*s.webhook));
    let guards = Guards(of_decisions.chain(of_sets).collect());

    let mut rows = Rows::default();
    by_decisions(evidence, &mut rows);
    by_events(evidence, &guards, &mut rows);
    by_configuration(evidence, &guards, &mut rows);
    let mut rows = rows.rows;
    rows.sort_by(|a, b| (a.at, &a.item_id).cmp(&(b.at, &b.item_id)));
    rows
}

/// Rows, each once.
#[derive(Default)]
struct Rows<'r> {
    seen: HashSet<String>,
    rows: Vec<AdmissionReconciliation<'r>>,
}

impl<'r> Rows<'r> {
    fn push(&mut self, row: AdmissionReconciliation<'r>) {
        if !self.seen.contains(&*row.item_id) {
            self.seen.insert(row.item_id.clone().into_owned());
            self.rows.push(row);
        }
    }
}

/// Each decision with its event.
fn by_decisions<'r>(evidence: &Evidence<'_, 'r>, rows: &mut Rows<'r>) {
    let mut events: HashMap<(&str, &str, &str), &GuardedEvent<'r>> = HashMap::new();
    for event in evidence.guarded {
        for (webhook, id) in event.decisions() {
            let kept = events.entry((&event.provenance.cluster, webhook, id)).or_insert(event);
            // An exec has two events with it: the first is when it began.
            if (event.event_time, &event.audit_id) < (kept.event_time, &kept.audit_id) {
                *kept = event;
            }
        }
    }
    // The late record of a decision tells what was answered.
    let mut decisions: BTreeMap<(&str, &str, &str), &AdmissionDecision<'r>> = BTreeMap::new();
    for decision in evidence.decisions {
        let key = (&*decision.provenance.cluster, &*decision.webhook, &*decision.decision_id);
        let kept = decisions.entry(key).or_insert(decision);
        if decision.late && !kept.late {
            *kept = decision;
        }
    }
    let arrived = evidence.now.plus_seconds(-evidence.settings.in_flight_seconds);
    for (key, decision) in decisions {
        let event = events.get(&key);
        // Its event may still be on its way.
        if event.is_none() && decision.decided_at > arrived {
            continue;
        }
        let (outcome, detail) = match event {
            Some(_) => ("matched", ""),
            None => ("decision_without_event", "the audit log does not show the request"),
        };
        let subresource = decision.subresource.as_deref().filter(|s| !s.is_empty());
        rows.push(AdmissionReconciliation {
            provenance: decision.provenance.clone(),
            item_id: identifier(&["decision", key.0, key.1, key.2]).into(),
            outcome: outcome.into(),
            at: decision.decided_at,
            webhook: decision.webhook.clone(),
            decision_id: Some(decision.decision_id.clone()),
            allowed: decision.allowed,
            dry_run: decision.dry_run,
            audit_id: event.and_then(|event| event.audit_id.clone()),
            username: decision.username.clone(),
            verb: decision.operation.clone(),
            resource: decision.resource.as_deref().map(|resource| resource_text(resource, subresource)),
            namespace: decision.namespace.clone().filter(|n| !n.is_empty()),
            name: decision.name.clone().filter(|n| !n.is_empty()),
            detail: detail.into(),
        });
    }
}

/// Events of requests that got no answer, or one that is not recorded.
fn by_events<'r>(evidence: &Evidence<'_, 'r>, guards: &Guards<'_>, rows: &mut Rows<'r>) {
    let recorded: HashSet<(&str, &str, &str)> = evidence
        .decisions
        .iter()
        .map(|decision| (&*decision.provenance.cluster, &*decision.webhook, &*decision.decision_id))
        .collect();
    for event in evidence.guarded {
        let cluster = &*event.provenance.cluster;
        for (webhook, id) in event.decisions() {
            if guards.has(cluster, webhook) && !recorded.contains(&(cluster, webhook, id)) {
                let detail = format!("no record of the decision {}", shown(id));
                rows.push(of_event(event, webhook, "event_without_decision", detail));
            }
        }
        for webhook in event.failed_open().filter(|webhook| guards.has(cluster, webhook)) {
            rows.push(of_event(
                event,
                webhook,
                "failed_open",
                "the webhook gave no answer and the request went on".to_owned(),
            ));
        }
        if let Some(webhook) = event.failed_closed().filter(|webhook| guards.has(cluster, webhook)) {
            let detail = "the webhook gave no answer and the request was refused".to_owned();
            rows.push(of_event(event, webhook, "failed_closed", detail));
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn resource_text<'r>(resource: &str, subresource: Option<&str>) -> Cow<'r, str> {
    match subresource {
        Some(subresource) => format!("{resource}/{subresource}").into(),
        None => resource.to_owned().into(),
    }
}

/// The identifier of what an event tells of a webhook: the same for both stages of one request, another for another request that
/// somebody gave the same audit ID.
fn event_id(
    provenance: &Provenance<'_>,
    audit_id: Option<&str>,
    received: Option<Timestamp>,
    webhook: &str,
    outcome: &str,
) -> String {
    let received = received.map(|at| at.to_string()).unwrap_or_default();
    identifier(&["event", &provenance.source, audit_id.unwrap_or_default(), &received, webhook, outcome])
}

fn of_event<'r>(
    event: &GuardedEvent<'r>,
    webhook: &str,
    outcome: &'static str,
    detail: String,
) -> AdmissionReconciliation<'r> {
    let id = event_id(&event.provenance, event.audit_id.as_deref(), event.request_received_time, webhook, outcome);
    AdmissionReconciliation {
        provenance: event.provenance.clone(),
        item_id: id.into(),
        outcome: outcome.into(),
        at: event.event_time,
        webhook: webhook.to_owned().into(),
        decision_id: None,
        allowed: None,
        dry_run: event.dry_run,
        audit_id: event.audit_id.clone(),
        username: event.user_name.clone(),
        verb: event.verb.clone(),
        resource: event.resource.as_deref().map(|resource| resource_text(resource, event.subresource.as_deref())),
        namespace: event.namespace.clone(),
        name: event.name.clone().or_else(|| event.response_name.clone()),
        detail: detail.into(),
    }
}

/// What the configurations of the webhooks tell: changes for the worse, and requests that should have been asked about.
fn by_configuration<'r>(evidence: &Evidence<'_, 'r>, guards: &Guards<'_>, rows: &mut Rows<'r>) {
    let (held, loosened) = configuration::webhooks(evidence.versions, |cluster, name| guards.has(cluster, name));
    for change in &loosened {
        rows.push(of_change(change));
    }
    if held.is_empty() {
        return;
    }
    // By source, audit ID and time of the request: what has an event that tells of the webhook.
    let told: HashSet<(&str, Option<&str>, Option<Timestamp>, &str)> = evidence
        .guarded
        .iter()
        .flat_map(|event| {
            let key = (&*event.provenance.source, event.audit_id.as_deref(), event.request_received_time);
            let webhooks = event.decisions().map(|(webhook, _)| webhook).chain(event.failed_open());
            webhooks.map(move |webhook| (key.0, key.1, key.2, webhook))
        })
        .collect();
    let namespaces = Namespaces::of(evidence.versions);
    for write in evidence.writes.iter().filter(|write| carried_out(write)) {
        for held in &held {
            let key = (&*write.provenance.source, write.audit_id.as_deref(), write.request_received_time, held.name());
            if !told.contains(&key) && should_have_asked(write, held, &namespaces) {
                rows.push(of_write(write, held));
            }
        }
    }
}

fn should_have_asked(write: &WriteEvent<'_>, held: &Held<'_>, namespaces: &Namespaces<'_>) -> bool {
    let received = write.request_received_time.unwrap_or(write.event_time);
    let settled = held.interval.from.plus_seconds(FOLLOWING_SECONDS) <= received
        && held.interval.to.is_none_or(|to| write.event_time < to.plus_seconds(-FOLLOWING_SECONDS));
    let operation = match (write.verb.as_deref(), write.response_code) {
        (Some("create"), _) | (Some("patch" | "update"), Some(201)) => "CREATE",
        (Some("update" | "patch"), _) => "UPDATE",
        (Some("delete" | "deletecollection"), _) => "DELETE",
        _ => return false,
    };
    let Some(resource) = write.resource.as_deref() else { return false };
    let cluster = &*write.provenance.cluster;
    if !settled || cluster != &*held.version.provenance.cluster {
        return false;
    }
    let asked = Asked {
        operation,
        group: write.api_group.as_deref().unwrap_or_default(),
        resource,
        subresource: write.subresource.as_deref(),
        namespace: write.namespace.as_deref(),
    };
    let labels = || namespaces.labels(cluster, write.namespace.as_deref()?, received);
    held.covers(asked, labels) == Some(true)
}

fn of_write<'r>(write: &WriteEvent<'r>, held: &Held<'_>) -> AdmissionReconciliation<'r> {
    let id =
        event_id(&write.provenance, write.audit_id.as_deref(), write.request_received_time, held.name(), "not_asked");
    AdmissionReconciliation {
        provenance: write.provenance.clone(),
        item_id: id.into(),
        outcome: "not_asked".into(),
        at: write.event_time,
        webhook: held.name().to_owned().into(),
        decision_id: None,
        allowed: None,
        dry_run: write.dry_run,
        audit_id: write.audit_id.clone(),
        username: write.user_name.clone(),
        verb: write.verb.clone(),
        resource: write.resource.as_deref().map(|resource| resource_text(resource, write.subresource.as_deref())),
        namespace: write.namespace.clone(),
        name: write.name.clone().or_else(|| write.response_name.clone()),
        detail: format!("the webhook was for it by {}, and the event names no decision", held.version.name).into(),
    }
}

fn of_change<'r>(change: &Loosened<'_>) -> AdmissionReconciliation<'r> {
    let outcome = if change.removed { "removed" } else { "weakened" };
    let version = change.version;
    let at = change.at.to_string();
    AdmissionReconciliation {
        provenance: version.provenance.clone().into_owned(),
        item_id: identifier(&["change", &version.provenance.cluster, &version.uid, &change.webhook, &at, outcome])
            .into(),
        outcome: outcome.into(),
        at: change.at,
        webhook: change.webhook.clone().into(),
        decision_id: None,
        allowed: None,
        dry_run: None,
        // Who removed it is in the audit event of the deletion, which is no version's.
        audit_id: version.writer_audit_id.as_deref().filter(|_| !change.removed).map(|id| id.to_owned().into()),
        username: version.writer.as_deref().filter(|_| !change.removed).map(|user| user.to_owned().into()),
        verb: None,
        resource: Some(version.resource.to_string().into()),
        namespace: None,
        name: Some(version.name.to_string().into()),
        detail: change.detail.clone().into(),
    }
}

/// Versions of namespaces by cluster and name.
struct Namespaces<'a>(HashMap<(&'a str, &'a str), Vec<&'a ObjectVersion<'a>>>);

impl<'a> Namespaces<'a> {
    fn of(versions: &'a [ObjectVersion<'a>]) -> Self {
        let mut found: HashMap<(&str, &str), Vec<&ObjectVersion<'_>>> = HashMap::new();
        for version in versions.iter().filter(|v| v.api_group.is_empty() && v.resource == "namespaces") {
            found.entry((&*version.provenance.cluster, &*version.name)).or_default().push(version);
        }
        Self(found)
    }

    /// The labels of a namespace at a time; `None` when they are not known.
    fn labels(&self, cluster: &str, name: &str, at: Timestamp) -> Option<Labels> {
        #[derive(Deserialize)]
        struct Body {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            #[serde(default)]
            labels: Option<Labels>,
        }
        let versions = self.0.get(&(cluster, name))?;
        let version = versions.iter().find(|v| v.valid_from <= at && v.valid_to.is_none_or(|to| at < to))?;
        let body: Body = serde_json::from_str(&version.body_json).ok()?;
        let mut labels = body.metadata.labels.unwrap_or_default();
        labels.entry(NAME_LABEL.to_owned()).or_insert_with(|| name.to_owned());
        Some(labels)
    }
}
