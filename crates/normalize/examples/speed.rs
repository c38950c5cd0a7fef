//! How fast one core redacts, identifies and projects audit events: `cargo run --release -p normalize --example speed [FILE]`.
//!
//! Without a file (lines of an audit log), the events of `testdata` are repeated with other audit IDs.

use std::time::Instant;

use normalize::audit::identity;
use normalize::redact::Redactor;
use records::table::{ColumnWriter, Row, TableSink};
use records::{EntryView, Timestamp};

/// Looks at every value, so that none is left out.
#[derive(Default)]
struct Tally {
    rows: u64,
    bytes: u64,
}

impl TableSink for Tally {
    fn append<'a, R: Row<'a>>(&mut self, row: &R) {
        self.rows += 1;
        row.write(self);
    }
}

impl ColumnWriter for Tally {
    fn text(&mut self, value: Option<&str>) {
        self.bytes += value.map_or(0, |v| v.len() as u64);
    }
    fn integer(&mut self, value: Option<i64>) {
        self.bytes += u64::from(value.is_some());
    }
    fn boolean(&mut self, value: Option<bool>) {
        self.bytes += u64::from(value.is_some());
    }
    fn time(&mut self, value: Option<Timestamp>) {
        self.bytes += u64::from(value.is_some());
    }
}

fn main() {
    let lines: Vec<Vec<u8>> = match std::env::args().nth(1) {
        Some(file) => {
            let content = std::fs::read(&file).expect("the file can be read");
            content.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect()
        }
        None => sample(),
    };
    let total: usize = lines.iter().map(Vec::len).sum();
    let rounds = (256 << 20) / total.max(1) + 1;
    let received_at: Timestamp = "2026-11-23T09:00:00Z".parse().expect("a time");
    let redactor = Redactor::new([1; 32]);
    let measure = |name: &str, work: &mut dyn FnMut(&[u8])| {
        let start = Instant::now();
        for _ in 0..rounds {
            lines.iter().for_each(|line| work(line));
        }
        let seconds = start.elapsed().as_secs_f64();
        let (megabytes, events) = ((rounds * total) as f64 / 1e6, (rounds * lines.len()) as f64);
        println!("{name:10} {:7.0} MB/s {:9.0} events/s", megabytes / seconds, events / seconds);
    };
    println!("{} events of {} bytes on average", lines.len(), total / lines.len().max(1));
    let (mut values, mut names, mut tally) = (0u64, 0usize, Tally::default());
    measure("redact", &mut |line| values += u64::from(redactor.audit_event(line).redaction.is_some()));
    measure("identity", &mut |line| names += identity(line).audit_id.map_or(0, |id| id.len()));
    measure("project", &mut |line| {
        let entry = EntryView { source: "c/audit/a", segment: 1, seq: 1, received_at, raw: line, redacted: false };
        normalize::project(&entry, &mut tally);
    });
    println!("{values} redacted, {names} bytes of audit IDs, {} rows of {} bytes", tally.rows, tally.bytes);
}

/// Two hundred events in the proportions of a usual log.
fn sample() -> Vec<Vec<u8>> {
    let kinds: [&str; 4] = [
        include_str!("../testdata/get-configmap.json"),
        include_str!("../testdata/exec-websocket.json"),
        include_str!("../testdata/create-generate-name.json"),
        include_str!("../testdata/unauthenticated-401.json"),
    ];
    let line = |n: usize| kinds[n % kinds.len()].trim_end().replace("000000000001", &format!("{n:012}")).into_bytes();
    (0..200).map(line).collect()
}
