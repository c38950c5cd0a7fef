//! That the analysis answers every request as a real API server does: random states of RBAC, random pods on nodes, random requests.
//!
//! Each round writes a state, waits until the API server's authorizers have seen all of it, reads it back, and asks both about the same requests.
//! `PLIMSOLL_SEED` repeats a run.

pub(crate) mod draw;
mod plane;

use std::collections::{BTreeMap, BTreeSet};

use analysis::rbac::authorizer::{Authorizer, Reason};
use analysis::rbac::node::{NodeFeatures, NodeObjects};
use analysis::rbac::state::State;
use anyhow::{Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use futures::StreamExt;

use draw::{Asked, Draw};
use plane::Plane;
use serde_json::{Value, json};

use crate::shared::{SOON, create, shared, unique};

const ROUNDS: usize = 12;
const REQUESTS_A_ROUND: usize = 3_500;
/// Requests that are under way at a time.
const AT_ONCE: usize = 24;

/// Nothing of the reviews is logged: a year's worth of them would only fill the disk.
const NO_AUDIT: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_that_of_the_api_server() -> Result<()> {
    let seed = draw::seed()?;
    let options = ControlPlaneOptions {
        audit_policy: NO_AUDIT.to_owned(),
        audit_log: false,
        // Without its controller, what this plugin protects would never go.
        apiserver_flags: vec!["--disable-admission-plugins=StorageObjectInUseProtection".to_owned()],
        ..ControlPlaneOptions::default()
    };
    let control_plane = ControlPlane::start(options).await?;
    let plane = &Plane::new(&control_plane)?;
    let mut draw = Draw::new(seed);
    plane.lay_out().await?;
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..ROUNDS {
        plane.replace_state(&mut draw, round).await?;
        let snapshot = plane.snapshot().await?;
        let state = State::of(&snapshot);
        let nodes = NodeObjects::of(&snapshot, NodeFeatures::default());
        let authorizer = Authorizer::with_nodes(&state, &nodes);
        let asked: Vec<Asked> = (0..REQUESTS_A_ROUND).map(|_| draw.request()).collect();
        let mut answers = futures::stream::iter(&asked)
            .map(|asked| async move { plane.review(asked).await.map(|answer| (asked, answer)) })
            .buffer_unordered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            let (asked, answer) = answer?;
            let decided = authorizer.allows(&asked.caller, &asked.request());
            let shown = || {
                format!("PLIMSOLL_SEED={seed} round {round}: {asked:#?}\nAPI server: {answer:?}\nanalysis: {decided:?}")
            };
            ensure!(decided.is_some() == answer.allowed, "another answer\n{}", shown());
            let possible: Vec<String> = reasons(&authorizer, asked, decided.as_ref());
            ensure!(
                decided.is_none() || possible.contains(&answer.reason),
                "another reason than {possible:#?}\n{}",
                shown()
            );
            *counted.entry(class(decided.as_ref())).or_default() += 1;
        }
    }
    println!("{counted:?}");
    // What is never allowed, or always, would prove nothing.
    for (class, least) in
        [("refused", 5_000), ("cluster role binding", 500), ("role binding", 500), ("node", 300), ("masters", 100)]
    {
        let seen = counted.get(class).copied().unwrap_or(0);
        ensure!(seen >= least, "{seen} answers of the class {class}: {counted:?}");
    }
    Ok(())
}

/// The controller fills aggregated roles as the analysis does, through others, too: of Kubernetes' own, and of three in a chain.
#[tokio::test(flavor = "multi_thread")]
async fn aggregated_roles_are_filled_as_the_controller_fills_them() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let name = unique("aggregated");
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let label = |to: &str| json!({format!("{name}.example.com/{to}"): "yes"});
    for (part, labels, selects, verb) in [
        ("whole", json!({}), Some("whole"), None),
        ("middle", label("whole"), Some("middle"), None),
        ("own", label("whole"), None, Some("list")),
        ("part", label("middle"), None, Some("get")),
        ("same", label("middle"), None, Some("get")),
    ] {
        let rules: Vec<Value> =
            verb.iter().map(|verb| json!({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]})).collect();
        let mut role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": format!("{name}-{part}"), "labels": labels}, "rules": rules});
        if let Some(to) = selects {
            role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": label(to)}]});
        }
        create(&shared.plane, path, &role).await?;
    }
    let plane = Plane::new(&shared.plane)?;
    let whole = format!("{name}-whole");
    e2e::wait::until("the controller fills aggregated roles as the analysis does", SOON, || async {
        let snapshot = plane.snapshot().await?;
        let stored = State::of(&snapshot);
        let unfilled = snapshot.all().cloned().map(|mut object| {
            if object.body.get("aggregationRule").is_some() {
                object.body["rules"] = Value::Null;
            }
            object
        });
        let computed = State::of(&unfilled.collect());
        let rules = |state: &State, role: &str| {
            let rules = state.role(None, role).map(|role| role.rules_json.clone()).unwrap_or_default();
            rules.iter().map(Value::to_string).collect::<BTreeSet<_>>()
        };
        let equal = ["admin", "edit", "view", &whole].into_iter().all(|role| {
            let stored = rules(&stored, role);
            !stored.is_empty() && stored == rules(&computed, role)
        });
        Ok((equal && rules(&stored, &whole).len() == 2).then_some(()))
    })
    .await
}

fn class(decided: Option<&Reason<'_>>) -> &'static str {
    match decided {
        None => "refused",
        Some(Reason::Masters) => "masters",
        Some(Reason::Node) => "node",
        Some(Reason::Rule(grant)) if grant.binding.namespace.is_none() => "cluster role binding",
        Some(Reason::Rule(_)) => "role binding",
    }
}

/// The reasons that the API server may give: its order among bindings of one kind and namespace is that of a map.
fn reasons(authorizer: &Authorizer<'_>, asked: &Asked, decided: Option<&Reason<'_>>) -> Vec<String> {
    match decided {
        Some(Reason::Rule(first)) => authorizer
            .rules_that_allow(&asked.caller, &asked.request())
            .filter(|grant| grant.scope == first.scope)
            .map(|grant| Reason::Rule(grant).text())
            .collect(),
        Some(reason) => vec![reason.text()],
        None => Vec::new(),
    }
}
