//! A live log through rotation, each event once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use intake::tail::{Tail, TailOptions};
use normalize::redact::Redactor;
use records::Statement;
use store::Store;

use crate::failing::Failing;
use crate::fixture::{KEY, entries, line, open, options, statements};

const SOURCE: &str = "prod/audit/api-1";

struct Log {
    folder: tempfile::TempDir,
    next: u32,
}

impl Log {
    fn new() -> Self {
        let log = Self { folder: tempfile::tempdir().unwrap(), next: 0 };
        fs::create_dir(log.folder.path().join("logs")).unwrap();
        log
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("logs/audit.log")
    }

    fn rotated(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    /// Writes the next events to the log.
    fn write(&mut self, events: u32) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path()).unwrap();
        for _ in 0..events {
            self.next += 1;
            file.write_all(line(&format!("e-{}", self.next), "get").as_bytes()).unwrap();
        }
    }

    fn options(&self) -> TailOptions {
        let mut options = TailOptions::new(SOURCE.parse().unwrap(), self.path(), Redactor::new(KEY));
        options.batch_bytes = 2_000;
        options.poll = Duration::from_millis(5);
        options
    }

    /// Every event once and in order.
    fn complete(&self, store: &Store) {
        let stored: Vec<String> = entries(store)
            .remove(SOURCE)
            .unwrap_or_default()
            .iter()
            .map(|raw| {
                serde_json::from_slice::<serde_json::Value>(raw).unwrap()["auditID"].as_str().unwrap().to_owned()
            })
            .collect();
        let expected: Vec<String> = (1..=self.next).map(|n| format!("e-{n}")).collect();
        assert_eq!(stored, expected);
    }
}

fn gaps(store: &Store) -> usize {
    statements(store, "prod/statements/tail").iter().filter(|s| matches!(s, Statement::Gap { .. })).count()
}

fn compress(from: &Path, to: &Path) {
    let mut gzip = flate2::write::GzEncoder::new(fs::File::create(to).unwrap(), flate2::Compression::fast());
    gzip.write_all(&fs::read(from).unwrap()).unwrap();
    gzip.finish().unwrap();
    fs::remove_file(from).unwrap();
}

#[test]
fn renamed_logs_and_half_written_lines() {
    let mut log = Log::new();
    let store = open(log.folder.path());
    let mut tail = Tail::begin(&store, log.options()).unwrap();
    assert_eq!(tail.step().unwrap(), 0, "no log yet");
    log.write(20);
    assert_eq!(tail.step().unwrap(), 20);
    // Half a line is not an event yet.
    log.next += 1;
    let half = line(&format!("e-{}", log.next), "get");
    let mut file = OpenOptions::new().append(true).open(log.path()).unwrap();
    file.write_all(&half.as_bytes()[..40]).unwrap();
    assert_eq!(tail.step().unwrap(), 0);
    file.write_all(&half.as_bytes()[40..]).unwrap();
    log.write(3);
    fs::rename(log.path(), log.rotated("audit-2026-11-23T09-00-00.000.log")).unwrap();
    assert_eq!(tail.step().unwrap(), 4, "the renamed file is read to its end");
    log.write(5);
    fs::rename(log.path(), log.rotated("audit-2026-11-23T09-00-01.000.log")).unwrap();
    log.write(2);
    assert_eq!(tail.step().unwrap(), 7, "a file that was never seen under its first name");
    log.complete(&store);
    assert_eq!(gaps(&store), 0);
}

#[test]
fn restarts_go_on_where_reading_ended_also_in_compressed_files() {
    let mut log = Log::new();
    log.write(30);
    for round in 0..4 {
        let store = open(log.folder.path());
        let mut tail = Tail::begin(&store, log.options()).unwrap();
        tail.step().unwrap();
        log.write(3);
        tail.step().unwrap();
        log.complete(&store);
        assert_eq!(gaps(&store), 0);
        if round == 1 {
            store.seal().unwrap();
        }
        store.close();
        // While nobody reads: more events, a rotation, a compression.
        log.write(4);
        let name = log.rotated(&format!("audit-{round}.log"));
        if round > 0 {
            fs::rename(log.path(), &name).unwrap();
            log.write(2);
        }
        if round == 2 {
            compress(&name, &log.rotated("audit-2.log.gz"));
        }
    }
    let store = open(log.folder.path());
    Tail::begin(&store, log.options()).unwrap().step().unwrap();
    log.complete(&store);
}

#[test]
fn copied_and_truncated_logs() {
    let mut log = Log::new();
    let store = open(log.folder.path());
    let mut tail = Tail::begin(&store, log.options()).unwrap();
    log.write(10);
    tail.step().unwrap();
    log.write(3);
    fs::copy(log.path(), log.rotated("audit.log.1")).unwrap();
    OpenOptions::new().write(true).truncate(true).open(log.path()).unwrap();
    log.write(1);
    assert_eq!(tail.step().unwrap(), 4);
    log.complete(&store);
    assert_eq!(gaps(&store), 0);
    // Truncated without a copy: what was read stays, and that something may be missing is stated.
    OpenOptions::new().write(true).truncate(true).open(log.path()).unwrap();
    tail.step().unwrap();
    log.write(2);
    tail.step().unwrap();
    log.complete(&store);
    assert_eq!(gaps(&store), 1);
}

#[test]
fn a_log_that_is_gone_is_a_gap() {
    let mut log = Log::new();
    log.write(5);
    {
        let store = open(log.folder.path());
        Tail::begin(&store, log.options()).unwrap().step().unwrap();
        store.close();
    }
    fs::remove_file(log.path()).unwrap();
    log.write(2);
    let store = open(log.folder.path());
    Tail::begin(&store, log.options()).unwrap().step().unwrap();
    log.complete(&store);
    assert_eq!(gaps(&store), 1);
}

#[test]
fn a_running_tail_stops_in_order() {
    let mut log = Log::new();
    let store = open(log.folder.path());
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let (tail, flag) = (Tail::begin(&store, log.options()).unwrap(), Arc::clone(&stop));
        let running = scope.spawn(move || tail.run(&flag));
        log.write(50);
        while store.received(&SOURCE.parse().unwrap()) < 50 {
            assert!(!running.is_finished());
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::Relaxed);
        running.join().unwrap().unwrap();
    });
    log.complete(&store);
    assert!(matches!(statements(&store, "prod/statements/tail").last(), Some(Statement::Stopped { .. })));
}

#[test]
fn a_tail_that_finds_the_store_full_begins_all_the_same() {
    let mut log = Log::new();
    let options = options(log.folder.path());
    let failing = Arc::new(Failing::new(&options.dir));
    let store = Store::open_with(options, Arc::new(store::NoProjection), failing.files(&failing)).unwrap();
    failing.full.store(true, Ordering::SeqCst);
    let tail = Tail::begin(&store, log.options()).unwrap();
    failing.full.store(false, Ordering::SeqCst);
    log.write(5);
    tail.run(&AtomicBool::new(true)).unwrap();
    log.complete(&store);
    let said = statements(&store, "prod/statements/tail");
    let begins: Vec<bool> = said.iter().map(|s| matches!(s, Statement::Started { .. })).collect();
    assert_eq!(begins.iter().filter(|started| **started).count(), 1, "{said:?}");
    assert!(matches!(said.last(), Some(Statement::Stopped { .. })));
}
