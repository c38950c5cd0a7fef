//! URLs (Kubernetes' `url` library; the syntax is that of Go's `net/url.ParseRequestURI`).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Key, Library, Map, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("url", (1, 1), "kubernetes.URL", |a, _| {
        let text = a[0].as_text().ok_or_else(|| no_overload("url", a))?;
        let parsed = Url::parse(text)
            .ok_or_else(|| Failure::invalid(format!("{text:?} is no absolute URI or absolute path")))?;
        Ok(Value::library(Library::Url(parsed)))
    })
    .constant(),
    Function::global("isURL", (1, 1), "bool", |a, _| {
        let text = a[0].as_text().ok_or_else(|| no_overload("isURL", a))?;
        Ok(Value::Bool(Url::parse(text).is_some()))
    }),
    Function::member("getScheme", (1, 1), "string", |a, m| part(a, m, "getScheme", |u| u.scheme.clone())),
    Function::member("getHost", (1, 1), "string", |a, m| part(a, m, "getHost", |u| u.host.clone())),
    Function::member("getHostname", (1, 1), "string", |a, m| {
        part(a, m, "getHostname", |u| u.name_and_port().0.to_owned())
    }),
    Function::member("getPort", (1, 1), "string", |a, m| part(a, m, "getPort", |u| u.name_and_port().1.to_owned())),
    Function::member("getEscapedPath", (1, 1), "string", |a, m| part(a, m, "getEscapedPath", |u| u.path.clone())),
    Function::member("getQuery", (1, 1), "map", query).builds(),
];

/// A URL in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    scheme: String,
    host: String,
    /// Escaped.
    path: String,
    query: String,
    /// Name and password, and what follows the scheme when it is no path: only equality looks at them.
    rest: (String, String),
}

impl Url {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return None;
        }
        let (scheme, after) = scheme(text)?;
        let (before_query, query) = after.split_once('?').unwrap_or((after, ""));
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            host: String::new(),
            path: String::new(),
            query: query.to_owned(),
            rest: (String::new(), String::new()),
        };
        if !before_query.starts_with('/') {
            if scheme.is_empty() {
                return None;
            }
            before_query.clone_into(&mut url.rest.1);
            return Some(url);
        }
        let path = match before_query.strip_prefix("//") {
            Some(after) if !scheme.is_empty() || !before_query.starts_with("///") => {
                let (authority, path) = after.find('/').map_or((after, ""), |at| after.split_at(at));
                let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
                let user_valid = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
                if !user.chars().all(user_valid) || unescape(user, false).is_none() {
                    return None;
                }
                user.clone_into(&mut url.rest.0);
                url.host = host_of(host)?;
                path
            }
            _ => before_query,
        };
        url.path = escaped_path(path)?;
        Some(url)
    }

    fn name_and_port(&self) -> (&str, &str) {
        let (name, port) = match self.host.rsplit_once(':') {
            Some((name, port))
                if port.bytes().all(|b| b.is_ascii_digit()) && (name.ends_with(']') || !name.contains(':')) =>
            {
                (name, port)
            }
            _ => (self.host.as_str(), ""),
        };
        (name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name), port)
    }
}

/// The scheme, empty when there is none, and what follows; `None` when a colon comes first.
fn scheme(text: &str) -> Option<(&str, &str)> {
    for (at, character) in text.char_indices() {
        match character {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at > 0 => return Some((&text[..at], &text[at + 1..])),
            ':' => return None,
            _ => break,
        }
    }
    Some(("", text))
}

fn host_of(host: &str) -> Option<String> {
    let (name, port) = if host.starts_with('[') {
        let end = host.rfind(']')?;
        (&host[..=end], &host[end + 1..])
    } else {
        host.rfind(':').map_or((host, ""), |at| host.split_at(at))
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if (!port.is_empty() && !port.starts_with(':')) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let valid = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:[]<>\"%".contains(c);
    if !name.chars().all(valid) {
        return None;
    }
    unescape(name, false).map(|name| format!("{name}{port}"))
}

/// With `%xx` replaced; bytes that are not UTF-8 then become the replacement character.
fn unescape(text: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| (b as char).to_digit(16));
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if plus_is_space => out.push(b' '),
            other => out.push(other),
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// The path as it was written when it is a valid one, else with all that must be escaped escaped.
fn escaped_path(path: &str) -> Option<String> {
    unescape(path, false)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&b);
    if path.bytes().all(|b| plain(b) || b"!'()*[]%".contains(&b)) {
        return Some(path.to_owned());
    }
    let mut out = String::with_capacity(path.len() + 8);
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let digit = |b: Option<u8>| b.and_then(|b| (b as char).to_digit(16)).unwrap_or(0);
            let (high, low) = (digit(bytes.next()), digit(bytes.next()));
            u8::try_from(high * 16 + low).unwrap_or(0)
        } else {
            byte
        };
        if plain(byte) {
            out.push(byte as char);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Some(out)
}

fn url<'a>(name: &str, arguments: &'a [Value]) -> Result<&'a Url, Failure> {
    match &arguments[0] {
        Value::Library(library) => match library.as_ref() {
            Library::Url(url) => Ok(url),
            _ => Err(no_overload(name, arguments)),
        },
        _ => Err(no_overload(name, arguments)),
    }
}

fn part(arguments: &[Value], meter: &mut Meter<'_>, name: &str, f: impl Fn(&Url) -> String) -> Result<Value, Failure> {
    let part = f(url(name, arguments)?);
    meter.charge_bytes(part.len())?;
    Ok(Value::text(part))
}

fn query(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let url = url("getQuery", arguments)?;
    meter.charge(1 + url.query.len() as u64)?;
    let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for pair in url.query.split('&').filter(|p| !p.is_empty() && !p.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let (Some(key), Some(value)) = (unescape(key, true), unescape(value, true)) {
            values.entry(key).or_default().push(Value::text(value));
        }
    }
    let entries = values.into_iter().map(|(key, values)| (Key::Text(Arc::from(key)), Value::list(values))).collect();
    Ok(Value::Map(Arc::new(Map::new(entries).unwrap_or_default())))
}
