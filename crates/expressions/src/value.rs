//! Values of expressions.
//!
//! What is large is shared: to clone a value copies at most a pointer and a count. So an element that a comprehension looks at, or
//! an object that thirty policies look at, is never copied.

mod compare;
mod json;
mod key;
mod map;

use std::net::IpAddr;
use std::sync::Arc;

pub(crate) use compare::{compare, equal};
pub use json::{MAX_VALUE_DEPTH, TooDeep};
pub(crate) use key::Key;
pub use map::Map;

use crate::functions::{
    named_format::NamedFormat, pattern::Pattern, quantity::Quantity, semantic_version::SemanticVersion, url::Url,
};

/// A value of CEL (cel-spec, "Values") or of one of Kubernetes' libraries.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number with a sign.
    Int(i64),
    /// A whole number without one.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list.
    List(Arc<[Value]>),
    /// A map.
    Map(Arc<Map>),
    /// A span of time, in nanoseconds.
    Duration(i64),
    /// A point in time of the years 0001 to 9999.
    Timestamp(Timestamp),
    /// A type, by its name.
    Type(&'static str),
    /// A value or none.
    Optional(Option<Arc<Value>>),
    /// A value of one of Kubernetes' libraries.
    Library(Arc<Library>),
}

/// A point in time: seconds since 1970 and nanoseconds of that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

/// Values that only functions of Kubernetes' libraries make.
#[derive(Debug, Clone, PartialEq)]
pub enum Library {
    /// An amount such as `1500m` or `2Gi`.
    Quantity(Quantity),
    /// A URL.
    Url(Url),
    /// An IP address.
    Ip(IpAddr),
    /// An address and the length of its network's prefix.
    Cidr(IpAddr, u8),
    /// A semantic version.
    Version(SemanticVersion),
    /// A format that names and the like must have.
    Format(NamedFormat),
    /// A regular expression that was written out; in expressions it is a text.
    Pattern(Arc<Pattern>),
}

impl Value {
    /// Text.
    pub(crate) fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Arc::from(text.as_ref()))
    }

    /// A list.
    pub(crate) fn list(elements: Vec<Self>) -> Self {
        Self::List(elements.into())
    }

    /// An optional that holds the value.
    pub(crate) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// An optional of what may be missing.
    pub(crate) fn optional(value: Option<Self>) -> Self {
        Self::Optional(value.map(Arc::new))
    }

    /// A value of a library.
    pub(crate) fn library(value: Library) -> Self {
        Self::Library(Arc::new(value))
    }

    /// The text, when it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The member of a map with a text as key.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get_text(key),
            _ => None,
        }
    }

    /// The member at the end of a path of text keys.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |value, key| value.member(key))
    }

    /// The elements of a list; none when it is no list.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The name of its type, as `type()` gives it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Type(_) => "type",
            Self::Optional(_) => "optional_type",
            Self::Library(library) => match library.as_ref() {
                Library::Quantity(_) => "kubernetes.Quantity",
                Library::Url(_) => "kubernetes.URL",
                Library::Ip(_) => "net.IP",
                Library::Cidr(..) => "net.CIDR",
                Library::Version(_) => "kubernetes.Semver",
                Library::Format(_) => "kubernetes.NamedFormat",
                Library::Pattern(_) => "string",
            },
        }
    }

    /// What it weighs in the units of the budget: its size, with all that it holds.
    pub(crate) fn weight(&self) -> u64 {
        match self {
            Self::Text(text) => 1 + text.len() as u64 / 10,
            Self::Bytes(bytes) => 1 + bytes.len() as u64 / 10,
            Self::List(list) => 1 + list.len() as u64,
            Self::Map(map) => 1 + map.len() as u64,
            _ => 1,
        }
    }
}

/// Equal as `==` of CEL has it: numbers of different types can be equal, values of other different types are not.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        equal(self, other)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::text(value)
    }
}

/// The names that stand for types in expressions.
pub(crate) const TYPE_NAMES: [&str; 19] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
    "optional_type",
    "kubernetes.Quantity",
    "kubernetes.URL",
    "net.IP",
    "net.CIDR",
    "kubernetes.Semver",
    "kubernetes.NamedFormat",
];
