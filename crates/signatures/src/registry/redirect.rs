//! Where a registry may send a request.
//!
//! Registries keep blobs in other places and redirect to them, so that redirects must be followed. Credentials never go along to another
//! origin. Plain HTTP is never reached from HTTPS, and a registry out there cannot make us ask an address of the local network.

use std::net::IpAddr;

use reqwest::Url;

/// Most redirects of one request.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// Same scheme, host and port.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.origin() == b.origin()
}

/// Scheme, host and port: what may be shown of a URL. Paths and queries can hold what grants access.
pub(crate) fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The URL that a `Location` of an answer from `from` means, for a request that began at `first`. `also` are hosts with port that an
/// operator allows although they are local.
pub(crate) fn target(first: &Url, from: &Url, location: &str, also: &[String]) -> Result<Url, (String, &'static str)> {
    let Ok(target) = from.join(location) else {
        return Err((String::from("something"), "it is no URL"));
    };
    let refuse = |why| Err((shown(&target), why));
    match target.scheme() {
        "https" => {}
        "http" if first.scheme() == "http" => {}
        _ => return refuse("it is not HTTPS"),
    }
    if !target.username().is_empty() || target.password().is_some() {
        return refuse("it holds a name or password");
    }
    if same_origin(first, &target) {
        return Ok(target);
    }
    let named = target.host_str().is_some_and(|host| {
        let port = target.port_or_known_default().unwrap_or_default();
        also.iter().any(|allowed| *allowed == host || *allowed == format!("{host}:{port}"))
    });
    if is_local(&target) && !is_local(first) && !named {
        return refuse("it is an address of the local network; name it under `redirects` of the registry to allow it");
    }
    Ok(target)
}

/// Whether the host is written as an address that is not of the public network. Names are not resolved.
fn is_local(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return true };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse() {
        Ok(IpAddr::V4(address)) => is_local_v4(address),
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => is_local_v4(address),
            None => {
                address.is_loopback()
                    || address.is_unspecified()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address.is_multicast()
            }
        },
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn is_local_v4(address: std::net::Ipv4Addr) -> bool {
    // 100.64.0.0/10 is shared by networks of providers, clouds' metadata services among them.
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || shared
        || a == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(first: &str, location: &str) -> Result<String, &'static str> {
        let first = Url::parse(first).unwrap();
        target(&first, &first, location, &["10.0.0.7:9000".to_owned()])
            .map(|url| url.to_string())
            .map_err(|(_, why)| why)
    }

    #[test]
    fn places_out_there_and_the_same_place_are_followed() {
        let first = "https://r.example/v2/a/blobs/x";
        for (location, to) in [
            ("/elsewhere", "https://r.example/elsewhere"),
            ("https://cdn.example/b?sig=1", "https://cdn.example/b?sig=1"),
            ("//cdn.example/b", "https://cdn.example/b"),
            ("https://10.0.0.7:9000/b", "https://10.0.0.7:9000/b"),
            ("https://8.8.8.8/b", "https://8.8.8.8/b"),
        ] {
            assert_eq!(go(first, location).as_deref(), Ok(to));
        }
        assert!(go("http://127.0.0.1:5000/x", "http://127.0.0.1:5001/y").is_ok());
        assert!(go("http://r.example:5000/x", "https://cdn.example/y").is_ok());
    }

    #[test]
    fn weaker_and_local_places_are_not() {
        let first = "https://r.example/v2/a/blobs/x";
        for location in [
            "http://r.example/x",
            "http://cdn.example/x",
            "ftp://cdn.example/x",
            "file:///etc/passwd",
            "https://user:pw@cdn.example/x",
            "https://user@r.example/x",
            "https://127.0.0.1/x",
            "https://localhost/x",
            "https://a.localhost/x",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.7/x",
            "https://10.0.0.8:9000/x",
            "https://192.168.1.1/x",
            "https://100.100.100.200/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://[::1]/x",
            "https://[::ffff:10.0.0.1]/x",
            "https://[fd00::1]/x",
            "https://[fe80::1]/x",
            "https://0.0.0.0/x",
            "https://",
        ] {
            assert!(go(first, location).is_err(), "{location}");
        }
        assert!(go("http://r.example/x", "http://127.0.0.1/x").is_err());
    }

    #[test]
    fn paths_and_queries_are_not_shown() {
        assert_eq!(
            shown(&Url::parse("https://cdn.example:8443/secret?sig=secret").unwrap()),
            "https://cdn.example:8443"
        );
    }
}
