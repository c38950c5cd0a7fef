//! The pages about admission control over a real store: entries as the webhook and the API server write them, sealed, projected, asked.

use std::sync::Arc;

use controls::evidence::{Extent, Normaliser, session_inputs};
use controls::{Session, SessionInputs};
use portal::{Live, Portal, PortalOptions, admission};
use records::{Period, SourceName, Timestamp};
use reports::{DecisionFilter, Report};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use store::{NewEntry, Store, StoreOptions, StoreReader};
use tempfile::TempDir;

use crate::of_reports::sample;
use crate::{client, signed_in};

const WEBHOOK: &str = "admission.plimsoll.dev";
const DIGEST: &str = "6b5c1f0e2d3a49788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const HOSTILE: &str = "x'; DROP TABLE admission_decisions; --%_\\<script>";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn entry(source: &str, received: &str, value: &Value) -> NewEntry {
    NewEntry {
        source: source.parse::<SourceName>().unwrap(),
        received_at: at(received),
        bytes: value.to_string().into_bytes(),
        redaction: None,
    }
}

fn id(n: u32) -> String {
    format!("{n:032x}")
}

/// A decision as the webhook records it.
fn decision(n: u32, when: &str, change: Value) -> NewEntry {
    let mut record = json!({
        "record": "admission_decision", "decision_id": id(n), "decided_at": when, "webhook": WEBHOOK, "review_uid": format!("uid-{n}"),
        "operation": "CREATE", "api_group": "", "kind": "Pod", "resource": "pods", "subresource": "", "namespace": "shop", "name": format!("web-{n}"),
        "username": "alice", "dry_run": false, "verdict": "allow", "verdict_without_exceptions": "allow", "allowed": true,
        "policy_set": DIGEST, "exceptions": "", "exceptions_not_applied": "", "violations": 0, "violations_json": "[]", "message": "",
        "late": false, "evaluation_micros": 400
    });
    record.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    entry("prod/admission/admission.plimsoll.dev", when, &record)
}

fn violation(policy: &str, action: &str) -> String {
    let mut text = String::from("[");
    text.push_str(&format!(
        r#"{{"policy":{},"path":"spec.containers[0]","message":{},"action":"{action}"}}"#,
        json!(policy),
        json!("\"policy\":\"no-privileged\" is what a message may say")
    ));
    text.push(']');
    text
}

fn entries() -> Vec<NewEntry> {
    let denied = |policy: &str| json!({"verdict": "deny", "verdict_without_exceptions": "deny", "allowed": false, "violations": 1, "violations_json": violation(policy, "Deny")});
    let with = |mut value: Value, more: Value| {
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    let set = json!({
        "record": "admission_policy_set", "loaded_at": "2026-11-01T00:00:00Z", "webhook": WEBHOOK, "policy_set": DIGEST, "in_force": true,
        "previous": null, "policies": 1, "exceptions": 1, "faults": 0, "faults_json": "[]",
        "canonical_json": json!({
            "policies": [{"name": "no-privileged", "rule": "no-privileged", "action": "Deny"}],
            "exceptions": [{"name": "billing", "spec": {"policies": ["no-privileged"], "scope": {"namespaces": ["shop"]}, "owner": "alice",
                "approver": "bob", "reason": "an old driver", "expires": "2027-01-01T00:00:00.000000Z"}}]
        }).to_string()
    });
    let image = json!({"images": [{
        "path": "spec.containers[0].image", "image": "nginx:1.27", "signatures": "not_checked", "detail": ""
    }]});
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a-1", "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/shop/pods", "verb": "create", "user": {"username": "alice"}, "sourceIPs": ["10.0.0.1"],
        "objectRef": {"resource": "pods", "namespace": "shop", "apiVersion": "v1"}, "responseStatus": {"code": 403},
        "requestReceivedTimestamp": "2026-11-02T10:00:00.000000Z", "stageTimestamp": "2026-11-02T10:00:00.100000Z",
        "annotations": {format!("{WEBHOOK}/decision"): id(1)}
    });
    let late = with(denied("pod-security/hostPathVolumes"), json!({"username": "bob", "namespace": "billing"}));
    let mut all = vec![
        entry("prod/admission/admission.plimsoll.dev", "2026-11-01T00:00:00Z", &set),
        decision(1, "2026-11-02T10:00:00Z", with(denied("no-privileged"), image)),
        entry("prod/audit/apiserver-1", "2026-11-02T10:00:01Z", &event),
        // Recorded once before its answer, and again with it.
        decision(2, "2026-11-02T11:00:00Z", with(late.clone(), json!({"verdict": "allow", "allowed": null}))),
        decision(2, "2026-11-02T11:00:00Z", with(late, json!({"late": true}))),
        decision(
            3,
            "2026-11-02T12:00:00Z",
            with(denied("x"), json!({"username": HOSTILE, "violations_json": violation(HOSTILE, "Deny")})),
        ),
        decision(
            4,
            "2026-11-02T13:00:00Z",
            json!({"verdict_without_exceptions": "deny", "exceptions": "billing", "violations": 1, "violations_json": violation("no-privileged", "Deny")}),
        ),
        decision(5, "2026-11-02T14:00:00Z", json!({"exceptions_not_applied": "billing,other"})),
        // Before the window.
        decision(6, "2026-10-31T10:00:00Z", denied("no-privileged")),
    ];
    for n in 100..350 {
        all.push(decision(n, "2026-11-03T00:00:00Z", json!({"namespace": "load"})));
    }
    all
}

/// A sealed store with the entries, and the tables over it.
struct Cluster {
    _folder: TempDir,
    reader: StoreReader,
    session: Session,
    window: Period,
}

impl Cluster {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(StoreOptions::new(folder.path(), "portal.test/admission"), Arc::new(Normaliser)).unwrap();
        store.append(entries()).unwrap();
        store.seal().unwrap();
        drop(store);
        let reader = StoreReader::open(folder.path()).unwrap();
        let settings = SessionInputs::empty(Timestamp::MIN).settings;
        let session = Session::open(session_inputs(&reader, Extent::Sealed, settings).unwrap()).await.unwrap();
        let window = Period::new(at("2026-11-01T00:00:00Z"), at("2026-11-04T00:00:00Z")).unwrap();
        Self { _folder: folder, reader, session, window }
    }

    async fn found(&self, fields: &[(&str, &str)]) -> Vec<u32> {
        let (filter, problems) = DecisionFilter::read(fields.iter().copied());
        assert!(problems.is_empty(), "{problems:?}");
        let list = admission::decisions(&self.session, self.window, filter, 1, 1_000).await.unwrap();
        assert_eq!(list.rows.len() as u64, list.total);
        list.rows.iter().map(|row| u32::from_str_radix(&row.decision_id, 16).unwrap()).filter(|n| *n < 100).collect()
    }
}

#[tokio::test]
async fn a_filter_finds_what_it_says_and_each_decision_once() {
    let cluster = Cluster::new().await;
    assert_eq!(cluster.found(&[]).await, [5, 4, 3, 2, 1]);
    assert_eq!(cluster.found(&[("verdict", "deny")]).await, [3, 2, 1]);
    assert_eq!(cluster.found(&[("verdict", "excepted")]).await, [4]);
    assert_eq!(cluster.found(&[("verdict", "error")]).await, Vec::<u32>::new());
    assert_eq!(cluster.found(&[("namespace", "billing")]).await, [2]);
    assert_eq!(cluster.found(&[("namespace", "b*l*g")]).await, [2]);
    assert_eq!(cluster.found(&[("namespace", "billin_")]).await, Vec::<u32>::new());
    assert_eq!(cluster.found(&[("namespace", "b_lling*")]).await, Vec::<u32>::new());
    assert_eq!(cluster.found(&[("user", "bob")]).await, [2]);
    assert_eq!(cluster.found(&[("policy", "no-privileged")]).await, [4, 1]);
    assert_eq!(cluster.found(&[("policy", "pod-security")]).await, [2]);
    assert_eq!(cluster.found(&[("policy", "pod-security/hostPathVolumes")]).await, [2]);
    assert_eq!(cluster.found(&[("policy", "pod-secur")]).await, Vec::<u32>::new());
    assert_eq!(cluster.found(&[("exception", "billing")]).await, [5, 4]);
    assert_eq!(cluster.found(&[("exception", "bill")]).await, Vec::<u32>::new());
    assert_eq!(cluster.found(&[("from", "2026-11-02 11:00"), ("before", "2026-11-02 13:00")]).await, [3, 2]);
    assert_eq!(cluster.found(&[("from", "2026-10-31"), ("before", "2026-11-01")]).await, [6]);
}

#[tokio::test]
async fn names_chosen_to_break_the_question_are_names() {
    let cluster = Cluster::new().await;
    assert_eq!(cluster.found(&[("user", HOSTILE)]).await, [3]);
    assert_eq!(cluster.found(&[("policy", HOSTILE)]).await, [3]);
    assert_eq!(cluster.found(&[("user", "x'; DROP TABLE*--%_\\<*")]).await, [3]);
    assert_eq!(cluster.found(&[("user", "' OR '1'='1")]).await, Vec::<u32>::new());
    assert_eq!(cluster.found(&[("exception", "'")]).await, Vec::<u32>::new());
    assert_eq!(cluster.found(&[("policy", "\"")]).await, Vec::<u32>::new());
    for id in ["' OR '1'='1", "", "zz"] {
        assert!(admission::decision(&cluster.session, id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_decision_comes_with_its_records_images_and_audit_event() {
    let cluster = Cluster::new().await;
    let one = admission::decision(&cluster.session, &id(1)).await.unwrap().unwrap();
    assert_eq!((one.images.len(), one.others.len()), (1, 0));
    assert_eq!(one.reconciliation.unwrap().outcome, "matched");
    assert_eq!(one.events.iter().map(|entry| entry.source.as_str()).collect::<Vec<_>>(), ["prod/audit/apiserver-1"]);
    let twice = admission::decision(&cluster.session, &id(2)).await.unwrap().unwrap();
    assert!(twice.decision.late && twice.decision.verdict == "deny");
    assert_eq!(twice.others.len(), 1);
}

#[tokio::test]
async fn the_summary_counts_what_the_tables_hold() {
    let cluster = Cluster::new().await;
    let mut material = admission::material(&cluster.session, cluster.window).await.unwrap();
    let counts: Vec<(&str, i64, i64)> =
        material.counts.iter().map(|row| (row.verdict.as_str(), row.decisions, row.under_exceptions)).collect();
    assert_eq!(counts, [("allow", 252, 1), ("deny", 3, 0)]);
    let policies: Vec<(&str, i64, i64)> =
        material.policies.iter().map(|row| (row.policy.as_str(), row.denied, row.let_through)).collect();
    assert_eq!(policies, [("no-privileged", 1, 1), ("pod-security/hostPathVolumes", 1, 0), (HOSTILE, 1, 0)]);
    assert_eq!(material.policies_total, 3);
    assert_eq!(material.exceptions.len(), 1);
    assert_eq!((material.exceptions[0].uses, material.exceptions[0].refused_uses), (1, 1));
    assert_eq!((material.policy_sets.len(), material.texts.len()), (1, 1));
    assert!(material.policy_sets[0].canonical_json.is_none());
    assert!(material.outcomes.iter().any(|row| row.outcome == "matched" && row.rows == 1));
    assert!(material.unreconciled.iter().all(|row| row.outcome == "decision_without_event"));
    admission::add_decisions(&cluster.session, cluster.window, &mut material).await.unwrap();
    let listed: Vec<&str> = material.decisions.iter().map(|one| &*one.decision.decision_id).collect();
    assert_eq!(listed, [id(5), id(4), id(3), id(2), id(1)]);
    assert_eq!((material.decisions_total, material.decisions[4].events.len()), (5, 1));
}

async fn page(client: &Client, portal: &Portal, cookie: &str, path: &str) -> (StatusCode, String) {
    let url = format!("http://{}{path}", portal.address());
    let answer = client.get(url).header(header::COOKIE, cookie).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_portal_shows_them_live_without_scripts() {
    let cluster = Cluster::new().await;
    let mut material = sample::material();
    material.admission = admission::material(&cluster.session, cluster.window).await.unwrap();
    (material.window, material.evaluation.window_from, material.evaluation.window_to) =
        (cluster.window, cluster.window.from, cluster.window.to);
    let exception = material.admission.exceptions[0].exception_id.to_string();
    let live = Arc::new(Live::new());
    live.show(Report::new(material).unwrap(), cluster.reader, cluster.session);
    let (client, portal) = (client(), Portal::start(PortalOptions::default(), live).await.unwrap());
    let cookie = signed_in(&client, &portal).await;
    let evidence = "/evidence/prod/admission/admission.plimsoll.dev/2";
    for (path, holds) in [
        ("/admission", "Policies that were violated most"),
        ("/admission/decisions", "Decisions 1 to 100 of 255"),
        ("/admission/decisions?page=3", "Decisions 201 to 255 of 255"),
        ("/admission/decisions?verdict=deny&namespace=&user=alice&page=1", "Decisions 1 to 1 of 1"),
        ("/admission/decisions?user=nobody", "No decision passes the filter"),
        (&format!("/admission/decisions/{}", id(1)), evidence),
        (&format!("/admission/decisions/{}", id(1)), "prod/audit/apiserver-1 #1"),
        (&format!("/admission/exceptions/{exception}"), "The newest 2 of 2 requests"),
        ("/admission/exceptions", "billing"),
        ("/admission/policy-sets", "the first that is known"),
        ("/admission/policy-sets/prod/admission/admission.plimsoll.dev/1", "no-privileged"),
        ("/admission/guards", "None was seen"),
        ("/admission/decisions.csv?verdict=deny", &id(3)),
        ("/admission/exceptions.csv", "an old driver"),
        ("/admission/policy-sets.csv", DIGEST),
        ("/admission/reconciliation.csv", "decision_without_event"),
        (evidence, "no-privileged"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(text.contains(holds), "{path} does not hold {holds}: {text}");
        assert!(path.contains(".csv") || !text.contains("<script"), "{path}");
    }
    for path in [
        "/admission/decisions?page=4",
        "/admission/decisions?page=0",
        "/admission/decisions?page=101",
        "/admission/decisions?page=x",
        "/admission/decisions/00000000000000000000000000009999",
        "/admission/decisions/'%20OR%20'1'='1",
        "/admission/exceptions/nothing",
        "/admission/policy-sets/prod/admission/admission.plimsoll.dev/2",
        "/admission/guards?page=2",
        "/admission/policies/nothing",
        "/admission/other.csv",
    ] {
        assert_eq!(page(&client, &portal, &cookie, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for (path, holds) in [
        ("/admission/decisions?from=yesterday", "This is no time."),
        ("/admission/decisions?verdict=maybe", "There is no such verdict."),
        ("/admission/decisions?user=a%00b", "The filter was not understood"),
        ("/admission/decisions.csv?from=yesterday", "There is nothing here"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert!(text.contains(holds), "{path}");
    }
    let (status, _) = page(&client, &portal, "", "/admission").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    portal.stop().await.unwrap();
}
