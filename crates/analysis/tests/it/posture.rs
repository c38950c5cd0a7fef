//! How containers run, over time and at one instant.

use analysis::snapshot::{Object, Place, Snapshot};
use analysis::workloads::posture;
use records::tables::workloads::WorkloadPosture;
use serde_json::{Value, json};

use crate::story::{Story, history, span, t};

const PODS: (&str, &str) = ("", "pods");
const DEPLOYMENTS: (&str, &str) = ("apps", "deployments");
const ACCOUNTS: (&str, &str) = ("", "serviceaccounts");

fn rows(story: &Story) -> Vec<WorkloadPosture<'static>> {
    story.told().workload_posture
}

fn one(body: Value) -> Vec<WorkloadPosture<'static>> {
    let object = Object::from_json(body, Place { file: "a.yaml".into(), document: 2, line: 7 }).unwrap();
    posture(&Snapshot::from_iter([object]), t(0.0))
}

fn pod(spec: Value) -> WorkloadPosture<'static> {
    let body = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "shop"}, "spec": spec});
    one(body).remove(0)
}

fn deployment(spec: Value) -> Value {
    json!({"spec": {"template": {"spec": spec}}})
}

#[test]
fn a_row_ends_only_where_something_that_it_says_changes() {
    let mut story = history();
    let root = json!({"containers": [{"name": "web", "image": "a:1", "securityContext": {"runAsUser": 0}}]});
    let user = json!({"containers": [{"name": "web", "image": "a:1", "securityContext": {"runAsUser": 7}}]});
    story.sees(1.0, "added", DEPLOYMENTS, "shop/web", deployment(root.clone())).end();
    let mut scaled = deployment(root);
    scaled["spec"]["replicas"] = json!(3);
    story.sees(5.0, "modified", DEPLOYMENTS, "shop/web", scaled).end();
    story.sees(9.0, "modified", DEPLOYMENTS, "shop/web", deployment(user)).end();
    let told: Vec<_> =
        rows(&story).iter().map(|r| (span(r.valid_from, r.valid_to), r.runs_as_root, r.run_as_user)).collect();
    assert_eq!(told, [((1.0, Some(9.0)), Some(true), Some(0)), ((9.0, None), Some(false), Some(7))]);
}

#[test]
fn the_service_account_decides_over_the_token_of_a_template() {
    let mut story = history();
    let spec = json!({"serviceAccountName": "app", "containers": [{"name": "web"}]});
    story.sees(1.0, "added", DEPLOYMENTS, "shop/web", deployment(spec)).end();
    story.sees(3.0, "added", ACCOUNTS, "shop/app", json!({})).end();
    story.sees(4.0, "modified", ACCOUNTS, "shop/app", json!({"metadata": {"labels": {"a": "b"}}})).end();
    story.sees(6.0, "modified", ACCOUNTS, "shop/app", json!({"automountServiceAccountToken": false})).end();
    story.sees(8.0, "added", ACCOUNTS, "other/app", json!({})).end();
    let told: Vec<_> =
        rows(&story).iter().map(|r| (span(r.valid_from, r.valid_to), r.token_mount.to_string())).collect();
    let row = |from: f64, to: Option<f64>, mount: &str| ((from, to), mount.to_owned());
    assert_eq!(told, [row(1.0, Some(3.0), "unknown"), row(3.0, Some(6.0), "automatic"), row(6.0, None, "none")]);
}

#[test]
fn a_pod_that_was_admitted_has_the_token_that_it_has() {
    let mut story = history();
    let mount = json!({"name": "kube-api-access-x1", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true});
    let token =
        json!({"name": "kube-api-access-x1", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}});
    let own = json!({"name": "vault", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "audience": "vault"}}]}});
    let spec = json!({"volumes": [token, own], "containers": [
        {"name": "a", "volumeMounts": [mount]},
        {"name": "b", "volumeMounts": [{"name": "vault", "mountPath": "/vault"}]},
        {"name": "c"},
    ]});
    story.sees(1.0, "added", PODS, "shop/p", json!({"spec": spec})).end();
    let told: Vec<_> = rows(&story).iter().map(|r| format!("{} {}", r.container, r.token_mount)).collect();
    assert_eq!(told, ["a automatic", "b explicit", "c none"]);
}

#[test]
fn the_container_goes_before_its_pod_and_root_is_known_or_not() {
    let with = |of_pod: Value, own: Value| {
        pod(json!({"securityContext": of_pod, "containers": [{"name": "c", "securityContext": own}]})).runs_as_root
    };
    assert_eq!(with(json!({}), json!({})), None);
    assert_eq!(with(json!({"runAsUser": 0}), json!({})), Some(true));
    assert_eq!(with(json!({"runAsUser": 0}), json!({"runAsUser": 5})), Some(false));
    assert_eq!(with(json!({"runAsNonRoot": true}), json!({"runAsUser": 0})), Some(false));
    assert_eq!(with(json!({"runAsNonRoot": true}), json!({"runAsNonRoot": false})), None);
    let windows = |user: Value| {
        pod(json!({"os": {"name": "windows"}, "securityContext": {"windowsOptions": user}, "containers": [{}]}))
            .runs_as_root
    };
    assert_eq!(windows(json!({})), None);
    assert_eq!(windows(json!({"runAsUserName": "ContainerAdministrator"})), Some(true));
    assert_eq!(windows(json!({"runAsUserName": "CONTOSO\\app"})), Some(false));
}

#[test]
fn everything_that_reaches_the_host_is_told() {
    let row = pod(json!({
        "hostNetwork": true, "hostPID": true, "hostUsers": false,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "sysctls": [{"name": "kernel.msgmax", "value": "1"}]},
        "volumes": [{"name": "log", "hostPath": {"path": "/var/log"}}, {"name": "run", "hostPath": {"path": "/run"}}, {"name": "unused", "hostPath": {"path": "/"}}],
        "containers": [{
            "name": "agent", "image": "ghcr.io/a/b@sha256:4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a",
            "ports": [{"containerPort": 9100}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP"}],
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"add": ["SYS_ADMIN", "NET_RAW"], "drop": ["ALL"]},
                "seccompProfile": {"type": "Localhost", "localhostProfile": "p.json"}, "seLinuxOptions": {"type": "spc_t", "level": "s0"},
            },
            "resources": {"limits": {"cpu": 1, "memory": "64Mi"}},
            "volumeMounts": [{"name": "log", "mountPath": "/l", "readOnly": true}, {"name": "run", "mountPath": "/r"}],
        }],
    }));
    insta::assert_debug_snapshot!(row);
}

#[test]
fn what_has_not_the_form_of_its_api_is_told_as_unknown() {
    let rows = one(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"securityContext": {"privileged": "yes"}}]}}}}));
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&*rows[0].container_kind, rows[0].privileged, rows[0].pod_security_level.as_deref()),
        ("unreadable", None, None)
    );
    assert_eq!((&*rows[0].provenance.source, rows[0].provenance.segment, rows[0].provenance.seq), ("a.yaml", 2, 7));
    let none =
        one(json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "none"}, "spec": {}}));
    assert!(none.is_empty());
}

#[test]
fn one_instant_of_the_history_is_what_the_history_says_of_it() {
    let mut story = history();
    story.sees(1.0, "added", ACCOUNTS, "shop/app", json!({"automountServiceAccountToken": false})).end();
    let spec = json!({"serviceAccountName": "app", "containers": [{"name": "web", "image": "a:1"}], "initContainers": [{"name": "i"}]});
    story.sees(2.0, "added", DEPLOYMENTS, "shop/web", deployment(spec)).end();
    story.sees(4.0, "modified", ACCOUNTS, "shop/app", json!({})).end();
    let told = story.told();
    for at in [1.5, 2.0, 3.0, 5.0] {
        let at = t(at);
        let holds = |r: &&WorkloadPosture<'_>| r.valid_from <= at && r.valid_to.is_none_or(|to| at < to);
        let plain = |r: WorkloadPosture<'static>| WorkloadPosture {
            provenance: Default::default(),
            posture_id: "".into(),
            valid_from: at,
            valid_to: None,
            ..r
        };
        let of_history: Vec<_> = told.workload_posture.iter().filter(holds).cloned().map(plain).collect();
        let snapshot = Snapshot::at(&told.object_versions, crate::story::CLUSTER, at);
        let of_instant: Vec<_> = posture(&snapshot, at).into_iter().map(plain).collect();
        assert_eq!(of_history, of_instant);
    }
}

fn policy_set(story: &mut Story, at: f64, exceptions: Value) {
    let provenance = records::table::Provenance { cluster: crate::story::CLUSTER.into(), ..Default::default() };
    story.inputs.policy_sets.push(records::tables::admission::AdmissionPolicySet {
        provenance,
        loaded_at: t(at),
        webhook: "w".into(),
        policy_set: "s".into(),
        in_force: true,
        previous: None,
        policies: 1,
        exceptions: 1,
        faults: 0,
        faults_json: "[]".into(),
        canonical_json: Some(json!({"exceptions": exceptions}).to_string().into()),
    });
}

#[test]
fn exceptions_count_while_they_are_applied_and_for_what_they_name() {
    let exception = |name: &str, approver: &str, expires: f64, policy: &str, scope: Value| {
        json!({"name": name, "spec": {"policies": [policy], "scope": scope, "owner": "ann", "approver": approver,
            "reason": "old", "expires": t(expires)}})
    };
    let shop = || json!({"namespaces": ["sh*"], "names": ["web*"], "kinds": ["Deployment"]});
    let mut story = history();
    story.sees(1.0, "added", DEPLOYMENTS, "shop/web-1", deployment(json!({"containers": [{"name": "c"}]}))).end();
    policy_set(
        &mut story,
        2.0,
        json!([
            exception("a", "bob", 5.0, "privileged", shop()),
            exception("b", "bob", 90.0, "quiet", shop()),
            exception("self", "Ann ", 90.0, "all", shop()),
            exception("other", "bob", 90.0, "all", json!({"namespaces": ["shop"], "kinds": ["Pod"]})),
            exception("none", "bob", 90.0, "all", json!({"namespaces": []})),
        ]),
    );
    policy_set(&mut story, 8.0, json!([]));
    let told: Vec<_> = rows(&story)
        .iter()
        .map(|r| (span(r.valid_from, r.valid_to), format!("{}: {}", r.exceptions, r.excepted_policies)))
        .collect();
    let row = |from: f64, to: Option<f64>, what: &str| ((from, to), what.to_owned());
    assert_eq!(
        told,
        [
            row(1.0, Some(2.0), ": "),
            row(2.0, Some(5.0), "a,b: privileged,quiet"),
            row(5.0, Some(8.0), "b: quiet"),
            row(8.0, None, ": "),
        ]
    );
}
