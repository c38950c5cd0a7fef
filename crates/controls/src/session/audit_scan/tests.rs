use analysis::inputs::{NOT_WRITING, SESSION_SUBRESOURCES, WRITE_VERBS};
use analysis::{CredentialGroup, CredentialPart, GuardedEvent, ObservedUse, WriteEvent};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use records::EntryView;
use records::table::Provenance;
use serde_json::{Value, json};
use store::TableBuilders;

use super::*;
use crate::batches::{arrow_schema, rows_of};

fn some<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(values.to_vec())
}

/// Who asks: user name, groups, extra, address and program.
fn caller() -> impl Strategy<Value = Value> {
    let credential = some(&["JTI=1", "JTI=2", "X509SHA256=3"]);
    let extra = credential.prop_map(|id| json!({"authentication.kubernetes.io/credential-id": [id]}));
    let user = (
        some(&["idp:alice", "system:serviceaccount:a:b", "system:node:n", "system:anonymous", ""]),
        some(&[None, Some(json!(["system:authenticated"])), Some(json!(["devs", "system:authenticated"]))]),
        prop::option::of(extra),
    );
    let from = (some(&[None, Some("192.0.2.1"), Some("192.0.2.2")]), some(&[None, Some("kubectl"), Some("curl")]));
    (user, from).prop_map(|((name, groups, extra), (address, agent))| {
        json!({
            "user": {"username": name, "groups": groups, "extra": extra},
            "sourceIPs": address.map(|address| [address]), "userAgent": agent,
        })
    })
}

/// An audit event that is a write, a session, both or neither; some are about no resource.
fn event() -> impl Strategy<Value = Value> {
    let decided = some(&[None, Some(("allow", "RBAC: allowed by x")), Some(("allow", "")), Some(("forbid", "no"))]);
    (request_event(), caller(), decided, some(&[false, false, true])).prop_map(|(mut event, caller, decided, path)| {
        for (field, value) in caller.as_object().unwrap() {
            event[field] = value.clone();
        }
        if let Some((decision, reason)) = decided {
            event["annotations"]["authorization.k8s.io/decision"] = json!(decision);
            event["annotations"]["authorization.k8s.io/reason"] = json!(reason);
        }
        if path {
            event.as_object_mut().unwrap().remove("objectRef");
        }
        event
    })
}

fn request_event() -> impl Strategy<Value = Value> {
    let request = (
        some(&[Some("create"), Some("patch"), Some("get"), None]),
        some(&[Some(""), Some("apps"), Some("example.com"), Some("constraints.gatekeeper.sh"), None]),
        some(&[Some("pods"), Some("deployments"), Some("leases"), None]),
        some(&[None, None, Some("status"), Some("exec"), Some("scale")]),
        some(&["n", "m"]),
        0..60,
    );
    let answer = (
        some(&[Some(200), Some(201), Some(299), Some(300), Some(101), None]),
        some(&[Some("ResponseComplete"), Some("ResponseStarted"), Some("RequestReceived"), None]),
        some(&["", "?dryRun=All"]),
        some(&[None, None, Some("somebody")]),
        some(&[
            None,
            None,
            Some("a.b.c/decision"),
            Some("failed-open.validating.webhook.admission.k8s.io/round_0_index_0"),
        ]),
        some(&[None, Some("no"), Some("Internal error occurred: failed calling webhook \"a.b.c\": refused")]),
    );
    (request, answer).prop_map(|((verb, group, resource, part, name, second), (code, stage, query, user, annotation, message))| {
        let mut annotations = serde_json::Map::new();
        if let Some(annotation) = annotation {
            annotations.insert(annotation.to_owned(), json!("a.b.c"));
        }
        json!({
            "annotations": annotations,
            "level": "Metadata", "auditID": "id", "stage": stage, "verb": verb, "requestURI": format!("/x{query}"),
            "stageTimestamp": format!("2026-03-02T00:00:{second:02}Z"), "requestReceivedTimestamp": "2026-03-02T00:00:00Z",
            "objectRef": {"apiGroup": group, "resource": resource, "subresource": part, "name": name},
            "responseStatus": code.map(|code| json!({"code": code, "message": message})),
            "impersonatedUser": user.map(|user| json!({"username": user})),
        })
    })
}

fn rows(segment: u64, first: u64, events: &[Value]) -> Vec<RecordBatch> {
    let mut rows = TableBuilders::new();
    for (seq, event) in (first..).zip(events) {
        let raw = event.to_string();
        let received_at = records::Timestamp::from_micros(i64::try_from(1000 - seq).unwrap()).unwrap();
        let source = ["c1/audit/a", "c1/audit/b"][usize::from(seq % 3 == 0)];
        let entry = EntryView { source, segment, seq, received_at, raw: raw.as_bytes(), redacted: false };
        normalize::project(&entry, &mut rows);
    }
    rows.finish().into_iter().filter(|(t, _)| t.name == AuditEvent::TABLE.name).flat_map(|(_, rows)| rows).collect()
}

proptest! {
    /// Row by row, by the words of [`analysis::Inputs`].
    #[test]
    fn it_is_what_the_analysis_asks_for(
        files in prop::collection::vec(prop::collection::vec(event(), 1..30), 0..4),
        unsealed in prop::collection::vec(event(), 0..10),
        dictionaries in any::<bool>(),
        named in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut all, mut paths, mut first) = (Vec::new(), Vec::new(), 1);
        for (segment, events) in (0..).zip(&files) {
            let batches = rows(segment, first, events);
            let path = folder.path().join(format!("{segment}.parquet"));
            let properties = WriterProperties::builder().set_dictionary_enabled(dictionaries).build();
            let file = File::create(&path).unwrap();
            let mut writer = ArrowWriter::try_new(file, arrow_schema(AuditEvent::TABLE), Some(properties)).unwrap();
            batches.iter().for_each(|batch| writer.write(batch).unwrap());
            writer.close().unwrap();
            paths.push(path);
            first += events.len() as u64;
            all.extend(batches);
        }
        let unsealed = rows(files.len() as u64, first, &unsealed);
        all.extend(unsealed.iter().cloned());
        let settings = Settings::default();
        let names: BTreeSet<String> = if named { BTreeSet::from(["n".to_owned()]) } else { BTreeSet::new() };
        let scanned = scan(&paths, &unsealed, &settings, &names).unwrap();

        let events = rows_of(&all, |r| AuditEvent::read(&r)).unwrap();
        let governed = |e: &AuditEvent<'_>| {
            let group = e.api_group.as_deref().unwrap_or("");
            e.resource.as_deref().is_some_and(|r| settings.governed_resources.iter().any(|g| g.covers(group, r)))
        };
        let writes: Vec<WriteEvent<'_>> = events.iter().filter(|e| {
            e.verb.as_deref().is_some_and(|verb| WRITE_VERBS.contains(&verb))
                && e.response_code.is_some_and(|code| (200..300).contains(&code))
                && e.stage.as_deref().is_none_or(|stage| stage == "ResponseComplete")
                && e.dry_run != Some(true)
                && e.subresource.as_deref().is_none_or(|sub| !NOT_WRITING.contains(&sub))
                && governed(e)
        }).cloned().map(WriteEvent::from).collect();
        prop_assert_eq!(rows_of(&scanned.writes, |r| WriteEvent::read(&r)).unwrap(), writes);
        let privileged: Vec<AuditEvent<'_>> = events.iter().filter(|e| {
            e.impersonated_user.is_some()
                || e.subresource.as_deref().is_some_and(|sub| SESSION_SUBRESOURCES.contains(&sub))
        }).cloned().collect();
        prop_assert_eq!(rows_of(&scanned.privileged, |r| AuditEvent::read(&r)).unwrap(), privileged);
        let guarded: Vec<_> = events.iter().filter(|e| {
            e.webhook_decisions.is_some()
                || e.failed_open.is_some()
                || e.response_message.as_deref().is_some_and(|m| m.contains("failed calling webhook"))
        }).map(|e| (e.provenance.clone(), e.webhook_decisions.clone(), e.failed_open.clone())).collect();
        let told = rows_of(&scanned.guarded, |r| GuardedEvent::read(&r)).unwrap();
        let told: Vec<_> = told.into_iter().map(|e| (e.provenance, e.webhook_decisions, e.failed_open)).collect();
        prop_assert_eq!(told, guarded);
        for (source, received) in &scanned.received {
            let of_source = || events.iter().filter(|e| e.provenance.source == *source);
            prop_assert_eq!(Some(received.first_at), of_source().map(|e| e.received_at.micros()).min());
            prop_assert_eq!(Some(received.last_at), of_source().map(|e| e.received_at.micros()).max());
            prop_assert_eq!(Some(received.segment), of_source().map(|e| e.provenance.segment).max());
            prop_assert_eq!(Some(received.seq), of_source().map(|e| e.provenance.seq).max());
        }
        let (uses, complete) = scanned.uses.rows().unwrap();
        prop_assert!(complete);
        prop_assert_eq!(uses, uses_by_hand(&events, &names));
        let mut parts: Vec<CredentialPart<'_>> = scanned.credentials.parts().unwrap();
        parts.sort_by(|a, b| order(a).cmp(&order(b)));
        prop_assert_eq!(parts, parts_by_hand(&events));
        let sources: BTreeSet<_> = events.iter().map(|e| &*e.provenance.source).collect();
        prop_assert_eq!(scanned.received.len(), sources.len());
    }
}

#[test]
fn a_file_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("7.parquet");
    std::fs::write(&path, "no Parquet at all").unwrap();
    let error = scan(std::slice::from_ref(&path), &[], &Settings::default(), &BTreeSet::new()).unwrap_err().to_string();
    assert!(error.contains(&path.display().to_string()) && error.contains("rebuild the tables"), "{error}");
}

/// The kinds of requests, event by event.
fn uses_by_hand<'e>(events: &'e [AuditEvent<'e>], names: &BTreeSet<String>) -> Vec<ObservedUse<'e>> {
    type Text<'e> = Option<std::borrow::Cow<'e, str>>;
    let mut kinds: BTreeMap<Vec<Text<'e>>, Vec<&'e AuditEvent<'e>>> = BTreeMap::new();
    for e in events {
        let allowed = match e.decision.as_deref() {
            Some(decision) => decision == "allow",
            None => e.response_code.is_some_and(|code| code < 400),
        };
        if !allowed || e.stage.as_deref() == Some("RequestReceived") {
            continue;
        }
        let reason =
            e.decision_reason.clone().map(|text| if text.starts_with("RBAC:") { "RBAC:".into() } else { text });
        let name = e.name.clone().filter(|name| names.contains(&**name));
        let path = e.request_path.clone().filter(|_| e.resource.is_none());
        kinds
            .entry(vec![
                Some(e.provenance.cluster.clone()),
                Some(e.provenance.source.clone()),
                e.user_name.clone(),
                e.user_groups_json.clone(),
                e.impersonated_user.clone(),
                e.impersonated_groups_json.clone(),
                e.verb.clone(),
                e.api_group.clone(),
                e.resource.clone(),
                e.subresource.clone(),
                e.namespace.clone(),
                name,
                path,
                reason,
            ])
            .or_default()
            .push(e);
    }
    let mut rows: Vec<ObservedUse<'e>> = kinds
        .into_iter()
        .map(|(texts, events)| {
            let text = |at: usize| texts[at].clone().unwrap_or_default();
            let number = |of: fn(&AuditEvent<'_>) -> i64| events.iter().map(|e| of(e)).max().unwrap();
            let started = events.iter().filter(|e| e.stage.as_deref() == Some("ResponseStarted")).count();
            ObservedUse {
                provenance: Provenance {
                    cluster: text(0),
                    source: text(1),
                    segment: number(|e| e.provenance.segment),
                    seq: number(|e| e.provenance.seq),
                    normaliser_version: number(|e| e.provenance.normaliser_version),
                },
                user: text(2),
                groups_json: text(3),
                impersonated: text(4),
                impersonated_groups_json: text(5),
                verb: text(6),
                group: text(7),
                resource: text(8),
                subresource: text(9),
                namespace: text(10),
                name: text(11),
                path: text(12),
                reason: text(13),
                first: events.iter().map(|e| e.event_time).min().unwrap(),
                last: events.iter().map(|e| e.event_time).max().unwrap(),
                requests: i64::try_from(started.max(events.len() - started)).unwrap(),
            }
        })
        .collect();
    rows.sort_by_key(|row| (row.provenance.source.clone(), row.provenance.seq));
    rows
}

fn order<'a>(part: &'a CredentialPart<'_>) -> (&'a str, i64) {
    (&part.group.provenance.source, part.group.provenance.seq)
}

/// The use of credentials, event by event.
fn parts_by_hand<'e>(events: &'e [AuditEvent<'e>]) -> Vec<CredentialPart<'e>> {
    let mut parts: Vec<CredentialPart<'e>> = Vec::new();
    for e in events {
        let user = e.user_name.clone().unwrap_or_default();
        let counts = ["human", "service_account", "anonymous", "unknown"].contains(&&*e.actor_class);
        if !counts || ["pod_token", "none"].contains(&&*e.authentication) || user.is_empty() {
            continue;
        }
        let complete = e.stage.as_deref().is_none_or(|stage| stage == "ResponseComplete");
        let part = CredentialPart {
            group: CredentialGroup {
                provenance: e.provenance.clone(),
                user_name: user,
                actor_class: e.actor_class.clone(),
                authentication: e.authentication.clone(),
                credential_id: e.credential_id.clone(),
                token_secret: e.token_secret.clone(),
                extra_json: e.user_extra_json.clone().filter(|_| e.actor_class == "human"),
                first_at: e.event_time,
                last_at: e.event_time,
                requests: i64::from(complete),
                succeeded: i64::from(complete && e.response_code.is_some_and(|code| code < 400)),
                source_addresses: i64::from(e.source_ip.is_some()),
                first_address: e.source_ip.clone(),
                last_address: e.source_ip.clone(),
                user_agents: 0,
            },
            user_agent: e.user_agent.clone().filter(|_| e.actor_class != "anonymous"),
        };
        let own = |part: &CredentialPart<'e>| {
            let group = CredentialGroup {
                provenance: Provenance { source: part.group.provenance.source.clone(), ..Provenance::default() },
                first_at: records::Timestamp::MIN,
                last_at: records::Timestamp::MIN,
                requests: 0,
                succeeded: 0,
                user_agents: 0,
                ..part.group.clone()
            };
            CredentialPart { group, user_agent: part.user_agent.clone() }
        };
        let part = CredentialPart {
            group: CredentialGroup { user_agents: i64::from(part.user_agent.is_some()), ..part.group },
            ..part
        };
        match parts.iter_mut().find(|known| own(known) == own(&part)) {
            None => parts.push(part),
            Some(known) => {
                let (known, more) = (&mut known.group, part.group);
                known.provenance.segment = known.provenance.segment.min(more.provenance.segment);
                known.provenance.seq = known.provenance.seq.min(more.provenance.seq);
                known.first_at = known.first_at.min(more.first_at);
                known.last_at = known.last_at.max(more.last_at);
                known.requests += more.requests;
                known.succeeded += more.succeeded;
            }
        }
    }
    parts.sort_by(|a, b| order(a).cmp(&order(b)));
    parts
}
