//! The options as people state them, and as they are stated beside results, so that whoever computes the tables again gets the same.
//!
//! One form for both: an object with `trust_levels` (namespace to whole number), `blocks` (`unknown`, `never` or `by-address`) and `pod_ranges` (CIDR blocks).
//! What is left out has its default; anything else is refused.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::addresses::AddressRange;
use super::{Options, PodBlocks};

/// The most ranges of addresses and namespaces that are taken.
const MOST: usize = 10_000;

/// Why options are not taken. The text names the key, the value and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{value} {what}", if key.is_empty() { String::new() } else { format!("{key}: ") })]
pub struct NotOptions {
    /// The key, as `pod_ranges[0]` or `trust_levels.payments`, without the one that the options stand under; empty when it is the options as a whole.
    pub key: String,
    /// The value, as JSON, cut to 80 characters.
    pub value: String,
    /// What is wrong with it, and what is right.
    pub what: &'static str,
}

fn refused(key: impl Into<String>, value: &Value, what: &'static str) -> NotOptions {
    let key: String = key.into();
    NotOptions { key: key.chars().take(200).collect(), value: value.to_string().chars().take(80).collect(), what }
}

/// The options that a value states.
///
/// # Errors
/// [`NotOptions`] for the first thing that is not understood.
pub fn read(stated: &Value) -> Result<Options, NotOptions> {
    let mut options = Options::default();
    let Value::Object(fields) = stated else {
        return Err(refused("", stated, "is no mapping; give trust_levels, blocks or pod_ranges"));
    };
    for (key, value) in fields {
        match key.as_str() {
            "trust_levels" => read_levels(value, &mut options)?,
            "blocks" => {
                options.blocks = match value.as_str() {
                    Some("unknown") => PodBlocks::Unknown,
                    Some("never") => PodBlocks::Never,
                    Some("by-address") => PodBlocks::ByAddress,
                    _ => return Err(refused("blocks", value, "is not known; write unknown, never or by-address")),
                };
            }
            "pod_ranges" => read_ranges(value, &mut options)?,
            _ => return Err(refused(key, value, "is no option; there are trust_levels, blocks and pod_ranges")),
        }
    }
    Ok(options)
}

fn read_levels(value: &Value, options: &mut Options) -> Result<(), NotOptions> {
    let Some(levels) = value.as_object().filter(|levels| levels.len() <= MOST) else {
        return Err(refused(
            "trust_levels",
            value,
            "is no mapping of at most 10,000 namespaces; write namespace: level",
        ));
    };
    for (namespace, value) in levels {
        let key = format!("trust_levels.{namespace}");
        if !is_namespace(namespace) {
            let what = "has a key that is no name of a namespace; write lower-case letters, digits and -";
            return Err(refused(key, value, what));
        }
        let Some(level) = value.as_i64() else {
            return Err(refused(key, value, "is no whole number; write one, higher for more trust"));
        };
        options.trust_levels.insert(namespace.clone(), level);
    }
    Ok(())
}

fn read_ranges(value: &Value, options: &mut Options) -> Result<(), NotOptions> {
    let Some(ranges) = value.as_array().filter(|ranges| ranges.len() <= MOST) else {
        return Err(refused(
            "pod_ranges",
            value,
            "is no list of at most 10,000 blocks; write [10.244.0.0/16], for example",
        ));
    };
    options.pod_ranges.clear();
    for (place, value) in ranges.iter().enumerate() {
        let Some(range) = value.as_str().and_then(AddressRange::parse) else {
            let what = "is no block of addresses; write one in CIDR notation, as 10.244.0.0/16";
            return Err(refused(format!("pod_ranges[{place}]"), value, what));
        };
        options.pod_ranges.push(range);
    }
    Ok(())
}

/// A label of RFC 1123, as Kubernetes wants of namespaces.
fn is_namespace(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 63 && !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// What [`read`] makes the same options of, but for the namespace of objects that name none, which history does not need.
#[must_use]
pub fn write(options: &Options) -> Value {
    let levels: Map<String, Value> =
        options.trust_levels.iter().map(|(namespace, level)| (namespace.clone(), json!(level))).collect();
    let ranges: Vec<String> = options.pod_ranges.iter().flat_map(blocks).collect();
    let blocks = match options.blocks {
        PodBlocks::Unknown => "unknown",
        PodBlocks::Never => "never",
        PodBlocks::ByAddress => "by-address",
    };
    json!({"trust_levels": levels, "blocks": blocks, "pod_ranges": ranges})
}

/// A range as CIDR notation. Ranges are made of blocks, of which the first address and the length say all; of one that is none, each end is a block of its own.
fn blocks(range: &AddressRange) -> Vec<String> {
    let ends = (range.first.to_string().parse::<IpAddr>(), range.last.to_string().parse::<IpAddr>());
    let prefix = match ends {
        (Ok(IpAddr::V4(first)), Ok(IpAddr::V4(last))) => Some((u32::from(first) ^ u32::from(last)).leading_zeros()),
        (Ok(IpAddr::V6(first)), Ok(IpAddr::V6(last))) => Some((u128::from(first) ^ u128::from(last)).leading_zeros()),
        _ => None,
    };
    match prefix.map(|prefix| format!("{}/{prefix}", range.first)) {
        Some(block) if AddressRange::parse(&block) == Some(*range) => vec![block],
        _ => vec![range.first.to_string(), range.last.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_not_understood_is_named_with_its_value_and_the_way_out() {
        let refused = |stated: Value| read(&stated).unwrap_err().to_string();
        assert_eq!(
            refused(json!({"trust_levels": {"payments": "high"}})),
            "trust_levels.payments: \"high\" is no whole number; write one, higher for more trust"
        );
        assert_eq!(
            refused(json!({"pod_ranges": ["10.0.0.0/8", "10.0.0.0/99"]})),
            "pod_ranges[1]: \"10.0.0.0/99\" is no block of addresses; write one in CIDR notation, as 10.244.0.0/16"
        );
        assert!(refused(json!({"trust_levels": {"Pay ments": 1}})).contains("no name of a namespace"));
        assert!(refused(json!({"trust_levels": {"a": 1.5}})).contains("1.5 is no whole number"));
        assert!(refused(json!({"blocks": "sometimes"})).contains("write unknown, never or by-address"));
        assert!(refused(json!({"trust_level": {}})).starts_with("trust_level: {} is no option"));
        assert!(refused(json!([])).contains("is no mapping"));
        assert_eq!(read(&json!({})), Ok(Options::default()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            levels in prop::collection::btree_map("[a-z]([a-z0-9-]{0,8}[a-z0-9])?", any::<i64>(), 0..5),
            v4 in prop::collection::vec((any::<[u8; 4]>(), 0..=32_u32), 0..4),
            v6 in prop::collection::vec((any::<[u8; 16]>(), 0..=128_u32), 0..4),
            blocks in prop::sample::select(vec![PodBlocks::Unknown, PodBlocks::Never, PodBlocks::ByAddress]),
        ) {
            let texts = v4.into_iter().map(|(a, p)| format!("{}/{p}", IpAddr::from(a)))
                .chain(v6.into_iter().map(|(a, p)| format!("{}/{p}", IpAddr::from(a))));
            let pod_ranges = texts.map(|text| AddressRange::parse(&text).unwrap()).collect();
            let options = Options { blocks, pod_ranges, trust_levels: levels, ..Options::default() };
            prop_assert_eq!(read(&write(&options)), Ok(options));
        }

        #[test]
        fn reading_never_panics(text in any::<String>(), number in any::<f64>()) {
            let _ = read(&json!({"trust_levels": {text.clone(): number}, "pod_ranges": [text.clone()], "blocks": text}));
        }
    }
}
