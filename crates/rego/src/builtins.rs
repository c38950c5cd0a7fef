//! The functions that templates may call: pure, bounded by their arguments, and with OPA's meaning.

/// How a function came to be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Of `regorus`.
    Engine,
    /// Ours ([`crate::functions`]).
    Ours,
}

/// Name, number of arguments, origin.
type Builtin = (&'static str, u8, Origin);

use Origin::{Engine, Ours};

#[rustfmt::skip]
const BUILTINS: &[Builtin] = &[
    ("abs", 1, Engine), ("all", 1, Ours), ("any", 1, Ours),
    ("array.concat", 2, Engine), ("array.reverse", 1, Engine), ("array.slice", 3, Engine),
    ("base64.decode", 1, Engine), ("base64.encode", 1, Engine), ("base64.is_valid", 1, Engine),
    ("base64url.decode", 1, Engine), ("base64url.encode", 1, Engine), ("base64url.encode_no_pad", 1, Engine),
    ("ceil", 1, Engine), ("concat", 2, Engine), ("contains", 2, Engine), ("count", 1, Engine),
    ("endswith", 2, Engine), ("floor", 1, Engine), ("format_int", 2, Engine),
    ("hex.decode", 1, Engine), ("hex.encode", 1, Engine), ("indexof", 2, Engine), ("intersection", 1, Engine),
    ("is_array", 1, Engine), ("is_boolean", 1, Engine), ("is_null", 1, Engine), ("is_number", 1, Engine),
    ("is_object", 1, Engine), ("is_set", 1, Engine), ("is_string", 1, Engine),
    ("json.filter", 2, Engine), ("json.marshal", 1, Engine), ("json.remove", 2, Engine), ("json.unmarshal", 1, Engine),
    ("lower", 1, Engine), ("max", 1, Engine), ("min", 1, Engine),
    ("net.cidr_contains", 2, Ours), ("net.cidr_is_valid", 1, Ours),
    ("object.filter", 2, Engine), ("object.get", 3, Engine), ("object.keys", 1, Engine), ("object.remove", 2, Engine),
    ("object.union", 2, Engine), ("object.union_n", 1, Engine),
    ("product", 1, Engine), ("re_match", 2, Ours), ("regex.match", 2, Ours), ("regex.is_valid", 1, Ours),
    ("replace", 3, Engine), ("round", 1, Engine), ("set", 0, Engine), ("sort", 1, Engine),
    ("split", 2, Engine), ("sprintf", 2, Engine), ("startswith", 2, Engine),
    ("strings.any_prefix_match", 2, Engine), ("strings.any_suffix_match", 2, Engine), ("strings.reverse", 1, Engine),
    ("substring", 3, Engine), ("sum", 1, Engine), ("to_number", 1, Engine),
    ("trim", 2, Engine), ("trim_left", 2, Engine), ("trim_prefix", 2, Engine), ("trim_right", 2, Engine),
    ("trim_space", 1, Engine), ("trim_suffix", 2, Engine), ("type_name", 1, Engine), ("union", 1, Engine), ("upper", 1, Engine),
];

/// Functions and families of OPA or Gatekeeper that are not here, and why. A name that ends with a dot is a family.
const ABSENT: &[(&str, &str)] = &[
    ("external_data", "a decision asks nobody else"),
    ("http.", "a decision asks nobody else"),
    ("net.lookup_ip_addr", "a decision asks nobody else"),
    ("io.jwt.", "tokens are not verified in policies"),
    ("crypto.", "regorus has no cryptography"),
    ("time.", "a decision that depends on the clock cannot be made again"),
    ("rand.", "a decision that depends on chance cannot be made again"),
    ("uuid.", "a decision that depends on chance cannot be made again"),
    ("opa.", "it would depend on where it is evaluated"),
    ("print", "nothing is printed where a decision is made; take it out"),
    ("trace", "nothing is printed where a decision is made; take it out"),
    ("numbers.", "its work is not bounded by the size of the request"),
    ("bits.", "its work is not bounded by the size of the request"),
    ("semver.", "regorus does not read versions as OPA does"),
    ("units.", "regorus takes what it cannot read for undefined"),
    ("glob.", "its patterns are not matched as OPA matches them"),
    ("regex.", "only regex.match and regex.is_valid are known to be as in OPA"),
];

/// Whether there is a function of this name, here or in OPA.
pub(crate) fn is_name(name: &str) -> bool {
    find(name).is_some() || reason(name).is_some()
}

/// The number of arguments of a function, and where it is.
pub(crate) fn find(name: &str) -> Option<(u8, Origin)> {
    BUILTINS.iter().find(|builtin| builtin.0 == name).map(|builtin| (builtin.1, builtin.2))
}

/// Why a function of OPA or Gatekeeper is not here.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    let is_it = |known: &str| name == known || (known.ends_with('.') && name.starts_with(known));
    ABSENT.iter().find(|(known, _)| is_it(known)).map(|(_, why)| *why)
}
