//! From bodies to durable lines, and on to tables.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use intake::delivery;
use normalize::redact::Redactor;
use records::{EntryView, SourceName, Timestamp};
use store::{NoProjection, Projection, Store, StoreOptions, TableBuilders};

use crate::input::Input;
use crate::process::{cpu_seconds, forget_peak, known, peak_mib};

/// API servers whose deliveries are under way at once.
const SERVERS: usize = 10;

/// The projection as Plimsoll runs it.
pub(crate) struct Tables;

impl Projection for Tables {
    fn version(&self) -> i64 {
        normalize::VERSION
    }

    fn project(&self, entry: &EntryView<'_>, sink: &mut TableBuilders) {
        normalize::project(entry, sink);
    }
}

/// The write-ahead log alone: nothing is sealed while it runs.
pub(crate) fn log(dir: &Path, input: &Input) {
    let mut options = StoreOptions::new(dir.join("log"), "bench.test/log");
    options.segment_bytes = u64::MAX;
    options.segment_age = std::time::Duration::from_secs(3600);
    let store = Store::open(options, Arc::new(NoProjection)).expect("the store opens");
    measure("write-ahead log", "300", input, || feed(&store, input));
    store.close();
    std::fs::remove_dir_all(dir.join("log")).expect("the store can be removed");
}

/// Everything: segments, log and tables are there at the end.
pub(crate) fn tables(dir: &Path, input: &Input) {
    let options = StoreOptions::new(dir.join("tables"), "bench.test/tables");
    let store = Store::open(options, Arc::new(Tables)).expect("the store opens");
    measure("with tables built alongside", "150", input, || {
        let began = Instant::now();
        feed(&store, input);
        let acknowledged = began.elapsed().as_secs_f64();
        store.seal().expect("the store seals");
        println!(
            "  last acknowledgement after {acknowledged:.2} s, last table after {:.2} s",
            began.elapsed().as_secs_f64()
        );
    });
    let reader = store.reader().expect("the store can be read");
    let lines: u64 = reader.segments().iter().map(|manifest| manifest.lines).sum();
    assert_eq!(lines, input.events, "every event is one line of a segment");
    store.close();
    std::fs::remove_dir_all(dir.join("tables")).expect("the store can be removed");
}

fn measure(name: &str, goal: &str, input: &Input, work: impl FnOnce()) {
    forget_peak();
    let cpu = cpu_seconds();
    let began = Instant::now();
    work();
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_seconds().zip(cpu).map(|(after, before)| after - before);
    println!(
        "{name}: {:.0} MB/s, {:.0} events/s (to reach: {goal} MB/s); {} events of {} bytes in {seconds:.2} s, {}, peak {}",
        input.bytes as f64 / 1e6 / seconds,
        input.events as f64 / seconds,
        input.events,
        input.bytes / input.events,
        known(cpu, "s of processor time"),
        known(peak_mib(), "MiB resident"),
    );
}

/// Takes deliveries of several API servers, each waiting for its acknowledgement before it takes the next.
fn feed(store: &Store, input: &Input) {
    let bodies = Mutex::new(input.bodies());
    let redactor = Redactor::new([7; 32]);
    let received_at: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
    std::thread::scope(|scope| {
        for number in 0..SERVERS {
            let (bodies, redactor) = (&bodies, &redactor);
            scope.spawn(move || {
                let source: SourceName = format!("bench/audit/apiserver-{number}").parse().expect("a source name");
                let mut window = intake::window::Window::new(262_144);
                loop {
                    let Some(body) = bodies.lock().expect("no thread panicked").next() else { return };
                    let events = delivery::events(&body, redactor, 15 << 20);
                    let sorted = delivery::sort(events, &window, &source, received_at);
                    store.append_ready(sorted.entries).expect("the store takes the entries");
                    sorted.marks.into_iter().for_each(|mark| window.remember(mark));
                }
            });
        }
    });
}
