//! How fast one core redacts, identifies and projects audit events: `cargo run --release -p normalize --example projection_speed [FILE]`.
//!
//! Without a file (lines of an audit log), events are made up as benchmarks do. Rates are for a second of processor time, so that they hold on a
//! machine that does other things too.

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
        let start = processor_seconds();
        for _ in 0..rounds {
            lines.iter().for_each(|line| work(line));
        }
        let seconds = processor_seconds() - start;
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

/// Seconds that this thread ran, as Linux counts them.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel counts processor time");
    let nanoseconds: u64 = text.split(' ').next().and_then(|n| n.parse().ok()).expect("a number comes first");
    nanoseconds as f64 / 1e9
}

/// Events in the proportions of a usual log.
fn sample() -> Vec<Vec<u8>> {
    let mut traffic = traffic::AuditTraffic::new(1, 250);
    let line = |_| {
        let mut line = String::new();
        traffic.event(&mut line);
        line.into_bytes()
    };
    (0..5000).map(line).collect()
}
