//! How fast an audit log is looked through: `cargo run --release -p plaintext --example detection_speed [MEGABYTES] [FILE]`.
//!
//! Without a file (lines of an audit log), events are made up as benchmarks do, with a credential planted in one of a thousand. Two threads take
//! half of the lines each, as `plimsoll` does where it has two cores; memory holds the log, so that no disk is measured.

use std::time::Instant;

use plaintext::{Detector, Key};

fn main() {
    let megabytes: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(512);
    let (log, planted) = match std::env::args().nth(2) {
        Some(file) => (std::fs::read(file).expect("the file can be read"), None),
        None => made_up(megabytes * 1_000_000),
    };
    let key = Key::new([7; 32]);
    let detector = Detector::standard();
    let _ = detector.text(b"password=", None);
    let middle = log[..log.len() / 2].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    for round in 1..=3 {
        let start = Instant::now();
        let (first, second) = log.split_at(middle);
        let (found, suspected) = std::thread::scope(|scope| {
            let other = scope.spawn(|| look_through(detector, &key, second));
            let mine = look_through(detector, &key, first);
            let other = other.join().expect("the thread ends");
            (mine.0 + other.0, mine.1 + other.1)
        });
        let seconds = start.elapsed().as_secs_f64();
        let rate = log.len() as f64 / 1e6 / seconds;
        println!(
            "round {round}: {:.0} MB in {seconds:.2} s, {rate:.0} MB/s on two threads; {found} findings, planted {}; {suspected} events read",
            log.len() as f64 / 1e6,
            planted.map_or_else(|| "unknown".to_owned(), |planted: usize| planted.to_string()),
        );
    }
    let start = processor_seconds();
    let (found, _) = look_through(detector, &key, &log);
    let seconds = processor_seconds() - start;
    println!("one thread: {:.0} MB a second of processor time, {found} findings", log.len() as f64 / 1e6 / seconds);
    // As logs of containers are: lines of any form, a stretch of them at once.
    let start = processor_seconds();
    let found: usize = log.chunks(1 << 20).map(|stretch| detector.lines(stretch, Some(&key)).found.len()).sum();
    let seconds = processor_seconds() - start;
    println!(
        "one thread, as lines: {:.0} MB a second of processor time, {found} findings",
        log.len() as f64 / 1e6 / seconds
    );
}

/// How many findings there are, and how many events had to be read for them.
fn look_through(detector: &Detector, key: &Key, log: &[u8]) -> (usize, usize) {
    let (mut found, mut read) = (0, 0);
    for line in log.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        if detector.suspects(line) {
            read += 1;
            found += detector.json(line, Some(key)).found.len();
        }
    }
    (found, read)
}

/// Seconds that this thread ran, as Linux counts them.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel counts processor time");
    let nanoseconds: u64 = text.split(' ').next().and_then(|n| n.parse().ok()).expect("a number comes first");
    nanoseconds as f64 / 1e9
}

fn made_up(bytes: usize) -> (Vec<u8>, Option<usize>) {
    let mut traffic = traffic::AuditTraffic::new(1, 250);
    let (mut log, mut planted, mut line) = (Vec::with_capacity(bytes + 4096), 0, String::new());
    let mut number = 0usize;
    while log.len() < bytes {
        line.clear();
        traffic.event(&mut line);
        if number % 1000 == 999 {
            let end = line.trim_end_matches('}').len();
            line.truncate(end + 1);
            let value = format!("Zander{number}Barsch");
            line.push_str(&match number / 1000 % 4 {
                0 => format!(r#","extra":{{"env":[{{"name":"DB_PASSWORD","value":"{value}"}}]}}}}"#),
                1 => format!(r#","extra":{{"args":["--password","{value}"]}}}}"#),
                2 => format!(r#","extra":{{"applied":"{{\"data\":{{\"password\":\"{value}\"}}}}"}}}}"#),
                _ => format!(r#","extra":{{"url":"postgres://shop:{value}@db:5432/shop"}}}}"#),
            });
            planted += 1;
        }
        log.extend_from_slice(line.as_bytes());
        log.push(b'\n');
        number += 1;
    }
    (log, Some(planted))
}
