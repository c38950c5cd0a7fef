//! One pass over the log, from the entries up.
//!
//! Level by level, 256 hashes computed from below stand against the tile that stores them. Where they disagree, one of
//! the two was changed: the hash over the group in the tile above says which, or for the groups at the right edge, which have none
//! above them, the signed root. The pass goes on with the hashes that were found right, so one change is one difference.

use super::{Difference, LogDamage, LogError, MAX_DIFFERENCES, Place};
use crate::bundle::decode_bundle;
use crate::checkpoint::{CHECKPOINT_PATH, TreeHead};
use crate::frontier::{Frontier, root_of};
use crate::hash::{Hash, leaf_hash};
use crate::tile::{TILE_LEVELS, TILE_WIDTH, TileKind, TilePath, hashes_on_level};
use crate::tile_source::{TileError, TileSource, read_file, split_hashes};

/// What was counted on the way.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) entries: u64,
    pub(super) entry_bytes: u64,
    pub(super) files: u64,
}

/// Up to 256 hashes that one tile stores.
struct Group {
    path: TilePath,
    /// From the files below; `None` where those are unusable.
    computed: Vec<Option<Hash>>,
    /// From the tile; `None` when it is unusable, which was then noted already.
    stored: Option<Vec<Hash>>,
}

/// Which side of a [`Group`] is right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Right {
    Computed,
    Stored,
    Unknown,
}

struct Walk<'a, S: ?Sized> {
    source: &'a S,
    head: TreeHead,
    walked: Walked,
    differences: Vec<Difference>,
    /// For each level, the hashes computed since its last full tile.
    computed: Vec<Vec<Option<Hash>>>,
    /// The groups of the right edge, from the lowest level up.
    edge: Vec<Group>,
}

pub(super) fn walk<S: TileSource + ?Sized>(source: &S, head: TreeHead) -> Result<Walked, LogError> {
    let mut walk = Walk {
        source,
        head,
        walked: Walked::default(),
        differences: Vec::new(),
        computed: vec![Vec::new(); usize::from(TILE_LEVELS)],
        edge: Vec::new(),
    };
    let complete = walk.bundles()?;
    if complete {
        walk.right_edge()?;
    }
    if walk.differences.is_empty() {
        return Ok(walk.walked);
    }
    walk.differences.truncate(MAX_DIFFERENCES);
    Err(LogError::Damaged(LogDamage { differences: walk.differences, complete }))
}

impl<S: TileSource + ?Sized> Walk<'_, S> {
    fn note(&mut self, path: impl ToString, place: Place, what: String) {
        self.differences.push(Difference { path: path.to_string(), place, what });
    }

    /// Goes through all bundles and all tiles that are full. Gives `false` when it stopped early.
    fn bundles(&mut self) -> Result<bool, LogError> {
        let count = self.head.size.div_ceil(u64::from(TILE_WIDTH));
        for index in 0..count {
            if self.differences.len() >= MAX_DIFFERENCES {
                return Ok(false);
            }
            let path = TilePath::in_tree(TileKind::Entries, index, self.head.size)
                .expect("the tree has a bundle for each group of its entries");
            self.computed[0] = self.bundle(path)?;
            self.ascend(index)?;
        }
        Ok(true)
    }

    /// The leaf hashes of a bundle.
    fn bundle(&mut self, path: TilePath) -> Result<Vec<Option<Hash>>, LogError> {
        let unusable = vec![None; usize::from(path.width)];
        let Some(bytes) = read_file(self.source, &path.to_string())? else {
            self.note(path, Place::File, "it is missing".to_owned());
            return Ok(unusable);
        };
        self.walked.files += 1;
        match decode_bundle(&bytes, path.width) {
            Ok(entries) => {
                self.walked.entries += entries.len() as u64;
                self.walked.entry_bytes += entries.iter().map(|entry| entry.len() as u64).sum::<u64>();
                Ok(entries.into_iter().map(|entry| Some(leaf_hash(entry))).collect())
            }
            Err(error) => {
                self.note(path, Place::File, error.to_string());
                Ok(unusable)
            }
        }
    }

    /// Takes the group of leaves `index`, and all groups above that it completes, to their tiles.
    fn ascend(&mut self, index: u64) -> Result<(), LogError> {
        let mut index = index;
        for level in 0..TILE_LEVELS {
            let computed = &mut self.computed[usize::from(level)];
            if computed.len() < usize::from(TILE_WIDTH) {
                return Ok(());
            }
            let computed = std::mem::take(computed);
            let group = self.group(level, index, computed)?;
            let right = self.judge_full(&group)?;
            let hashes = self.settle(&group, right)?;
            let above = usize::from(level) + 1;
            // A level above the last would need more leaves than a tree may have.
            if let Some(parents) = self.computed.get_mut(above) {
                parents.push(hashes.map(|hashes| root_of(&hashes)));
            }
            index /= u64::from(TILE_WIDTH);
        }
        Ok(())
    }

    fn group(&mut self, level: u8, index: u64, computed: Vec<Option<Hash>>) -> Result<Group, LogError> {
        let path = TilePath::in_tree(TileKind::Hashes(level), index, self.head.size)
            .expect("a tree has a tile for each group of hashes on each level");
        let stored = match read_file(self.source, &path.to_string())? {
            None => {
                self.note(path, Place::File, "it is missing".to_owned());
                None
            }
            Some(bytes) => {
                self.walked.files += 1;
                match split_hashes(path, &bytes) {
                    Ok(hashes) => Some(hashes),
                    Err(_) => {
                        let expected = usize::from(path.width) * crate::hash::HASH_BYTES;
                        let what = format!("it has {} bytes instead of {expected}", bytes.len());
                        self.note(path, Place::File, what);
                        None
                    }
                }
            }
        };
        Ok(Group { path, computed, stored })
    }

    /// Decides a full group by the hash over it in the tile above.
    fn judge_full(&self, group: &Group) -> Result<Right, LogError> {
        if !group.disagrees() {
            return Ok(Right::Computed);
        }
        let TileKind::Hashes(level) = group.path.kind else { return Ok(Right::Unknown) };
        let width = u64::from(TILE_WIDTH);
        let above = TilePath::in_tree(TileKind::Hashes(level + 1), group.path.index / width, self.head.size);
        let Some(above) = above else { return Ok(Right::Unknown) };
        let Some(bytes) = read_file(self.source, &above.to_string())? else { return Ok(Right::Unknown) };
        let Ok(hashes) = split_hashes(above, &bytes) else { return Ok(Right::Unknown) };
        let over = hashes[(group.path.index % width) as usize];
        let leads_there = |hashes: Option<Vec<Hash>>| hashes.is_some_and(|hashes| root_of(&hashes) == over);
        Ok(if leads_there(group.believed(Right::Computed)) {
            Right::Computed
        } else if leads_there(group.believed(Right::Stored)) {
            Right::Stored
        } else {
            Right::Unknown
        })
    }

    /// Notes what differs in a judged group, compares its partial forms, and gives its hashes to go on with.
    fn settle(&mut self, group: &Group, right: Right) -> Result<Option<Vec<Hash>>, LogError> {
        if let Some(stored) = &group.stored {
            for (position, (computed, stored)) in group.computed.iter().zip(stored).enumerate() {
                if let Some(computed) = computed.filter(|computed| computed != stored) {
                    self.note_hash(group.path, position, computed, *stored, right);
                }
            }
        }
        let believed = group.believed(right);
        if let Some(hashes) = &believed {
            self.partial_forms(group.path, hashes)?;
        }
        Ok(believed)
    }

    fn note_hash(&mut self, path: TilePath, position: usize, computed: Hash, stored: Hash, right: Right) {
        let TileKind::Hashes(level) = path.kind else { return };
        let in_tile = (path.to_string(), Place::Hash(position));
        let (below, place) = match level.checked_sub(1) {
            None => (TilePath { kind: TileKind::Entries, ..path }, Place::Entry(position)),
            Some(lower) => {
                let index = path.index * u64::from(TILE_WIDTH) + position as u64;
                (TilePath { kind: TileKind::Hashes(lower), index, width: TILE_WIDTH }, Place::File)
            }
        };
        match right {
            Right::Computed => self.note(in_tile.0, in_tile.1, format!("it is {stored} instead of {computed}")),
            Right::Stored => self.note(below, place, format!("it hashes to {computed}; the log holds {stored}")),
            Right::Unknown => {
                self.note(
                    below,
                    place,
                    format!("it hashes to {computed}; {path} holds {stored}; either may be changed"),
                );
                self.note(
                    in_tile.0,
                    in_tile.1,
                    format!("it is {stored}; {below} hashes to {computed}; either may be changed"),
                );
            }
        }
    }

    /// Partial tiles and bundles of earlier sizes, where they are still there, hold the same from the start.
    fn partial_forms(&mut self, path: TilePath, hashes: &[Hash]) -> Result<(), LogError> {
        for width in 1..path.width {
            let part = TilePath { width, ..path };
            if let Some(bytes) = read_file(self.source, &part.to_string())? {
                self.walked.files += 1;
                match split_hashes(part, &bytes) {
                    Ok(found) => self.compare_part(part, &found, hashes),
                    Err(TileError::Length { bytes, expected, .. }) => {
                        self.note(part, Place::File, format!("it has {bytes} bytes instead of {expected}"));
                    }
                    Err(other) => return Err(other.into()),
                }
            }
            if path.kind != TileKind::Hashes(0) {
                continue;
            }
            let part = TilePath { kind: TileKind::Entries, ..part };
            if let Some(bytes) = read_file(self.source, &part.to_string())? {
                self.walked.files += 1;
                match decode_bundle(&bytes, width) {
                    Ok(entries) => {
                        let found: Vec<Hash> = entries.into_iter().map(leaf_hash).collect();
                        self.compare_part(part, &found, hashes);
                    }
                    Err(error) => self.note(part, Place::File, error.to_string()),
                }
            }
        }
        Ok(())
    }

    fn compare_part(&mut self, part: TilePath, found: &[Hash], hashes: &[Hash]) {
        for (position, (found, hash)) in found.iter().zip(hashes).enumerate() {
            if found != hash {
                let (place, verb) = match part.kind {
                    TileKind::Entries => (Place::Entry(position), "hashes to"),
                    TileKind::Hashes(_) => (Place::Hash(position), "is"),
                };
                self.note(part, place, format!("it {verb} {found}; the log holds {hash}"));
            }
        }
    }

    /// The partial tiles at the end of each level, and the root.
    fn right_edge(&mut self) -> Result<(), LogError> {
        let mut edge = Vec::new();
        for level in 0..TILE_LEVELS {
            let computed = std::mem::take(&mut self.computed[usize::from(level)]);
            if !computed.is_empty() {
                let index = hashes_on_level(level, self.head.size) / u64::from(TILE_WIDTH);
                edge.push(self.group(level, index, computed)?);
            }
        }
        self.edge = edge;
        let disputed: Vec<usize> = (0..self.edge.len()).filter(|at| self.edge[*at].disagrees()).collect();
        // At most 8 levels, so at most 256 ways to believe one side or the other.
        let ways = (0..1_u32 << disputed.len()).map(|way| {
            let mut sides = vec![Right::Computed; self.edge.len()];
            for (bit, at) in disputed.iter().enumerate() {
                if way >> bit & 1 == 1 {
                    sides[*at] = Right::Stored;
                }
            }
            sides
        });
        let sides = ways.into_iter().find(|sides| self.root(sides) == Some(self.head.root));
        if sides.is_none() {
            let what = match self.root(&vec![Right::Computed; self.edge.len()]) {
                Some(root) => format!("it states root {}; the entries have root {root}", self.head.root),
                None => format!("its root {} cannot be recomputed from what is left", self.head.root),
            };
            self.note(CHECKPOINT_PATH, Place::File, what);
        }
        let edge = std::mem::take(&mut self.edge);
        for (at, group) in edge.iter().enumerate() {
            let undecided = if group.disagrees() { Right::Unknown } else { Right::Computed };
            let right = sides.as_ref().map_or(undecided, |sides| sides[at]);
            self.settle(group, right)?;
        }
        Ok(())
    }

    fn root(&self, sides: &[Right]) -> Option<Hash> {
        let mut frontier = Frontier::default();
        // The left of the tree stands in the highest tile.
        for (group, side) in self.edge.iter().zip(sides).rev() {
            let TileKind::Hashes(level) = group.path.kind else { return None };
            for hash in group.believed(*side)? {
                frontier.push(8 * u32::from(level), hash);
            }
        }
        Some(frontier.root())
    }
}

impl Group {
    fn disagrees(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| {
            self.computed.iter().zip(stored).any(|(computed, stored)| computed.is_some_and(|hash| hash != *stored))
        })
    }

    /// The hashes when one side is right, with what that side lacks taken from the other.
    fn believed(&self, right: Right) -> Option<Vec<Hash>> {
        let stored = |position: usize| self.stored.as_ref().map(|stored| stored[position]);
        let one = |(position, computed): (usize, &Option<Hash>)| match right {
            Right::Stored => stored(position).or(*computed),
            Right::Computed | Right::Unknown => computed.or_else(|| stored(position)),
        };
        self.computed.iter().enumerate().map(one).collect()
    }
}
