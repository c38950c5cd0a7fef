//! Logs of containers with real files: rotation as the kubelet does it, partial lines, restarts in the middle, files that go.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intake::container_logs::{ContainerLogOptions, Follower, LogIngestion};
use normalize::logs::{LogEntry, Reading};
use plaintext::{Key, Search};
use records::Statement;
use sha2::{Digest, Sha256};
use store::Store;

use crate::fixture::{KEY, entries, open, statements};

const SOURCE: &str = "prod/logs/node-1";
const POD: &str = "shop_web-1_0a1b2c3d-0000-4000-8000-000000000001";

/// A node's folder of logs, and what was written into it.
struct Node {
    folder: tempfile::TempDir,
    /// Numbers of the passwords that were written.
    next: u64,
    rotations: u32,
}

impl Node {
    fn new() -> Self {
        let node = Self { folder: tempfile::tempdir().unwrap(), next: 0, rotations: 0 };
        fs::create_dir(node.logs()).unwrap();
        node
    }

    fn logs(&self) -> PathBuf {
        self.folder.path().join("pods")
    }

    fn container(&self, pod: &str) -> PathBuf {
        self.logs().join(pod).join("app")
    }

    fn append(&self, pod: &str, restart: u32, text: &str) {
        fs::create_dir_all(self.container(pod)).unwrap();
        let path = self.container(pod).join(format!("{restart}.log"));
        OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Lines with a password each, one of three in parts.
    fn write(&mut self, pod: &str, restart: u32, lines: u32) {
        for _ in 0..lines {
            let number = self.next;
            self.next += 1;
            let time = format!("2026-11-23T09:00:{:02}.123456789Z", number % 60);
            let line = match number % 3 {
                0 => format!(
                    "{time} stderr P login pass\n{time} stdout F between\n{time} stderr F word={} ok\n",
                    value(number)
                ),
                _ => format!("{time} stdout F login password={} ok\n", value(number)),
            };
            self.append(pod, restart, &line);
        }
    }

    /// Renames the log, and compresses the one that was renamed before, as the kubelet does.
    fn rotate(&mut self, pod: &str, restart: u32) {
        self.rotations += 1;
        let folder = self.container(pod);
        for path in files(&folder).into_iter().filter(|path| path.extension().is_some_and(|e| e != "gz" && e != "log"))
        {
            compress(&path);
        }
        let to = folder.join(format!("{restart}.log.20261123-{:06}", self.rotations));
        fs::rename(folder.join(format!("{restart}.log")), to).unwrap();
    }

    fn options(&self) -> ContainerLogOptions {
        let mut options = ContainerLogOptions::new(SOURCE.parse().unwrap(), self.logs(), Key::new(KEY));
        options.within = Duration::ZERO;
        options.poll = Duration::from_millis(2);
        options.heartbeat = Duration::ZERO;
        options
    }
}

fn value(number: u64) -> String {
    format!("Falken{number}Horst9")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn compress(path: &Path) {
    let mut gzip = flate2::write::GzEncoder::new(
        fs::File::create(format!("{}.gz", path.display())).unwrap(),
        flate2::Compression::fast(),
    );
    gzip.write_all(&fs::read(path).unwrap()).unwrap();
    gzip.finish().unwrap();
    fs::remove_file(path).unwrap();
}

fn readings(store: &Store) -> Vec<Reading<'static>> {
    let stored = entries(store).remove(SOURCE).unwrap_or_default();
    let reading = |bytes: &Vec<u8>| match serde_json::from_slice(bytes).unwrap() {
        LogEntry::LogReading(reading) => Some(serde_json::from_value(serde_json::to_value(reading).unwrap()).unwrap()),
        LogEntry::LogPositions(_) | LogEntry::LogFolder(_) => None,
    };
    stored.iter().filter_map(reading).collect()
}

/// Every password that was written was found once, and each file's stretches follow each other.
fn complete(store: &Store, node: &Node) {
    let readings = readings(store);
    let mut found: Vec<String> =
        readings.iter().flat_map(|reading| &reading.credentials).map(|found| found.digest.to_string()).collect();
    let mut expected: Vec<String> =
        (0..node.next).map(|number| Key::new(KEY).digest(value(number).as_bytes()).to_string()).collect();
    let missing: Vec<u64> = (0..node.next).filter(|number| !found.contains(&expected[*number as usize])).collect();
    assert_eq!(missing, Vec::<u64>::new(), "not found");
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let mut ends: BTreeMap<(String, records::Timestamp), u64> = BTreeMap::new();
    for reading in &readings {
        let file = (reading.position.file.to_string(), reading.position.file_begun_at);
        let end = ends.entry(file).or_default();
        assert_eq!(*end, reading.from_byte, "{reading:?}");
        *end = reading.position.to_byte;
        assert_eq!(reading.cut, 0);
    }
}

fn gaps(store: &Store) -> Vec<String> {
    let said = statements(store, "prod/statements/container-logs");
    let reason = |statement| match statement {
        Statement::Gap { reason, .. } => Some(reason),
        _ => None,
    };
    said.into_iter().filter_map(reason).collect()
}

fn none(store: &Store) {
    assert_eq!(gaps(store), Vec::<String>::new());
}

#[test]
fn lines_are_looked_through_once_through_rotation_and_compression() {
    let mut node = Node::new();
    let store = open(node.folder.path());
    let mut follower = Follower::begin(&store, node.options()).unwrap();
    follower.step(false).unwrap();
    node.write(POD, 0, 10);
    follower.step(false).unwrap();
    // Half a line is none yet.
    node.append(POD, 0, "2026-11-23T09:00:01Z stdout F half of ");
    follower.step(false).unwrap();
    node.append(POD, 0, "a line\n");
    node.write(POD, 0, 3);
    node.rotate(POD, 0);
    // Renamed, and not there again yet.
    follower.step(false).unwrap();
    node.write(POD, 0, 4);
    follower.step(false).unwrap();
    // Twice between two looks: one is compressed before it was ever seen under its first name.
    node.write(POD, 0, 2);
    node.rotate(POD, 0);
    node.write(POD, 0, 5);
    node.rotate(POD, 0);
    node.write(POD, 0, 6);
    follower.step(false).unwrap();
    follower.step(true).unwrap();
    follower.beat(true).unwrap();
    complete(&store, &node);
    none(&store);
    // What the numbers say of the file that is there can be held against it.
    let live = fs::read(node.container(POD).join("0.log")).unwrap();
    let last = readings(&store).pop().unwrap();
    assert_eq!(last.position.to_byte, live.len() as u64);
    assert_eq!(last.position.sha256, hex::encode(Sha256::digest(&live)));
    assert_eq!((last.namespace.as_ref(), last.pod.as_ref(), last.container.as_ref()), ("shop", "web-1", "app"));
}

/// Killed at any moment between two steps, with rotations meanwhile: an own sequence of draws, the same each time.
#[test]
fn restarts_in_the_middle_lose_nothing_and_read_nothing_twice() {
    let mut node = Node::new();
    let mut state = 7u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let other = "shop_db-0_0a1b2c3d-0000-4000-8000-000000000002";
    node.write(POD, 0, 1);
    node.write(other, 0, 1);
    let mut restarts = 0;
    for round in 0..25 {
        let store = open(node.folder.path());
        let mut follower = Follower::begin(&store, node.options()).unwrap();
        for _ in 0..draw(5) {
            follower.step(false).unwrap();
            follower.beat(false).unwrap();
            let pod = if draw(2) == 0 { POD } else { other };
            node.write(pod, restarts, draw(6) as u32 + 1);
            if draw(3) == 0 {
                node.rotate(pod, restarts);
                node.write(pod, restarts, 1);
            }
        }
        if round % 5 == 4 {
            // The containers were restarted; what the last run wrote stays.
            follower.step(false).unwrap();
            restarts += 1;
            node.write(POD, restarts, 1);
            node.write(other, restarts, 1);
        }
        match draw(3) {
            0 => {
                follower.step(true).unwrap();
                follower.beat(true).unwrap();
            }
            1 => drop(store.seal().unwrap()),
            _ => {}
        }
        drop(follower);
        store.close();
        node.write(POD, restarts, draw(4) as u32);
        if draw(2) == 0 {
            node.write(other, restarts, 1);
            node.rotate(other, restarts);
            node.write(other, restarts, 1);
        }
    }
    let store = open(node.folder.path());
    let mut follower = Follower::begin(&store, node.options()).unwrap();
    follower.step(true).unwrap();
    complete(&store, &node);
    // The first look found both pods; none came or went since.
    assert!(gaps(&store).iter().all(|gap| gap.contains("pods may have come and gone")), "{:?}", gaps(&store));
}

#[test]
fn a_pod_that_goes_is_read_to_its_end_and_one_that_went_unseen_is_a_gap() {
    let mut node = Node::new();
    {
        let store = open(node.folder.path());
        let mut follower = Follower::begin(&store, node.options()).unwrap();
        node.write(POD, 0, 3);
        follower.step(false).unwrap();
        follower.beat(false).unwrap();
        node.write(POD, 0, 3);
        fs::remove_dir_all(node.logs().join(POD)).unwrap();
        follower.step(false).unwrap();
        follower.beat(false).unwrap();
        complete(&store, &node);
        none(&store);
        node.write("shop_new_0a1b2c3d-0000-4000-8000-000000000003", 0, 1);
        follower.step(false).unwrap();
        follower.beat(false).unwrap();
        drop(follower);
        store.close();
    }
    // Nothing came or went: no gap, and the log is gone on with.
    {
        let store = open(node.folder.path());
        node.write("shop_new_0a1b2c3d-0000-4000-8000-000000000003", 0, 1);
        let mut follower = Follower::begin(&store, node.options()).unwrap();
        follower.step(false).unwrap();
        follower.beat(false).unwrap();
        complete(&store, &node);
        none(&store);
        let said = statements(&store, "prod/statements/container-logs");
        assert!(
            said.iter().any(|s| matches!(s, Statement::Resumed { proof, .. } if proof.contains("1 logs"))),
            "{said:?}"
        );
        drop(follower);
        store.close();
    }
    fs::remove_dir_all(node.logs().join("shop_new_0a1b2c3d-0000-4000-8000-000000000003")).unwrap();
    let store = open(node.folder.path());
    let mut follower = Follower::begin(&store, node.options()).unwrap();
    follower.step(false).unwrap();
    let said = gaps(&store);
    assert!(said.iter().any(|gap| gap.contains("pods may have come and gone")), "{said:?}");
    assert!(said.iter().any(|gap| gap.contains("1 logs went while nobody read, shop_new_")), "{said:?}");
}

#[test]
fn what_is_missing_is_a_gap() {
    let mut node = Node::new();
    let store = open(node.folder.path());
    let mut follower = Follower::begin(&store, node.options()).unwrap();
    node.write(POD, 0, 3);
    follower.step(false).unwrap();
    let path = node.container(POD).join("0.log");
    OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    node.write(POD, 0, 1);
    follower.step(false).unwrap();
    assert!(gaps(&store)[0].contains("was cut to"), "{:?}", gaps(&store));
    // Runs 1 and 2 left no log.
    node.write(POD, 3, 1);
    follower.step(false).unwrap();
    assert!(gaps(&store)[1].contains("runs 1 to 2"), "{:?}", gaps(&store));
    complete(&store, &node);
    // A link is not followed, and what cannot be read is said at each heartbeat.
    std::os::unix::fs::symlink("/etc/hostname", node.container(POD).join("4.log")).unwrap();
    follower.step(false).unwrap();
    follower.beat(false).unwrap();
    follower.beat(false).unwrap();
    let links = gaps(&store).iter().filter(|gap| gap.contains("no link is followed")).count();
    assert_eq!(links, 2, "{:?}", gaps(&store));
    fs::remove_file(node.container(POD).join("4.log")).unwrap();
    drop(follower);
    // The rotated file that was being read went while nobody read.
    fs::write(&path, "2026-11-23T09:00:01Z stdout F another\n").unwrap();
    let mut follower = Follower::begin(&store, node.options()).unwrap();
    follower.step(false).unwrap();
    assert!(gaps(&store).iter().any(|gap| gap.contains("no rotated file continues it")), "{:?}", gaps(&store));
}

#[test]
fn a_part_that_never_ends_is_taken_after_a_while() {
    let node = Node::new();
    let store = open(node.folder.path());
    let mut follower = Follower::begin(&store, node.options()).unwrap();
    node.append(POD, 0, "2026-11-23T09:00:01Z stdout P password=Falken9Horst and no\n");
    follower.step(false).unwrap();
    assert!(readings(&store).is_empty());
    follower.step(false).unwrap();
    let readings = readings(&store);
    assert_eq!((readings.len(), readings[0].cut, readings[0].credentials.len()), (1, 1, 1));
}

#[test]
fn a_running_follower_states_its_life_and_looks_through_everything_at_its_end() {
    let mut node = Node::new();
    let store = open(node.folder.path());
    let mut options = node.options();
    options.within = Duration::from_secs(3600);
    options.keep_lines = true;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let follower = Follower::begin(&store, options).unwrap();
        let running = scope.spawn(|| follower.run(&stop));
        node.write(POD, 0, 2);
        while store.received(&"prod/statements/container-logs".parse().unwrap()) < 5 {
            assert!(!running.is_finished());
            std::thread::sleep(Duration::from_millis(2));
        }
        stop.store(true, Ordering::Relaxed);
        running.join().unwrap().unwrap();
    });
    complete(&store, &node);
    let said = statements(&store, "prod/statements/container-logs");
    assert!(said.iter().any(|s| matches!(s, Statement::Alive { subject, .. } if subject.as_str() == SOURCE)));
    assert!(matches!(said.last(), Some(Statement::Stopped { .. })));
    // No entry shows a value, also where lines are kept.
    for (source, entries) in entries(&store) {
        for entry in entries {
            let text = String::from_utf8(entry).unwrap();
            assert!((0..node.next).all(|number| !text.contains(&value(number))), "{source}: {text}");
        }
    }
    let lines: Vec<String> = readings(&store)
        .iter()
        .flat_map(|reading| reading.credentials.iter().filter_map(|found| found.line.as_deref().map(str::to_owned)))
        .collect();
    assert!(
        lines.len() == 2 && lines.iter().all(|line| line.starts_with("login password=plimsoll:redacted:")),
        "{lines:?}"
    );
}

#[test]
fn files_that_are_named_are_read_once() {
    let mut node = Node::new();
    node.write(POD, 0, 5);
    node.rotate(POD, 0);
    node.write(POD, 0, 5);
    node.rotate(POD, 0);
    node.write(POD, 0, 5);
    let store = open(node.folder.path());
    let named = files(&node.container(POD));
    assert!(named.iter().any(|path| path.extension().is_some_and(|extension| extension == "gz")));
    let read = |node: &Node, paths: &[PathBuf]| {
        let mut ingestion =
            LogIngestion::begin(&store, SOURCE.parse().unwrap(), &Key::new(KEY), &Search::default(), paths).unwrap();
        paths.iter().for_each(|path| ingestion.read(path).unwrap());
        complete(&store, node);
        ingestion.report()
    };
    let first = read(&node, &named);
    assert_eq!((first.files, first.credentials, first.bytes_before), (3, 15, 0));
    let again = read(&node, &named);
    assert_eq!((again.bytes, again.credentials, again.bytes_before), (0, 0, first.bytes));
    node.write(POD, 0, 2);
    store.seal().unwrap();
    assert_eq!(read(&node, &files(&node.container(POD))).credentials, 2);
    let other = node.folder.path().join("app.log");
    fs::write(&other, "x\n").unwrap();
    let refused = LogIngestion::begin(&store, SOURCE.parse().unwrap(), &Key::new(KEY), &Search::default(), &[other]);
    assert!(refused.is_err_and(|error| error.to_string().contains("not named as the kubelet names logs")));
}
