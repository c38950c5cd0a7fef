//! Audit events as lines of a file: `cargo run --release -p traffic --example lines -- MEGABYTES > audit.log`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let megabytes: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100);
    let mut traffic = traffic::AuditTraffic::new(1, 250);
    let mut out = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let mut written = 0;
    let mut line = String::new();
    while written < megabytes * 1_000_000 {
        line.clear();
        traffic.event(&mut line);
        line.push('\n');
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    out.flush()
}
