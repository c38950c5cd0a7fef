//! The definition of `PolicyException` in a real API server: what it stores can be used, and what cannot be used it refuses.

use anyhow::{Context, Result};
use policy::PolicySet;
use policy::exception::{DEFINITION, Standing};
use serde_json::{Value, json};

use crate::shared::{SOON, create, shared};

const PATH: &str = "/apis/plimsoll.dev/v1alpha1/policyexceptions";

fn good() -> Value {
    json!({
        "policies": ["no-host-path", "pod-security/hostPathVolumes"],
        "scope": {"namespaces": ["monitoring", "mon-*"], "names": ["node-exporter*"], "kinds": ["Pod"]},
        "owner": "alice@example.com", "approver": "bob@example.com", "reason": "reads counters", "expires": "2027-01-01T00:00:00Z",
    })
}

/// The good one with something else at a place; `null` takes it away.
fn with(place: &str, value: Value) -> Value {
    let mut spec = good();
    let (parent, key) = place.rsplit_once('/').expect("a place");
    let members = spec.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    if value.is_null() {
        members.remove(key);
    } else {
        members.insert(key.to_owned(), value);
    }
    spec
}

fn object(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "plimsoll.dev/v1alpha1", "kind": "PolicyException", "metadata": {"name": name}, "spec": spec})
}

/// Whether an exception that says this could be applied until it expires.
fn usable(spec: &Value) -> bool {
    let text = object("x", spec).to_string();
    let set = PolicySet::load([("x.yaml", text.as_str())]);
    let long_ago = "2020-01-01T00:00:00Z".parse().expect("a time");
    set.faults().is_empty() && set.exceptions().iter().all(|e| e.standing(long_ago) != Standing::SelfApproved)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_server_stores_can_be_used() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let (plane, admin) = (&shared.plane, shared.plane.admin()?);
    let definition: Value = serde_yaml_ng::from_str(DEFINITION)?;
    create(plane, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await?;
    e2e::wait::until("the kind is served", SOON, || async {
        Ok((plane.request(&admin, "GET", PATH, &[], None).await?.status == 200).then_some(()))
    })
    .await?;

    let cases = [
        ("as it should be", good(), true),
        ("every name and kind", with("/scope", json!({"namespaces": ["a"]})), true),
        ("with an offset", with("/expires", json!("2027-01-01T00:00:00+02:00")), true),
        ("expired", with("/expires", json!("2021-01-01T00:00:00Z")), true),
        ("approved by its owner", with("/approver", json!(" ALICE@example.com")), false),
        ("approved by nobody", with("/approver", json!("  ")), false),
        ("no approver", with("/approver", Value::Null), false),
        ("owned by nobody", with("/owner", json!("")), false),
        ("no reason", with("/reason", json!("\t")), false),
        ("no end", with("/expires", Value::Null), false),
        ("an end that is no time", with("/expires", json!("next year")), false),
        ("every namespace", with("/scope/namespaces", json!(["a", "**"])), false),
        ("no namespace", with("/scope/namespaces", json!([])), false),
        ("an empty namespace", with("/scope/namespaces", json!([""])), false),
        ("no scope", with("/scope", Value::Null), false),
        ("no policy", with("/policies", json!([])), false),
        ("a text for a list", with("/policies", json!("no-host-path")), false),
        ("a field that there is not", with("/until", json!("2027-01-01T00:00:00Z")), false),
        ("a field of the scope that there is not", with("/scope/labels", json!({})), false),
    ];
    for (number, (what, spec, fine)) in cases.into_iter().enumerate() {
        let body = object(&format!("case-{number}"), &spec).to_string();
        let path = format!("{PATH}?fieldValidation=Strict");
        let answer = plane.request(&admin, "POST", &path, &[], Some(&body)).await?;
        assert_eq!(usable(&spec), fine, "{what}");
        assert_eq!(answer.status == 201, fine, "{what}: {}", answer.body);
        if !fine {
            assert!(matches!(answer.status, 400 | 422), "{what}: {}", answer.status);
        }
    }
    // What was stored is the same exception to us.
    let stored = plane.request(&admin, "GET", PATH, &[], None).await?.json()?;
    for item in stored["items"].as_array().context("items")? {
        assert!(usable(&item["spec"]), "{item}");
    }
    Ok(())
}
