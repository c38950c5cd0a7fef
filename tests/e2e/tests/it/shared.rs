//! One control plane for all tests that do not stop, starve or reconfigure it. It ends with the process: the guard
//! beside it sees to that.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::audit::StaticToken;
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::identity::Identity;
use e2e::oidc::Issuer;
use e2e::request::Answer;
use e2e::sink::AuditSink;
use serde_json::Value;
use tokio::sync::OnceCell;

/// Longest wait for an event. Events are there within a second on an idle machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Shared {
    pub(crate) plane: ControlPlane,
    pub(crate) sink: AuditSink,
    pub(crate) issuer: Issuer,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();

pub(crate) async fn shared() -> Result<&'static Shared> {
    SHARED
        .get_or_try_init(|| async {
            let sink = AuditSink::start()?;
            let issuer = Issuer::start()?;
            let mut webhook = sink.webhook();
            webhook.url.push_str("/c1?cluster=c1");
            webhook.token = Some("sink-token".into());
            let plane = ControlPlane::start(ControlPlaneOptions {
                audit_webhooks: vec![webhook],
                authentication: Some(issuer.authentication()),
                static_tokens: vec![StaticToken {
                    token: "static-token-of-sam".into(),
                    user: "sam".into(),
                    uid: "uid-of-sam".into(),
                    groups: vec!["system:masters".into(), "old".into()],
                }],
                controller_manager: true,
                scheduler: true,
                nodes: 1,
                ..ControlPlaneOptions::default()
            })
            .await?;
            Ok(Shared { plane, sink, issuer })
        })
        .await
}

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    let mut random = [0; 6];
    getrandom::fill(&mut random).expect("the system gives random bytes");
    format!("{prefix}-{}", hex::encode(random))
}

/// Sends a request under an `Audit-ID` of its own; gives the answer and that id.
pub(crate) async fn ask(
    plane: &ControlPlane,
    identity: &Identity,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Result<(Answer, String)> {
    let id = unique("ask");
    let mut all = vec![("audit-id", id.as_str())];
    all.extend_from_slice(headers);
    let body = body.map(Value::to_string);
    let answer = plane.request(identity, method, path, &all, body.as_deref()).await?;
    Ok((answer, id))
}

/// As [`ask`], and gives the request's last event.
pub(crate) async fn ask_for_event(
    plane: &ControlPlane,
    identity: &Identity,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Result<(Answer, Value)> {
    let (answer, id) = ask(plane, identity, method, path, headers, body).await?;
    let event = plane
        .audit_event(
            &format!("event of {method} {path}"),
            |event| event["auditID"] == *id && event["stage"] != "RequestReceived",
            SOON,
        )
        .await?;
    Ok((answer, event))
}

/// Makes an object as the administrator.
pub(crate) async fn create(plane: &ControlPlane, path: &str, body: &Value) -> Result<Value> {
    let answer = plane.request(&plane.admin()?, "POST", path, &[], Some(&body.to_string())).await?;
    ensure!(answer.status == 201, "POST {path}: {} {}", answer.status, answer.body);
    answer.json()
}

/// Makes a namespace with a name that no other test uses.
pub(crate) async fn namespace(plane: &ControlPlane, prefix: &str) -> Result<String> {
    let name = unique(prefix);
    let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    create(plane, "/api/v1/namespaces", &body).await?;
    Ok(name)
}

/// The value of a metric's series: the first line that begins so.
pub(crate) async fn metric(plane: &ControlPlane, series: &str) -> Result<Option<f64>> {
    let answer = plane.request(&plane.admin()?, "GET", "/metrics", &[], None).await?;
    answer
        .body
        .lines()
        .find(|line| line.starts_with(series))
        .and_then(|line| line.rsplit(' ').next())
        .map(|value| value.parse().context("a metric is no number"))
        .transpose()
}

/// Whether the event's annotations name any key with this prefix.
pub(crate) fn has_annotation(event: &Value, prefix: &str) -> bool {
    event["annotations"].as_object().is_some_and(|all| all.keys().any(|key| key.starts_with(prefix)))
}
