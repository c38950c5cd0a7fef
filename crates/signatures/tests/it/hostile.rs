//! Registries that are away, slow, somewhere else or out of their minds: what they leave unknown is told as unknown and never kept.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use signatures::{Cause, Credentials, Digest, Outcome, Rules, Settings, Verifier};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::front::{Act, Front, body, challenge, redirect, status};
use crate::stage::{Cosign, LONG, Registry, refused, signed_by, unknown, verified, verifier, verify};

const REPOSITORY: &str = "shop/web";

/// A registry with one signed image, a front before it and a verifier that asks the front.
struct Scene {
    registry: Registry,
    front: Front,
    image: Digest,
    rules: String,
}

impl Scene {
    async fn new() -> Self {
        let (registry, cosign) = (Registry::start(), Cosign::new());
        let keys = cosign.keys("ours");
        let image = registry.image(REPOSITORY, "v1", "one").await;
        cosign.sign(&keys, &format!("{}/{REPOSITORY}@{image}", registry.host));
        let front = Front::start(&registry.host, |_| Act::Pass).await;
        let rules = signed_by(&front.host, &keys);
        Self { registry, front, image, rules }
    }

    fn verifier(&self) -> Verifier {
        verifier(&self.rules)
    }

    fn by_tag(&self) -> String {
        format!("{}/{REPOSITORY}:v1", self.front.host)
    }

    fn by_digest(&self) -> String {
        format!("{}/{REPOSITORY}@{}", self.front.host, self.image)
    }
}

#[tokio::test]
async fn what_is_known_is_not_asked_again() {
    let scene = Scene::new().await;
    let verifier = scene.verifier();
    verified(&verify(&verifier, &scene.by_digest()).await);
    let asked = scene.front.seen().len();
    assert!(asked >= 3, "a list, a manifest and a bundle: {asked}");
    scene.front.behave(|_| status(500));
    for _ in 0..100 {
        verified(&verify(&verifier, &scene.by_digest()).await);
    }
    assert_eq!(scene.front.seen().len(), asked);
    assert!(scene.front.seen().iter().all(|seen| seen.method == "GET"));
    // Another verifier knows nothing of it.
    unknown(&verify(&scene.verifier(), &scene.by_digest()).await);
}

#[tokio::test]
async fn many_who_ask_at_once_are_one_question() {
    let scene = Scene::new().await;
    let verifier = scene.verifier();
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    scene.front.behave(move |seen| if seen.path.contains("referrers") { Act::Hold(held.clone()) } else { Act::Pass });
    let asking = (0..50).map(|_| {
        let (verifier, image) = (verifier.clone(), scene.by_digest());
        tokio::spawn(async move { verify(&verifier, &image).await })
    });
    let asking: Vec<_> = asking.collect();
    e2e::wait::until("the first question", LONG, || async { Ok((scene.front.count("referrers") > 0).then_some(())) })
        .await
        .unwrap();
    gate.add_permits(1000);
    for answer in asking {
        verified(&answer.await.unwrap());
    }
    assert_eq!(scene.front.count("referrers"), 1);
}

#[tokio::test]
async fn a_registry_that_is_down_leaves_it_unknown() {
    let mut scene = Scene::new().await;
    let (host, front) = (scene.registry.host.clone(), scene.front.host.clone());
    scene.registry.end();
    let rules = scene.rules.replace(&front, &host);
    let verifier = verifier(&rules);
    for image in [format!("{host}/{REPOSITORY}:v1"), format!("{host}/{REPOSITORY}@{}", scene.image)] {
        let cause = unknown(&verify(&verifier, &image).await);
        assert!(cause.starts_with(&format!("http://{host} could not be reached: ")), "{cause}");
    }
}

#[tokio::test]
async fn an_unknown_is_never_kept() {
    let scene = Scene::new().await;
    let verifier = scene.verifier();
    for code in [401, 403, 408, 429, 500, 502, 503, 504] {
        scene.front.behave(move |_| status(code));
        let cause = unknown(&verify(&verifier, &scene.by_digest()).await);
        assert!(cause.contains(&code.to_string()), "{cause}");
        unknown(&verify(&verifier, &scene.by_tag()).await);
    }
    scene.front.behave(|_| Act::Pass);
    verified(&verify(&verifier, &scene.by_digest()).await);
}

/// One part failing is enough: no signature was found, and nobody knows whether there is one.
#[tokio::test]
async fn a_part_that_fails_leaves_it_unknown() {
    let scene = Scene::new().await;
    for part in ["referrers", "manifests/sha256:", "blobs", ".sig"] {
        scene.front.behave(move |seen| if seen.path.contains(part) { status(503) } else { Act::Pass });
        let outcome = verify(&scene.verifier(), &scene.by_digest()).await;
        if part == ".sig" {
            // It was not needed.
            verified(&outcome);
        } else {
            assert!(unknown(&outcome).contains("503"), "{part}");
        }
    }
}

#[tokio::test]
async fn a_negative_is_kept_for_a_moment_only() {
    let scene = Scene::new().await;
    let unsigned = scene.registry.image(REPOSITORY, "v2", "two").await;
    let image = format!("{}/{REPOSITORY}@{unsigned}", scene.front.host);
    let with = |negative| {
        let rules = Rules::parse(&scene.rules).unwrap();
        Verifier::new(rules, Settings { negative, budget: LONG, ..Settings::default() }).unwrap()
    };
    let kept = with(LONG);
    refused(&verify(&kept, &image).await);
    let asked = scene.front.seen().len();
    refused(&verify(&kept, &image).await);
    assert_eq!(scene.front.seen().len(), asked);
    let not_kept = with(Duration::ZERO);
    refused(&verify(&not_kept, &image).await);
    refused(&verify(&not_kept, &image).await);
    assert_eq!(scene.front.seen().len(), 3 * asked);
}

#[tokio::test]
async fn a_slow_registry_costs_the_deadline_and_no_more() {
    let scene = Scene::new().await;
    let verifier = scene.verifier();
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    scene.front.behave(move |_| Act::Hold(held.clone()));
    let image = scene.by_digest();
    let soon = Instant::now() + Duration::from_millis(50);
    let outcome = verifier.verify(&image, &Credentials::none(), soon).await;
    let Outcome::Unknown(outcome) = outcome else { panic!("{outcome}") };
    assert_eq!((outcome.digest, outcome.cause), (Some(scene.image), Cause::Deadline));
    // The work went on: who asks next finds it under way.
    gate.add_permits(1000);
    verified(&verify(&verifier, &image).await);
    assert_eq!(scene.front.count("referrers"), 1);
}

#[tokio::test]
async fn the_work_itself_ends_too() {
    let scene = Scene::new().await;
    scene.front.behave(|_| Act::Never);
    let settings = Settings { budget: Duration::from_millis(50), ..Settings::default() };
    let verifier = Verifier::new(Rules::parse(&scene.rules).unwrap(), settings).unwrap();
    let outcome = verify(&verifier, &scene.by_digest()).await;
    let Outcome::Unknown(outcome) = outcome else { panic!("{outcome}") };
    assert_eq!(outcome.cause, Cause::Deadline);
    scene.front.behave(|_| Act::Pass);
    let settings = Settings { budget: LONG, ..Settings::default() };
    let verifier = Verifier::new(Rules::parse(&scene.rules).unwrap(), settings).unwrap();
    verified(&verify(&verifier, &scene.by_digest()).await);
}

#[tokio::test]
async fn nonsense_leaves_it_unknown() {
    let scene = Scene::new().await;
    let long = vec![b' '; 33 << 20];
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    for (kind, bytes) in [
        ("text/html", &b"<html>please log in</html>"[..]),
        (INDEX, b"{"),
        (INDEX, b"[1]"),
        (INDEX, b""),
        ("application/octet-stream", b"\xff\xff"),
    ] {
        scene.front.behave(move |_| body(kind, bytes));
        for image in [scene.by_tag(), scene.by_digest()] {
            let cause = unknown(&verify(&scene.verifier(), &image).await);
            assert!(cause.contains("nonsense"), "{kind} {bytes:?}: {cause}");
        }
    }
    // Other bytes than the digest's: the registry, or somebody on the way, made them up.
    for part in ["blobs/", "manifests/sha256:"] {
        scene.front.behave(move |seen| {
            if seen.path.contains(part) { body("application/json", r#"{"schemaVersion":2}"#) } else { Act::Pass }
        });
        let cause = unknown(&verify(&scene.verifier(), &scene.by_digest()).await);
        assert!(cause.contains("the bytes are others than those of the digest"), "{cause}");
    }
    // More than is read, of whatever is asked for: an end, and no memory.
    scene.front.behave(move |_| body("application/vnd.oci.image.index.v1+json", long.clone()));
    assert!(refused(&verify(&scene.verifier(), &scene.by_tag()).await).contains("more than"));
    assert!(refused(&verify(&scene.verifier(), &scene.by_digest()).await).contains("more is attached"));
}

#[tokio::test]
async fn redirects_are_followed_without_credentials() {
    let scene = Scene::new().await;
    let elsewhere = Front::start(&scene.registry.host, |_| Act::Pass).await;
    let to = elsewhere.host.clone();
    scene.front.behave(move |seen| {
        if seen.authorization() != Some("Basic dXNlcjpzM2NyZXQ=") {
            return challenge(r#"Basic realm="here""#);
        }
        if seen.path.contains("blobs") { redirect(&format!("http://{to}{}", seen.path)) } else { Act::Pass }
    });
    let config = json!({"auths": {&scene.front.host: {"username": "user", "password": "s3cret"}}}).to_string();
    let credentials = Credentials::from_docker_config(config.as_bytes()).unwrap();
    let verifier = scene.verifier();
    let deadline = Instant::now() + LONG;
    verified(&verifier.verify(&scene.by_tag(), &credentials, deadline).await);
    assert_eq!(elsewhere.seen().len(), 1);
    assert!(elsewhere.seen().iter().all(|seen| seen.authorization().is_none()));
    // Without them, or with others, nobody knows.
    let cause = unknown(&verify(&scene.verifier(), &scene.by_digest()).await);
    assert!(cause.contains("the credentials for it are missing or do not suffice"), "{cause}");
    // In circles, to nowhere, and to where no request may go.
    let here = scene.front.host.clone();
    for to in
        [format!("http://{here}/again"), "ftp://registry.invalid/x".to_owned(), "http://user:pw@a.invalid/".to_owned()]
    {
        let target = to.clone();
        scene.front.behave(move |_| redirect(&target));
        let cause = unknown(&verify(&scene.verifier(), &scene.by_digest()).await);
        assert!(cause.contains("is not followed"), "{to}: {cause}");
        assert!(!cause.contains("pw@"), "{cause}");
    }
}

#[tokio::test]
async fn tokens_are_fetched_once_and_never_shown() {
    let scene = Scene::new().await;
    let host = scene.front.host.clone();
    scene.front.behave(move |seen| {
        if seen.path.starts_with("/token?") {
            let known = seen.authorization() == Some(&format!("Basic {}", STANDARD.encode("user:s3cret")));
            return if known { body("application/json", r#"{"token":"t0ken"}"#) } else { status(401) };
        }
        match seen.authorization() {
            Some("Bearer t0ken") => Act::Pass,
            _ => challenge(&format!(r#"Bearer realm="http://{host}/token",service="reg",scope="registry:catalog:*""#)),
        }
    });
    let config = json!({"auths": {&scene.front.host: {"auth": STANDARD.encode("user:s3cret")}}}).to_string();
    let credentials = Credentials::from_docker_config(config.as_bytes()).unwrap();
    let verifier = scene.verifier();
    let outcome = verifier.verify(&scene.by_digest(), &credentials, Instant::now() + LONG).await;
    verified(&outcome);
    assert_eq!(scene.front.count("/token?"), 1);
    // What is asked for is one repository's pull, whatever the registry suggests.
    assert_eq!(scene.front.count("scope=repository%3Ashop%2Fweb%3Apull"), 1);

    let wrong = json!({"auths": {&scene.front.host: {"auth": STANDARD.encode("user:wr0ng")}}}).to_string();
    let wrong = Credentials::from_docker_config(wrong.as_bytes()).unwrap();
    let outcome = scene.verifier().verify(&scene.by_digest(), &wrong, Instant::now() + LONG).await;
    let shown = format!("{outcome:?} {outcome} {}", serde_json::to_string(&outcome).unwrap());
    unknown(&outcome);
    assert!(!shown.contains("wr0ng") && !shown.contains("t0ken"), "{shown}");
}

/// Whoever may push must not be able to turn "no" into "nobody knows", which a cluster may let through.
#[tokio::test]
async fn what_is_attached_cannot_make_a_no_unknown() {
    let scene = Scene::new().await;
    let unsigned = scene.registry.image(REPOSITORY, "v2", "two").await;
    let image = format!("{}/{REPOSITORY}@{unsigned}", scene.front.host);
    for junk in [&b"{}"[..], b"", b"[", b"null", b"\xff\xfe", br#"{"dsseEnvelope":{}}"#] {
        scene.registry.attach(REPOSITORY, &unsigned, junk).await;
    }
    scene.registry.put(REPOSITORY, &format!("sha256-{}.sig", unsigned.hex()), &manifest(&[])).await;
    let refusal = refused(&verify(&scene.verifier(), &image).await);
    assert!(refusal.starts_with("rule ours asks for a signature: sha256:"), "{refusal}");
    // Listed in the stand-in for the API, and not there.
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": Digest::of(b"not there").to_string(),
            "size": 9,
        }],
    });
    let bytes = index.to_string();
    scene.front.behave(move |seen| {
        let tag = seen.path.contains("/manifests/sha256-") && !seen.path.ends_with(".sig");
        if tag { body("application/vnd.oci.image.index.v1+json", bytes.clone()) } else { Act::Pass }
    });
    refused(&verify(&scene.verifier(), &image).await);
    // More than is looked at.
    for n in 0..70 {
        scene.registry.attach(REPOSITORY, &unsigned, format!("{n}").as_bytes()).await;
    }
    let refusal = refused(&verify(&scene.verifier(), &image).await);
    assert!(refusal.contains("more is attached to the image than is looked at"), "{refusal}");
}

fn manifest(layers: &[serde_json::Value]) -> serde_json::Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::of(b"{}").to_string(), "size": 2},
        "layers": layers,
    })
}
