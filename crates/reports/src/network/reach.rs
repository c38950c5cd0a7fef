//! What somebody reaches who has taken over one workload, going on from each workload that is reached.
//!
//! That a port is open says that somebody can try: whether the workload behind it can be taken over is another question, so that this is the
//! most that network policies leave open, not what will happen.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

/// One peer that may connect to another on some port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Who: `namespace/name[Kind]`, or all of a namespace as `namespace/*`.
    pub from: String,
    /// To whom, likewise, or a range of addresses outside of the cluster.
    pub to: String,
    /// Whether `to` is in the cluster.
    pub inside: bool,
    /// Whether it is open for certain; else it is not known.
    pub certain: bool,
}

/// A workload that is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Its name.
    pub workload: String,
    /// How many steps it takes, at least.
    pub steps: usize,
    /// Place in the list of the workload before it on such a way; `None` when that is where it begins.
    pub before: Option<usize>,
    /// Whether every step is open for certain.
    pub certain: bool,
}

/// What one workload reaches at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The workload that was taken over.
    pub workload: String,
    /// Whether it was there at that instant.
    pub exists: bool,
    /// What is reached: for certain before what may be, then the nearest first.
    pub reached: Vec<Reached>,
    /// Ranges of addresses outside of the cluster that it reaches itself, with whether that is certain.
    pub outside: Vec<(String, bool)>,
    /// How many workloads there are, itself included.
    pub workloads: usize,
    /// There are more pairs than are looked at, so that nothing is worked out.
    pub too_many: bool,
}

/// The namespace of a workload's name.
fn namespace(workload: &str) -> &str {
    workload.split_once('/').map_or("", |(namespace, _)| namespace)
}

/// What is reached from a workload. Linear in links and workloads.
#[must_use]
pub fn reach(start: &str, workloads: &[String], links: &[Link]) -> Reach {
    let mut by_namespace: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for workload in workloads {
        by_namespace.entry(namespace(workload)).or_default().push(workload);
    }
    let mut next: HashMap<&str, Vec<&Link>> = HashMap::new();
    for link in links {
        next.entry(&link.from).or_default().push(link);
    }
    let exists = workloads.iter().any(|workload| workload == start);
    let mut found: Vec<Reached> = Vec::new();
    let mut known: BTreeSet<&str> = BTreeSet::from([start]);
    // First by steps that are open for certain, then on from all that by those that may be.
    for certain in [true, false] {
        // The nearest first; of those that are as near, the one that was found first.
        let mut queue: BinaryHeap<Reverse<(usize, Option<usize>)>> = BinaryHeap::from([Reverse((0, None))]);
        if !certain {
            queue.extend(found.iter().enumerate().map(|(place, one)| Reverse((one.steps, Some(place)))));
        }
        let mut all_of: BTreeSet<&str> = BTreeSet::new();
        while let Some(Reverse((steps, place))) = queue.pop() {
            let workload = place.map_or(start, |place| found[place].workload.as_str()).to_owned();
            let everybody = format!("{}/*", namespace(&workload));
            let out = [workload.as_str(), everybody.as_str()].into_iter().filter_map(|peer| next.get(peer)).flatten();
            for link in out.filter(|link| link.inside && (link.certain || !certain)) {
                let targets: Vec<&str> = match link.to.strip_suffix("/*") {
                    // Everybody of a namespace is reached once: whoever comes later finds nobody new.
                    Some(namespace) if !all_of.insert(namespace) => continue,
                    Some(namespace) => by_namespace.get(namespace).cloned().unwrap_or_default(),
                    None => vec![link.to.as_str()],
                };
                for target in targets {
                    if !known.insert(target) {
                        continue;
                    }
                    queue.push(Reverse((steps + 1, Some(found.len()))));
                    found.push(Reached { workload: target.to_owned(), steps: steps + 1, before: place, certain });
                }
            }
        }
    }
    let everybody = format!("{}/*", namespace(start));
    let own = [start, everybody.as_str()].into_iter().filter_map(|peer| next.get(peer)).flatten();
    let mut outside: BTreeMap<&str, bool> = BTreeMap::new();
    for link in own.filter(|link| !link.inside) {
        *outside.entry(&link.to).or_default() |= link.certain;
    }
    Reach {
        workload: start.to_owned(),
        exists,
        reached: found,
        outside: outside.into_iter().map(|(range, certain)| (range.to_owned(), certain)).collect(),
        workloads: workloads.len(),
        too_many: false,
    }
}

impl Reach {
    /// The way to the workload at this place: names from the first step to it.
    #[must_use]
    pub fn way(&self, place: usize) -> Vec<&str> {
        let mut way = Vec::new();
        let mut at = self.reached.get(place);
        while let Some(one) = at
            && way.len() <= self.reached.len()
        {
            way.push(one.workload.as_str());
            at = one.before.and_then(|before| self.reached.get(before));
        }
        way.reverse();
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn link(from: &str, to: &str, certain: bool) -> Link {
        Link { from: from.to_owned(), to: to.to_owned(), inside: to.contains('/'), certain }
    }

    #[test]
    fn steps_go_on_from_what_is_reached_and_certain_ones_come_first() {
        let workloads = ["a/x[P]", "b/y[P]", "b/z[P]", "c/w[P]", "d/v[P]"].map(str::to_owned);
        let links = [
            link("a/*", "b/y[P]", true),
            link("b/*", "b/*", true),
            link("b/z[P]", "c/w[P]", false),
            link("a/x[P]", "c/w[P]", false),
            link("c/*", "d/*", true),
            link("a/*", "1.2.3.0-1.2.3.255", true),
            link("b/*", "9.9.9.9-9.9.9.9", true),
        ];
        let reach = reach("a/x[P]", &workloads, &links);
        let told: Vec<(&str, usize, bool)> =
            reach.reached.iter().map(|one| (one.workload.as_str(), one.steps, one.certain)).collect();
        assert_eq!(told, [("b/y[P]", 1, true), ("b/z[P]", 2, true), ("c/w[P]", 1, false), ("d/v[P]", 2, false)]);
        assert_eq!(reach.way(3), ["c/w[P]", "d/v[P]"]);
        assert_eq!(reach.way(1), ["b/y[P]", "b/z[P]"]);
        assert_eq!(reach.outside, [("1.2.3.0-1.2.3.255".to_owned(), true)]);
        assert!(reach.exists && reach.workloads == 5);
        assert!(!super::reach("nobody", &workloads, &links).exists);
    }

    proptest! {
        /// Against the plainest way to say it: a step at a time over all pairs.
        #[test]
        fn what_is_reached_is_what_follows_step_by_step(pairs in prop::collection::vec((0..6_usize, 0..6_usize, any::<bool>(), 0..4_u8), 0..14)) {
            let name = |n: usize| format!("n{}/w{n}[P]", n / 2);
            let workloads: Vec<String> = (0..6).map(name).collect();
            let links: Vec<Link> = pairs.iter().map(|(from, to, certain, form)| {
                let peer = |n: usize, all: bool| if all { format!("n{}/*", n / 2) } else { name(n) };
                link(&peer(*from, form & 1 == 1), &peer(*to, form & 2 == 2), *certain)
            }).collect();
            let fits = |peer: &str, workload: &str| peer == workload || peer.strip_suffix('*').is_some_and(|n| workload.starts_with(n));
            let closure = |certain: bool| {
                let mut set = BTreeSet::from([name(0)]);
                loop {
                    let more: Vec<String> = workloads.iter().filter(|to| links.iter().any(|l| (l.certain || !certain)
                        && fits(&l.to, to) && set.iter().any(|from| fits(&l.from, from)))).cloned().collect();
                    let before = set.len();
                    set.extend(more);
                    if set.len() == before { return set; }
                }
            };
            let found = reach(&name(0), &workloads, &links);
            let of = |certain: bool| -> BTreeSet<String> {
                found.reached.iter().filter(|one| one.certain || !certain).map(|one| one.workload.clone()).chain([name(0)]).collect()
            };
            prop_assert_eq!(of(true), closure(true));
            prop_assert_eq!(of(false), closure(false));
            for place in 0..found.reached.len() {
                prop_assert_eq!(found.way(place).len(), found.reached[place].steps);
            }
        }
    }
}
