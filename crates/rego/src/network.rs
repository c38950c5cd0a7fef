//! Ranges of addresses (CIDR).

use std::net::IpAddr;

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    bits: u128,
    /// How many bits are the same, of how many.
    same: u32,
    width: u32,
}

/// Reads `10.0.0.0/8`; what stands behind the bits that count is left out. IPv4 addresses in the form of IPv6 are not read: Go has them twice.
pub(crate) fn range(text: &str) -> Option<Range> {
    let (base, same) = text.split_once('/')?;
    let plain =
        !same.is_empty() && same.bytes().all(|b| b.is_ascii_digit()) && (same.len() == 1 || !same.starts_with('0'));
    let same: u32 = if plain { same.parse().ok()? } else { return None };
    let Range { bits, width, .. } = address(base)?;
    let behind = width.checked_sub(same)?;
    Some(Range { bits: bits.checked_shr(behind).unwrap_or(0).checked_shl(behind).unwrap_or(0), same, width })
}

/// Reads one address, as a range of itself.
pub(crate) fn address(text: &str) -> Option<Range> {
    match text.parse().ok()? {
        IpAddr::V4(address) => Some(Range { bits: u128::from(u32::from(address)), same: 32, width: 32 }),
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            Some(Range { bits: u128::from(address), same: 128, width: 128 })
        }
        IpAddr::V6(_) => None,
    }
}

impl Range {
    /// Whether all of the other is in it.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        let begin = |bits: u128| bits.checked_shr(self.width.saturating_sub(self.same)).unwrap_or(0);
        self.width == other.width && self.same <= other.same && begin(self.bits) == begin(other.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_begins_alike() {
        for (outer, inner, expected) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.1/8", "10.255.0.0/16", true),
            ("10.0.0.0/16", "10.0.0.0/8", false),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("0.0.0.0/0", "255.255.255.255/32", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "fe80::1", true),
            ("fe80::/10", "ff80::", false),
        ] {
            let inner_range = range(inner).or_else(|| address(inner)).unwrap();
            assert_eq!(range(outer).unwrap().contains(&inner_range), expected, "{outer} {inner}");
        }
        for text in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "::ffff:1.2.3.4/100",
            "010.0.0.0/8",
            "/8",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
    }
}
