//! The auditor's seeded draw from a population.
//!
//! Every item is ranked by the SHA-256 of the seed, a line feed and the item's identifier; the sample is the first `size` items by
//! rank. Nobody who does not know the seed can know the sample; everybody who knows it can draw it again with `sha256sum`
//! (`docs/sampling.md`).

use sha2::{Digest, Sha256};

/// One item drawn.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn {
    /// SHA-256 (hexadecimal) of seed, line feed and item: the rank.
    pub rank: String,
    /// The item's identifier.
    pub item: String,
}

/// Draws `size` items (all of them when there are fewer), in the order of rank. Repeated items count once.
pub fn draw<'a>(items: impl IntoIterator<Item = &'a str>, seed: &str, size: usize) -> Vec<Drawn> {
    let mut ranked: Vec<Drawn> =
        items.into_iter().map(|item| Drawn { rank: rank(seed, item), item: item.to_owned() }).collect();
    ranked.sort();
    ranked.dedup();
    ranked.truncate(size);
    ranked
}

/// The rank of one item under a seed.
#[must_use]
pub fn rank(seed: &str, item: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(seed.as_bytes());
    hasher.update(b"\n");
    hasher.update(item.as_bytes());
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranks_are_what_sha256sum_prints() {
        // printf '%s\n%s' 'seed of the auditor' 'prod/a' | sha256sum
        assert_eq!(
            rank("seed of the auditor", "prod/a"),
            "cd67432b231e5d85ec66387e30bfb846605c17fb32559fc62127f6f4ee0cc426"
        );
    }

    proptest! {
        #[test]
        fn a_larger_sample_holds_the_smaller_one_and_order_of_input_does_not_matter(
            mut items in prop::collection::vec("[a-z]{1,6}", 0..40), seed in ".{0,12}", size in 0usize..50
        ) {
            let small = draw(items.iter().map(String::as_str), &seed, size);
            let large = draw(items.iter().map(String::as_str), &seed, size + 5);
            prop_assert_eq!(&large[..small.len()], &small[..]);
            items.sort();
            items.dedup();
            prop_assert_eq!(small.len(), size.min(items.len()));
            prop_assert_eq!(draw(items.iter().map(String::as_str), &seed, size), small);
        }
    }
}
