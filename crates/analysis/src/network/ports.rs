//! Sets of ports by protocol, as intervals, and a pool that keeps each set once.
//!
//! A set is a number in the pool, so that unions and intersections of sets that were met before cost one look-up. The protocols are those that
//! policies know: TCP, UDP and SCTP. What others may do (ICMP above all) no policy says, and no set tells.

use ahash::AHashMap;

/// A transport protocol that policies can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP: what is meant where none is named.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// By its name in the API; `None` for others.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "TCP" => Some(Self::Tcp),
            "UDP" => Some(Self::Udp),
            "SCTP" => Some(Self::Sctp),
            _ => None,
        }
    }

    /// Its name in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// Ports of one protocol: disjoint intervals in ascending order, none of which touch.
type Intervals = Vec<(u16, u16)>;

/// Ports of all protocols.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PortSet {
    of: [Intervals; 3],
}

/// The first port that there is. Port 0 cannot be connected to.
pub const FIRST_PORT: u16 = 1;

impl PortSet {
    /// No port.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Every port of every protocol.
    #[must_use]
    pub fn all() -> Self {
        Self { of: std::array::from_fn(|_| vec![(FIRST_PORT, u16::MAX)]) }
    }

    /// The ports of one protocol from the first to the last, both among them; none when they are the wrong way round.
    #[must_use]
    pub fn range(protocol: Protocol, first: u16, last: u16) -> Self {
        let mut set = Self::none();
        let first = first.max(FIRST_PORT);
        if first <= last {
            set.of[protocol as usize].push((first, last));
        }
        set
    }

    /// Whether it has no port.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.of.iter().all(Vec::is_empty)
    }

    /// Whether it has a port.
    #[must_use]
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.of[protocol as usize].iter().any(|(first, last)| *first <= port && port <= *last)
    }

    /// Its intervals, by protocol and in ascending order.
    pub fn intervals(&self) -> impl Iterator<Item = (Protocol, u16, u16)> + '_ {
        Protocol::ALL.into_iter().flat_map(|p| self.of[p as usize].iter().map(move |(first, last)| (p, *first, *last)))
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { of: std::array::from_fn(|p| joined(&self.of[p], &other.of[p])) }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { of: std::array::from_fn(|p| common(&self.of[p], &other.of[p])) }
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self { of: std::array::from_fn(|p| common(&self.of[p], &complement(&other.of[p]))) }
    }
}

fn joined(a: &[(u16, u16)], b: &[(u16, u16)]) -> Intervals {
    let mut all: Intervals = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    let mut out: Intervals = Vec::with_capacity(all.len());
    for (first, last) in all {
        match out.last_mut() {
            Some(open) if u32::from(first) <= u32::from(open.1) + 1 => open.1 = open.1.max(last),
            _ => out.push((first, last)),
        }
    }
    out
}

fn common(a: &[(u16, u16)], b: &[(u16, u16)]) -> Intervals {
    let mut out = Vec::new();
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some((a_first, a_last)), Some((b_first, b_last))) = (a.peek(), b.peek()) {
        let (first, last) = (a_first.max(b_first), a_last.min(b_last));
        if first <= last {
            out.push((*first, *last));
        }
        if a_last <= b_last {
            a.next();
        } else {
            b.next();
        }
    }
    out
}

fn complement(of: &[(u16, u16)]) -> Intervals {
    let mut out = Vec::new();
    let mut next = u32::from(FIRST_PORT);
    for (first, last) in of {
        if let (Ok(from), Ok(to)) = (u16::try_from(next), u16::try_from(u32::from(*first).saturating_sub(1)))
            && from <= to
        {
            out.push((from, to));
        }
        next = u32::from(*last) + 1;
    }
    if let Ok(from) = u16::try_from(next) {
        out.push((from, u16::MAX));
    }
    out
}

/// A set in a [`Pool`].
pub type SetId = u32;

/// Every set once.
#[derive(Debug)]
pub struct Pool {
    sets: Vec<PortSet>,
    by_set: AHashMap<PortSet, SetId>,
    unions: AHashMap<(SetId, SetId), SetId>,
    intersections: AHashMap<(SetId, SetId), SetId>,
    differences: AHashMap<(SetId, SetId), SetId>,
}

impl Default for Pool {
    fn default() -> Self {
        let mut pool = Self {
            sets: Vec::new(),
            by_set: AHashMap::new(),
            unions: AHashMap::new(),
            intersections: AHashMap::new(),
            differences: AHashMap::new(),
        };
        // Their numbers are Pool::NONE and Pool::ALL.
        pool.keep(PortSet::none());
        pool.keep(PortSet::all());
        pool
    }
}

impl Pool {
    /// No port.
    pub const NONE: SetId = 0;
    /// Every port.
    pub const ALL: SetId = 1;

    /// The number of a set.
    pub fn keep(&mut self, set: PortSet) -> SetId {
        if let Some(id) = self.by_set.get(&set) {
            return *id;
        }
        let id = SetId::try_from(self.sets.len()).unwrap_or(SetId::MAX);
        self.sets.push(set.clone());
        self.by_set.insert(set, id);
        id
    }

    /// The set of a number that this pool gave.
    #[must_use]
    pub fn get(&self, id: SetId) -> &PortSet {
        &self.sets[id as usize]
    }

    /// What is in either.
    pub fn union(&mut self, a: SetId, b: SetId) -> SetId {
        match (a, b) {
            (Self::ALL, _) | (_, Self::ALL) => Self::ALL,
            (Self::NONE, other) | (other, Self::NONE) => other,
            _ if a == b => a,
            _ => {
                let key = (a.min(b), a.max(b));
                if let Some(known) = self.unions.get(&key) {
                    return *known;
                }
                let set = self.get(a).union(self.get(b));
                let id = self.keep(set);
                self.unions.insert(key, id);
                id
            }
        }
    }

    /// What is in both.
    pub fn intersection(&mut self, a: SetId, b: SetId) -> SetId {
        match (a, b) {
            (Self::NONE, _) | (_, Self::NONE) => Self::NONE,
            (Self::ALL, other) | (other, Self::ALL) => other,
            _ if a == b => a,
            _ => {
                let key = (a.min(b), a.max(b));
                if let Some(known) = self.intersections.get(&key) {
                    return *known;
                }
                let set = self.get(a).intersection(self.get(b));
                let id = self.keep(set);
                self.intersections.insert(key, id);
                id
            }
        }
    }

    /// What is in the first and not in the second.
    pub fn without(&mut self, a: SetId, b: SetId) -> SetId {
        match (a, b) {
            (Self::NONE, _) | (_, Self::ALL) => Self::NONE,
            (_, Self::NONE) => a,
            _ if a == b => Self::NONE,
            _ => {
                if let Some(known) = self.differences.get(&(a, b)) {
                    return *known;
                }
                let set = self.get(a).without(self.get(b));
                let id = self.keep(set);
                self.differences.insert((a, b), id);
                id
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set() -> impl Strategy<Value = PortSet> {
        let port = prop_oneof![0_u16..12, 65530_u16..=65535];
        proptest::collection::vec((0_usize..3, port.clone(), port), 0..5).prop_map(|ranges| {
            ranges.into_iter().fold(PortSet::none(), |set, (p, a, b)| {
                set.union(&PortSet::range(Protocol::ALL[p], a.min(b), a.max(b)))
            })
        })
    }

    proptest! {
        #[test]
        fn sets_are_what_their_members_say(a in set(), b in set()) {
            let (union, both, left) = (a.union(&b), a.intersection(&b), a.without(&b));
            for protocol in Protocol::ALL {
                for port in (0..20).chain(65520..=65535) {
                    let (in_a, in_b) = (a.contains(protocol, port), b.contains(protocol, port));
                    prop_assert_eq!(union.contains(protocol, port), in_a || in_b);
                    prop_assert_eq!(both.contains(protocol, port), in_a && in_b);
                    prop_assert_eq!(left.contains(protocol, port), in_a && !in_b);
                }
            }
            // One set has one form.
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(left.union(&both), a);
        }
    }

    #[test]
    fn the_pool_keeps_each_set_once() {
        let mut pool = Pool::default();
        let http = pool.keep(PortSet::range(Protocol::Tcp, 80, 80));
        let next = pool.keep(PortSet::range(Protocol::Tcp, 81, 90));
        let both = pool.union(http, next);
        assert_eq!(pool.get(both), &PortSet::range(Protocol::Tcp, 80, 90));
        assert_eq!(pool.intersection(both, http), http);
        assert_eq!(pool.without(both, next), http);
        assert_eq!(pool.keep(PortSet::all()), Pool::ALL);
        assert_eq!(pool.keep(PortSet::range(Protocol::Tcp, 5, 4)), Pool::NONE);
    }
}
