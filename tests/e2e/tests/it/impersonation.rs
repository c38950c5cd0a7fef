//! Acting as somebody else.

use anyhow::Result;
use serde_json::{Value, json};

use crate::shared::{SOON, ask_for_event, create, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn impersonated_user_stands_beside_the_real_one() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let real = unique("helper");
    let base = "/apis/rbac.authorization.k8s.io/v1";
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": real},
        "rules": [{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["target"]}]});
    create(plane, &format!("{base}/clusterroles"), &role).await?;
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": real},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": real},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": real}]});
    create(plane, &format!("{base}/clusterrolebindings"), &binding).await?;
    let helper = plane.client_certificate(&real, &[])?;
    let event = e2e::wait::until("the binding works", SOON, || async {
        let headers = [("impersonate-user", "target")];
        let (_, event) = ask_for_event(plane, &helper, "GET", "/api/v1/nodes", &headers, None).await?;
        Ok((event["impersonatedUser"]["username"] == "target").then_some(event))
    })
    .await?;
    assert_eq!(event["user"]["username"], *real);
    // The decision is about the impersonated user, who may do nothing.
    assert_eq!(event["responseStatus"]["code"], 403);
    assert_eq!(event["annotations"]["authorization.k8s.io/decision"], "forbid");

    let headers = [("impersonate-user", "somebody-else")];
    let (answer, refused) = ask_for_event(plane, &helper, "GET", "/api/v1/nodes", &headers, None).await?;
    assert_eq!(answer.status, 403);
    assert_eq!(refused.get("impersonatedUser"), None);
    assert_eq!(refused["annotations"], Value::Null);
    let message = refused["responseStatus"]["message"].as_str().expect("a message");
    assert!(message.contains("somebody-else"), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn marker_of_constrained_impersonation_may_go_missing() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    // A user name of its own: the API server remembers, for each, the kind of impersonation that worked last.
    let master = plane.client_certificate(&unique("master"), &["system:masters"])?;
    let plain = [("impersonate-user", "target")];
    let (_, event) = ask_for_event(plane, &master, "GET", "/api/v1/nodes", &plain, None).await?;
    assert_eq!(event["authenticationMetadata"]["impersonationConstraint"], "impersonate:user-info");
    let legacy = [("impersonate-user", "target"), ("impersonate-extra-ticket", "T-1")];
    ask_for_event(plane, &master, "GET", "/api/v1/nodes", &legacy, None).await?;
    let (_, event) = ask_for_event(plane, &master, "GET", "/api/v1/nodes", &plain, None).await?;
    assert_eq!(event["impersonatedUser"]["username"], "target");
    assert_eq!(event["authenticationMetadata"], Value::Null);
    Ok(())
}
