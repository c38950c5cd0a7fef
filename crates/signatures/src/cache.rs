//! What was found out, for as long as it may be relied on.
//!
//! A positive answer holds for hours: it is about content that its digest names, under rules and trust roots that are part of the
//! key. A definite negative holds for seconds: a signature may come at any time. An unknown is no answer and has no form in which it
//! could be kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::digest::Digest;
use crate::outcome::{Proof, Reason};

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The image.
    pub(crate) digest: Digest,
    /// Registry and repository: where was looked.
    pub(crate) repository: String,
    /// The rules that are for the image.
    pub(crate) rules: Digest,
    /// The trust roots that those rules use.
    pub(crate) trust_roots: Digest,
}

/// An answer that may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Every requirement is satisfied.
    Satisfied(Vec<Proof>),
    /// Not, and everything was looked at.
    Refused(Reason),
}

struct Entry {
    kept: Kept,
    until: Instant,
}

/// Who looked: what is hidden from one may be there for another, so that a negative is for the same credentials only.
type Asker = [u8; 32];

/// A bounded cache.
pub(crate) struct Cache {
    entries: Mutex<HashMap<(Key, Option<Asker>), Entry>>,
    positive: Duration,
    negative: Duration,
    most: usize,
}

impl Cache {
    pub(crate) fn new(positive: Duration, negative: Duration, most: usize) -> Self {
        Self { entries: Mutex::default(), positive, negative, most: most.max(1) }
    }

    /// What is known at `now`.
    pub(crate) fn look(&self, key: &Key, asker: &Asker, now: Instant) -> Option<Kept> {
        let entries = self.lock();
        let fresh = |asker: Option<Asker>| {
            entries.get(&(key.clone(), asker)).filter(|entry| entry.until > now).map(|entry| entry.kept.clone())
        };
        fresh(None).or_else(|| fresh(Some(*asker)))
    }

    /// Keeps an answer that was found at `now`.
    pub(crate) fn keep(&self, key: Key, asker: &Asker, kept: Kept, now: Instant) {
        let (asker, until) = match &kept {
            Kept::Satisfied(_) => (None, now + self.positive),
            Kept::Refused(_) => (Some(*asker), now + self.negative),
        };
        let mut entries = self.lock();
        if entries.len() >= self.most {
            make_room(&mut entries, now, self.most);
        }
        entries.insert((key, asker), Entry { kept, until });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Key, Option<Asker>), Entry>> {
        // Nothing is left half done under the lock.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().len()
    }
}

/// Drops what is over, then the eighth that is over soonest: negatives before positives, so that a flood of refused images does not
/// drive out the verified ones.
fn make_room(entries: &mut HashMap<(Key, Option<Asker>), Entry>, now: Instant, most: usize) {
    entries.retain(|_, entry| entry.until > now);
    if entries.len() < most {
        return;
    }
    let mut ends: Vec<Instant> = entries.values().map(|entry| entry.until).collect();
    let at = (most / 8).min(ends.len().saturating_sub(1));
    let (_, end, _) = ends.select_nth_unstable(at);
    let end = *end;
    let mut to_drop = most / 8 + 1;
    entries.retain(|_, entry| {
        let goes = entry.until <= end && to_drop > 0;
        to_drop -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Key {
        let digest = Digest::of(&n.to_le_bytes());
        Key { digest, repository: "r/a".to_owned(), rules: Digest::of(b"r"), trust_roots: Digest::of(b"t") }
    }

    const ME: Asker = [1; 32];
    const YOU: Asker = [2; 32];
    const HOURS: Duration = Duration::from_secs(6 * 3600);
    const SECONDS: Duration = Duration::from_secs(10);
    const NO: Kept = Kept::Refused(Reason::NoSuchImage);
    const YES: Kept = Kept::Satisfied(Vec::new());

    #[tokio::test(start_paused = true)]
    async fn a_positive_holds_for_hours_and_a_negative_for_seconds() {
        let cache = Cache::new(HOURS, SECONDS, 100);
        let now = Instant::now();
        cache.keep(key(1), &ME, YES, now);
        cache.keep(key(2), &ME, NO, now);
        let short_of = Duration::from_millis(1);
        for (n, kept, holds) in [(1, YES, HOURS), (2, NO, SECONDS)] {
            assert_eq!(cache.look(&key(n), &ME, now), Some(kept.clone()));
            assert_eq!(cache.look(&key(n), &ME, now + holds - short_of), Some(kept));
            assert_eq!(cache.look(&key(n), &ME, now + holds), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_negative_is_for_who_looked_and_a_positive_for_all() {
        let cache = Cache::new(HOURS, SECONDS, 100);
        let now = Instant::now();
        cache.keep(key(1), &ME, YES, now);
        cache.keep(key(2), &ME, NO, now);
        assert_eq!(cache.look(&key(1), &YOU, now), Some(YES));
        assert_eq!(cache.look(&key(2), &YOU, now), None);
    }

    #[tokio::test(start_paused = true)]
    async fn each_part_of_the_key_counts() {
        let cache = Cache::new(HOURS, SECONDS, 100);
        let now = Instant::now();
        cache.keep(key(1), &ME, YES, now);
        let other = Digest::of(b"other");
        for key in [
            Key { digest: other, ..key(1) },
            Key { repository: "r/b".to_owned(), ..key(1) },
            Key { rules: other, ..key(1) },
            Key { trust_roots: other, ..key(1) },
        ] {
            assert_eq!(cache.look(&key, &ME, now), None, "{key:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refused_images_do_not_drive_out_verified_ones() {
        let cache = Cache::new(HOURS, SECONDS, 64);
        let now = Instant::now();
        for n in 0..32 {
            cache.keep(key(n), &ME, YES, now);
        }
        for n in 100..10_000 {
            cache.keep(key(n), &ME, NO, now);
            assert!(cache.len() <= 64);
        }
        for n in 0..32 {
            assert_eq!(cache.look(&key(n), &ME, now), Some(YES), "{n}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn size_is_bounded_whatever_is_kept() {
        let now = Instant::now();
        for most in [1, 2, 7, 8, 9, 100] {
            let cache = Cache::new(HOURS, SECONDS, most);
            for n in 0..500 {
                cache.keep(key(n), &ME, YES, now);
                assert!(cache.len() <= most, "{most}");
                assert_eq!(cache.look(&key(n), &ME, now), Some(YES));
            }
        }
    }
}
