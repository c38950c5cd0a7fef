//! The order of sealing, with what a crash at each step means.
//!
//! Until the checkpoint is published everything is done again from the log file, with the same bytes as result; afterwards only the
//! log file is left to be removed. Opening a store hands its log files to this same code.

use std::sync::Arc;

use super::ahead::Drafted;
use super::{SealStepError, Worker};
use crate::files::{self, Access, Files};
use crate::layout;
use crate::log::Log;
use crate::manifest::SegmentManifest;
use crate::segment;
use crate::tables::catalogue::ProjectedTables;
use crate::tables::{self, Projection, TableBatches, TableBuilders, segment_tables};

/// An error of the disk at this file.
pub(super) fn io(file: &str) -> impl FnOnce(std::io::Error) -> SealStepError {
    let file = file.to_owned();
    move |source| SealStepError::Io { file, source }
}

impl Worker {
    /// Seals one log file of this length. May be called again after an error, at whatever step that was.
    pub(super) fn seal(&mut self, number: u64, length: u64) -> Result<(), SealStepError> {
        let files = Arc::clone(&self.shared.files);
        let files = &*files;
        if self.log.head().size < number {
            self.commit(files, number, length)?;
        } else {
            // Only what is there may replace the log file.
            for path in [layout::segment(number), layout::manifest(number)] {
                if files.read_at(&path, 0, 0).map_err(io(&path))?.is_none() {
                    return Err(SealStepError::Missing { file: path });
                }
            }
        }
        // Crash before the copy is durable: the next opening makes it.
        self.log.copy(files)?;
        // The segment, its manifest, the leaf and the checkpoint are durable: the log file is not needed any more.
        // Crash before it is removed: the next opening finds a log file with the number of a sealed segment and comes here.
        let wal = layout::wal(number);
        files.remove(&wal).map_err(io(&wal))?;
        files.sync_folder(layout::WAL).map_err(io(layout::WAL))
    }

    fn commit(&mut self, files: &dyn Files, number: u64, length: u64) -> Result<(), SealStepError> {
        // 1. Make everything in memory. Crash: nothing happened.
        let Drafted { draft, tables } = self.drafted(number, length)?;
        let previous = |source: &str| self.previous.get(source).copied();
        let software = software_of(files, number)?.unwrap_or_else(|| self.shared.options.software.clone());
        let manifest = draft.tally.manifest(&self.shared.options.origin, number, &software, previous);
        let leaf = manifest.to_bytes();

        // 2. Lines, index and manifest under temporary names, durable. Crash: opening empties tmp/.
        let written = [
            (layout::segment(number), &draft.content),
            (layout::index(number), &draft.index.to_bytes()),
            (layout::manifest(number), &leaf),
        ];
        for (path, bytes) in &written {
            files::stage(files, path, bytes, Access::Usual).map_err(io(path))?;
        }
        // 3. Under their names. Crash: some or all are there, no checkpoint covers them, readers do not look at them;
        //    sealing replaces them with the same bytes.
        for (path, _) in &written {
            files::reveal(files, path).map_err(io(path))?;
        }
        // 4. The names are durable. Crash: as in 3.
        files.sync_folder(layout::SEGMENTS).map_err(io(layout::SEGMENTS))?;

        // 5. The tables, before the checkpoint, so that a reader who sees the checkpoint finds the rows of all segments under
        //    it. Crash: files that no reader looks at yet; sealing replaces them.
        segment_tables::write(files, &tables)?;

        // 6. The leaf into tiles and bundles. Crash: no checkpoint covers them; sealing writes them again.
        let integration = self.log.integrate(files, &leaf)?;

        // 7. The last look whether this is still the writer. If another one took the store, its log must not be forked.
        let ours = self.shared.generation;
        let found = self.shared.holder();
        if found != ours {
            return Err(SealStepError::Fenced { ours, found });
        }
        // 8. The checkpoint: from its rename on the segment is sealed. Crash before: sealing begins again, with the same leaf.
        //    Crash after: the next opening reads this checkpoint, and only removes the log file.
        self.log.publish(files, &integration)?;
        for range in &manifest.sources {
            self.previous.insert(range.source.as_str().to_owned(), number);
        }
        self.shared.sealed(Arc::new(manifest), self.log.checkpoint().cloned());
        Log::tidy(files, &integration);
        Ok(())
    }
}

/// The software that sealed the segment before a crash, when its manifest is there already.
///
/// Somebody may have seen a checkpoint over that manifest in the moment before a power loss took the checkpoint away. Sealing
/// again must not sign another root for the same size, so it keeps the one thing in a manifest that an upgrade changes.
fn software_of(files: &dyn Files, number: u64) -> Result<Option<String>, SealStepError> {
    let path = layout::manifest(number);
    let bytes = files.read(&path).map_err(io(&path))?;
    Ok(bytes.and_then(|bytes| SegmentManifest::from_bytes(&bytes).ok()).map(|manifest| manifest.software))
}

/// Makes the tables of a sealed segment again if they are not of this projection's version.
pub(super) fn project_outdated(
    files: &dyn Files,
    projection: &dyn Projection,
    number: u64,
) -> Result<(), SealStepError> {
    let path = layout::projected(number);
    let list = files.read(&path).map_err(io(&path))?;
    let current = list
        .and_then(|bytes| ProjectedTables::from_bytes(&bytes))
        .is_some_and(|list| list.projection == projection.version());
    if current { Ok(()) } else { project_segment(files, projection, number) }
}

/// Makes the tables of a sealed segment again.
///
/// A crash inside: the list of the segment's tables is missing or of another version; opening comes here again.
pub(crate) fn project_segment(
    files: &dyn Files,
    projection: &dyn Projection,
    number: u64,
) -> Result<(), SealStepError> {
    let file = layout::segment(number);
    if files.read(&layout::dropped(number)).map_err(io(&file))?.is_some() {
        return Ok(());
    }
    let content = files.read(&file).map_err(io(&file))?.ok_or_else(|| SealStepError::Missing { file: file.clone() })?;
    let (root, batches) = project_content(projection, number, &content).map_err(|error| match error {
        ProjectContentError::Segment(source) => SealStepError::Segment { file, source },
        ProjectContentError::Tables(source) => SealStepError::Tables(source),
    })?;
    let made = segment_tables::make(number, root, projection.version(), &batches)?;
    segment_tables::write(files, &made)?;
    Ok(())
}

/// Why a segment's content cannot be projected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectContentError {
    /// The segment is damaged.
    #[error("failed to read the segment")]
    Segment(#[from] segment::SegmentError),
    /// The projection failed.
    #[error("failed to project the segment")]
    Tables(#[from] tables::TablesError),
}

/// The root and the rows of a segment's file of lines.
pub(crate) fn project_content(
    projection: &dyn Projection,
    number: u64,
    content: &[u8],
) -> Result<(ledger::Hash, TableBatches), ProjectContentError> {
    let mut builders = TableBuilders::new();
    let mut projected = Ok(());
    let (_, tally) = segment::retell(number, content, |line| {
        if projected.is_ok() {
            projected = tables::project(projection, &line.view(number), &mut builders);
        }
    })?;
    projected?;
    Ok((tally.root(), builders.finish()))
}
