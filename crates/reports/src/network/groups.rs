//! The network map: namespaces that stand alike to all others are drawn as one, so that a large cluster can be read.

use std::collections::{BTreeMap, HashMap};

use super::NetworkMaterial;
use super::matrix::Cell;
use super::query::LevelChoice;

/// The most groups, and arrows between them, that are drawn: more cannot be read.
pub const MOST_GROUPS: usize = 24;
/// See [`MOST_GROUPS`].
pub const MOST_ARROWS: usize = 72;

/// Why namespaces stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// They reach, and are reached by, the same others.
    Alike,
    /// They have the same trust level.
    Level,
    /// They are the ones with the most flows, and the others are left out.
    Most,
}

/// One group of namespaces, or what is outside of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Names of the namespaces in order; empty for what is outside.
    pub names: Vec<String>,
    /// The trust level of all of them.
    pub level: LevelChoice,
}

/// The map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Why namespaces are drawn together.
    pub together: Together,
    /// The groups; the last one is what is outside of the cluster.
    pub groups: Vec<Group>,
    /// What goes from one group to another, by their places; also from one to itself.
    pub arrows: BTreeMap<(usize, usize), Cell>,
    /// How many namespaces are in no group.
    pub left_out: usize,
}

/// What is open of a pair, for comparing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Sort {
    Unknown,
    Open,
}

type Neighbours = Vec<(usize, Sort)>;

impl Map {
    /// The map of what is told.
    #[must_use]
    pub fn new(material: &NetworkMaterial) -> Self {
        let names: Vec<&str> = material.namespaces.iter().map(|one| one.name.as_str()).collect();
        let levels: Vec<LevelChoice> = material.namespaces.iter().map(|one| LevelChoice::of(one.level)).collect();
        let place: HashMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        let of = |name: &Option<String>| match name {
            Some(name) => place.get(name.as_str()).copied(),
            None => Some(names.len()),
        };
        let ends: Vec<Option<(usize, usize)>> =
            material.pairs.iter().map(|pair| Some((of(&pair.from)?, of(&pair.to)?))).collect();
        let drawn = |groups: Vec<Vec<usize>>, together: Together, left_out: usize| {
            let mut group_of: Vec<Option<usize>> = vec![None; names.len() + 1];
            for (group, members) in groups.iter().enumerate() {
                members.iter().for_each(|member| group_of[*member] = Some(group));
            }
            group_of[names.len()] = Some(groups.len());
            let mut arrows: BTreeMap<(usize, usize), Cell> = BTreeMap::new();
            for (pair, ends) in material.pairs.iter().zip(&ends) {
                let Some((from, to)) = *ends else { continue };
                if let (Some(from), Some(to)) = (group_of[from], group_of[to]) {
                    arrows.entry((from, to)).or_default().add(pair);
                }
            }
            let mut all: Vec<Group> = groups
                .into_iter()
                .map(|members| Group {
                    level: members.first().map_or(LevelChoice::Without, |member| levels[*member]),
                    names: members.into_iter().map(|member| names[member].to_owned()).collect(),
                })
                .collect();
            all.push(Group { names: Vec::new(), level: LevelChoice::Without });
            Map { together, groups: all, arrows, left_out }
        };
        let mut map = drawn(alike(&levels, &neighbours(material, &ends, names.len())), Together::Alike, 0);
        if map.readable() {
            return map;
        }
        let mut by_level: BTreeMap<LevelChoice, Vec<usize>> = BTreeMap::new();
        for (member, level) in levels.iter().enumerate() {
            by_level.entry(*level).or_default().push(member);
        }
        if by_level.len() > 1 {
            map = drawn(by_level.into_values().collect(), Together::Level, 0);
            if map.readable() {
                return map;
            }
        }
        let mut flows = vec![0_i64; names.len() + 1];
        for (pair, ends) in material.pairs.iter().zip(&ends) {
            if let Some((from, to)) = *ends {
                flows[from] += pair.open + pair.unknown;
                flows[to] += pair.open + pair.unknown;
            }
        }
        let mut most: Vec<usize> = (0..names.len()).collect();
        most.sort_by_key(|member| (std::cmp::Reverse(flows[*member]), *member));
        for count in [12, 8, 6] {
            let chosen: Vec<Vec<usize>> = most.iter().take(count).map(|member| vec![*member]).collect();
            map = drawn(chosen, Together::Most, names.len().saturating_sub(count));
            if map.readable() {
                break;
            }
        }
        map
    }

    fn readable(&self) -> bool {
        self.groups.len() <= MOST_GROUPS + 1
            && self.arrows.keys().filter(|(from, to)| from != to).count() <= MOST_ARROWS
    }
}

/// For each namespace, and for what is outside, whom it reaches and by whom it is reached.
fn neighbours(
    material: &NetworkMaterial,
    ends: &[Option<(usize, usize)>],
    count: usize,
) -> Vec<(Neighbours, Neighbours)> {
    let mut all: Vec<(Neighbours, Neighbours)> = vec![Default::default(); count + 1];
    for (pair, ends) in material.pairs.iter().zip(ends) {
        let Some((from, to)) = *ends else { continue };
        let sort = if pair.open > 0 { Sort::Open } else { Sort::Unknown };
        all[from].0.push((to, sort));
        all[to].1.push((from, sort));
    }
    for (out, into) in &mut all {
        out.sort_unstable();
        into.sort_unstable();
    }
    all
}

/// Namespaces that stand alike: with the same neighbours themselves among them (all of them reach each other), or, of those that are left, with
/// the same neighbours but for themselves (none of them reaches another). Both are equivalences, so that groups do not depend on order.
fn alike(levels: &[LevelChoice], neighbours: &[(Neighbours, Neighbours)]) -> Vec<Vec<usize>> {
    let mut with_themselves: BTreeMap<(LevelChoice, &Neighbours, &Neighbours), Vec<usize>> = BTreeMap::new();
    for (member, level) in levels.iter().enumerate() {
        let (out, into) = &neighbours[member];
        with_themselves.entry((*level, out, into)).or_default().push(member);
    }
    let (mut groups, mut single): (Vec<Vec<usize>>, Vec<Vec<usize>>) =
        with_themselves.into_values().partition(|members| members.len() > 1);
    single.sort_unstable();
    let mut without: BTreeMap<(LevelChoice, Option<Sort>, Neighbours, Neighbours), Vec<usize>> = BTreeMap::new();
    for member in single.into_iter().flatten() {
        let others = |all: &Neighbours| all.iter().copied().filter(|(other, _)| *other != member).collect();
        let own = neighbours[member].0.iter().find(|(other, _)| *other == member).map(|(_, sort)| *sort);
        let key = (levels[member], own, others(&neighbours[member].0), others(&neighbours[member].1));
        without.entry(key).or_default().push(member);
    }
    groups.extend(without.into_values());
    groups.sort_unstable();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{NamespaceState, PairCount};
    use records::Timestamp;

    fn material(namespaces: &[(&str, Option<i64>)], pairs: &[(&str, &str)]) -> NetworkMaterial {
        let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
        let mut material = NetworkMaterial::empty(vec!["c".into()], "c".into(), None, Timestamp::MAX);
        material.namespaces = namespaces
            .iter()
            .map(|(name, level)| NamespaceState { name: (*name).to_owned(), level: *level, isolation: Vec::new() })
            .collect();
        material.pairs = pairs
            .iter()
            .map(|(from, to)| PairCount {
                from: named(from),
                to: named(to),
                open: 1,
                declared: 0,
                unknown: 0,
                example: format!("{from} to {to}"),
            })
            .collect();
        material
    }

    fn names(map: &Map) -> Vec<Vec<&str>> {
        map.groups.iter().map(|group| group.names.iter().map(String::as_str).collect()).collect()
    }

    #[test]
    fn namespaces_that_stand_alike_are_one() {
        // a and b reach each other and themselves; c and d only themselves, and both reach e.
        let map = Map::new(&material(
            &[("a", None), ("b", None), ("c", None), ("d", None), ("e", None), ("f", Some(1))],
            &[
                ("a", "a"),
                ("a", "b"),
                ("b", "a"),
                ("b", "b"),
                ("c", "c"),
                ("d", "d"),
                ("c", "e"),
                ("d", "e"),
                ("", "e"),
            ],
        ));
        assert_eq!(names(&map), [vec!["a", "b"], vec!["c", "d"], vec!["e"], vec!["f"], vec![]]);
        assert_eq!(map.arrows.keys().copied().collect::<Vec<_>>(), [(0, 0), (1, 1), (1, 2), (4, 2)]);
        assert_eq!(map.arrows[&(1, 2)].open, 2);
        assert_eq!((map.together, map.left_out), (Together::Alike, 0));
    }

    #[test]
    fn a_large_cluster_is_drawn_by_level_or_cut() {
        // A ring is alike to nobody.
        let owned: Vec<String> = (0..60).map(|n| format!("n{n:02}")).collect();
        let ring: Vec<(&str, &str)> = (0..60).map(|n| (owned[n].as_str(), owned[(n + 1) % 60].as_str())).collect();
        let of = |level: &dyn Fn(usize) -> Option<i64>| {
            let namespaces: Vec<(&str, Option<i64>)> =
                owned.iter().enumerate().map(|(n, name)| (name.as_str(), level(n))).collect();
            Map::new(&material(&namespaces, &ring))
        };
        let by_level = of(&|n| Some(n as i64 / 20));
        assert_eq!((by_level.together, by_level.groups.len(), by_level.left_out), (Together::Level, 4, 0));
        let cut = of(&|_| None);
        assert_eq!((cut.together, cut.groups.len(), cut.left_out), (Together::Most, 13, 48));
    }
}
