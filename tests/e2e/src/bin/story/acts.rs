//! What happens, in order. Each act says what it does and which control should notice.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::identity::Identity;
use e2e::kubectl::Output;

use crate::deployment::{Deployment, Window};
use crate::stage::{Local, RECONCILER, Stage};

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// Plays the story and returns the window that it lies in.
pub(crate) async fn play(stage: &Stage, plimsoll: &mut Deployment) -> Result<Window> {
    let Stage::Local(local) = stage else {
        eprintln!(
            "-- watching the given cluster for a minute; the story writes nothing to a cluster that is not its own"
        );
        plimsoll.wait_until_observed_since(jiff::Timestamp::now()).await?;
        let from = jiff::Timestamp::now();
        tokio::time::sleep(Duration::from_secs(60)).await;
        return plimsoll.window(from).await;
    };
    let reconciler = prepare(local, plimsoll).await?;
    plimsoll.wait_until_observed_since(jiff::Timestamp::now()).await?;
    let from = jiff::Timestamp::now();

    act("the reconciler deploys two teams' workloads; one image has only a tag (IM-04)");
    apply(local, &reconciler, &teams()).await?;

    act("carol grants cluster-admin to mallory, and takes it back after some seconds (AC-01, CH-02)");
    kubectl(
        local,
        &local.carol,
        &["create", "clusterrolebinding", "mallory-admin", "--clusterrole=cluster-admin", "--user=mallory"],
    )
    .await?;
    kubectl(local, &local.mallory, &["get", "nodes"]).await?;
    plimsoll.wait_for_object("clusterrolebindings.rbac.authorization.k8s.io", "mallory-admin").await?;
    kubectl(local, &local.carol, &["delete", "clusterrolebinding", "mallory-admin"]).await?;

    act("carol makes a role with wildcards (AC-02)");
    apply(local, &local.carol, WILDCARD_ROLE).await?;

    act("carol takes the Pod Security label from a namespace, and puts it back (AD-01)");
    kubectl(local, &local.carol, &["label", "namespace", "payments", "pod-security.kubernetes.io/enforce-"]).await?;
    plimsoll.wait_for_objects_like("namespaces", "payments", "%pod-security.kubernetes.io/enforce\"%", false).await?;
    kubectl(local, &local.carol, &["label", "namespace", "payments", "pod-security.kubernetes.io/enforce=baseline"])
        .await?;

    act("carol makes a policy by an approved change, and another one by none (AD-07)");
    apply(local, &local.carol, &policy("labelled-services", "labels")).await?;
    apply(local, &local.carol, &policy("annotated-services", "annotations")).await?;

    act("alice edits a deployment by hand (CH-02)");
    kubectl(local, &local.alice, &["-n", "shop", "scale", "deployment", "web", "--replicas=2"]).await?;

    act("alice opens a shell in a pod (AC-10, CH-04)");
    exec(local).await?;

    act("alice starts a pod from another registry and is refused; one under an exception is let in (AD-05, AD-06)");
    foreign_images(local).await?;

    act("carol gives everybody without credentials the right to view; somebody uses it (AC-11)");
    kubectl(
        local,
        &local.carol,
        &["create", "clusterrolebinding", "open-house", "--clusterrole=view", "--user=system:anonymous"],
    )
    .await?;
    anonymous_read(local).await?;
    kubectl(local, &local.carol, &["delete", "clusterrolebinding", "open-house"]).await?;

    act("Plimsoll is stopped for some seconds, its webhook too; the reconciler goes on working (AD-05)");
    plimsoll.stop().await?;
    apply(local, &reconciler, &teams().replace("replicas: 1", "replicas: 3")).await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    plimsoll.restart().await?;

    act("the list of approvals is handed in again, with nothing new (AD-07)");
    plimsoll.import_approvals(&[]).await?;

    act("waiting until all of it has been observed and balanced");
    plimsoll.window(from).await
}

fn act(text: &str) {
    eprintln!("-- {text}");
}

async fn kubectl(local: &Local, who: &Identity, words: &[&str]) -> Result<String> {
    local.plane.kubectl(who, words).await?.success()
}

async fn apply(local: &Local, who: &Identity, manifests: &str) -> Result<Output> {
    let output = local.plane.kubectl_with_input(who, &["apply", "-f", "-"], manifests).await?;
    output.clone().success()?;
    Ok(output)
}

/// What was there before the window: the reconciler, the team's rights.
async fn prepare(local: &Local, plimsoll: &Deployment) -> Result<Identity> {
    eprintln!("-- setting the stage: the admission webhook, a reconciler and the rights of the platform team");
    let manifest = plimsoll.admission_manifest(local.admission_port).await?;
    apply(local, &local.admin, &manifest).await?;
    let approved = format!(
        "CHG-1,ann,{},carol,carol,create,validatingadmissionpolicies.admissionregistration.k8s.io,labelled-services",
        jiff::Timestamp::now()
    );
    plimsoll.import_approvals(&[approved]).await?;
    let (namespace, name) = RECONCILER;
    apply(local, &local.admin, &format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}}}\n---\n\
         {{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: reconciler}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}, subjects: [{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}]}}\n---\n\
         {{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {{name: platform}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}}, subjects: [{{kind: Group, name: platform, apiGroup: rbac.authorization.k8s.io}}]}}\n"
    )).await?;
    local.plane.service_account(namespace, name).await
}

fn teams() -> String {
    let mut text = String::new();
    for team in ["payments", "shop"] {
        text.push_str(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {team}, labels: {{pod-security.kubernetes.io/enforce: baseline}}}}}}\n---\n"));
    }
    for (team, name, image) in [
        ("payments", "ledger", format!("registry.example.test/payments/ledger@{DIGEST}")),
        ("payments", "gateway", format!("registry.example.test/payments/gateway:1.4@{DIGEST}")),
        ("shop", "web", "registry.example.test/shop/web:2.0".to_owned()),
    ] {
        text.push_str(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}, namespace: {team}}}, spec: {{replicas: 1, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: app, image: \"{image}\"}}]}}}}}}}}\n---\n"
        ));
    }
    text
}

/// A policy that is bound to nothing.
fn policy(name: &str, field: &str) -> String {
    format!(
        "{{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {{name: {name}}}, spec: {{matchConstraints: {{resourceRules: [{{apiGroups: [\"\"], apiVersions: [v1], operations: [CREATE], resources: [services]}}]}}, validations: [{{expression: \"has(object.metadata.{field})\"}}]}}}}\n"
    )
}

const WILDCARD_ROLE: &str = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: ops-everything, namespace: shop}, rules: [{apiGroups: [\"*\"], resources: [\"*\"], verbs: [\"*\"]}]}\n";

async fn exec(local: &Local) -> Result<()> {
    let pod = e2e::wait::until("a running pod of shop/web", Duration::from_secs(60), || async {
        let output = local
            .plane
            .kubectl(
                &local.alice,
                &["-n", "shop", "get", "pods", "-l", "app=web", "--field-selector=status.phase=Running", "-o", "name"],
            )
            .await?;
        Ok(output.success()?.lines().next().map(str::to_owned))
    })
    .await?;
    // The command runs on this machine (fake nodes have no containers), so it does nothing.
    kubectl(local, &local.alice, &["-n", "shop", "exec", &pod, "--", "sh", "-c", "true"]).await?;
    Ok(())
}

async fn foreign_images(local: &Local) -> Result<()> {
    let run = |name: &'static str| {
        let image = format!("--image=registry.example.org/tools@{DIGEST}");
        async move { local.plane.kubectl(&local.alice, &["-n", "shop", "run", name, &image]).await }
    };
    let refused = run("miner").await?;
    ensure!(refused.code != 0 && refused.stderr.contains("own-registry"), "not refused: {}", refused.stderr);
    run("debug-net").await?.success()?;
    Ok(())
}

async fn anonymous_read(local: &Local) -> Result<()> {
    // A plain request: kubectl would first ask what kinds there are, which is not open to everybody.
    e2e::wait::until("an anonymous read of pods", Duration::from_secs(20), || async {
        let path = "/api/v1/namespaces/shop/pods";
        let answer = local.plane.request(&Identity::anonymous(), "GET", path, &[], None).await?;
        Ok((answer.status == 200).then_some(()))
    })
    .await
}
