//! What every request must be and what every answer carries.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::routes::{App, page, trouble};

/// The longest path and query that is looked at, in bytes.
pub const LONGEST_TARGET: usize = 2_048;
/// The longest that one answer may take.
pub const LONGEST_ANSWER: Duration = Duration::from_secs(60);

/// Headers on every answer. Pages load nothing but the style sheet from here, run nothing, and are framed by nobody.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Checks the request's form and host, limits its time, and puts the headers on the answer.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = if request.uri().to_string().len() > LONGEST_TARGET {
        page(StatusCode::URI_TOO_LONG, &trouble::TOO_LONG)
    } else if !host_is_ours(request.headers(), request.uri().authority().map(|a| a.as_str()), app.address) {
        page(StatusCode::MISDIRECTED_REQUEST, &trouble::OTHER_HOST)
    } else {
        match tokio::time::timeout(LONGEST_ANSWER, next.run(request)).await {
            Ok(response) => response,
            Err(_) => page(StatusCode::SERVICE_UNAVAILABLE, &trouble::TOO_SLOW),
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Lets only those through who are signed in.
pub(crate) async fn signed_in(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let known =
        session_token(request.headers(), &app.cookie).and_then(|token| app.sessions.identity(token, Instant::now()));
    match known {
        Some(_) => next.run(request).await,
        None => page(StatusCode::UNAUTHORIZED, &trouble::NOT_SIGNED_IN),
    }
}

/// The value of our cookie.
fn session_token<'h>(headers: &'h HeaderMap, cookie: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == cookie)
        .map(|(_, value)| value)
}

/// Whether the request was meant for us. A page elsewhere can make a browser resolve its own name to 127.0.0.1 (DNS
/// rebinding); its requests then carry that name, and get nothing.
fn host_is_ours(headers: &HeaderMap, authority: Option<&str>, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        (None, _) => authority,
        (Some(_), Some(_)) => None,
    };
    let port = address.port();
    let ours = |host: &str| {
        host == address.to_string()
            || (address.ip().is_loopback()
                && [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")]
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(host)))
    };
    host.is_some_and(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_answered() {
        let address: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let with = |host: &str| HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        for host in ["127.0.0.1:8443", "localhost:8443", "[::1]:8443", "LOCALHOST:8443"] {
            assert!(host_is_ours(&with(host), None, address), "{host}");
        }
        for host in ["evil.example", "evil.example:8443", "127.0.0.1", "localhost:80", "127.0.0.1:8443.evil.example"] {
            assert!(!host_is_ours(&with(host), None, address), "{host}");
        }
        assert!(!host_is_ours(&HeaderMap::new(), None, address));
    }
}
