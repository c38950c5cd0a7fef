//! A token issuer that an API server trusts: discovery and keys over HTTPS, ES256 tokens with the claims asked for.

use anyhow::{Context, Result, anyhow};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PublicKeyData};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

use crate::identity::Identity;
use crate::server::HttpsServer;

/// Name of the only signing key.
const KEY_ID: &str = "key-1";

/// A running issuer. Dropping it ends it; the API server then keeps the keys it has.
pub struct Issuer {
    server: HttpsServer,
    key: EcdsaKeyPair,
}

impl Issuer {
    /// Starts an issuer on a free loopback port. It must run before the API server does, which asks it at start.
    ///
    /// # Errors
    /// No key could be made, or no port is free.
    pub fn start() -> Result<Self> {
        let port = crate::port::free()?;
        let pair = KeyPair::generate().context("failed to make a signing key")?;
        // An uncompressed point: 0x04, then 32 bytes of each coordinate (SEC 1, section 2.3.3).
        let point = pair.der_bytes();
        let (x, y) = point
            .get(1..)
            .and_then(|coordinates| coordinates.split_at_checked(32))
            .ok_or_else(|| anyhow!("the signing key is no P-256 key"))?;
        let keys = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY_ID,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]});
        let url = format!("https://127.0.0.1:{port}");
        let discovery = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || async move { Json(discovery) }))
            .route("/keys", get(move || async move { Json(keys) }));
        let server = HttpsServer::start(router, "oidc-ca", None, Some(port))?;
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.serialized_der(), &SystemRandom::new())
                .map_err(|error| anyhow!("failed to read the signing key: {error}"))?;
        Ok(Self { server, key })
    }

    /// An authentication configuration for kube-apiserver that trusts this issuer, for the audience `kubernetes`:
    /// `amr` must hold `mfa`, a token lives an hour at most, user and groups get the prefix `idp:`, and `amr`, `acr`
    /// and the time of login are written into audit events. Nobody is anonymous but probes.
    #[must_use]
    pub fn authentication(&self) -> String {
        let value = json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "jwt": [{
                "issuer": {
                    "url": self.server.url(),
                    "audiences": ["kubernetes"],
                    "audienceMatchPolicy": "MatchAny",
                    "certificateAuthority": self.server.authority_pem(),
                },
                "claimValidationRules": [
                    {"expression": "has(claims.amr) && 'mfa' in claims.amr", "message": "amr must contain mfa"},
                    {"expression": "claims.exp - claims.iat <= 3600", "message": "token lifetime must not exceed 1 hour"},
                ],
                "claimMappings": {
                    "username": {"claim": "email", "prefix": "idp:"},
                    "groups": {"claim": "groups", "prefix": "idp:"},
                    "uid": {"claim": "sub"},
                    "extra": [
                        {"key": "idp.example.test/amr", "valueExpression": "claims.?amr.orValue([])"},
                        {"key": "idp.example.test/acr", "valueExpression": "claims.?acr.orValue('')"},
                        {"key": "idp.example.test/auth-time",
                         "valueExpression": "has(claims.auth_time) ? string(int(claims.auth_time)) : ''"},
                    ],
                },
                "userValidationRules": [
                    {"expression": "!user.username.startsWith('system:')", "message": "username must not use the system: prefix"},
                ],
            }],
            "anonymous": {
                "enabled": true,
                "conditions": [{"path": "/livez"}, {"path": "/readyz"}, {"path": "/healthz"}],
            },
        });
        format!("{value:#}\n")
    }

    /// Usual claims of a person who has logged in with a second factor just now: a fresh `jti`, an hour to live.
    ///
    /// # Errors
    /// The system gave no random bytes.
    pub fn claims(&self, email: &str, groups: &[&str]) -> Result<Value> {
        let now = jiff::Timestamp::now().as_second();
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| anyhow!("failed to get random bytes: {error}"))?;
        Ok(json!({
            "iss": self.server.url(), "aud": "kubernetes", "sub": format!("uid-of-{email}"),
            "iat": now, "nbf": now, "exp": now + 3600, "auth_time": now,
            "jti": hex::encode(id), "email": email, "email_verified": true,
            "groups": groups, "amr": ["pwd", "mfa"],
        }))
    }

    /// Signs claims, whatever they say.
    ///
    /// # Errors
    /// Signing failed for want of random bytes.
    pub fn token(&self, claims: &Value) -> Result<String> {
        let header = json!({"alg": "ES256", "typ": "JWT", "kid": KEY_ID});
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature =
            self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| anyhow!("failed to sign a token"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// A person who has logged in with a second factor just now.
    ///
    /// # Errors
    /// As [`Issuer::claims`] and [`Issuer::token`].
    pub fn person(&self, email: &str, groups: &[&str]) -> Result<Identity> {
        Ok(Identity::bearer(email, self.token(&self.claims(email, groups)?)?))
    }
}
