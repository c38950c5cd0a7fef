//! Names of tiles and entry bundles (C2SP tlog-tiles), and which of them a tree of some size has.

use std::fmt;
use std::str::FromStr;

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// Bytes of a full tile. A reader need not take more.
pub const TILE_BYTES: usize = 8_192;

/// The largest tree, in leaves. Other programs count leaves with a signed 64-bit number.
pub const MAX_TREE_SIZE: u64 = i64::MAX as u64;

// A tree of MAX_TREE_SIZE leaves has tiles on the levels 0 to 7; the specification allows names up to level 63.
pub(crate) const TILE_LEVELS: u8 = 8;
const MAX_NAMED_LEVEL: u8 = 63;

/// What a file of the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Entries as bytes, see [`crate::bundle`].
    Entries,
    /// Hashes of the level given, 0 to 63. Level 0 holds leaf hashes; on a higher level each hash is the root over a full
    /// tile of the level below.
    Hashes(u8),
}

/// The name of a tile or an entry bundle: `tile/<level>/<index>[.p/<width>]`, with `entries` in place of the level for a
/// bundle, relative to the log's prefix.
///
/// Shown as that path, and parsed from exactly that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What it holds.
    pub kind: TileKind,
    /// Which of its level, from 0.
    pub index: u64,
    /// Hashes or entries in it: 1 to 256; below 256 it is partial.
    pub width: u16,
}

impl TilePath {
    /// The tile or bundle of this kind and index in a tree of `size` leaves; nothing when that tree has none there.
    #[must_use]
    pub fn in_tree(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = width_of(hashes_on_level(level_of(kind), size).checked_sub(before)?);
        (width > 0).then_some(Self { kind, index, width })
    }

    /// Whether it is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The full tile or bundle in the same place.
    #[must_use]
    pub fn full(&self) -> Self {
        Self { width: TILE_WIDTH, ..*self }
    }

    /// Whether all that it holds is inside a tree of `size` leaves.
    ///
    /// A writer that crashed between tiles and checkpoint leaves files for which this is false at the size that the
    /// checkpoint states. Nobody signed them, so recovery deletes them before it integrates again; otherwise a partial tile of
    /// that attempt could stay behind beside a tree that grew differently.
    #[must_use]
    pub fn is_within(&self, size: u64) -> bool {
        let end = self.index.checked_mul(u64::from(TILE_WIDTH)).and_then(|n| n.checked_add(u64::from(self.width)));
        end.is_some_and(|end| end <= hashes_on_level(level_of(self.kind), size))
    }

    /// The directory that holds the partial forms of this tile, `tile/<level>/<index>.p`.
    #[must_use]
    pub fn partial_directory(&self) -> String {
        format!("{}.p", self.full())
    }
}

fn level_of(kind: TileKind) -> u8 {
    match kind {
        TileKind::Entries => 0,
        TileKind::Hashes(level) => level,
    }
}

/// How many hashes a level of tiles has in a tree of `size` leaves.
pub(crate) fn hashes_on_level(level: u8, size: u64) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

fn width_of(hashes: u64) -> u16 {
    u16::try_from(hashes).map_or(TILE_WIDTH, |hashes| hashes.min(TILE_WIDTH))
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        // Groups of three digits, each but the last marked with an x, so that no directory has the name of a file.
        let mut groups = [0_u64; 7];
        let mut count = 0;
        let mut rest = self.index;
        loop {
            groups[count] = rest % 1000;
            count += 1;
            rest /= 1000;
            if rest == 0 {
                break;
            }
        }
        for position in (0..count).rev() {
            let group = groups[position];
            if position > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// A text is not the name of a tile or an entry bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a tile or an entry bundle, such as tile/0/x001/234.p/17")]
pub struct TilePathError;

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, TilePathError> {
        let path = parse_path(text).ok_or(TilePathError)?;
        // One tile has one name; whatever a lenient step let through is refused here.
        if path.to_string() == text { Ok(path) } else { Err(TilePathError) }
    }
}

fn parse_path(text: &str) -> Option<TilePath> {
    let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(level.parse().ok().filter(|level| *level <= MAX_NAMED_LEVEL)?),
    };
    let (index_text, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
        None => (rest, TILE_WIDTH),
    };
    let mut index: u64 = 0;
    for group in index_text.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(TilePath { kind, index, width })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_specification() {
        let name = |kind, index, width| TilePath { kind, index, width }.to_string();
        assert_eq!(name(TileKind::Hashes(0), 0, 256), "tile/0/000");
        assert_eq!(name(TileKind::Hashes(2), 1_234_067, 256), "tile/2/x001/x234/067");
        assert_eq!(name(TileKind::Entries, 999, 17), "tile/entries/999.p/17");
        assert_eq!(name(TileKind::Hashes(63), 1000, 1), "tile/63/x001/000.p/1");
        assert_eq!(name(TileKind::Hashes(0), u64::MAX, 256), "tile/0/x018/x446/x744/x073/x709/x551/615");
    }

    #[test]
    fn only_the_one_name_is_read() {
        for bad in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/+1/000",
            "tile/0/x000/001",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/",
            "tile/0/000.p",
            "tile/0/+01",
            "tile/data/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "tile/8/0/000",
            "/tile/0/000",
            "tile/0/000/",
            "tile/0/\u{e9}0",
        ] {
            assert_eq!(bad.parse::<TilePath>(), Err(TilePathError), "{bad}");
        }
    }

    #[test]
    fn the_tree_of_the_specification_has_the_tiles_that_it_names() {
        // "A tree of size 70,000 will be represented by ..."
        let at = |level, index| TilePath::in_tree(TileKind::Hashes(level), index, 70_000).map(|path| path.width);
        assert_eq!([at(0, 272), at(0, 273), at(0, 274)], [Some(256), Some(112), None]);
        assert_eq!([at(1, 0), at(1, 1), at(1, 2)], [Some(256), Some(17), None]);
        assert_eq!([at(2, 0), at(2, 1), at(3, 0), at(63, 0)], [Some(1), None, None, None]);
        assert_eq!(TilePath::in_tree(TileKind::Hashes(0), u64::MAX, u64::MAX), None);
        // "... a full level 0 tile and a partial level 1 tile of width 1."
        assert_eq!(TilePath::in_tree(TileKind::Hashes(1), 0, 256).map(|path| path.width), Some(1));
    }

    #[test]
    fn what_lies_beyond_the_checkpoint_is_told_apart() {
        let within = |text: &str, size| text.parse::<TilePath>().unwrap().is_within(size);
        assert!(within("tile/0/000.p/5", 5) && !within("tile/0/000.p/5", 4));
        assert!(within("tile/entries/000", 256) && !within("tile/entries/000", 255));
        assert!(within("tile/1/000.p/1", 256) && !within("tile/1/000.p/1", 255));
        assert!(!within("tile/0/x018/x446/x744/x073/x709/x551/615", u64::MAX));
    }
}
