//! Drafts: all that sealing computes, made on threads of their own, so that the next segment is computed while this one is written.
//!
//! A draft is a function of one log file and touches no disk: its file is read by the sealing thread, which alone writes, one
//! segment after the other. So nothing here changes the order of sealing, nor what a crash means.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::seal::io as failed;
use super::{SealStepError, Worker};
use crate::layout;
use crate::segment::{self, Draft};
use crate::tables::segment_tables::{self, MadeTables};
use crate::tables::{self, Projection, TableBuilders};
use crate::wal::{self, WalError};

/// A segment and its tables, not yet on disk.
pub(super) struct Drafted {
    pub(super) draft: Draft,
    pub(super) tables: MadeTables,
}

/// A draft being made.
pub(crate) struct Drafting {
    number: u64,
    length: u64,
    result: mpsc::Receiver<Result<Drafted, SealStepError>>,
}

/// The threads of drafts. They stay: a thread made for each draft would begin with cold memory each time.
pub(crate) fn threads(drafts: NonZeroUsize) -> io::Result<ThreadPool> {
    let builder =
        ThreadPoolBuilder::new().num_threads(drafts.get()).thread_name(|number| format!("store-drafter-{number}"));
    // A panic reaches the sealing thread as the end of the draft's channel.
    builder.panic_handler(|_| {}).build().map_err(io::Error::other)
}

impl Worker {
    /// The draft of this log file; those of the files that wait behind it are begun on the way.
    pub(super) fn drafted(&mut self, number: u64, length: u64) -> Result<Drafted, SealStepError> {
        self.begin(number, length);
        let most = self.shared.options.drafts.get();
        for (number, length) in self.sealer.first_waiting(most) {
            self.begin(number, length);
        }
        let at = self.position(number, length).expect("the draft was begun above");
        let drafting = self.drafting.remove(at);
        let result = drafting.result.recv().expect("a draft does not panic");
        // The place is free: the next draft goes on while this segment is written.
        for (number, length) in self.sealer.first_waiting(most + 1).into_iter().skip(1) {
            self.begin(number, length);
        }
        result
    }

    fn position(&self, number: u64, length: u64) -> Option<usize> {
        self.drafting.iter().position(|drafting| (drafting.number, drafting.length) == (number, length))
    }

    fn begin(&mut self, number: u64, length: u64) {
        if self.position(number, length).is_some() {
            return;
        }
        let file = layout::wal(number);
        // An error is kept for the turn of its own file: it says nothing of the one that is sealed now.
        let content = self
            .shared
            .files
            .read(&file)
            .map_err(failed(&file))
            .and_then(|content| content.ok_or_else(|| SealStepError::Missing { file: file.clone() }));
        let projection = Arc::clone(&self.shared.projection);
        let (sender, result) = mpsc::sync_channel(1);
        self.drafters.spawn(move || {
            let drafted = content.and_then(|content| draft(&*projection, number, length, &content));
            // Nobody waits any more when the store was closed meanwhile.
            drop(sender.send(drafted));
        });
        self.drafting.push(Drafting { number, length, result });
    }
}

fn draft(projection: &dyn Projection, number: u64, length: u64, content: &[u8]) -> Result<Drafted, SealStepError> {
    let file = layout::wal(number);
    let short = || WalError::Damaged { file: file.clone(), offset: content.len() as u64, what: "it is cut off" };
    let synced = usize::try_from(length).ok().and_then(|length| content.get(..length)).ok_or_else(short)?;
    let scan = wal::scan(&file, number, synced)?;
    if scan.torn {
        // Everything up to this length was synced.
        let what = "a record is cut off";
        return Err(WalError::Damaged { file, offset: scan.end, what }.into());
    }
    let mut builders = TableBuilders::new();
    let mut projected = Ok(());
    let draft = segment::draft(number, &scan.records, |line| {
        if projected.is_ok() {
            projected = tables::project(projection, &line.view(number), &mut builders);
        }
    })
    .map_err(|source| SealStepError::Segment { file, source })?;
    projected?;
    let tables = segment_tables::make(number, draft.tally.root(), projection.version(), &builders.finish())?;
    Ok(Drafted { draft, tables })
}
