//! Blocks of addresses, and the pieces into which the blocks of all policies cut the address space.
//!
//! Both families are one line of numbers here: IPv4 from 0 on, IPv6 behind it. A piece is the largest range that no block cuts, so that
//! whatever a policy says of one of its addresses it says of all.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address on the line of both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    v6: bool,
    number: u128,
}

impl Address {
    const FIRST_V4: Self = Self { v6: false, number: 0 };
    const LAST_V4: Self = Self { v6: false, number: u32::MAX as u128 };
    const FIRST_V6: Self = Self { v6: true, number: 0 };
    const LAST_V6: Self = Self { v6: true, number: u128::MAX };

    fn next(self) -> Option<Self> {
        match self {
            Self::LAST_V4 => Some(Self::FIRST_V6),
            Self::LAST_V6 => None,
            Self { v6, number } => Some(Self { v6, number: number + 1 }),
        }
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(a) => Self { v6: false, number: u128::from(u32::from(a)) },
            IpAddr::V6(a) => Self { v6: true, number: u128::from(a) },
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u32::try_from(self.number) {
            Ok(number) if !self.v6 => Ipv4Addr::from(number).fmt(f),
            _ => Ipv6Addr::from(self.number).fmt(f),
        }
    }
}

/// All addresses from the first to the last, both among them; of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressRange {
    /// The first.
    pub first: Address,
    /// The last.
    pub last: Address,
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl AddressRange {
    /// All of IPv4.
    pub const V4: Self = Self { first: Address::FIRST_V4, last: Address::LAST_V4 };
    /// All of IPv6.
    pub const V6: Self = Self { first: Address::FIRST_V6, last: Address::LAST_V6 };

    /// From CIDR notation; bits beyond the prefix are of no account. A single address is a range of one. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let free = bits - prefix.unwrap_or(bits).min(bits);
        if prefix.is_some_and(|prefix| prefix > bits) {
            return None;
        }
        let Address { v6, number } = address.into();
        let mask = if free == 128 { u128::MAX } else { (1_u128 << free) - 1 };
        Some(Self { first: Address { v6, number: number & !mask }, last: Address { v6, number: number | mask } })
    }

    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: Address) -> bool {
        self.first <= address && address <= self.last
    }

    /// Whether they have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether the other begins right behind this one, in the same family.
    #[must_use]
    pub fn touches(&self, next: &Self) -> bool {
        self.first.v6 == next.first.v6 && self.last.next() == Some(next.first)
    }

    /// Whether it is of IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.first.v6
    }
}

/// A block with pieces cut out of it (`ipBlock`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Block {
    /// The block.
    pub range: AddressRange,
    /// What is not of it.
    pub except: Vec<AddressRange>,
}

impl Block {
    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: Address) -> bool {
        self.range.contains(address) && !self.except.iter().any(|e| e.contains(address))
    }

    /// Whether it may have an address of the range.
    #[must_use]
    pub fn overlaps(&self, range: &AddressRange) -> bool {
        self.range.overlaps(range)
            && !self
                .except
                .iter()
                .any(|e| e.first <= range.first.max(self.range.first) && range.last.min(self.range.last) <= e.last)
    }

    /// Whether it is a whole family, but for what is cut out.
    #[must_use]
    pub fn is_whole_family(&self) -> bool {
        self.range == AddressRange::V4 || self.range == AddressRange::V6
    }
}

/// The pieces into which ranges cut the address space, in ascending order: all of IPv4, and all of IPv6 when one of them is of it.
#[must_use]
pub fn pieces<'a>(ranges: impl IntoIterator<Item = &'a AddressRange>) -> Vec<AddressRange> {
    let mut starts = vec![Address::FIRST_V4];
    let mut v6 = false;
    for range in ranges {
        v6 |= range.is_v6();
        starts.push(range.first);
        starts.extend(range.last.next());
    }
    // Behind the last address of IPv4 the other family begins, whether or not anybody asked for it.
    starts.push(Address::FIRST_V6);
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).copied().map(Some).chain([None]);
    starts
        .iter()
        .zip(ends)
        .filter(|(start, _)| v6 || !start.v6)
        .map(|(start, end)| AddressRange { first: *start, last: end.map_or(Address::LAST_V6, before) })
        .collect()
}

fn before(address: Address) -> Address {
    match address {
        Address::FIRST_V6 => Address::LAST_V4,
        Address { v6, number } => Address { v6, number: number.saturating_sub(1) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        AddressRange::parse(text).unwrap()
    }

    fn shown(ranges: &[&str]) -> Vec<String> {
        let ranges: Vec<AddressRange> = ranges.iter().map(|text| range(text)).collect();
        pieces(&ranges).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn blocks_are_read_as_ranges() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0-10.255.255.255"),
            ("10.1.2.3/8", "10.0.0.0-10.255.255.255"),
            ("0.0.0.0/0", "0.0.0.0-255.255.255.255"),
            ("169.254.169.254", "169.254.169.254-169.254.169.254"),
            ("fd00::/8", "fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert_eq!(range(text).to_string(), expected, "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/x", "::/129", "10.0.0.0/-1", "host"] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn pieces_cover_everything_once() {
        assert_eq!(shown(&[]), ["0.0.0.0-255.255.255.255"]);
        assert_eq!(shown(&["0.0.0.0/0"]), ["0.0.0.0-255.255.255.255"]);
        assert_eq!(
            shown(&["10.0.0.0/8", "10.1.0.0/16"]),
            [
                "0.0.0.0-9.255.255.255",
                "10.0.0.0-10.0.255.255",
                "10.1.0.0-10.1.255.255",
                "10.2.0.0-10.255.255.255",
                "11.0.0.0-255.255.255.255"
            ]
        );
        assert_eq!(
            shown(&["fd00::/8", "255.0.0.0/8"]),
            [
                "0.0.0.0-254.255.255.255",
                "255.0.0.0-255.255.255.255",
                "::-fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "fd00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "fe00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
            ]
        );
    }

    #[test]
    fn what_is_cut_out_is_not_in_the_block() {
        let block = Block { range: range("0.0.0.0/0"), except: vec![range("169.254.0.0/16"), range("10.0.0.0/8")] };
        assert!(block.contains(range("8.8.8.8").first) && !block.contains(range("169.254.169.254").first));
        assert!(!block.contains(range("::1").first));
        assert!(block.overlaps(&range("10.0.0.0/7")) && !block.overlaps(&range("10.1.0.0/16")));
        assert!(range("10.0.0.0/8").touches(&range("11.0.0.0/8")) && !range("0.0.0.0/0").touches(&AddressRange::V6));
    }
}
