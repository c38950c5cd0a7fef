//! Signatures at admission, with a real registry and cosign.

use intake::Admission;
use intake::admission::SignatureCheck;
use serde_json::{Value, json};
use signatures::{Credentials, Rules, Settings, Verifier};

use crate::admission::{Webhook, ask, records, review};
use crate::signing::{Cosign, Registry, signed_by};

const EXCEPTION: &str = "apiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata: {name: unsigned-tools}\nspec:\n  policies: [image-signatures]\n  \
     scope: {namespaces: [tools]}\n  owner: ann\n  approver: cleo\n  reason: nobody signs them\n  expires: 2099-01-01T00:00:00Z\n";

fn pod(namespace: &str, image: &str) -> Value {
    let mut review = review("u", namespace, false);
    review["request"]["object"]["spec"]["containers"][0]["image"] = json!(image);
    review
}

fn deployment(namespace: &str, image: &str) -> Value {
    let mut review = pod(namespace, image);
    let spec = review["request"]["object"]["spec"].take();
    review["request"]["kind"] = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    review["request"]["object"] =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": spec}}});
    review
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_judged_by_their_signatures_and_recorded() {
    let (mut registry, cosign) = (Registry::start(), Cosign::new());
    let keys = cosign.keys("ours");
    let host = registry.host.clone();
    let signed = registry.image("shop/web", "v1", "one").await;
    registry.image("shop/web", "v2", "two").await;
    cosign.sign(&keys, &format!("{host}/shop/web@{signed}"));

    let mut own = Webhook::new();
    std::fs::write(own.options.policies.as_ref().unwrap().join("exceptions.yaml"), EXCEPTION).unwrap();
    let verifier = Verifier::new(Rules::parse(&signed_by(&host, &keys)).unwrap(), Settings::default()).unwrap();
    own.options.signatures = Some(SignatureCheck { verifier, credentials: Credentials::none() });
    own.options.exempt_namespaces = vec!["plimsoll".to_owned()];
    let (store, client) = (own.store(), own.authority.http(None));
    let webhook = Admission::start(own.options, store.clone()).await.unwrap();

    let web = |tag: &str| format!("{host}/shop/web:{tag}");
    let allowed = |response: &Value| response["allowed"] == true;
    assert!(allowed(&ask(&client, &webhook, &deployment("shop", &web("v1"))).await));
    assert!(allowed(&ask(&client, &webhook, &pod("shop", &web("v1"))).await));
    let unsigned = ask(&client, &webhook, &pod("shop", &web("v2"))).await;
    let told = unsigned["status"]["message"].as_str().unwrap();
    assert!(!allowed(&unsigned) && told.contains("image-signatures: spec.containers[0].image"), "{unsigned}");
    let early = ask(&client, &webhook, &deployment("shop", &web("v2"))).await;
    assert!(early["status"]["message"].as_str().unwrap().contains("spec.template.spec.containers[0].image"), "{early}");
    // No rule is for this registry.
    assert!(!allowed(&ask(&client, &webhook, &pod("shop", "registry.example.test/other@sha256:00")).await));
    // Under an exception, and where nothing is ever refused.
    let excepted = ask(&client, &webhook, &pod("tools", &web("v2"))).await;
    assert!(allowed(&excepted), "{excepted}");
    assert_eq!(excepted["auditAnnotations"]["exceptions"], "unsigned-tools");
    assert!(allowed(&ask(&client, &webhook, &pod("plimsoll", &web("v2"))).await));

    // Without the registry what is known stays known by its digest, and everything else is unknown, which is refused.
    registry.end();
    assert!(allowed(&ask(&client, &webhook, &pod("shop", &format!("{host}/shop/web@{signed}"))).await));
    let unknown = ask(&client, &webhook, &pod("shop", &web("v3"))).await;
    assert!(unknown["status"]["message"].as_str().unwrap().contains("not known"), "{unknown}");
    webhook.stop().await;

    let decisions = records(&store, "admission_decision");
    let images = decisions
        .iter()
        .flat_map(|decision| decision["images"].as_array().unwrap().iter().map(move |image| (decision, image)));
    let images: Vec<_> = images.collect();
    let told: Vec<_> = images
        .iter()
        .map(|(decision, image)| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let pinned = image["pinned"].as_bool();
            (
                text(&decision["kind"]),
                text(&decision["namespace"]),
                text(&image["signatures"]),
                decision["allowed"] == true,
                pinned,
            )
        })
        .collect();
    let row = |kind: &str, namespace: &str, signatures: &str, allowed, pinned| {
        (kind.to_owned(), namespace.to_owned(), signatures.to_owned(), allowed, pinned)
    };
    assert_eq!(
        told,
        [
            row("Deployment", "shop", "verified", true, Some(false)),
            row("Pod", "shop", "verified", true, Some(false)),
            row("Pod", "shop", "refused", false, None),
            row("Deployment", "shop", "refused", false, None),
            row("Pod", "shop", "refused", false, None),
            row("Pod", "tools", "refused", true, None),
            row("Pod", "plimsoll", "not_checked", true, None),
            row("Pod", "shop", "verified", true, Some(true)),
            row("Pod", "shop", "unknown", false, None),
        ]
    );
    assert_eq!(images[0].1["digest"], signed.to_string());
    let asked = images.iter().filter(|(decision, _)| decision["namespace"] != "plimsoll");
    assert!(asked.clone().count() == 8 && asked.clone().all(|(_, image)| image["rules"].is_string()));
}
