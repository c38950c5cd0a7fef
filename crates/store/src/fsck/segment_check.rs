//! One segment: its lines against its manifest, its manifest against the leaf, its index and its tables against its lines.

use arrow::array::RecordBatch;
use sha2::{Digest, Sha256};

use super::{FsckOptions, FsckReport, whole};
use crate::checked;
use crate::files::Files;
use crate::layout;
use crate::manifest::SegmentManifest;
use crate::rebuild::same_rows;
use crate::retention::DroppedSegment;
use crate::segment::{self, SegmentError, SegmentIndex, Tally};
use crate::tables::catalogue::{ProjectedTable, ProjectedTables};
use crate::tables::{self, TableBatches, TableBuilders, read_parquet};

/// Checks the segment with this number, of which the log holds this leaf.
pub(super) fn check(
    files: &dyn Files,
    origin: &str,
    number: u64,
    leaf: Option<&[u8]>,
    manifest: Option<&SegmentManifest>,
    options: &FsckOptions,
) -> FsckReport {
    let mut report = FsckReport::default();
    let file = layout::manifest(number);
    match files.read(&file) {
        Ok(Some(bytes)) if leaf.is_none_or(|leaf| leaf == bytes) => {}
        Ok(Some(_)) => report.problem(file, "it is not the leaf that the log holds for this segment"),
        Ok(None) => report.problem(file, "it is missing"),
        Err(error) => report.problem(file, error),
    }
    let Some(manifest) = manifest else { return report };
    if dropped(files, manifest, &mut report) {
        return report;
    }
    let file = layout::segment(number);
    let content = match files.read(&file) {
        Ok(Some(content)) => content,
        Ok(None) => {
            report.problem(file, "it is missing");
            return report;
        }
        Err(error) => {
            report.problem(file, error);
            return report;
        }
    };
    let list = list(files, manifest, &mut report);
    // Rows are made again only where they can be compared.
    let projection = options.projection.as_deref();
    let projection = projection.filter(|p| list.as_ref().is_some_and(|list| list.projection == p.version()));
    let mut builders = TableBuilders::new();
    let mut projected = Ok(());
    let told = segment::retell(number, &content, |line| {
        if let (Some(projection), Ok(())) = (projection, &projected) {
            projected = tables::project(projection, &line.view(number), &mut builders);
        }
    });
    let (index, tally) = match told {
        Ok(told) => told,
        Err(error) => {
            let place = match &error {
                SegmentError::Frame { offset, .. } => Some(format!("frame at byte {offset}")),
                SegmentError::Line { line, .. } | SegmentError::Content { line, .. } => Some(format!("line {line}")),
                SegmentError::Compress(_) => None,
            };
            report.problems.push(super::Problem { file, place, what: whole(&error) });
            return report;
        }
    };
    report.segments += 1;
    report.lines += tally.tree.size();
    report.bytes += tally.bytes;
    compare_index(files, number, &index, &mut report);
    compare_manifest(origin, manifest, &tally, &file, &mut report);
    if let Err(error) = &projected {
        report.problem(&file, error);
    }
    let new = builders.finish();
    if let Some(list) = list {
        compare_tables(files, &list, projection.filter(|_| projected.is_ok()).map(|_| &new), &mut report);
    }
    report
}

fn dropped(files: &dyn Files, manifest: &SegmentManifest, report: &mut FsckReport) -> bool {
    let file = layout::dropped(manifest.segment);
    let bytes = match files.read(&file) {
        Ok(None) => return false,
        Ok(Some(bytes)) => bytes,
        Err(error) => {
            report.problem(file, error);
            return false;
        }
    };
    report.dropped += 1;
    let last = manifest.sources.iter().map(|range| range.last_received_at).max();
    match checked::from_bytes::<DroppedSegment>(&bytes) {
        None => report.problem(file, "it is damaged"),
        Some(note) if note.segment != manifest.segment || note.root != manifest.root.to_hex() => {
            report.problem(file, "it is of another segment");
        }
        Some(note)
            if note.dropped_at < note.retention_ended || last.is_some_and(|last| note.retention_ended < last) =>
        {
            report.problem(file, "it states a drop before the end of the retention");
        }
        Some(_) => {}
    }
    true
}

/// The segment's file of lines is verified by its root, the index by its own checksum: so it can be told which of them is wrong.
fn compare_index(files: &dyn Files, number: u64, right: &SegmentIndex, report: &mut FsckReport) {
    let file = layout::index(number);
    let found = match files.read(&file) {
        Ok(Some(bytes)) => SegmentIndex::from_bytes(&bytes),
        Ok(None) => return report.problem(file, "it is missing; it can be made again from the segment"),
        Err(error) => return report.problem(file, error),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return report.problem(file, error),
    };
    let same = |found: &SegmentIndex| SegmentIndex { check: 0, ..found.clone() } == *right;
    if same(&found) {
        return;
    }
    for (found, right) in found.frames.iter().zip(&right.frames) {
        if found.crc32 != right.crc32 && (found.offset, found.length) == (right.offset, right.length) {
            let what = "the compressed frame is not the one that was sealed, though its lines may be the same";
            return report.problem_at(layout::segment(number), format_args!("frame at byte {}", right.offset), what);
        }
    }
    let longer = right.frames.len() > found.frames.len();
    if longer && right.frames.starts_with(&found.frames) {
        let what = "there are frames that the index does not list";
        return report.problem_at(layout::segment(number), format_args!("frame {}", found.frames.len() + 1), what);
    }
    report.problem(file, "it is not the index of its segment");
}

fn compare_manifest(origin: &str, manifest: &SegmentManifest, tally: &Tally, file: &str, report: &mut FsckReport) {
    let previous = |source: &str| manifest.source(source).and_then(|range| range.previous_segment);
    let right = tally.manifest(origin, manifest.segment, &manifest.software, previous);
    if right.root != manifest.root {
        report.problem(file, "its lines do not lead to the root in its manifest");
    } else if right != *manifest {
        report.problem(
            layout::manifest(manifest.segment),
            "it states other sources, numbers or times than its lines hold",
        );
    }
}

fn list(files: &dyn Files, manifest: &SegmentManifest, report: &mut FsckReport) -> Option<ProjectedTables> {
    let file = layout::projected(manifest.segment);
    match files.read(&file) {
        Ok(None) => {
            report.remark(file, "the segment's tables are not complete; the next opening or a rebuild makes them");
            None
        }
        Err(error) => {
            report.problem(file, error);
            None
        }
        Ok(Some(bytes)) => match ProjectedTables::from_bytes(&bytes) {
            None => {
                report.problem(file, "it is damaged; rebuild the tables");
                None
            }
            Some(list) if list.segment != manifest.segment || list.root != manifest.root.to_hex() => {
                report.problem(file, "it is of another segment; rebuild the tables");
                None
            }
            Some(list) => Some(list),
        },
    }
}

fn compare_tables(files: &dyn Files, list: &ProjectedTables, new: Option<&TableBatches>, report: &mut FsckReport) {
    for table in records::tables::ALL {
        let file = layout::table(table.name, list.segment);
        let listed = list.tables.iter().find(|listed| listed.table == table.name);
        let fresh = new.map(|new| new.iter().find(|(of, _)| of.name == table.name).map_or(&[][..], |(_, rows)| rows));
        let bytes = match files.read(&file) {
            Ok(bytes) => bytes,
            Err(error) => {
                report.problem(file, error);
                continue;
            }
        };
        match (listed, bytes) {
            (None, None) => {
                if fresh.is_some_and(|rows| !rows.is_empty()) {
                    report.problem(file, "its rows are missing: the projection makes some; rebuild the tables");
                }
            }
            (None, Some(_)) => report.problem(file, "the list of the segment's tables does not name it"),
            (Some(_), None) => report.problem(file, "it is missing; rebuild the tables"),
            (Some(listed), Some(bytes)) => compare_table(table, file, listed, list, bytes, fresh, report),
        }
    }
    let unknown = |listed: &&ProjectedTable| records::tables::by_name(&listed.table).is_none();
    if let Some(listed) = list.tables.iter().find(unknown) {
        report.problem(layout::projected(list.segment), format!("it names {}, which is no table", listed.table));
    }
}

fn compare_table(
    table: &'static records::Table,
    file: String,
    listed: &ProjectedTable,
    list: &ProjectedTables,
    bytes: Vec<u8>,
    fresh: Option<&[RecordBatch]>,
    report: &mut FsckReport,
) {
    if bytes.len() as u64 != listed.bytes || hex::encode(Sha256::digest(&bytes)) != listed.sha256 {
        return report.problem(file, "its length or SHA-256 is not the one listed; rebuild the tables");
    }
    let (facts, rows) = match read_parquet(bytes) {
        Ok(read) => read,
        Err(error) => return report.problem(file, whole(&error)),
    };
    if (facts.projection, facts.segment) != (list.projection, list.segment) || hex::encode(facts.root) != list.root {
        report.problem(&file, "its metadata is of another segment or projection");
    }
    let count: u64 = rows.iter().map(|batch| batch.num_rows() as u64).sum();
    *report.rows.entry(table.name.to_owned()).or_default() += count;
    if count != listed.rows {
        report.problem(&file, format!("it holds {count} rows, {} are listed", listed.rows));
    }
    if fresh.is_some_and(|fresh| !same_rows(table, &rows, fresh)) {
        report.problem(file, "its rows are not those that the projection makes; rebuild the tables");
    }
}
