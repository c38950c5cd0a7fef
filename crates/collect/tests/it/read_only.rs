//! This crate cannot write to a cluster.

use std::path::Path;

use axum::http::Method;

use crate::evidence::Evidence;
use crate::scripted::{Reply, ScriptedServer, event, list, pod};

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().display().to_string(), text));
        }
    }
}

/// Requests can only be made by `request.rs`, which knows `Request::get`, and `Request::post` to the path of etcd's range and to no other.
#[test]
fn no_other_method_is_ever_built() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 15);
    let sends = [
        "Request::",
        ".send(",
        "request_text",
        "request_stream",
        "request_status",
        "request_events",
        "hyper::",
        "kube::Api",
        "kube::api",
    ];
    let writes = [
        "Method::",
        ".method(",
        "Request::post",
        "Request::put",
        "Request::patch",
        "Request::delete",
        "Request::builder",
        "Request::new",
        "Request::options",
        "Request::connect",
        "\"POST\"",
        "\"PUT\"",
        "\"PATCH\"",
        "\"DELETE\"",
    ];
    for (file, text) in &found {
        for word in writes {
            let range = file == "src/request.rs" && word == "Request::post" && text.matches(word).count() == 1;
            assert!(!text.contains(word) || range && text.contains("Request::post(RANGE)"), "{file} holds {word}");
        }
        for word in sends {
            // An error's type is named like that, too.
            let count = text.replace("Step::", "").matches(word).count();
            let allowed = file == "src/request.rs"
                || (word == "Request::"
                    && text.matches("Broke::Request").count() > 0
                    && !text.contains("http::Request"));
            assert!(count == 0 || allowed || text.contains("canary::send(") && word == ".send(", "{file} holds {word}");
        }
    }
    let (_, request) = found.iter().find(|(file, _)| file == "src/request.rs").unwrap();
    assert_eq!(request.matches("Request::").count(), 2, "one place builds requests of each sort");
    assert_eq!(request.matches("const RANGE: &str = \"/v3/kv/range\";").count(), 1);
    assert_eq!(request.matches("Request::get(").count(), 1);
    assert_eq!(request.matches(".send(").count(), 1);
    assert_eq!(request.matches("Body::empty()").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_sees_nothing_but_get() {
    let server = ScriptedServer::start().await;
    server.script("/api/v1/pods", [list("5", "", &[pod("a", "3")])]);
    server.script("/api/v1/pods?watch", [Reply::Hangs(vec![event("ADDED", &pod("b", "6"))])]);
    server.script(
        "/metrics",
        [Reply::Whole(200, "apiserver_audit_event_total 7\nprocess_start_time_seconds 1.7e9\n".into())],
    );
    let evidence = Evidence::new();
    let api_server = collect::ApiServer {
        name: "a1".into(),
        client: server.client(),
        audit_policy_file: None,
        authentication_configuration_file: None,
    };
    let collector = evidence.collect(&["pods/v1", "secrets/v1"], server.client(), vec![api_server]).await;
    evidence.entry("the event", "test/watch/pods", |entry| entry.kind() == "ADDED").await;
    evidence.statement("a balance", |s| matches!(s, records::Statement::Balance { event_total: 7, .. })).await;
    evidence.statement("a canary", |s| matches!(s, records::Statement::CanarySent { status: 200, .. })).await;
    collector.stop().await;
    let requests = server.requests();
    assert!(requests.iter().any(|(_, path)| path.starts_with("/metrics")));
    assert!(requests.iter().all(|(method, _)| *method == Method::GET), "{requests:?}");
}
