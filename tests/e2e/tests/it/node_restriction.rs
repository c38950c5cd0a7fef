//! That the analysis says of every write of a kubelet what a real API server does with it: the Node authorizer, RBAC and the plugin NodeRestriction.
//!
//! Kubelets with client certificates of the cluster's authority write to a state that stands still: what the analysis lets pass is sent as a dry run, what
//! it refuses is sent as it is half of the time. `PLIMSOLL_SEED` repeats a run.

mod draw;
mod lay_out;
mod objects;

use std::collections::BTreeMap;

use analysis::rbac::authorizer::Authorizer;
use analysis::rbac::node::restriction::{Around, Decision, Restriction, Write, decide, node_restriction};
use analysis::rbac::node::{NodeFeatures, NodeObjects};
use analysis::rbac::state::State;
use anyhow::{Context, Result, bail, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::request::{self, Answer};
use futures::StreamExt;

use crate::authorizer::draw::{Draw, seed};
use draw::Asked;

const REQUESTS: usize = 10_000;
/// Requests that are under way at a time.
const AT_ONCE: usize = 16;
const NO_AUDIT: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n";

/// What the API server says where the analysis gives a reason; each text is one of the plugin alone.
const TEXTS: &[(&str, &str)] = &[
    ("which node it is does not stand in the user's name", "could not determine node from user"),
    ("only mirror pods are a kubelet's to create", "can only create mirror pods"),
    ("a mirror pod must be bound to the node itself", "can only create pods with spec.nodeName set to itself"),
    ("a mirror pod must have one owner", "owner reference set to itself"),
    ("the owner of a mirror pod must be the node itself", "with an owner reference set to itself"),
    ("the owner of a mirror pod must be its controller", "with a controller owner reference set to itself"),
    ("the owner of a mirror pod must not be held by it", "must not set blockOwnerDeletion"),
    ("the owner of a mirror pod must be the node with its identity", "UID mismatch"),
    ("a mirror pod must refer to no other object", "can not create pods that reference"),
    ("only pods of the node itself can be deleted", "can only delete pods with spec.nodeName set to itself"),
    ("only pods of the node itself can be evicted", "can only evict pods with spec.nodeName set to itself"),
    ("a kubelet creates and deletes pods only", "can only create and delete mirror pods"),
    ("only the status and evictions are a kubelet's", "only 'status' and 'eviction' are allowed"),
    ("only the status of pods of the node itself can be written", "can only update pod status for pods"),
    ("labels of the pod would change by the status", "cannot update labels through pod status"),
    ("resource claims of the pod would change by the status", "resource claim stat"),
    ("it is not the node's own object", "is not allowed to modify node"),
    ("the source of the kubelet's configuration would be set", "configSource"),
    ("taints would change", "is not allowed to modify taints"),
    ("owners would change", "is not allowed to modify ownerReferences"),
    ("labels would change that are not a kubelet's", "labels: "),
    ("only the status is a kubelet's", "may only update PVC status"),
    ("more than capacity and conditions of the claim would change", "is not allowed to update fields other than"),
    ("the token is not bound to a pod", "node requested token not bound to a pod"),
    ("the token is bound to a pod without identity", "pod binding without a uid"),
    ("the token is bound to a pod of another identity", "does not match the UID in record"),
    ("the token is bound to a pod of another node", "bound to a pod scheduled on a different node"),
    ("more than one audience is asked for", "may only request 0 or 1 audiences"),
    ("what a volume of the pod leads to is not there", "error validating audience"),
    ("the pod does not ask for this audience", "is not authorized to request tokens for audience"),
    ("it is no lease of a node", "can only access leases in the"),
    ("the lease has not the name of the node", "can only access node lease with the same name"),
    ("the CSINode has not the name of the node", "can only access CSINode with the same name"),
    ("the slice is not of the node", "ResourceSlice with the same NodeName"),
    ("a kubelet only creates them", "unexpected operation"),
    ("the certificate is for a pod of another node", "node"),
    ("a mirror pod gets no certificates", "is a mirror pod"),
    ("the certificate is for another account than the pod's", "that differs from running pod"),
    ("the pod does not ask for a certificate of this signer", "does not mount a podCertificate projected volume"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_a_kubelet_is_answered_as_the_analysis_says() -> Result<()> {
    let seed = seed()?;
    let options =
        ControlPlaneOptions { audit_policy: NO_AUDIT.to_owned(), audit_log: false, ..ControlPlaneOptions::default() };
    let plane = ControlPlane::start(options).await?;
    let snapshot = lay_out::lay_out(&plane).await?;
    let state = State::of(&snapshot);
    let nodes = NodeObjects::of(&snapshot, NodeFeatures::default());
    let authorizer = Authorizer::with_nodes(&state, &nodes);
    let around = Around { snapshot: &snapshot, authorizer, features: NodeFeatures::default() };
    let callers = lay_out::callers(&plane)?;
    lay_out::until_seen(&plane, &callers).await?;

    let mut draw = Draw::new(seed);
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let asked: Vec<(Asked, Expected)> = (0..REQUESTS)
        .map(|_| {
            let asked = draw::request(&mut draw, &snapshot);
            let expected = expected(&asked, &around);
            (asked, expected)
        })
        .collect();
    let mut answers = futures::stream::iter(asked.iter().enumerate())
        .map(|(number, (asked, expected))| {
            let client = callers.get(asked.caller.user.as_str()).map(|caller| &caller.client);
            // What is let through must change nothing; what is refused changes nothing.
            let dry = !matches!(expected, Expected::Unauthorized | Expected::Refused(_)) || number % 2 == 0;
            let url = format!("{}{}", plane.url(0), asked.path(dry));
            async move {
                let client = client.context("every caller has a client")?;
                let body = asked.body.as_ref().map(ToString::to_string);
                let headers: &[(&str, &str)] =
                    if asked.method == "PATCH" { &[("content-type", "application/merge-patch+json")] } else { &[] };
                let answer = request::send(client, asked.method, &url, headers, body.as_deref()).await?;
                anyhow::Ok((asked, expected, answer))
            }
        })
        .buffer_unordered(AT_ONCE);
    let mut wrong = Vec::new();
    while let Some(answer) = answers.next().await {
        let (asked, expected, answer) = answer?;
        match compare(asked, expected, &answer) {
            Ok(class) => *counted.entry(class).or_default() += 1,
            Err(why) => wrong.push(format!(
                "{why}: {asked:?}\nAPI server: {} {}\nanalysis: {expected:?}",
                answer.status, answer.body
            )),
        }
    }
    println!("{counted:#?}");
    if !wrong.is_empty() {
        bail!(
            "PLIMSOLL_SEED={seed}: {} of {REQUESTS} differ\n{}",
            wrong.len(),
            wrong[..wrong.len().min(5)].join("\n\n")
        );
    }
    let compared: usize = counted.values().sum();
    let of =
        |prefix: &str| counted.iter().filter(|(class, _)| class.starts_with(prefix)).map(|(_, n)| n).sum::<usize>();
    ensure!(compared == REQUESTS, "{compared} of {REQUESTS} were compared");
    // What is never let through, or always, would prove nothing.
    for (class, least) in [("unauthorized", 400), ("refused", 1_200), ("passes", 800), ("missing", 100), ("failed", 50)]
    {
        ensure!(of(class) >= least, "{} answers of the class {class}: {counted:?}", of(class));
    }
    ensure!(of("unknown") + of("another plugin") < REQUESTS / 20, "{counted:?}");
    println!("{} answers of {REQUESTS} are those of the analysis", compared - of("unknown") - of("another plugin"));
    let never: Vec<&str> = TEXTS
        .iter()
        .map(|(reason, _)| *reason)
        .filter(|reason| !counted.contains_key(&format!("refused: {reason}")))
        .collect();
    ensure!(never.is_empty(), "no request met these reasons: {never:#?}");
    Ok(())
}

/// What the API server should answer.
#[derive(Debug)]
enum Expected {
    /// No authorizer allows it.
    Unauthorized,
    /// The plugin refuses it.
    Refused(&'static str),
    /// What it is about is not there.
    Missing,
    /// The plugin asks to try again.
    Failed,
    /// It gets past both.
    Passes,
    /// The analysis does not know.
    Unknown,
}

fn expected(asked: &Asked, around: &Around<'_>) -> Expected {
    let request = asked.request();
    if around.authorizer.allows(&asked.caller, &request).is_none() {
        return Expected::Unauthorized;
    }
    let write = Write { request, after: asked.after.as_ref(), before: asked.before.as_ref() };
    let decided = decide(&asked.caller, &write, around);
    if let Some(node) = asked.caller.user.strip_prefix("system:node:").filter(|node| !node.is_empty())
        && asked.is_of_a_kubelet()
    {
        // What is said without the object must hold for every object.
        let without = node_restriction(node, &request, around.snapshot);
        let agrees = match without {
            Restriction::Free => matches!(decided, Decision::Passes | Decision::Missing(_)),
            Restriction::Refused(_) => matches!(decided, Decision::Refused(_) | Decision::Missing(_)),
            Restriction::If(_) => true,
        };
        assert!(agrees, "{without:?} without the object and {decided:?} with it\n{asked:#?}");
    }
    match decided {
        // What is changed or deleted is looked for before the plugin is asked.
        _ if asked.looks_for_an_object() && asked.before.is_none() => Expected::Missing,
        Decision::Passes => Expected::Passes,
        Decision::Missing(_) => Expected::Missing,
        Decision::Failed(_) => Expected::Failed,
        Decision::Refused(reason) => Expected::Refused(reason),
        Decision::Unknown(_) => Expected::Unknown,
    }
}

/// The class of an answer that is the one expected.
fn compare(asked: &Asked, expected: &Expected, answer: &Answer) -> Result<String, &'static str> {
    let denied = answer.body.contains(&format!("cannot {} resource \\\"", asked.verb));
    if answer.status == 403 && answer.body.contains("a mirror pod may not reference") {
        // The plugin of service accounts stands before the one that is compared.
        return match expected {
            Expected::Refused(_) | Expected::Missing => Ok("another plugin".to_owned()),
            Expected::Passes if !asked.is_of_a_kubelet() => Ok("another plugin".to_owned()),
            _ => Err("another plugin refuses what this one lets through"),
        };
    }
    match expected {
        Expected::Unauthorized if answer.status == 403 && denied => Ok("unauthorized".to_owned()),
        Expected::Unauthorized => Err("it is not refused by the authorizers"),
        Expected::Refused(_) if answer.status != 403 || denied => Err("it is not refused by the plugin"),
        Expected::Refused(reason) => match TEXTS.iter().find(|(own, _)| own == reason) {
            Some((_, text)) if answer.body.contains(text) => Ok(format!("refused: {reason}")),
            Some(_) => Err("it is refused for another reason"),
            None => Err("the text of this reason is not known to the test"),
        },
        Expected::Failed if answer.status == 500 => Ok("failed".to_owned()),
        Expected::Failed => Err("it does not fail"),
        Expected::Missing if answer.status == 404 => Ok("missing".to_owned()),
        Expected::Missing => Err("what it is about is found"),
        // The pod of a token or an eviction is looked for once more after the plugins.
        Expected::Passes if answer.status == 404 && asked.names_a_pod() => Ok("passes: 404".to_owned()),
        // A conflict or an object that is not valid was let through before.
        Expected::Passes if matches!(answer.status, 200..=202 | 400 | 409 | 422) => {
            Ok(format!("passes: {}", answer.status))
        }
        Expected::Passes => Err("it is not let through"),
        Expected::Unknown => Ok("unknown".to_owned()),
    }
}
