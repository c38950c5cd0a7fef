//! How audit events name who asked, and by which credential.

use anyhow::Result;
use e2e::identity::{Credential, Identity};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::shared::{SOON, ask_for_event, create, shared, unique};

const ID: &str = "authentication.kubernetes.io/credential-id";

#[tokio::test(flavor = "multi_thread")]
async fn client_certificate_is_known_by_the_digest_of_its_bytes() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let dora = shared.plane.client_certificate("dora", &["dev", "ops"])?;
    let (_, event) = ask_for_event(&shared.plane, &dora, "GET", "/version", &[], None).await?;
    let Credential::Certificate(certified) = &dora.credential else { unreachable!("asked for a certificate") };
    let digest = hex::encode(Sha256::digest(&certified.certificate_der));
    assert_eq!(
        event["user"],
        json!({"username": "dora", "groups": ["dev", "ops", "system:authenticated"],
            "extra": {ID: [format!("X509SHA256={digest}")]}})
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn service_account_token_joins_its_use_to_its_issue() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let space = unique("tokens");
    let app = plane.service_account(&space, "app").await?;
    let (_, used) = ask_for_event(plane, &app, "GET", "/version", &[], None).await?;
    assert_eq!(used["user"]["username"], format!("system:serviceaccount:{space}:app"));
    let id = used["user"]["extra"][ID][0].as_str().expect("a credential id").to_owned();
    assert!(id.starts_with("JTI="), "{id}");
    let issued = plane
        .audit_event(
            "the token's issue",
            |event| event["objectRef"]["subresource"] == "token" && event["objectRef"]["namespace"] == *space,
            SOON,
        )
        .await?;
    assert_eq!(issued["verb"], "create");
    assert_eq!(issued["annotations"]["authentication.kubernetes.io/issued-credential-id"], *id);
    // Kept at Metadata: the token itself is nowhere in the log.
    let token = app.token().expect("a token");
    assert!(!plane.audit_events(0)?.iter().any(|event| event.to_string().contains(token)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_service_account_token_has_no_id_but_names_its_secret() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let plane = &shared.plane;
    let admin = plane.admin()?;
    let space = unique("legacy");
    plane.service_account(&space, "app").await?;
    let secrets = format!("/api/v1/namespaces/{space}/secrets");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "app-legacy", "annotations": {"kubernetes.io/service-account.name": "app"}}});
    create(plane, &secrets, &secret).await?;
    let token = e2e::wait::until("the controller has filled in the token", SOON, || async {
        let path = format!("{secrets}/app-legacy");
        let secret = plane.request(&admin, "GET", &path, &[], None).await?.json()?;
        Ok(secret["data"]["token"].as_str().map(str::to_owned))
    })
    .await?;
    let token = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, token)?;
    let app = Identity::bearer("legacy", String::from_utf8(token)?);
    let (answer, event) = ask_for_event(plane, &app, "GET", "/version", &[], None).await?;
    assert_eq!(answer.status, 200);
    assert_eq!(event["user"]["extra"][ID], Value::Null);
    let notes = &event["annotations"];
    assert_eq!(notes["authentication.k8s.io/legacy-token"], format!("system:serviceaccount:{space}:app"));
    assert_eq!(notes["authentication.k8s.io/legacy-token-manual-secret"], "app-legacy");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn static_token_leads_to_no_credential() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let sam = shared.plane.static_token("sam")?;
    let (_, event) = ask_for_event(&shared.plane, &sam, "GET", "/version", &[], None).await?;
    assert_eq!(
        event["user"],
        json!({"username": "sam", "uid": "uid-of-sam", "groups": ["system:masters", "old", "system:authenticated"]})
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn login_with_a_second_factor_shows_in_the_event() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let issuer = &shared.issuer;
    let claims = issuer.claims("carol@example.test", &["sre"])?;
    let carol = Identity::bearer("carol", issuer.token(&claims)?);
    let (answer, event) = ask_for_event(&shared.plane, &carol, "GET", "/version", &[], None).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let user = &event["user"];
    assert_eq!(user["username"], "idp:carol@example.test");
    assert_eq!(user["groups"], json!(["idp:sre", "system:authenticated"]));
    let extra = &user["extra"];
    assert_eq!(extra[ID], json!([format!("JTI={}", claims["jti"].as_str().expect("a jti"))]));
    assert_eq!(extra["idp.example.test/amr"], json!(["pwd", "mfa"]));
    assert_eq!(extra["idp.example.test/auth-time"], json!([claims["auth_time"].to_string()]));
    // A claim that is not there leaves no empty value behind.
    assert_eq!(extra.get("idp.example.test/acr"), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn token_without_an_id_leads_to_no_credential() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let mut claims = shared.issuer.claims("eve@example.test", &[])?;
    claims.as_object_mut().expect("an object").remove("jti");
    let eve = Identity::bearer("eve", shared.issuer.token(&claims)?);
    let (answer, event) = ask_for_event(&shared.plane, &eve, "GET", "/version", &[], None).await?;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(event["user"]["extra"].get(ID), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_logins_all_look_the_same() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let issuer = &shared.issuer;
    let change = |name: &str, value: Value| -> Result<Identity> {
        let mut claims = issuer.claims("mallory@example.test", &[])?;
        claims[name] = value;
        Ok(Identity::bearer(name, issuer.token(&claims)?))
    };
    let past = jiff::Timestamp::now().as_second() - 10;
    let far = past + 86_400;
    for refused in [
        change("amr", json!(["pwd"]))?,
        change("aud", json!("somebody-else"))?,
        change("exp", json!(past))?,
        change("exp", json!(far))?,
        Identity::anonymous(),
    ] {
        let (answer, event) = ask_for_event(&shared.plane, &refused, "GET", "/api/v1/nodes", &[], None).await?;
        assert_eq!(answer.status, 401, "{}: {}", refused.name, answer.body);
        assert_eq!(event["user"], json!({}), "{}", refused.name);
        assert_eq!(event["responseStatus"]["message"], "Unauthorized");
        assert!(!event.to_string().contains("mallory"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn front_proxy_may_claim_anything_the_credential_too() -> Result<()> {
    let shared = shared().await?;
    let _keep = shared.plane.keep_logs_if_panicking();
    let proxy = shared.plane.front_proxy()?;
    let headers = [
        ("x-remote-user", "whoever"),
        ("x-remote-group", "any"),
        ("x-remote-extra-authentication.kubernetes.io%2fcredential-id", "FORGED"),
    ];
    let (_, event) = ask_for_event(&shared.plane, &proxy, "GET", "/version", &headers, None).await?;
    assert_eq!(event["user"]["username"], "whoever");
    assert_eq!(event["user"]["extra"][ID], json!(["FORGED"]));
    assert!(!event.to_string().contains("front-proxy-client"), "nothing names the proxy");
    Ok(())
}
