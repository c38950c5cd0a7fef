//! The portal over real HTTP on loopback, with a made-up evaluation.

#![allow(clippy::unwrap_used)] // Fixtures and helpers of tests: a panic is a failed test.

#[path = "../../../reports/tests/it"]
mod of_reports {
    pub(crate) mod sample;
}

mod access;
mod admission;
mod network;
mod secrets;
mod watched;

use std::sync::Arc;

use of_reports::sample;
use portal::{AccessData, GatherError, Portal, PortalData, PortalOptions, StartError};
use records::SourceName;
use reports::access::{
    AccessDifference, AccessQuestion, AccessSummary, CredentialList, SubjectAccess, SubjectList, WhoCan,
};
use reports::network::Reach;
use reports::secrets::SecretQuery;
use reports::{
    DecisionFilter, DecisionList, DecisionMaterial, EvidenceMaterial, FlowList, NetworkMaterial, NetworkQuery, Report,
    SecretList, SecretMaterial, SecretsMaterial,
};
use reqwest::{Client, StatusCode, header, redirect};

/// The sample, or nothing yet.
struct Sample(Option<Arc<Report>>);

impl Sample {
    fn full() -> Arc<dyn PortalData> {
        Arc::new(Self(Some(Arc::new(Report::new(sample::material()).unwrap()))))
    }
}

impl PortalData for Sample {
    fn report(&self) -> Option<Arc<Report>> {
        self.0.clone()
    }

    fn evidence(&self, source: &SourceName, seq: u64) -> Result<Option<EvidenceMaterial>, GatherError> {
        let wanted = |entry: &EvidenceMaterial| entry.reference.source == source.as_str() && entry.reference.seq == seq;
        Ok(sample::evidence().into_iter().find(wanted))
    }

    fn decisions(&self, filter: DecisionFilter, page: usize, per_page: usize) -> Result<DecisionList, GatherError> {
        let rows: Vec<_> = sample::material().admission.decisions.into_iter().map(|one| one.decision).collect();
        let total = rows.len() as u64;
        Ok(DecisionList { filter, problems: Vec::new(), rows, total, page, per_page, last_page: 1 })
    }

    fn decision(&self, id: &str) -> Result<Option<DecisionMaterial>, GatherError> {
        Ok(sample::material().admission.decisions.into_iter().find(|one| one.decision.decision_id == id))
    }

    fn network(&self, _: &NetworkQuery) -> Result<NetworkMaterial, GatherError> {
        Ok(sample::material().network.remove(0))
    }

    fn flows(&self, query: NetworkQuery, page: usize, per_page: usize) -> Result<FlowList, GatherError> {
        let NetworkMaterial { clusters, flows, .. } = sample::material().network.remove(0);
        let total = flows.len() as u64;
        Ok(FlowList { query, clusters, rows: flows, total, page, per_page, last_page: 1 })
    }

    fn secrets(&self, _: &SecretQuery) -> Result<SecretsMaterial, GatherError> {
        Ok(sample::material().secrets.remove(0))
    }

    fn secret_list(&self, query: SecretQuery, page: usize, per_page: usize) -> Result<SecretList, GatherError> {
        let SecretsMaterial { clusters, secrets, .. } = sample::material().secrets.remove(0);
        let total = secrets.len() as u64;
        Ok(SecretList { query, clusters, rows: secrets, total, page, per_page, last_page: 1 })
    }

    fn secret(&self, query: &SecretQuery) -> Result<Option<SecretMaterial>, GatherError> {
        let SecretsMaterial { secrets, .. } = sample::material().secrets.remove(0);
        Ok(secrets.into_iter().find(|one| one.posture.name == query.name))
    }

    fn reach(&self, query: &NetworkQuery) -> Result<Reach, GatherError> {
        let NetworkMaterial { reaches, .. } = sample::material().network.remove(0);
        Ok(reaches.into_iter().find(|reach| reach.workload == query.workload).unwrap_or_default())
    }
}

impl AccessData for Sample {
    fn access_summary(&self, question: AccessQuestion, _: usize) -> Result<AccessSummary, GatherError> {
        Ok(AccessSummary { question, ..sample::rights::summary() })
    }

    fn access_subjects(&self, question: AccessQuestion, _: usize, _: usize) -> Result<SubjectList, GatherError> {
        Ok(SubjectList { question, ..SubjectList::default() })
    }

    fn access_subject(&self, question: AccessQuestion, _: usize) -> Result<SubjectAccess, GatherError> {
        Ok(SubjectAccess { question, ..sample::rights::subject() })
    }

    fn access_who_can(&self, question: AccessQuestion, _: usize) -> Result<WhoCan, GatherError> {
        Ok(WhoCan { question, rows: sample::rights::subject().rules, ..WhoCan::default() })
    }

    fn access_difference(&self, question: AccessQuestion) -> Result<AccessDifference, GatherError> {
        Ok(AccessDifference { question, ..sample::rights::difference() })
    }

    fn access_credentials(&self, question: AccessQuestion, _: usize, _: usize) -> Result<CredentialList, GatherError> {
        Ok(CredentialList { question, ..sample::rights::credentials() })
    }
}

fn client() -> Client {
    // No certificate is checked: everything here is plain HTTP on loopback.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

async fn started() -> Portal {
    Portal::start(PortalOptions::default(), Sample::full()).await.unwrap()
}

async fn signed_in(client: &Client, portal: &Portal) -> String {
    let answer = client.get(portal.login_url()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

const PLACES: [&str; 36] = [
    "/",
    "/controls",
    "/controls/AC-01",
    "/controls/AC-02/items",
    "/controls/AC-02/items?page=12",
    "/sources",
    "/admission",
    "/admission/decisions?namespace=shop",
    "/admission/decisions/00000000000000000000000000d00001",
    "/admission/exceptions/00000000000000000000000000000001",
    "/admission/policies/no-privileged",
    "/admission/reconciliation.csv",
    "/secrets",
    "/secrets/list?namespace=shop",
    "/secrets/secret?namespace=shop&name=db",
    "/secrets/plaintext.csv",
    "/network",
    "/network/flows?from=shop",
    "/network/workload?workload=dev-a/x[Pod]",
    "/network/flows.csv",
    "/access",
    "/access/subjects",
    "/access/subject?subject=User:dana@example.com",
    "/access/who-can?verb=get&resource=pods",
    "/access/diff",
    "/access/people",
    "/access/risks.csv",
    "/controls.csv",
    "/sources.csv",
    "/coverage.csv",
    "/gaps.csv",
    "/controls/AC-01/items.csv",
    "/controls/AC-01/deviations.csv",
    "/controls/AC-01/periods.csv",
    "/evidence/prod/watch/clusterrolebindings.rbac.authorization.k8s.io/2204",
    "/evidence/prod/watch/clusterrolebindings.rbac.authorization.k8s.io/2204/line.json",
];

#[tokio::test]
async fn nothing_is_shown_without_a_session_and_everything_with_one() {
    let (client, portal) = (client(), started().await);
    let url = |path: &str| format!("http://{}{path}", portal.address());
    for place in PLACES {
        let answer = client.get(url(place)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{place}");
        let text = answer.text().await.unwrap();
        for shown in ["AC-01", "no-privileged", "payments", "dana"] {
            assert!(!text.contains(shown), "{place}: {shown}");
        }
    }
    let cookie = signed_in(&client, &portal).await;
    for place in PLACES {
        let answer = client.get(url(place)).header(header::COOKIE, &cookie).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{place}");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store", "{place}");
        assert!(!answer.bytes().await.unwrap().is_empty(), "{place}");
    }
    portal.stop().await.unwrap();
}

#[tokio::test]
async fn the_login_link_works_once() {
    let (client, portal) = (client(), started().await);
    signed_in(&client, &portal).await;
    let again = client.get(portal.login_url()).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::FORBIDDEN);
    assert!(again.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_sniffing() {
    let (client, portal) = (client(), started().await);
    for path in ["/", "/healthz", "/style.css", "/nowhere/at/all", "/login?token=x"] {
        let answer = client.get(format!("http://{}{path}", portal.address())).send().await.unwrap();
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'"
        ));
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(answer.headers()[header::REFERRER_POLICY], "no-referrer");
    }
}

#[tokio::test]
async fn another_host_name_gets_nothing() {
    let (client, portal) = (client(), started().await);
    let cookie = signed_in(&client, &portal).await;
    let request = client.get(format!("http://{}/", portal.address())).header(header::COOKIE, cookie);
    let answer = request.header(header::HOST, "evil.example").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn what_does_not_exist_and_what_may_not_be_done_have_pages_too() {
    let (client, portal) = (client(), started().await);
    let cookie = signed_in(&client, &portal).await;
    let get =
        |path: &str| client.get(format!("http://{}{path}", portal.address())).header(header::COOKIE, &cookie).send();
    let missing = [
        "/nowhere",
        "/controls/ZZ-99",
        "/controls/AC-01/items?page=0",
        "/controls/AC-01/items?page=99999999999999999999999",
        "/controls/AC-01/items.exe",
        "/evidence/prod/watch/pods/0042",
        "/evidence/prod/watch/..%2f..%2fetc/1",
        "/evidence/prod/watch/namespaces/999999",
    ];
    for path in missing {
        let answer = get(path).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text().await.unwrap().contains("Go to the overview"), "{path}");
    }
    let long = get(&format!("/{}", "a".repeat(3_000))).await.unwrap();
    assert_eq!(long.status(), StatusCode::URI_TOO_LONG);
    let post =
        client.post(format!("http://{}/", portal.address())).header(header::COOKIE, &cookie).send().await.unwrap();
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn before_the_first_evaluation_it_says_so() {
    let (client, portal) = (client(), Portal::start(PortalOptions::default(), Arc::new(Sample(None))).await.unwrap());
    let cookie = signed_in(&client, &portal).await;
    let answer =
        client.get(format!("http://{}/", portal.address())).header(header::COOKIE, cookie).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().await.unwrap().contains("plimsoll evaluate"));
}

#[tokio::test]
async fn an_address_beyond_loopback_is_refused_unless_allowed() {
    let options = PortalOptions { address: "0.0.0.0:0".parse().unwrap(), beyond_loopback: false };
    let refused = Portal::start(options, Sample::full()).await;
    assert!(matches!(refused, Err(StartError::BeyondLoopback { .. })));
}
