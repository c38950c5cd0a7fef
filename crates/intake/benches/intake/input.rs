//! Bodies of the audit webhook in a file, so that they take no memory of the process that is measured.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use traffic::AuditTraffic;

/// Events of one delivery: the default of the API server's batches.
pub(crate) const BATCH: usize = 400;

/// A file of deliveries, one a line.
pub(crate) struct Input {
    path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) events: u64,
}

impl Input {
    /// Makes deliveries of at least this many bytes together.
    pub(crate) fn make(dir: &Path, bytes: u64, seed: u64) -> Self {
        let path = dir.join(format!("deliveries-{seed}"));
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&path).expect("the input can be created"));
        let mut traffic = AuditTraffic::new(seed, 250);
        let mut input = Self { path, bytes: 0, events: 0 };
        while input.bytes < bytes {
            let body = traffic.event_list(BATCH);
            file.write_all(body.as_bytes()).expect("the input can be written");
            input.bytes += body.len() as u64;
            input.events += BATCH as u64;
        }
        file.flush().expect("the input can be written");
        input
    }

    /// Reads the deliveries in order.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = Vec<u8>> + Send + 'static {
        let mut reader = BufReader::with_capacity(1 << 20, File::open(&self.path).expect("the input can be read"));
        std::iter::from_fn(move || {
            let mut body = Vec::with_capacity(640 << 10);
            let length = reader.read_until(b'\n', &mut body).expect("the input can be read");
            (length > 0).then_some(body)
        })
    }
}
