//! Service accounts and credentials.

use analysis::{CredentialGroup, IssuedCredential};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use records::table::Provenance;
use records::tables::identities::{CredentialUse, ServiceAccount};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::story::{CLUSTER, RBAC, Story, history, seconds, span, t};

const PODS: (&str, &str) = ("", "pods");
const DEPLOYMENTS: (&str, &str) = ("apps", "deployments");
const ACCOUNTS: (&str, &str) = ("", "serviceaccounts");
const SECRETS: (&str, &str) = ("", "secrets");

fn accounts(story: &Story) -> Vec<ServiceAccount<'static>> {
    story.told().service_accounts
}

fn template(account: &str, labels: Value) -> Value {
    let spec = json!({"serviceAccountName": account, "containers": [{"name": "a"}, {"name": "b"}]});
    json!({"spec": {"template": {"metadata": {"labels": labels}, "spec": spec}}})
}

#[test]
fn an_account_is_told_with_all_that_uses_it_while_it_does() {
    let mut story = history();
    story.lists_none(0.0, (RBAC, "clusterroles")).lists_none(0.0, (RBAC, "roles"));
    story.sees(1.0, "added", ACCOUNTS, "shop/app", json!({})).end();
    story.sees(2.0, "added", DEPLOYMENTS, "shop/web", template("app", json!({"app": "shop"}))).end();
    story
        .sees(3.0, "added", DEPLOYMENTS, "shop/job", template("app", json!({"app.kubernetes.io/part-of": "shop"})))
        .end();
    story.sees(4.0, "added", DEPLOYMENTS, "shop/other", template("app", json!({}))).end();
    // What a Deployment's pods use, the Deployment tells; what a controller of another kind makes is told for it.
    let owned = |kind: &str, name: &str| json!({"metadata": {"ownerReferences": [{"kind": kind, "name": name, "controller": true}]}, "spec": {"serviceAccountName": "app", "containers": [{"name": "a"}]}});
    story.sees(5.0, "added", PODS, "shop/web-1", owned("ReplicaSet", "web-x")).end();
    story.sees(6.0, "added", PODS, "shop/roll-1", owned("Rollout", "roll")).end();
    story.sees(7.0, "deleted", PODS, "shop/roll-1", owned("Rollout", "roll")).end();
    story.sees(8.0, "deleted", DEPLOYMENTS, "shop/other", template("app", json!({}))).end();
    let told: Vec<_> = accounts(&story)
        .iter()
        .map(|a| {
            (span(a.valid_from, a.valid_to), a.workload_count, a.automatic_token_workloads, a.applications.to_string())
        })
        .collect();
    let row = |from: f64, to: Option<f64>, workloads, automatic, applications: &str| {
        ((from, to), workloads, automatic, applications.to_owned())
    };
    assert_eq!(
        told,
        [
            row(1.0, Some(2.0), 0, 0, ""),
            row(2.0, Some(3.0), 1, 1, "shop"),
            row(3.0, Some(4.0), 2, 2, "shop"),
            row(4.0, Some(6.0), 3, 3, "Deployment:shop/other,shop"),
            row(6.0, Some(7.0), 4, 3, "Deployment:shop/other,Rollout:shop/roll,shop"),
            row(7.0, Some(8.0), 3, 3, "Deployment:shop/other,shop"),
            row(8.0, None, 2, 2, "shop"),
        ]
    );
}

#[test]
fn rights_come_by_itself_and_by_its_groups_and_tokens_by_secrets() {
    let mut story = history();
    story.lists_none(0.0, (RBAC, "clusterroles")).lists_none(0.0, (RBAC, "roles"));
    story.role(0.5, "added", "r", json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]));
    story.sees(1.0, "added", ACCOUNTS, "shop/default", json!({"automountServiceAccountToken": false})).end();
    story.binding(2.0, "added", "own", "r", json!([{"kind": "User", "name": "system:serviceaccount:shop:default"}]));
    story.binding(3.0, "added", "all", "r", json!([{"kind": "Group", "name": "system:serviceaccounts"}]));
    story.binding(3.0, "added", "here", "r", json!([{"kind": "Group", "name": "system:serviceaccounts:shop"}]));
    story.binding(3.0, "added", "there", "r", json!([{"kind": "Group", "name": "system:serviceaccounts:sho"}]));
    let secret = json!({"metadata": {"annotations": {"kubernetes.io/service-account.name": "default"}}});
    story.sees(4.0, "added", SECRETS, "shop/token", secret.clone()).end();
    story.sees(4.0, "added", SECRETS, "other/token", secret).end();
    let told = accounts(&story);
    let last = told.last().unwrap();
    assert_eq!(
        (&*last.bindings, last.binding_count),
        ("ClusterRoleBinding:all,ClusterRoleBinding:here,ClusterRoleBinding:own", 3)
    );
    assert_eq!((&*last.token_secrets, last.automount), ("token", Some(false)));
    assert_eq!(&*last.user_name, "system:serviceaccount:shop:default");
    assert_eq!(told.iter().map(|a| seconds(a.valid_from)).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0]);
    assert!(told.iter().all(|a| a.namespace == "shop"), "an account that is not there is not told");
}

fn group(user: &str, authentication: &str, id: Option<&str>, at: f64) -> CredentialGroup<'static> {
    CredentialGroup {
        provenance: Provenance { cluster: CLUSTER.into(), ..Provenance::default() },
        user_name: user.to_owned().into(),
        actor_class: "human".into(),
        authentication: authentication.to_owned().into(),
        credential_id: id.map(|id| id.to_owned().into()),
        token_secret: None,
        extra_json: None,
        first_at: t(at),
        last_at: t(at + 1.0),
        requests: 2,
        succeeded: 1,
        source_addresses: 1,
        first_address: None,
        last_address: None,
        user_agents: 1,
    }
}

#[test]
fn a_credential_is_joined_to_what_issued_it() {
    let block = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(b"dora"));
    let id = format!("X509SHA256={}", hex::encode(Sha256::digest(b"dora")));
    let mut story = history();
    let request = |status: Value| json!({"spec": {"username": "ann", "signerName": "kubernetes.io/kube-apiserver-client"}, "status": status});
    let kind = ("certificates.k8s.io", "certificatesigningrequests");
    story.sees(1.0, "added", kind, "dora", request(json!({}))).end();
    story.sees(2.0, "modified", kind, "dora", request(json!({"certificate": STANDARD.encode(block)}))).end();
    story.sees(3.0, "deleted", kind, "dora", request(json!({}))).end();
    let issued = |at: f64, by: &str| IssuedCredential {
        cluster: CLUSTER.into(),
        credential_id: "JTI=1".into(),
        at: t(at),
        user_name: Some(by.to_owned().into()),
        actor_class: "human".into(),
    };
    story.inputs.issued_credentials = vec![issued(7.0, "forger"), issued(4.0, "alice")];
    let mut token = group("system:serviceaccount:shop:app", "service_account_token", Some("JTI=1"), 5.0);
    token.source_addresses = 4;
    let mut other = group("dora", "client_certificate", Some(&id), 6.0);
    other.provenance.cluster = "other".into();
    story.inputs.credential_groups = vec![
        group("early", "unknown", None, 4.0),
        group("dora", "client_certificate", Some(&id), 5.0),
        token,
        group("late", "unknown", None, 8.0),
        other,
    ];
    let told: Vec<CredentialUse<'_>> = story.told().credential_use;
    let of = |user: &str, cluster: &str| {
        told.iter().find(|c| c.user_name == user && c.provenance.cluster == cluster).unwrap()
    };
    let dora = of("dora", CLUSTER);
    assert_eq!(dora.certificate_request.as_deref(), Some("dora"));
    assert_eq!(dora.certificate_requested_by.as_deref(), Some("ann"));
    assert_eq!(of("dora", "other").certificate_request, None);
    let app = of("system:serviceaccount:shop:app", CLUSTER);
    assert_eq!(
        (app.issued_by.as_deref(), app.issued_at.map(seconds), app.many_addresses),
        (Some("alice"), Some(4.0), true)
    );
    // Before a certificate was seen with an identifier, one without may be of an API server that gives none.
    assert_eq!((&*of("early", CLUSTER).kind, &*of("late", CLUSTER).kind), ("unknown", "unidentified"));
}
