//! How long an evaluation of the whole catalogue takes: `cargo bench --bench evaluation`.
//!
//! A store is filled through the usual path (write-ahead log, segments, tables) with 30 days of one cluster: `PLIMSOLL_BENCH_EVENTS` audit events
//! (default 10,000,000), `PLIMSOLL_BENCH_VERSIONS` material versions of objects (default 100,000), and a statement of life and a balance of
//! counters every ten seconds for each source. Then the store is opened, evaluated and verified, each timed by itself.
//!
//! With `PLIMSOLL_BENCH_STORE` set, the store is filled into that folder and kept: a later run with the same folder takes it as it is (the
//! folder's name should tell its size, nothing checks that it is the one asked for), and only evaluates.
//!
//! With `PLIMSOLL_BENCH_REPEAT` set to a number, the rights granted are held against those used instead, with every file of audit events read so many times.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use controls::evidence::{Extent, Normaliser, session_inputs};
use controls::{Catalogue, Occasion, Parameters, Session};
use records::{Period, SourceName, Statement, Timestamp};
use store::{FsckOptions, NewEntry, Store, StoreOptions, StoreReader};
use traffic::{AuditTraffic, ObjectTraffic};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const DAYS: i64 = 30;
const HEARTBEAT_SECONDS: i64 = 10;
const WATCHES: [&str; 4] =
    ["pods", "deployments.apps", "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    let (events, versions) =
        (setting("PLIMSOLL_BENCH_EVENTS", 10_000_000), setting("PLIMSOLL_BENCH_VERSIONS", 100_000));
    if let Some(kept) = std::env::var_os("PLIMSOLL_BENCH_STORE").map(PathBuf::from) {
        if !kept.exists() {
            fill(&kept, events, versions);
        }
        return open_and_evaluate(&kept);
    }
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let raw_bytes = fill(dir.path(), events, versions);
    open_and_evaluate(dir.path());
    verify(dir.path(), raw_bytes);
}

fn open_and_evaluate(dir: &Path) {
    let reader = timed("open the store for reading", || StoreReader::open(dir).expect("the store opens"));
    println!("  {} segments", reader.segments().len());
    match setting("PLIMSOLL_BENCH_REPEAT", 0) {
        0 => evaluate(&reader),
        times => granted_versus_used(&reader, usize::try_from(times).expect("a usual number")),
    }
}

/// Opens the tables as an evaluation does, but for the writes, which are rows of a table by themselves and no use of rights.
fn granted_versus_used(reader: &StoreReader, times: usize) {
    let settings = analysis::Settings { governed_resources: Vec::new(), ..analysis::Settings::default() };
    let mut inputs = session_inputs(reader, Extent::Sealed, settings).expect("the store can be read");
    let files = inputs.parquet.get_mut("audit_events").expect("there are audit events");
    *files = std::iter::repeat_n(std::mem::take(files), times).flatten().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    forget_peak();
    let (began, busy) = (Instant::now(), processor_seconds());
    runtime.block_on(async {
        let session = Session::open(inputs).await.expect("the tables open");
        let (seconds, busy) = (began.elapsed().as_secs_f64(), processor_seconds() - busy);
        println!("granted versus used, with all other tables but writes: {seconds:.2} s; {busy:.2} s of processor time; peak {} MiB resident", peak_mib());
        for query in [
            "SELECT count(*) AS events FROM audit_events",
            "SELECT count(*) AS permissions, count(last_use) AS used, sum(requests) AS requests FROM permission_use",
        ] {
            let batches = session.query(query).await.expect("the table can be read");
            println!("{}", arrow::util::pretty::pretty_format_batches(&batches).expect("a table"));
        }
    });
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    println!("{what}: {:.2} s, peak {} MiB resident since the start", began.elapsed().as_secs_f64(), peak_mib());
    result
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel tells of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel tells the peak");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") / 1024
}

/// What this process has spent in its own code and in the kernel's so far.
fn processor_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").expect("the kernel tells of this process");
    // The name in brackets may hold blanks; user and system time are the 12th and 13th field after it, in hundredths.
    let fields = status.rsplit_once(')').expect("the kernel tells the name").1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() / 100.0
}

fn forget_peak() {
    // Without it the figures printed are higher, never lower.
    if let Err(error) = std::fs::write("/proc/self/clear_refs", "5") {
        eprintln!("the peak of resident memory counts from the start of the process ({error})");
    }
}

/// Everything in order of time, in batches as they would arrive.
struct Feed {
    store: Store,
    batch: Vec<NewEntry>,
    bytes: u64,
}

impl Feed {
    fn add(&mut self, source: &SourceName, received_at: i64, text: String) {
        self.bytes += text.len() as u64;
        let received_at = Timestamp::from_micros(received_at).expect("a time within the range");
        self.batch.push(NewEntry { source: source.clone(), received_at, bytes: text.into_bytes(), redaction: None });
        if self.batch.len() == 2000 {
            self.store.append(std::mem::take(&mut self.batch)).expect("the store takes the entries");
        }
    }

    fn state(&mut self, journal: &SourceName, at: i64, statement: &Statement) {
        let text = serde_json::to_string(statement).expect("a statement is JSON");
        self.add(journal, at, text);
    }
}

fn name(text: &str) -> SourceName {
    text.parse().expect("a source name")
}

fn fill(dir: &Path, events: u64, versions: u64) -> u64 {
    let began = Instant::now();
    let store =
        Store::open(StoreOptions::new(dir, "bench.test/evaluation"), Arc::new(Normaliser)).expect("the store opens");
    let mut feed = Feed { store, batch: Vec::new(), bytes: 0 };
    let micros = DAYS * 86_400_000_000;
    let step = |count: u64| micros / i64::try_from(count.max(1)).expect("a usual number");
    let (audit, journal) = (name("bench/audit/apiserver-0"), name("bench/statements/collect"));
    let mut traffic = AuditTraffic::new(1, step(events));
    let mut objects = ObjectTraffic::new(2, step(versions));
    let (mut next_object, mut next_beat) = (traffic::BEGIN_MICROS + step(versions), traffic::BEGIN_MICROS);
    let mut lives = 0u64;
    for number in 0..events {
        let at = traffic::BEGIN_MICROS + step(events) * i64::try_from(number).expect("a usual number");
        while next_object <= at && lives < versions {
            let (detail, line) = objects.line();
            feed.add(&name(&format!("bench/watch/{detail}")), next_object, line);
            next_object += step(versions);
            lives += 1;
        }
        while next_beat <= at {
            let (from, to) = (next_beat, next_beat + HEARTBEAT_SECONDS * 1_000_000);
            beat(&mut feed, &journal, &audit, from, to, number);
            next_beat = to;
        }
        let mut event = String::with_capacity(1300);
        traffic.event(&mut event);
        feed.add(&audit, at, event);
    }
    let rest = std::mem::take(&mut feed.batch);
    feed.store.append(rest).expect("the store takes the entries");
    feed.store.seal().expect("the store seals");
    feed.store.close();
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "filled a store with {events} audit events, {lives} versions of objects and the statements of {DAYS} days, {:.1} GB: {seconds:.0} s ({:.0} MB/s, made up on the way)",
        feed.bytes as f64 / 1e9,
        feed.bytes as f64 / 1e6 / seconds
    );
    feed.bytes
}

fn beat(feed: &mut Feed, journal: &SourceName, audit: &SourceName, from: i64, to: i64, received: u64) {
    let time = |micros| Timestamp::from_micros(micros).expect("a time within the range");
    for watch in WATCHES {
        let subject = name(&format!("bench/watch/{watch}"));
        feed.state(journal, to, &Statement::Alive { subject, from: time(from), to: time(to) });
    }
    feed.state(journal, to, &Statement::Alive { subject: audit.clone(), from: time(from), to: time(to) });
    let balance = Statement::Balance {
        subject: audit.clone(),
        at: time(to),
        process_start: time(traffic::BEGIN_MICROS - 1_000_000),
        event_total: received,
        error_buffered: 0,
        error_webhook: 0,
        error_truncate: 0,
        received,
    };
    feed.state(journal, to, &balance);
}

fn evaluate(reader: &StoreReader) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let catalogue = Catalogue::embedded().await.expect("the catalogue is valid");
        let parameters = Parameters::from_configuration(&catalogue, &std::collections::BTreeMap::new())
            .expect("the defaults are valid");
        let from = Timestamp::from_micros(traffic::BEGIN_MICROS).expect("a time");
        let window = Period::new(from, from.plus_seconds(DAYS * 86_400)).expect("a window");
        let occasion = Occasion {
            evaluated_at: window.to,
            checkpoint_size: i64::try_from(reader.head().size).expect("a usual number"),
            checkpoint_root: reader.head().root.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        forget_peak();
        let (began, busy) = (Instant::now(), processor_seconds());
        let inputs =
            session_inputs(reader, Extent::Sealed, analysis::Settings::default()).expect("the store can be read");
        let session = Session::open(inputs).await.expect("the tables open");
        let opened = began.elapsed().as_secs_f64();
        let result = controls::evaluate(&session, &catalogue, &parameters, window, occasion.clone(), None)
            .await
            .expect("the catalogue can be evaluated");
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "evaluation of {} controls over {DAYS} days: {seconds:.2} s, of which {opened:.2} s for the analysis (to reach: 10 s); {:.2} s of processor time; peak {} MiB resident; digest {}",
            result.controls.len(),
            processor_seconds() - busy,
            peak_mib(),
            result.results_digest
        );
        for control in &result.controls {
            let only = [control.control.clone()];
            let began = Instant::now();
            controls::evaluate(&session, &catalogue, &parameters, window, occasion.clone(), Some(&only))
                .await
                .expect("the control can be evaluated");
            println!(
                "  {}: {:.2} s, {}, population {}, {} deviations {}",
                control.control,
                began.elapsed().as_secs_f64(),
                control.conclusion,
                control.numbers.population,
                control.numbers.deviations,
                control.remark
            );
        }
    });
}

fn verify(dir: &Path, raw_bytes: u64) {
    let rate = |what: &str, began: Instant| {
        let seconds = began.elapsed().as_secs_f64();
        println!("{what}: {seconds:.1} s, {:.0} MB/s of raw evidence", raw_bytes as f64 / 1e6 / seconds);
    };
    let began = Instant::now();
    let report = store::verify(dir, None).expect("the log verifies");
    assert!(report.differences.is_empty(), "{:?}", report.differences);
    println!("log and manifests verified: {:.2} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let report = store::fsck(dir, &FsckOptions { projection: None });
    assert!(report.is_clean(), "{:?}", report.problems);
    rate("every line hashed again and held against the log", began);
    let began = Instant::now();
    let report = store::fsck(dir, &FsckOptions { projection: Some(Arc::new(Normaliser)) });
    assert!(report.is_clean(), "{:?}", report.problems);
    rate("the same, and every table projected again and compared", began);
}
