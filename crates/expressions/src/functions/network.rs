//! IP addresses and networks (Kubernetes' `ip` and `cidr` libraries). Zones and IPv4 addresses in IPv6 form are refused, as there.

use std::net::IpAddr;

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Library, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("ip", (1, 1), "net.IP", |a, _| address_of("ip", a).map(|ip| Value::library(Library::Ip(ip))))
        .constant(),
    Function::global("isIP", (1, 1), "bool", |a, _| Ok(Value::Bool(text("isIP", a)?.and_then(parse_address).is_ok()))),
    Function::global("ip.isCanonical", (1, 1), "bool", |a, _| {
        let ip = address_of("ip.isCanonical", a)?;
        Ok(Value::Bool(a[0].as_text() == Some(ip.to_string().as_str())))
    }),
    Function::member("family", (1, 1), "int", |a, _| {
        ip("family", a).map(|ip| Value::Int(if ip.is_ipv4() { 4 } else { 6 }))
    }),
    Function::member("isUnspecified", (1, 1), "bool", |a, _| {
        ip("isUnspecified", a).map(|ip| Value::Bool(ip.is_unspecified()))
    }),
    Function::member("isLoopback", (1, 1), "bool", |a, _| ip("isLoopback", a).map(|ip| Value::Bool(ip.is_loopback()))),
    Function::member("isLinkLocalMulticast", (1, 1), "bool", |a, _| {
        ip("isLinkLocalMulticast", a).map(|ip| Value::Bool(link_local_multicast(ip)))
    }),
    Function::member("isLinkLocalUnicast", (1, 1), "bool", |a, _| {
        ip("isLinkLocalUnicast", a).map(|ip| Value::Bool(link_local_unicast(ip)))
    }),
    Function::member("isGlobalUnicast", (1, 1), "bool", |a, _| {
        ip("isGlobalUnicast", a).map(|ip| Value::Bool(global_unicast(ip)))
    }),
    Function::global("cidr", (1, 1), "net.CIDR", |a, _| {
        network_of("cidr", &a[0]).map(|(ip, length)| Value::library(Library::Cidr(ip, length)))
    })
    .constant(),
    Function::global("isCIDR", (1, 1), "bool", |a, _| {
        Ok(Value::Bool(text("isCIDR", a)?.and_then(parse_network).is_ok()))
    }),
    Function::member("ip", (1, 1), "net.IP", |a, _| cidr("ip", a).map(|(ip, _)| Value::library(Library::Ip(ip)))),
    Function::member("prefixLength", (1, 1), "int", |a, _| {
        cidr("prefixLength", a).map(|(_, length)| Value::Int(length.into()))
    }),
    Function::member("masked", (1, 1), "net.CIDR", |a, _| {
        cidr("masked", a).map(|(ip, length)| Value::library(Library::Cidr(masked(ip, length), length)))
    }),
    Function::member("containsIP", (2, 2), "bool", contains_ip),
    Function::member("containsCIDR", (2, 2), "bool", contains_network),
];

/// The text that the only argument is; the text's fault is kept apart from a wrong type.
fn text<'a>(name: &str, arguments: &'a [Value]) -> Result<Result<&'a str, Failure>, Failure> {
    arguments[0].as_text().map(Ok).ok_or_else(|| no_overload(name, arguments))
}

fn address_of(name: &str, arguments: &[Value]) -> Result<IpAddr, Failure> {
    parse_address(text(name, arguments)??)
}

fn parse_address(text: &str) -> Result<IpAddr, Failure> {
    let address: IpAddr = text.parse().map_err(|_| Failure::invalid(format!("{text:?} is no IP address")))?;
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            Err(Failure::invalid(format!("IPv4-mapped IPv6 address {text:?} is not allowed")))
        }
        _ => Ok(address),
    }
}

fn parse_network(text: &str) -> Result<(IpAddr, u8), Failure> {
    let malformed = || Failure::invalid(format!("{text:?} is no network such as 10.0.0.0/8"));
    let (address, length) = text.split_once('/').ok_or_else(malformed)?;
    let address = parse_address(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let canonical = length == "0" || !length.starts_with('0');
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length = length.parse().ok().filter(|l| canonical && digits && *l <= most).ok_or_else(malformed)?;
    Ok((address, length))
}

fn network_of(name: &str, value: &Value) -> Result<(IpAddr, u8), Failure> {
    value.as_text().ok_or_else(|| no_overload(name, std::slice::from_ref(value))).and_then(parse_network)
}

fn ip(name: &str, arguments: &[Value]) -> Result<IpAddr, Failure> {
    match &arguments[0] {
        Value::Library(library) => match library.as_ref() {
            Library::Ip(ip) => Ok(*ip),
            _ => Err(no_overload(name, arguments)),
        },
        _ => Err(no_overload(name, arguments)),
    }
}

fn cidr(name: &str, arguments: &[Value]) -> Result<(IpAddr, u8), Failure> {
    match &arguments[0] {
        Value::Library(library) => match library.as_ref() {
            Library::Cidr(ip, length) => Ok((*ip, *length)),
            _ => Err(no_overload(name, arguments)),
        },
        _ => Err(no_overload(name, arguments)),
    }
}

fn link_local_multicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => matches!(v4.octets(), [224, 0, 0, _]),
        IpAddr::V6(v6) => v6.segments()[0] & 0xff0f == 0xff02,
    }
}

fn link_local_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn global_unicast(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    !(broadcast || ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local_unicast(ip))
}

/// The address as bits, from the left of 128.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

fn masked(ip: IpAddr, length: u8) -> IpAddr {
    let kept = bits(ip) & mask(length);
    match ip {
        IpAddr::V4(_) => IpAddr::V4(((kept >> 96) as u32).into()),
        IpAddr::V6(_) => IpAddr::V6(kept.into()),
    }
}

fn within(outer: IpAddr, length: u8, inner: IpAddr) -> bool {
    outer.is_ipv4() == inner.is_ipv4() && (bits(outer) ^ bits(inner)) & mask(length) == 0
}

fn contains_ip(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    let (network, length) = cidr("containsIP", arguments)?;
    let inner = match &arguments[1] {
        Value::Text(text) => parse_address(text)?,
        other => ip("containsIP", std::slice::from_ref(other))?,
    };
    Ok(Value::Bool(within(network, length, inner)))
}

fn contains_network(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    let (network, length) = cidr("containsCIDR", arguments)?;
    let (inner, inner_length) = match &arguments[1] {
        Value::Text(text) => parse_network(text)?,
        other => cidr("containsCIDR", std::slice::from_ref(other))?,
    };
    Ok(Value::Bool(length <= inner_length && within(network, length, inner)))
}
