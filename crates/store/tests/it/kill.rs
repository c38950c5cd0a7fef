//! `kill -9` at random moments under load: 50 rounds, or as many as `PLIMSOLL_KILLS` says.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use store::{FsckOptions, StoreReader, fsck};

use crate::simulated::Chance;
use crate::support::ORIGIN;

/// The example that appends; cargo builds it with the tests, beside the folder of this test binary.
pub(crate) fn victim() -> PathBuf {
    let this = std::env::current_exe().expect("a test knows its own path");
    let folder = this.parent().and_then(Path::parent).expect("tests are run from <target>/<profile>/deps");
    let path = folder.join("examples/append_under_load");
    assert!(path.exists(), "{} is missing: run the tests with `cargo test -p store`, which builds it", path.display());
    path
}

/// Acknowledged entries by source and number.
type Acknowledged = HashMap<(String, u64), String>;

fn read_back(dir: &Path) -> (Acknowledged, u64) {
    let mut found = HashMap::new();
    let reader = StoreReader::open(dir).unwrap();
    let mut last: HashMap<String, u64> = HashMap::new();
    let mut take = |entry: &records::EntryView<'_>| {
        let before = last.insert(entry.source.to_owned(), entry.seq).unwrap_or(0);
        assert_eq!(entry.seq, before + 1, "{} has gaps", entry.source);
        let text = String::from_utf8(entry.raw.to_vec()).unwrap();
        found.insert((entry.source.to_owned(), entry.seq), text);
    };
    for manifest in reader.segments() {
        reader.read_segment(manifest.segment, &mut take).unwrap();
    }
    reader.unsealed(&mut take).unwrap();
    (found, reader.head().size)
}

#[test]
fn killed_at_random_moments_nothing_acknowledged_is_lost() {
    let rounds: u64 =
        std::env::var("PLIMSOLL_KILLS").map_or(50, |text| text.parse().expect("PLIMSOLL_KILLS is a number"));
    let seed = 42;
    let mut chance = Chance(seed);
    let mut dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::new();
    let (mut kept, mut sealed) = (0, 0);
    for round in 0..rounds {
        // A new store now and then, so that its creation is hit too and reading it back stays quick.
        if round % 10 == 0 {
            dir = tempfile::tempdir().unwrap();
            acknowledged.clear();
        }
        let mut child = Command::new(victim())
            .arg(dir.path())
            .arg(ORIGIN)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut output = child.stdout.take().unwrap();
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        // The moment of the kill is what is random here; nothing is waited for.
        let limit = if round % 10 == 0 { 30_000 } else { 250_000 };
        std::thread::sleep(Duration::from_micros(chance.below(limit)));
        child.kill().unwrap();
        child.wait().unwrap();
        let text = reading.join().unwrap().unwrap();
        // The last line may be cut off; what was printed whole was acknowledged.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let mut words = line.splitn(3, ' ');
            let key = (words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap());
            let before = acknowledged.insert(key, words.next().unwrap().to_owned());
            assert!(before.is_none(), "round {round}: {line} was acknowledged twice");
        }
        if !dir.path().join("store.json").exists() {
            assert!(acknowledged.is_empty(), "round {round}: acknowledged before the store was there");
            continue;
        }
        let report = fsck(dir.path(), &FsckOptions::default());
        assert!(report.is_clean(), "round {round} (seed {seed}): {:#?}", report.problems);
        let (found, size) = read_back(dir.path());
        for (key, text) in &acknowledged {
            assert_eq!(found.get(key), Some(text), "round {round}: {key:?} was acknowledged");
        }
        (kept, sealed) = (kept + acknowledged.len(), sealed.max(size));
    }
    assert!(rounds < 20 || (kept > 1_000 && sealed > 1), "the load was real: {kept} acknowledged, {sealed} sealed");
}
