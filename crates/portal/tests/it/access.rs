//! The pages about access over a small history, taken the whole way: raw entries, tables, analysis, questions, pages.

use std::sync::Arc;

use controls::fixture::history::{Clock, Step, tables};
use controls::{Session, SessionInputs};
use portal::{Live, Portal, PortalOptions, access};
use records::tables::monitoring::{Coverage, Source};
use records::{Period, Row, Timestamp};
use reports::access::{AccessQuestion, Change, Listed};
use reports::{Material, Report};
use reqwest::{Client, StatusCode, header};
use serde_json::{Value, json};
use store::{Store, StoreOptions, StoreReader};

use crate::of_reports::sample;
use crate::{client, signed_in};

const HOSTILE: &str = "x' OR '1'='1";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window() -> Period {
    Period::new(at("2026-03-02T09:00:00Z"), at("2026-03-02T12:00:00Z")).unwrap()
}

fn binding(name: &str, role: &str, subject: Value) -> Value {
    json!({"kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": [subject]})
}

fn user(name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name})
}

fn role(name: &str, rules: Value) -> Value {
    json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}

fn history() -> Vec<Step> {
    let rbac = |kind: &str| format!("{kind}.rbac.authorization.k8s.io");
    let watch = |kind: &str| format!("watch/{}", rbac(kind));
    let pods = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let wide = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, {"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"]}]);
    let everything = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let eve = binding("eve", "debugger", user("eve"));
    let token = |id: &str, claim: &str| json!({"username": format!("idp:{id}"), "extra": {"authentication.kubernetes.io/credential-id": [format!("JTI={id}")], "idp.example.test/amr": [claim]}});
    let audit = |at: &str, who: Value| json!({"audit": {"at": at, "user": "x", "verb": "list", "resource": "pods", "event": {"user": who}}});
    let bindings = rbac("clusterrolebindings");
    let steps = json!([
        {"covered": {"sources": [watch("clusterroles"), watch("roles"), watch("rolebindings"), "watch/serviceaccounts"], "from": "08:00"}},
        {"covered": {"sources": [watch("clusterrolebindings")], "from": "08:00", "to": "10:00"}},
        {"covered": {"sources": [watch("clusterrolebindings")], "from": "10:30"}},
        {"covered": {"sources": ["audit/apiserver"], "from": "08:00"}},
        {"list": {"at": "08:00", "resource": rbac("clusterroles"), "objects": [role("cluster-admin", everything), role("viewer", pods),
            role("debugger", json!([{"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"]}]))]}},
        {"list": {"at": "08:00", "resource": bindings, "objects": [
            binding("viewers", "viewer", json!({"kind": "Group", "name": "developers"})),
            binding("hostile", "viewer", user(HOSTILE)),
            binding("forgotten", "gone", user("carl")),
            binding("accounts", "viewer", json!({"kind": "Group", "name": "system:serviceaccounts:shop"}))]}},
        {"list": {"at": "08:00", "resource": rbac("roles")}},
        {"list": {"at": "08:00", "resource": rbac("rolebindings")}},
        {"list": {"at": "08:00", "resource": "serviceaccounts", "objects": [{"kind": "ServiceAccount", "metadata": {"name": "idle", "namespace": "shop"}}]}},
        {"added": {"at": "09:30", "resource": bindings, "object": eve}},
        {"deleted": {"at": "09:50", "resource": bindings, "object": eve}},
        {"modified": {"at": "10:45", "resource": rbac("clusterroles"), "object": role("viewer", wide)}},
        {"added": {"at": "11:00", "resource": bindings, "object": binding("dana", "cluster-admin", user("dana"))}},
        {"people": {"at": "08:30", "feed": "hr", "csv": "user,status,left_at\nalice,active,\nbob,left,2026-03-01\n"}},
        audit("09:10", token("alice", "mfa")),
        audit("09:20", token("bob", "pwd")),
        audit("09:25", token("zoe", "pwd")),
    ]);
    serde_json::from_value(steps).unwrap()
}

async fn session() -> Session {
    let now = at("2026-03-02T12:00:00Z");
    let unsealed = tables(&history(), &Clock::new("2026-03-02"), window(), now).unwrap();
    let mut inputs = SessionInputs::empty(now);
    (inputs.unsealed, inputs.memory_bytes) = (unsealed, 256 << 20);
    Session::open(inputs).await.unwrap()
}

fn asked(fields: &[(&str, &str)]) -> AccessQuestion {
    let question = AccessQuestion::read(fields.iter().copied(), window()).for_request();
    assert!(question.problems.is_empty(), "{:?}", question.problems);
    question
}

async fn material(session: &Session) -> Material {
    let mut material = sample::material();
    (material.window, material.evaluation.window_from, material.evaluation.window_to) =
        (window(), window().from, window().to);
    material.coverage = session.rows(Coverage::TABLE, |row| Ok(Coverage::read(&row)?.into_owned())).await.unwrap();
    material.sources = session.rows(Source::TABLE, |row| Ok(Source::read(&row)?.into_owned())).await.unwrap();
    material.gaps.clear();
    material
}

#[tokio::test]
async fn figures_and_subjects_are_those_of_the_moment() {
    let session = session().await;
    let end = access::summary(&session, window(), asked(&[]), 100).await.unwrap();
    assert_eq!((end.subjects, end.grants, end.equivalent_subjects, end.grants_of_missing_roles), (5, 5, 1, 1));
    let dana = |risk: &records::tables::rbac::RbacRisk<'_>| risk.subject == "User:dana" && risk.pattern == "RB-01";
    assert!(end.worst.iter().take_while(|risk| risk.severity == "critical").any(dana));
    assert_eq!(end.severities[0].severity, "critical");
    assert_eq!(end.clusters, ["c1"]);
    let before = access::summary(&session, window(), asked(&[("at", "2026-03-02 10:15")]), 100).await.unwrap();
    assert_eq!((before.subjects, before.equivalent_subjects), (4, 0));
    assert!(before.worst.iter().all(|risk| risk.subject != "User:dana" && risk.subject != "User:eve"));
    let elsewhere = access::summary(&session, window(), asked(&[("cluster", "c2")]), 100).await.unwrap();
    assert_eq!((elsewhere.grants, elsewhere.worst.len()), (0, 0));
    let found = |fields| {
        let session = &session;
        async move {
            let list = access::subjects(session, window(), asked(fields), (1, 100)).await.unwrap();
            assert_eq!(list.paging.total, list.rows.len() as u64);
            list.rows.into_iter().map(|row| row.subject).collect::<Vec<_>>()
        }
    };
    let all = found(&[]).await;
    assert!(all.len() == 5 && all[..3].contains(&"User:dana".to_owned()), "{all:?}");
    assert_eq!(found(&[("search", "DEVEL")]).await, ["Group:developers"]);
    assert_eq!(found(&[("search", "User:*a")]).await, ["User:dana"]);
    assert_eq!(found(&[("search", HOSTILE)]).await, [format!("User:{HOSTILE}")]);
    assert_eq!(found(&[("search", "' OR 1=1 --")]).await, Vec::<String>::new());
    assert_eq!(found(&[("search", "user:EVE"), ("at", "2026-03-02 09:40")]).await, ["User:eve"]);
}

#[tokio::test]
async fn who_can_is_answered_of_the_moment_with_binding_role_and_entries() {
    let session = session().await;
    let who = |fields| {
        let session = &session;
        async move {
            let answer = access::who_can(session, window(), asked(fields), 100).await.unwrap();
            assert_eq!(answer.total, answer.rows.len());
            answer.rows
        }
    };
    let exec = [("verb", "create"), ("resource", "pods/exec"), ("namespace", "shop"), ("name", "a")];
    let subjects =
        |rows: &[reports::access::HeldGrant]| rows.iter().map(|row| row.held.subject.clone()).collect::<Vec<_>>();
    let end = who(&exec).await;
    let expected = ["Group:system:masters", "Group:developers", "Group:system:serviceaccounts:shop", "User:dana"];
    let mut found = subjects(&end);
    assert_eq!(found.pop().unwrap(), format!("User:{HOSTILE}"));
    assert_eq!(found, expected);
    assert_eq!(end[3].held.binding, "ClusterRoleBinding:dana");
    assert_eq!(end[3].binding_entry.as_ref().unwrap().source, "c1/watch/clusterrolebindings.rbac.authorization.k8s.io");
    assert_eq!(end[3].role_entry.as_ref().unwrap().source, "c1/watch/clusterroles.rbac.authorization.k8s.io");
    let mut then = exec.to_vec();
    then.push(("at", "2026-03-02 09:40"));
    let then = access::who_can(&session, window(), asked(&then), 100).await.unwrap();
    assert_eq!(subjects(&then.rows), ["Group:system:masters", "User:eve"]);
    let nobody = who(&[("verb", "get"), ("resource", "/metrics")]).await;
    assert_eq!(subjects(&nobody), ["Group:system:masters"]);
    let nothing = access::who_can(&session, window(), asked(&[]), 100).await.unwrap();
    assert_eq!((nothing.rows.len(), nothing.taken_as.as_str()), (0, ""));
}

#[tokio::test]
async fn a_subject_holds_what_it_and_its_groups_are_bound_to() {
    let session = session().await;
    let of = |fields| {
        let session = &session;
        async move { access::subject(session, window(), asked(fields), 100).await.unwrap() }
    };
    let idle = of(&[("subject", "User:system:serviceaccount:shop:idle")]).await;
    assert_eq!((idle.subject.as_str(), idle.known), ("ServiceAccount:shop/idle", true));
    assert_eq!(idle.rules.len(), 2);
    assert!(
        idle.rules
            .iter()
            .all(|row| row.held.through == "Group:system:serviceaccounts:shop" && row.held.subject == idle.subject)
    );
    let carl = of(&[("subject", "User:carl")]).await;
    assert!(carl.known && carl.rules.len() == 1 && !carl.rules[0].role_exists);
    let dana = of(&[("subject", "User:dana")]).await;
    assert!(dana.risks.iter().any(|risk| risk.pattern == "RB-01" && !risk.implied));
    assert!(dana.entries.contains_key(&("c1".to_owned(), "ClusterRoleBinding:dana".to_owned())));
    assert!(dana.entries.contains_key(&("c1".to_owned(), "ClusterRole:cluster-admin".to_owned())));
    assert!(!dana.bindings.is_empty() && !dana.uses.is_empty());
    let before = of(&[("subject", "User:dana"), ("at", "2026-03-02 10:59:59")]).await;
    assert!(before.known && before.rules.is_empty() && before.risks.is_empty());
    let nobody = of(&[("subject", "User:nobody")]).await;
    assert!(!nobody.known && nobody.rules.is_empty());
    let named = format!("User:{HOSTILE}");
    let hostile = [("subject", named.as_str())];
    assert!(of(&hostile).await.known);
    let masters = of(&[("subject", "Group:system:masters")]).await;
    assert_eq!(masters.rules[0].held.permission, "everything");
}

#[tokio::test]
async fn a_difference_tells_what_came_what_went_and_what_lasted_a_while() {
    let session = session().await;
    let all = access::difference(&session, window(), asked(&[])).await.unwrap();
    let told: Vec<(Change, &str, &str)> =
        all.rules.iter().map(|c| (c.change, &*c.held.held.subject, &*c.held.held.permission)).collect();
    assert_eq!(told[0], (Change::ForAWhile, "User:eve", "create pods/exec"));
    assert_eq!(
        (all.rules[0].began, all.rules[0].ended),
        (Some(at("2026-03-02T09:30:00Z")), Some(at("2026-03-02T09:50:00Z")))
    );
    assert!(told.contains(&(Change::Came, "User:dana", "* *.*")));
    assert!(told.contains(&(Change::Came, "Group:developers", "create pods/exec")));
    // What the role gave before and after its change went on.
    assert!(!told.iter().any(|(_, _, permission)| *permission == "get pods"));
    assert!(all.risks.iter().any(|c| c.change == Change::ForAWhile && c.risk.subject == "User:eve"));
    assert!(!all.cut);
    let narrow = [("from", "2026-03-02 09:40"), ("to", "2026-03-02 10:00"), ("subject", "User:eve")];
    let one = access::difference(&session, window(), asked(&narrow)).await.unwrap();
    assert_eq!(one.rules.iter().map(|c| c.change).collect::<Vec<_>>(), [Change::Went]);
    assert!(one.risks.iter().all(|c| c.change == Change::Went && c.risk.subject == "User:eve"));
    let none = [("from", "2026-03-02 10:00"), ("to", "2026-03-02 10:30")];
    let none = access::difference(&session, window(), asked(&none)).await.unwrap();
    assert!(none.rules.is_empty() && none.risks.is_empty());
}

#[tokio::test]
async fn credentials_are_held_against_the_list_of_people() {
    let session = session().await;
    let list = access::credentials(&session, window(), asked(&[]), "idp:", (1, 100)).await.unwrap();
    let told: Vec<(&str, Option<Listed>)> =
        list.rows.iter().map(|row| (&*row.used.user_name, row.listed.clone())).collect();
    assert_eq!(told[0], ("idp:alice", Some(Listed::Active)));
    assert!(matches!(told[1], ("idp:bob", Some(Listed::Left(Some(_))))));
    assert_eq!(told[2], ("idp:zoe", Some(Listed::Absent)));
    assert_eq!(list.paging.total, 3);
    let one = access::credentials(&session, window(), asked(&[("search", "BOB")]), "", (1, 100)).await.unwrap();
    assert_eq!((one.rows.len(), one.rows[0].listed.clone()), (1, Some(Listed::Absent)));
    let second = access::credentials(&session, window(), asked(&[]), "", (2, 2)).await.unwrap();
    assert_eq!(second.rows.len(), 1);
}

#[tokio::test]
async fn the_package_has_the_end_of_the_window() {
    let session = session().await;
    let mut all = material(&session).await;
    all.access = access::material(&session, &all).await.unwrap();
    assert!(all.access.has_page("User:dana") && !all.access.has_page("User:eve"));
    assert_eq!(all.access.subjects_total as usize, all.access.subjects.len());
    assert!(!all.access.difference.rules.is_empty() && all.access.credentials.rows.len() == 3);
    assert!(all.access.references().len() > 5);
    let files = reports::package::render(&all, &[], &[]).unwrap();
    let subject = files.iter().filter(|(path, _)| path.starts_with("access/subjects/")).count();
    assert_eq!(subject, all.access.subjects.len());
    let (_, page) = files.iter().find(|(path, _)| path == "access/changes.html").unwrap();
    let page = String::from_utf8(page.clone()).unwrap();
    assert!(page.contains("User:eve") && page.contains("came and went") && page.contains("not known all the time"));
}

async fn page(client: &Client, portal: &Portal, cookie: &str, path: &str) -> (StatusCode, String) {
    let url = format!("http://{}{path}", portal.address());
    let answer = client.get(url).header(header::COOKIE, cookie).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_portal_answers_of_any_moment_without_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let normaliser = Arc::new(controls::evidence::Normaliser);
    drop(Store::open(StoreOptions::new(folder.path(), "portal.test/access"), normaliser).unwrap());
    let session = session().await;
    let report = Report::new(material(&session).await).unwrap();
    let live = Arc::new(Live::new());
    live.show(report, StoreReader::open(folder.path()).unwrap(), session);
    let (client, portal) = (client(), Portal::start(PortalOptions::default(), live).await.unwrap());
    let cookie = signed_in(&client, &portal).await;
    let evidence = "/evidence/c1/watch/clusterrolebindings.rbac.authorization.k8s.io/";
    for (path, holds) in [
        ("/access", "Subjects equal to cluster-admin"),
        ("/access", "/access/subject?cluster=c1&#38;subject=User%3Adana"),
        ("/access?at=2026-03-02+10:15", "not known at this moment"),
        ("/access?at=2026-03-02T10:15", "<li>c1/watch/clusterrolebindings.rbac.authorization.k8s.io</li>"),
        ("/access/subjects", "Subjects 1 to 5 of 5"),
        ("/access/subjects?search=nobody", "No subject with nobody in its name"),
        ("/access/subject?subject=User%3Adana", "<svg "),
        ("/access/subject?subject=User%3Adana", evidence),
        ("/access/subject?subject=User%3Adana&at=2026-03-02+10:00", "It holds no risky permission"),
        ("/access/subject?subject=User%3Acarl", "as long as the role does not exist"),
        ("/access/who-can", "Find out who can"),
        ("/access/who-can?verb=get&resource=pods&namespace=shop&name=&at=", "User:dana"),
        ("/access/who-can?verb=patch&resource=deployments&namespace=shop&name=a", "deployments.apps"),
        ("/access/diff", "came and went"),
        ("/access/diff?from=2026-03-02+10:00&to=2026-03-02+10:30&subject=User%3Aeve", "None came or went."),
        ("/access/people", "Credentials 1 to 3 of 3"),
        ("/access/people?search=alice", "idp:alice"),
        ("/access/subjects.csv", "c1,User:dana,1,true"),
        ("/access/rules.csv?subject=User%3Adana", "ClusterRoleBinding:dana"),
        ("/access/risks.csv", "RB-01"),
        ("/access/risks.csv?subject=User%3Adana&at=2026-03-02+11:30", "User:dana"),
        ("/access/permission-use.csv?subject=User%3Adana", "ClusterRoleBinding:dana"),
        ("/access/who-can.csv?verb=get&resource=pods", "Group:system:masters"),
        (
            "/access/rule-changes.csv",
            "came and went,2026-03-02T09:30:00.000000Z,2026-03-02T09:50:00.000000Z,c1,User:eve",
        ),
        ("/access/risk-changes.csv", "User:eve"),
        ("/access/credentials.csv", "idp:bob"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(text.contains(holds), "{path} does not hold {holds}: {text}");
        assert!(path.contains(".csv") || !text.contains("<script"), "{path}");
    }
    for (path, holds) in [
        ("/access/subject", "There is nothing here"),
        ("/access/subject?subject=User%3Anobody", "No binding names this subject"),
        ("/access/subjects?page=9", "There is nothing here"),
        ("/access/people?page=x", "There is nothing here"),
        ("/access/other.csv", "There is nothing here"),
        ("/access/subjects/whatever", "There is nothing here"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        assert!(text.contains(holds), "{path} does not hold {holds}: {text}");
    }
    for (path, holds) in [
        ("/access?at=yesterday", "This is no time."),
        ("/access?at=2026-03-03", "This is outside of the window"),
        ("/access/subjects?at=2025-01-01", "This is outside of the window"),
        ("/access/subject?subject=dana", "This is no subject."),
        ("/access/subject?subject=User%3A%E2%80%AEx", "characters that no name has"),
        ("/access/who-can?verb=get", "Say which resource"),
        ("/access/who-can?verb=get&resource=/metrics&namespace=shop", "A path has no namespace"),
        ("/access/diff?from=2026-03-02+11:00&to=2026-03-02+10:00", "not after the earlier one"),
        ("/access/people?search=a%00b", "The question was not understood"),
        ("/access/rules.csv", "There is nothing here"),
        ("/access/who-can.csv", "There is nothing here"),
        ("/access/risks.csv?at=x", "There is nothing here"),
    ] {
        let (status, text) = page(&client, &portal, &cookie, path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert!(text.contains(holds), "{path} does not hold {holds}: {text}");
    }
    let (status, _) = page(&client, &portal, "", "/access").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    portal.stop().await.unwrap();
}
