//! Reading the counters of an API server's audit backend, beside what was received from it.
//!
//! # What is in flight
//! `received` is read *before* the counters are asked for: every event stored by then had been counted by the API server before it was sent, so
//! `received` can never run ahead of `event_total` by the order of reading. It lags behind, though: with default flags an event waits up to
//! 30 s for its batch, and a batch is tried five times over about 87 s (longer when the receiver is silent). A difference between two
//! readings is a loss only when it is still there after that time; the analysis waits (`in_flight_seconds`) before it says so.

use records::{SourceName, Statement};

use crate::encryption::{EncryptionCounters, EncryptionReader};
use crate::metrics::{AuditCounters, CountersError, CountersReader, ServerInfo};
use crate::piece::{Lines, Piece};
use crate::recorder::Recorder;
use crate::request::{CHUNK_LIMIT, ReadClient, RequestError};

/// Longest line of the metrics that is looked at.
const LINE_LIMIT: usize = 64 << 10;
/// Longest answer: large clusters have some tens of megabytes.
const ANSWER_LIMIT: usize = 512 << 20;
/// Where the counters are.
pub(crate) const PATH: &str = "/metrics";

/// Why there is no balance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BalanceError {
    #[error("failed to read the API server's metrics")]
    Request(#[from] RequestError),
    #[error("failed to read the API server's metrics: it answered {status}")]
    Refused { status: u16 },
}

/// What one reading gave.
pub(crate) struct Reading {
    /// When the answer came.
    pub(crate) at: records::Timestamp,
    pub(crate) balance: Result<Statement, CountersError>,
    pub(crate) clock: Option<Statement>,
    pub(crate) encryption: Result<EncryptionCounters, CountersError>,
    /// SHA-256 of the authentication configuration that the API server runs with, where it says it (Kubernetes 1.34).
    pub(crate) authentication: Option<String>,
    /// What the API server says that it is.
    pub(crate) server: ServerInfo,
}

/// Reads the counters once.
pub(crate) async fn read(
    client: &ReadClient,
    recorder: &Recorder,
    subject: &SourceName,
) -> Result<Reading, BalanceError> {
    let received = recorder.received(subject);
    let mut answer = client.get(PATH, "text/plain;version=0.0.4").await?;
    if answer.status != 200 {
        return Err(BalanceError::Refused { status: answer.status });
    }
    let clock = crate::canary::clock_statement(subject, &answer);
    let at = answer.answered_at;
    let (mut lines, mut pieces, mut length) = (Lines::new(LINE_LIMIT), Vec::new(), 0);
    // What one of them cannot read is no reason not to know the other.
    let mut reader = Ok(CountersReader::default());
    let mut encryption = Ok(EncryptionReader::default());
    let mut read = |line: &[u8]| {
        if let Ok(Err(failure)) = reader.as_mut().map(|reader| reader.line(line)) {
            reader = Err(failure);
        }
        if let Ok(Err(failure)) = encryption.as_mut().map(|reader| reader.line(line)) {
            encryption = Err(failure);
        }
    };
    while let Some(bytes) = answer.chunk(CHUNK_LIMIT).await? {
        length += bytes.len();
        if length > ANSWER_LIMIT {
            return Err(RequestError::TooLong { path: PATH.to_owned(), limit: ANSWER_LIMIT }.into());
        }
        lines.push(&bytes, &mut pieces);
        for piece in pieces.drain(..) {
            if let Piece::Whole(line) = piece {
                read(&line);
            }
        }
    }
    if let Some(Piece::Whole(line)) = lines.rest() {
        read(&line);
    }
    let authentication = reader.as_ref().ok().and_then(|reader| reader.authentication().map(str::to_owned));
    let server = reader.as_ref().map(|reader| reader.server().clone()).unwrap_or_default();
    let balance = reader.and_then(CountersReader::finish).map(|found| statement(subject, at, &found, received));
    Ok(Reading { at, balance, clock, encryption: encryption.map(EncryptionReader::finish), authentication, server })
}

fn statement(subject: &SourceName, at: records::Timestamp, counters: &AuditCounters, received: u64) -> Statement {
    Statement::Balance {
        subject: subject.clone(),
        at,
        process_start: counters.process_start,
        event_total: counters.event_total,
        error_buffered: counters.errors_of("buffered"),
        error_webhook: counters.errors_of("webhook"),
        error_truncate: counters.errors_of("truncate"),
        received,
    }
}
