//! The audit events that the analysis wants to know, in one pass over the files of their table.
//!
//! It gives what queries would give. Ten million rows, of which one in twenty is a write, are worth a way of their own: texts of columns that repeat
//! themselves stay numbers of the file's dictionary, which is looked at once, and nothing of a row is read before it is known to be wanted.

mod wanted;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analysis::Settings;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, TimestampMicrosecondType};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use records::Row as _;
use records::tables::audit::AuditEvent;

use super::SessionError;
use wanted::{Kind, Wanted, another_type, column};

/// Rows that are looked at together.
const ROWS: usize = 1 << 16;
/// Files that are read at the same time.
const THREADS: usize = 2;

/// What the analysis wants to know of audit events.
#[derive(Debug, Default)]
pub(super) struct AuditRows {
    /// Those that [`analysis::Inputs::audit_writes`] asks for, with the columns of [`WriteEvent::COLUMNS`].
    pub(super) writes: Vec<RecordBatch>,
    /// Those that [`analysis::Inputs::privileged_events`] asks for, with all columns.
    pub(super) privileged: Vec<RecordBatch>,
    /// Those that [`analysis::Inputs::guarded_events`] asks for, with the columns of [`analysis::GuardedEvent::COLUMNS`].
    pub(super) guarded: Vec<RecordBatch>,
    /// What was received of each source.
    pub(super) received: BTreeMap<String, Received>,
}

/// What was received of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Received {
    /// When its first entry came in, microseconds.
    pub(super) first_at: i64,
    /// When its last one did.
    pub(super) last_at: i64,
    /// The highest number of a segment that has one.
    pub(super) segment: i64,
    /// The highest number of an entry.
    pub(super) seq: i64,
}

impl Received {
    /// Of both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            first_at: self.first_at.min(other.first_at),
            last_at: self.last_at.max(other.last_at),
            segment: self.segment.max(other.segment),
            seq: self.seq.max(other.seq),
        }
    }
}

/// Reads the files and the rows that are in none yet. The order of the rows is that of the files.
pub(super) fn scan(
    files: &[PathBuf],
    unsealed: &[RecordBatch],
    settings: &Settings,
) -> Result<AuditRows, SessionError> {
    let wanted = Wanted::new(settings);
    let parts: Vec<Result<Vec<(usize, AuditRows)>, SessionError>> = std::thread::scope(|scope| {
        let part = |number: usize| {
            let wanted = &wanted;
            let mine = files.iter().enumerate().skip(number).step_by(THREADS);
            move || mine.map(|(at, file)| Ok((at, read_file(file, wanted)?))).collect()
        };
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(part(number))).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut by_file = Vec::with_capacity(files.len());
    for part in parts {
        by_file.extend(part?);
    }
    by_file.sort_by_key(|(at, _)| *at);
    let mut all = AuditRows::default();
    for (_, rows) in by_file {
        all.add(rows);
    }
    for batch in unsealed {
        all.add(AuditRows::of_batch(batch, &wanted).map_err(|error| failed(&error))?);
    }
    Ok(all)
}

fn failed(error: &dyn std::error::Error) -> SessionError {
    let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    SessionError::Table { table: AuditEvent::TABLE.name.to_owned(), message }
}

fn read_file(path: &Path, wanted: &Wanted) -> Result<AuditRows, SessionError> {
    let rows = || -> Result<AuditRows, ParquetError> {
        let file = File::open(path)?;
        let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        let schema = with_dictionaries(&found);
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)?;
        let mut rows = AuditRows::default();
        let reader = |columns: &[&str]| -> Result<_, ParquetError> {
            let file = file.try_clone()?;
            let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
            Ok(builder.with_batch_size(ROWS).with_projection(mask))
        };
        for batch in reader(&RECEIVED)?.build()? {
            rows.receive(&batch?)?;
        }
        for kind in KINDS {
            let mask = ProjectionMask::columns(metadata.parquet_schema(), kind.looked_at().iter().copied());
            let wanted = wanted.clone();
            let predicate = ArrowPredicateFn::new(mask, move |batch| wanted.mask(kind, &batch));
            let columns = kind.columns();
            for batch in reader(&columns)?.with_row_filter(RowFilter::new(vec![Box::new(predicate)])).build()? {
                rows.keep(kind, &batch?)?;
            }
        }
        Ok(rows)
    };
    rows().map_err(|error| match failed(&error) {
        SessionError::Table { table, message } => {
            SessionError::Table { table, message: format!("{}: {message}", path.display()) }
        }
        other => other,
    })
}

/// The schema of a file in which texts that are stored with a dictionary are read with it.
fn with_dictionaries(found: &ArrowReaderMetadata) -> Schema {
    let groups = found.metadata().row_groups();
    let field = |(at, field): (usize, &Arc<Field>)| -> Field {
        let stored = |group: &RowGroupMetaData| {
            group.columns().get(at).is_some_and(|column| column.dictionary_page_offset().is_some())
        };
        let plain = field.as_ref().clone();
        if plain.data_type() == &DataType::Utf8 && groups.iter().all(stored) {
            plain.with_data_type(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)))
        } else {
            plain
        }
    };
    Schema::new_with_metadata(
        found.schema().fields().iter().enumerate().map(field).collect::<Vec<_>>(),
        found.schema().metadata().clone(),
    )
}

/// The sorts of rows that are kept.
const KINDS: [Kind; 3] = [Kind::Write, Kind::Privileged, Kind::Guarded];

/// The columns that tell what was received.
const RECEIVED: [&str; 4] = ["source", "segment", "seq", "received_at"];

impl AuditRows {
    fn of_batch(batch: &RecordBatch, wanted: &Wanted) -> Result<Self, ArrowError> {
        let mut rows = Self::default();
        rows.receive(batch)?;
        for kind in KINDS {
            rows.keep(kind, &filter_record_batch(batch, &wanted.mask(kind, batch)?)?)?;
        }
        Ok(rows)
    }

    fn add(&mut self, other: Self) {
        self.writes.extend(other.writes);
        self.privileged.extend(other.privileged);
        self.guarded.extend(other.guarded);
        for (source, received) in other.received {
            self.received.entry(source).and_modify(|known| *known = known.and(received)).or_insert(received);
        }
    }

    fn keep(&mut self, kind: Kind, batch: &RecordBatch) -> Result<(), ArrowError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let schema = batch.schema();
        let order: Vec<usize> =
            kind.columns().into_iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>()?;
        let batch = batch.project(&order)?;
        match kind {
            Kind::Write => self.writes.push(batch),
            Kind::Privileged => self.privileged.push(batch),
            Kind::Guarded => self.guarded.push(batch),
        }
        Ok(())
    }

    fn receive(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let [source, segment, seq, at] = RECEIVED;
        let integers = |name| -> Result<_, ArrowError> {
            column(batch, name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| another_type(name))
        };
        let (segments, seqs) = (integers(segment)?, integers(seq)?);
        let times =
            column(batch, at)?.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| another_type(at))?;
        let mut names: Vec<&str> = Vec::new();
        let numbers = numbered(column(batch, source)?, &mut names).ok_or_else(|| another_type(source))?;
        let mut received: Vec<Option<Received>> = vec![None; names.len()];
        for (row, number) in numbers.into_iter().enumerate() {
            let at = times.value(row);
            let one = Received { first_at: at, last_at: at, segment: segments.value(row), seq: seqs.value(row) };
            if let Some(known) = number.and_then(|number| received.get_mut(number)) {
                *known = Some(known.map_or(one, |known| known.and(one)));
            }
        }
        for (name, one) in names.into_iter().zip(received) {
            if let Some(one) = one {
                self.add(Self { received: BTreeMap::from([(name.to_owned(), one)]), ..Self::default() });
            }
        }
        Ok(())
    }
}

/// For each row the number of its text in `texts`; `None` for a null. `None` when the column is no text.
fn numbered<'b>(array: &'b ArrayRef, texts: &mut Vec<&'b str>) -> Option<Vec<Option<usize>>> {
    if let Some(dictionary) = array.as_dictionary_opt::<Int32Type>() {
        let values = dictionary.values().as_string_opt::<i32>()?;
        texts.extend(values.iter().map(Option::unwrap_or_default));
        let known = |key: i32| usize::try_from(key).ok().filter(|key| values.is_valid(*key));
        return Some(dictionary.keys().iter().map(|key| key.and_then(known)).collect());
    }
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let rows = array.as_string_opt::<i32>()?.iter().map(|text| {
        let text = text?;
        Some(*numbers.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() - 1
        }))
    });
    Some(rows.collect())
}

#[cfg(test)]
mod tests {
    use analysis::inputs::{NOT_WRITING, SESSION_SUBRESOURCES, WRITE_VERBS};
    use analysis::{GuardedEvent, WriteEvent};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use proptest::prelude::*;
    use records::EntryView;
    use serde_json::{Value, json};
    use store::TableBuilders;

    use super::*;
    use crate::batches::{arrow_schema, rows_of};

    fn some<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
        prop::sample::select(values.to_vec())
    }

    /// An audit event that is a write, a session, both or neither.
    fn event() -> impl Strategy<Value = Value> {
        let request = (
            some(&[Some("create"), Some("patch"), Some("get"), None]),
            some(&[Some(""), Some("apps"), Some("example.com"), None]),
            some(&[Some("pods"), Some("deployments"), Some("leases"), None]),
            some(&[None, None, Some("status"), Some("exec"), Some("scale")]),
        );
        let answer = (
            some(&[Some(200), Some(201), Some(299), Some(300), Some(101), None]),
            some(&[Some("ResponseComplete"), Some("RequestReceived"), None]),
            some(&["", "?dryRun=All"]),
            some(&[None, None, Some("somebody")]),
            some(&[
                None,
                None,
                Some("a.b.c/decision"),
                Some("failed-open.validating.webhook.admission.k8s.io/round_0_index_0"),
            ]),
            some(&[None, Some("no"), Some("Internal error occurred: failed calling webhook \"a.b.c\": refused")]),
        );
        (request, answer).prop_map(|((verb, group, resource, part), (code, stage, query, user, annotation, message))| {
            let mut annotations = serde_json::Map::new();
            if let Some(annotation) = annotation {
                annotations.insert(annotation.to_owned(), json!("a.b.c"));
            }
            json!({
                "annotations": annotations,
                "level": "Metadata", "auditID": "id", "stage": stage, "verb": verb, "requestURI": format!("/x{query}"),
                "stageTimestamp": "2026-03-02T00:00:00Z", "requestReceivedTimestamp": "2026-03-02T00:00:00Z",
                "objectRef": {"apiGroup": group, "resource": resource, "subresource": part, "name": "n"},
                "responseStatus": code.map(|code| json!({"code": code, "message": message})),
                "impersonatedUser": user.map(|user| json!({"username": user})),
            })
        })
    }

    fn rows(segment: u64, first: u64, events: &[Value]) -> Vec<RecordBatch> {
        let mut rows = TableBuilders::new();
        for (seq, event) in (first..).zip(events) {
            let raw = event.to_string();
            let received_at = records::Timestamp::from_micros(i64::try_from(1000 - seq).unwrap()).unwrap();
            let source = ["c1/audit/a", "c1/audit/b"][usize::from(seq % 3 == 0)];
            let entry = EntryView { source, segment, seq, received_at, raw: raw.as_bytes(), redacted: false };
            normalize::project(&entry, &mut rows);
        }
        rows.finish().into_iter().filter(|(t, _)| t.name == AuditEvent::TABLE.name).flat_map(|(_, rows)| rows).collect()
    }

    proptest! {
        /// Row by row, by the words of [`analysis::Inputs`].
        #[test]
        fn it_is_what_the_analysis_asks_for(
            files in prop::collection::vec(prop::collection::vec(event(), 1..30), 0..4),
            unsealed in prop::collection::vec(event(), 0..10),
            dictionaries in any::<bool>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let (mut all, mut paths, mut first) = (Vec::new(), Vec::new(), 1);
            for (segment, events) in (0..).zip(&files) {
                let batches = rows(segment, first, events);
                let path = folder.path().join(format!("{segment}.parquet"));
                let properties = WriterProperties::builder().set_dictionary_enabled(dictionaries).build();
                let file = File::create(&path).unwrap();
                let mut writer = ArrowWriter::try_new(file, arrow_schema(AuditEvent::TABLE), Some(properties)).unwrap();
                batches.iter().for_each(|batch| writer.write(batch).unwrap());
                writer.close().unwrap();
                paths.push(path);
                first += events.len() as u64;
                all.extend(batches);
            }
            let unsealed = rows(files.len() as u64, first, &unsealed);
            all.extend(unsealed.iter().cloned());
            let settings = Settings::default();
            let scanned = scan(&paths, &unsealed, &settings).unwrap();

            let events = rows_of(&all, |r| AuditEvent::read(&r)).unwrap();
            let governed = |e: &AuditEvent<'_>| {
                let group = e.api_group.as_deref().unwrap_or("");
                settings.governed_resources.iter().any(|g| g.group == group && Some(g.resource.as_str()) == e.resource.as_deref())
            };
            let writes: Vec<WriteEvent<'_>> = events.iter().filter(|e| {
                e.verb.as_deref().is_some_and(|verb| WRITE_VERBS.contains(&verb))
                    && e.response_code.is_some_and(|code| (200..300).contains(&code))
                    && e.stage.as_deref().is_none_or(|stage| stage == "ResponseComplete")
                    && e.dry_run != Some(true)
                    && e.subresource.as_deref().is_none_or(|sub| !NOT_WRITING.contains(&sub))
                    && governed(e)
            }).cloned().map(WriteEvent::from).collect();
            prop_assert_eq!(rows_of(&scanned.writes, |r| WriteEvent::read(&r)).unwrap(), writes);
            let privileged: Vec<AuditEvent<'_>> = events.iter().filter(|e| {
                e.impersonated_user.is_some()
                    || e.subresource.as_deref().is_some_and(|sub| SESSION_SUBRESOURCES.contains(&sub))
            }).cloned().collect();
            prop_assert_eq!(rows_of(&scanned.privileged, |r| AuditEvent::read(&r)).unwrap(), privileged);
            let guarded: Vec<_> = events.iter().filter(|e| {
                e.webhook_decisions.is_some()
                    || e.failed_open.is_some()
                    || e.response_message.as_deref().is_some_and(|m| m.contains("failed calling webhook"))
            }).map(|e| (e.provenance.clone(), e.webhook_decisions.clone(), e.failed_open.clone())).collect();
            let told = rows_of(&scanned.guarded, |r| GuardedEvent::read(&r)).unwrap();
            let told: Vec<_> = told.into_iter().map(|e| (e.provenance, e.webhook_decisions, e.failed_open)).collect();
            prop_assert_eq!(told, guarded);
            for (source, received) in &scanned.received {
                let of_source = || events.iter().filter(|e| e.provenance.source == *source);
                prop_assert_eq!(Some(received.first_at), of_source().map(|e| e.received_at.micros()).min());
                prop_assert_eq!(Some(received.last_at), of_source().map(|e| e.received_at.micros()).max());
                prop_assert_eq!(Some(received.segment), of_source().map(|e| e.provenance.segment).max());
                prop_assert_eq!(Some(received.seq), of_source().map(|e| e.provenance.seq).max());
            }
            let sources: std::collections::BTreeSet<_> = events.iter().map(|e| &*e.provenance.source).collect();
            prop_assert_eq!(scanned.received.len(), sources.len());
        }
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("7.parquet");
        std::fs::write(&path, "no Parquet at all").unwrap();
        let error = scan(std::slice::from_ref(&path), &[], &Settings::default()).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()) && error.contains("rebuild the tables"), "{error}");
    }
}
