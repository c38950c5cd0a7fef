//! The shape of audit events, in the log and at the webhook.

use anyhow::Result;
use e2e::identity::Identity;
use serde_json::{Value, json};

use crate::shared::{SOON, ask, ask_for_event, create, namespace, shared, unique};

#[tokio::test(flavor = "multi_thread")]
async fn unauthorized_request_has_one_event_and_it_is_response_started() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let nobody = Identity::bearer("nobody", "no-such-token");
    let (answer, event) = ask_for_event(&shared.plane, &nobody, "GET", "/api/v1/pods", &[], None).await?;
    assert_eq!(answer.status, 401);
    assert_eq!(event["stage"], "ResponseStarted");
    assert_eq!(event["user"], json!({}));
    assert_eq!(event["annotations"], Value::Null);
    assert_eq!(event["responseStatus"]["code"], 401);
    // A later request's event is written: nothing more can come for the first one.
    let admin = shared.plane.admin()?;
    ask_for_event(&shared.plane, &admin, "GET", "/api/v1/pods", &[], None).await?;
    let all = shared.plane.audit_events(0)?;
    let count = all.iter().filter(|e| e["auditID"] == event["auditID"]).count();
    assert_eq!(count, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_items_carry_no_kind_and_log_lines_do() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let admin = shared.plane.admin()?;
    let (_, logged) = ask_for_event(&shared.plane, &admin, "GET", "/api/v1/namespaces/default", &[], None).await?;
    assert_eq!(logged["kind"], "Event");
    assert_eq!(logged["apiVersion"], "audit.k8s.io/v1");
    let id = logged["auditID"].clone();
    let mut posted = shared.sink.event("the event at the sink", |e| e["auditID"] == id, SOON).await?;
    assert_eq!(posted.get("kind"), None);
    assert_eq!(posted.get("apiVersion"), None);
    // But for these two they are one and the same.
    posted["kind"] = json!("Event");
    posted["apiVersion"] = json!("audit.k8s.io/v1");
    assert_eq!(posted, logged);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn webhook_address_loses_its_query_string_and_the_token_is_sent() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    shared.sink.event("any event", |_| true, SOON).await?;
    for post in shared.sink.posts() {
        assert_eq!(post.method, "POST");
        assert_eq!(post.uri, "/audit/c1?timeout=30s");
        assert_eq!(post.header("authorization"), Some("Bearer sink-token"));
        assert_eq!(post.header("content-type"), Some("application/json"));
        assert_eq!(post.header("content-encoding"), None);
        let list = post.json()?;
        assert_eq!(list["kind"], "EventList");
        assert_eq!(list["apiVersion"], "audit.k8s.io/v1");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_id_is_the_callers_and_two_requests_may_share_one() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let admin = shared.plane.admin()?;
    let id = format!("{} with spaces {}", unique("same"), "x".repeat(300));
    for path in ["/api/v1/namespaces/default", "/api/v1/nodes"] {
        let answer = shared.plane.request(&admin, "GET", path, &[("audit-id", &id)], None).await?;
        assert_eq!(answer.header("audit-id"), Some(id.as_str()));
    }
    let (_, last) = ask_for_event(&shared.plane, &admin, "GET", "/api/v1/nodes", &[], None).await?;
    assert_ne!(last["auditID"], *id);
    let uris: Vec<Value> = shared
        .plane
        .audit_events(0)?
        .into_iter()
        .filter(|event| event["auditID"] == *id && event["stage"] == "ResponseComplete")
        .map(|event| event["requestURI"].clone())
        .collect();
    assert_eq!(uris, [json!("/api/v1/namespaces/default"), json!("/api/v1/nodes")]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_is_a_get_with_code_101_even_when_the_command_fails() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let admin = plane.admin()?;
    let space = namespace(plane, "exec").await?;
    // The pod's service account is made by a controller, and a pod is refused before.
    let account = format!("/api/v1/namespaces/{space}/serviceaccounts/default");
    e2e::wait::until("the service account exists", SOON, || async {
        let answer = plane.request(&admin, "GET", &account, &[], None).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await?;
    plane.kubectl(&admin, &["-n", &space, "run", "web", "--image=web"]).await?.success()?;
    plane
        .kubectl(&admin, &["-n", &space, "wait", "--for=condition=Ready", "pod/web", "--timeout=30s"])
        .await?
        .success()?;
    let good = plane.kubectl(&admin, &["-n", &space, "exec", "web", "--", "echo", "hello"]).await?;
    assert_eq!((good.code, good.stdout.as_str()), (0, "hello\n"), "{}", good.stderr);
    let bad = plane.kubectl(&admin, &["-n", &space, "exec", "web", "--", "sh", "-c", "exit 3"]).await?;
    // kwok hands the command's code on as text.
    assert_ne!(bad.code, 0);
    assert!(bad.stderr.contains("exit status 3"), "{}", bad.stderr);
    for command in ["command=echo&command=hello", "command=sh&command=-c&command=exit+3"] {
        let of_command = |event: &Value| {
            event["objectRef"]["namespace"] == *space
                && event["objectRef"]["subresource"] == "exec"
                && event["requestURI"].as_str().is_some_and(|uri| uri.contains(command))
        };
        let complete = plane
            .audit_event(
                &format!("the end of exec with {command}"),
                |event| of_command(event) && event["stage"] == "ResponseComplete",
                SOON,
            )
            .await?;
        assert_eq!(complete["verb"], "get");
        assert_eq!(complete["responseStatus"]["code"], 101);
        let stages: Vec<Value> = plane
            .audit_events(0)?
            .into_iter()
            .filter(|event| of_command(event))
            .map(|event| event["stage"].clone())
            .collect();
        assert_eq!(stages, [json!("ResponseStarted"), json!("ResponseComplete")]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_delete_looks_real_at_metadata_and_shows_at_request_response() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let admin = plane.admin()?;
    let space = namespace(plane, "dry-run").await?;
    // The policy keeps ConfigMaps at Metadata and Services at RequestResponse.
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}});
    create(plane, &format!("/api/v1/namespaces/{space}/configmaps"), &map).await?;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kept"},
        "spec": {"ports": [{"port": 80}]}});
    create(plane, &format!("/api/v1/namespaces/{space}/services"), &service).await?;
    for kind in ["configmap", "service"] {
        plane.kubectl(&admin, &["-n", &space, "delete", kind, "kept", "--dry-run=server"]).await?.success()?;
    }
    let deleted = |resource: &'static str| {
        let space = space.clone();
        move |event: &Value| {
            event["verb"] == "delete"
                && event["objectRef"]["resource"] == resource
                && event["objectRef"]["namespace"] == *space
                && event["stage"] == "ResponseComplete"
        }
    };
    let quiet = plane.audit_event("the map's deletion", deleted("configmaps"), SOON).await?;
    assert_eq!(quiet["responseStatus"]["code"], 200);
    assert_eq!(quiet["requestURI"], format!("/api/v1/namespaces/{space}/configmaps/kept"));
    assert!(!quiet.to_string().contains("dryRun"), "{quiet}");
    let loud = plane.audit_event("the service's deletion", deleted("services"), SOON).await?;
    assert_eq!(loud["requestURI"], format!("/api/v1/namespaces/{space}/services/kept"));
    assert_eq!(loud["requestObject"]["dryRun"], json!(["All"]));
    for path in ["configmaps/kept", "services/kept"] {
        let path = format!("/api/v1/namespaces/{space}/{path}");
        let answer = plane.request(&admin, "GET", &path, &[], None).await?;
        assert_eq!(answer.status, 200, "{path} was not deleted");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_names_are_missing_from_the_object_reference() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let admin = plane.admin()?;
    let space = namespace(plane, "generated").await?;
    let body = |kind: &str| {
        json!({"apiVersion": "v1", "kind": kind, "metadata": {"generateName": "made-"},
            "spec": {"ports": [{"port": 80}]}})
    };
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "made-"}});
    let (answer, event) = ask_for_event(plane, &admin, "POST", &path, &[], Some(&map)).await?;
    assert_eq!(answer.status, 201);
    assert_eq!(event["objectRef"].get("name"), None);
    let name = answer.json()?["metadata"]["name"].clone();
    assert!(!event.to_string().contains(name.as_str().expect("a name")), "lost at Metadata");

    let path = format!("/api/v1/namespaces/{space}/services");
    let (answer, event) = ask_for_event(plane, &admin, "POST", &path, &[], Some(&body("Service"))).await?;
    assert_eq!(answer.status, 201);
    assert_eq!(event["objectRef"].get("name"), None);
    assert_eq!(event["responseObject"]["metadata"]["name"], answer.json()?["metadata"]["name"]);
    // Refused, it has no name either.
    let carol = plane.client_certificate("carol", &[])?;
    let (answer, event) = ask_for_event(plane, &carol, "POST", &path, &[], Some(&body("Service"))).await?;
    assert_eq!(answer.status, 403);
    assert_eq!(event["objectRef"].get("name"), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn authorization_reasons_name_the_first_binding_and_nothing_for_masters() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let space = namespace(plane, "reasons").await?;
    let user = unique("reader");
    let base = "/apis/rbac.authorization.k8s.io/v1";
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    });
    create(plane, &format!("{base}/namespaces/{space}/rolebindings"), &binding).await?;
    let reader = plane.client_certificate(&user, &[])?;
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    let allowed = e2e::wait::until("the binding works", SOON, || async {
        let (answer, event) = ask_for_event(plane, &reader, "GET", &path, &[], None).await?;
        Ok((answer.status == 200).then_some(event))
    })
    .await?;
    assert_eq!(allowed["annotations"]["authorization.k8s.io/decision"], "allow");
    assert_eq!(
        allowed["annotations"]["authorization.k8s.io/reason"],
        format!("RBAC: allowed by RoleBinding \"readers/{space}\" of ClusterRole \"view\" to User \"{user}\"")
    );
    let (_, refused) = ask_for_event(plane, &reader, "GET", "/api/v1/nodes", &[], None).await?;
    assert_eq!(refused["annotations"]["authorization.k8s.io/decision"], "forbid");
    assert_eq!(refused["annotations"]["authorization.k8s.io/reason"], "");
    let (_, master) = ask_for_event(plane, &plane.admin()?, "GET", "/api/v1/nodes", &[], None).await?;
    assert_eq!(master["annotations"]["authorization.k8s.io/decision"], "allow");
    assert_eq!(master["annotations"]["authorization.k8s.io/reason"], "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn counter_of_events_is_the_log_and_the_webhook_counted_once() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let admin = plane.admin()?;
    // /metrics is at level None in the policy, so that looking does not change what is looked at. Other tests go on
    // meanwhile, so the count is held between the lines of the log before and after it was read.
    let (_, id) = ask(plane, &admin, "GET", "/api/v1/nodes", &[], None).await?;
    plane.audit_event("the request", |event| event["auditID"] == *id, SOON).await?;
    e2e::wait::until("a moment without other events", SOON, || async {
        let before = plane.audit_events(0)?.len() as f64;
        let counted = crate::shared::metric(plane, "apiserver_audit_event_total").await?;
        let after = plane.audit_events(0)?.len() as f64;
        Ok((before == after && counted == Some(after)).then_some(()))
    })
    .await
}
