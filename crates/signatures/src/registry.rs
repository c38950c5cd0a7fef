//! A registry, as far as it is asked: manifests, blobs and referrers, each with a bound, and what it must not make us do.
//!
//! Rules: OCI distribution specification 1.1. What a digest names is compared with the digest before anybody reads it. "There is none"
//! (404) is an answer; everything else that is not the content is a [`Cause`], and leaves open what there is.

mod challenge;
mod redirect;
mod referrers;
mod token;

use std::collections::HashMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Certificate, Client, Response, StatusCode, Url};
use tokio::sync::OnceCell;

use crate::credentials::Secret;
use crate::digest::Digest;
use crate::oci;
use crate::outcome::Cause;
use crate::rules::RegistryOptions;

pub(crate) use challenge::Challenge;
pub(crate) use referrers::Listed;

/// Longest manifest or index, in bytes: what the distribution specification asks registries to take at least.
pub(crate) const MAX_MANIFEST_BYTES: usize = 4 << 20;
/// Longest manifest of a signature, in bytes.
pub(crate) const MAX_SIGNATURE_MANIFEST_BYTES: usize = 1 << 20;
/// Longest bundle, in bytes. Bundles with large attestations have been seen with 1 MiB.
pub(crate) const MAX_BUNDLE_BYTES: usize = 8 << 20;
/// Longest answer of a token service, in bytes.
const MAX_TOKEN_BYTES: usize = 64 << 10;
/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The connections to registries, kept between verifications.
pub(crate) struct Network {
    /// For registries without options.
    client: Client,
    named: HashMap<String, (Client, RegistryOptions)>,
}

impl Network {
    /// Prepares connections; none is made. `ring` becomes the process's provider of TLS when there is none.
    pub(crate) fn new(registries: &[RegistryOptions]) -> Result<Self, reqwest::Error> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // An error means that another thread was faster, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let builder = || {
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .connect_timeout(CONNECT_LIMIT)
                .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
        };
        let mut named = HashMap::new();
        for options in registries {
            let mut builder = builder();
            if let Some(pem) = &options.certificate_authority {
                builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem.as_bytes())?);
            }
            if options.plain_http {
                builder = builder.no_proxy();
            }
            named.insert(options.host.to_ascii_lowercase(), (builder.build()?, options.clone()));
        }
        Ok(Self { client: builder().build()?, named })
    }

    /// One conversation about one repository. `registry` is as references name it.
    pub(crate) fn session<'a>(
        &'a self,
        registry: &str,
        repository: &'a str,
        secret: Option<&'a Secret>,
    ) -> Session<'a> {
        let named = self.named.get(&registry.to_ascii_lowercase());
        let host = if registry == "docker.io" { "registry-1.docker.io" } else { registry };
        Session {
            client: named.map_or(&self.client, |(client, _)| client),
            plain_http: named.is_some_and(|(_, options)| options.plain_http),
            redirects: named.map_or(&[], |(_, options)| options.redirects.as_slice()),
            host: host.to_owned(),
            repository,
            secret,
            authorization: OnceCell::new(),
        }
    }
}

/// A conversation with a registry about one repository.
pub(crate) struct Session<'a> {
    client: &'a Client,
    plain_http: bool,
    redirects: &'a [String],
    host: String,
    repository: &'a str,
    secret: Option<&'a Secret>,
    /// What the registry accepted as proof of who asks.
    authorization: OnceCell<HeaderValue>,
}

/// A whole answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// `None` when there is more of it than was asked for.
    body: Option<Bytes>,
}

/// What a registry has under a name.
#[derive(Debug)]
pub(crate) enum Fetched<T> {
    /// This.
    Content(T),
    /// Nothing.
    Absent,
    /// Something that has more bytes than are read. Whoever may push can bring that about, so that it is an answer and no fault.
    TooLong,
}

impl Session<'_> {
    /// The manifest or index that a tag names, with its digest.
    pub(crate) async fn tagged(&self, tag: &str) -> Result<Fetched<(Digest, Bytes)>, Cause> {
        let accept = [oci::INDEX, oci::MANIFEST, oci::DOCKER_LIST, oci::DOCKER_MANIFEST].join(", ");
        let what = format!("the tag {tag}");
        let answer = self.get(&self.url(&format!("manifests/{tag}"))?, &accept, MAX_MANIFEST_BYTES, &what).await?;
        let headers = answer.headers.clone();
        let body = match self.content(answer, &what)? {
            Fetched::Content(body) => body,
            Fetched::Absent => return Ok(Fetched::Absent),
            Fetched::TooLong => return Ok(Fetched::TooLong),
        };
        let digest = Digest::of(&body);
        let said = headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        if said.is_some_and(|said| said.starts_with("sha256:") && Digest::parse(said) != Some(digest)) {
            return Err(self.nonsense(&what, "the bytes are not those of the digest in its header"));
        }
        if !oci::is_manifest_or_index(&body) {
            return Err(self.nonsense(&what, "it is neither a manifest nor an index"));
        }
        Ok(Fetched::Content((digest, body)))
    }

    /// The manifest with a digest.
    pub(crate) async fn manifest(&self, digest: &Digest, limit: usize) -> Result<Fetched<Bytes>, Cause> {
        let accept = [oci::MANIFEST, oci::INDEX].join(", ");
        self.named(digest, &format!("manifests/{digest}"), &accept, limit, &format!("the manifest {digest}")).await
    }

    /// The blob with a digest.
    pub(crate) async fn blob(&self, digest: &Digest, limit: usize) -> Result<Fetched<Bytes>, Cause> {
        self.named(digest, &format!("blobs/{digest}"), "*/*", limit, &format!("the blob {digest}")).await
    }

    async fn named(
        &self,
        digest: &Digest,
        path: &str,
        accept: &str,
        limit: usize,
        what: &str,
    ) -> Result<Fetched<Bytes>, Cause> {
        let answer = self.get(&self.url(path)?, accept, limit, what).await?;
        let fetched = self.content(answer, what)?;
        if let Fetched::Content(body) = &fetched
            && Digest::of(body) != *digest
        {
            return Err(self.nonsense(what, "the bytes are others than those of the digest"));
        }
        Ok(fetched)
    }

    fn content(&self, answer: Answer, what: &str) -> Result<Fetched<Bytes>, Cause> {
        match answer.status {
            StatusCode::OK => Ok(answer.body.map_or(Fetched::TooLong, Fetched::Content)),
            StatusCode::NOT_FOUND => Ok(Fetched::Absent),
            status => Err(self.status(status, what)),
        }
    }

    fn url(&self, path: &str) -> Result<Url, Cause> {
        let scheme = if self.plain_http { "http" } else { "https" };
        let text = format!("{scheme}://{}/v2/{}/{path}", self.host, self.repository);
        Url::parse(&text).map_err(|error| Cause::Unreachable { host: self.host.clone(), why: error.to_string() })
    }

    /// Asks, and asks once more with what the registry wants to know about who asks.
    async fn get(&self, url: &Url, accept: &str, limit: usize, what: &str) -> Result<Answer, Cause> {
        let known = self.authorization.get();
        let answer = self.follow(url, accept, limit, what, known).await?;
        if answer.status != StatusCode::UNAUTHORIZED || known.is_some() {
            return Ok(answer);
        }
        let challenge = answer
            .headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| Challenge::parse(value.to_str().ok()?))
            .min_by_key(|challenge| *challenge == Challenge::Basic);
        let Some(challenge) = challenge else { return Ok(answer) };
        let authorization = self
            .authorization
            .get_or_try_init(|| async {
                self.authorize(&challenge).await?.ok_or_else(|| self.status(StatusCode::UNAUTHORIZED, what))
            })
            .await?;
        self.follow(url, accept, limit, what, Some(authorization)).await
    }

    async fn follow(
        &self,
        first: &Url,
        accept: &str,
        limit: usize,
        what: &str,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, Cause> {
        let mut url = first.clone();
        let mut authorization = authorization;
        for _ in 0..=redirect::MAX_REDIRECTS {
            let mut request = self.client.get(url.clone()).header(ACCEPT, accept);
            if let Some(value) = authorization {
                request = request.header(AUTHORIZATION, value);
            }
            let response = request.send().await.map_err(|error| self.unreachable(&url, error))?;
            let redirected = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            if !redirected {
                return self.read(response, &url, limit).await;
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location else {
                return Err(self.nonsense(what, "it redirects and does not say where to"));
            };
            url = redirect::target(first, &url, location, self.redirects).map_err(|(to, why)| Cause::Redirect {
                host: self.host.clone(),
                to,
                why: why.to_owned(),
            })?;
            if !redirect::same_origin(first, &url) {
                // Not taken up again should the way lead back: who sent us here chose what is asked for.
                authorization = None;
            }
        }
        let why = format!("more than {} times", redirect::MAX_REDIRECTS);
        Err(Cause::Redirect { host: self.host.clone(), to: redirect::shown(&url), why })
    }

    async fn read(&self, mut response: Response, url: &Url, limit: usize) -> Result<Answer, Cause> {
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        // Only contents are read; what an error page says does not matter.
        if !status.is_success() {
            return Ok(Answer { status, headers, body: Some(Bytes::new()) });
        }
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Ok(Answer { status, headers, body: None });
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(url, error))? {
            if body.len() + chunk.len() > limit {
                return Ok(Answer { status, headers, body: None });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: Some(body.freeze()) })
    }

    fn unreachable(&self, url: &Url, error: reqwest::Error) -> Cause {
        let host = redirect::shown(url);
        // The library's own text begins with the URL; the innermost error is what went wrong.
        let error = error.without_url();
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Cause::Unreachable { host, why: innermost.to_string() }
    }

    fn nonsense(&self, what: &str, why: &str) -> Cause {
        Cause::Nonsense { host: self.host.clone(), what: what.to_owned(), why: why.to_owned() }
    }

    fn status(&self, status: StatusCode, what: &str) -> Cause {
        let (host, what, code) = (self.host.clone(), what.to_owned(), status.as_u16());
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Cause::NotAllowed { host, status: code, what },
            _ => Cause::Status { host, status: code, what },
        }
    }
}

/// The media type of an answer, without parameters, in lower case.
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}
