//! The audit events that the analysis wants to know, in one pass over the files of their table.
//!
//! It gives what queries would give. Ten million rows, of which one in twenty is a write, are worth a way of their own: texts of columns that repeat
//! themselves stay numbers of the file's dictionary, which is looked at once, and nothing of a row is read before it is known to be wanted.

mod credentials;
mod grouping;
mod uses;
mod wanted;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use analysis::Settings;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use records::Row as _;
use records::tables::audit::AuditEvent;

use super::SessionError;
pub(super) use credentials::Credentials;
use uses::About;
pub(super) use uses::Uses;
use wanted::{Kind, Wanted, another_type, column, is_null, number, times};

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
    /// What was done, by kinds of requests.
    pub(super) uses: Uses,
    /// The use of credentials.
    pub(super) credentials: Credentials,
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

/// Reads the files and the rows that are in none yet. The order of the rows is that of the files. Uses of objects are told apart by these `names`.
pub(super) fn scan(
    files: &[PathBuf],
    unsealed: &[RecordBatch],
    settings: &Settings,
    names: &BTreeSet<String>,
) -> Result<AuditRows, SessionError> {
    let wanted = Wanted::new(settings);
    let read = |number: usize| {
        let mut groups = Groups::default();
        let mine = files.iter().enumerate().skip(number).step_by(THREADS);
        let rows: Result<Vec<(usize, AuditRows)>, SessionError> =
            mine.map(|(at, file)| Ok((at, read_file(file, &wanted, names, &mut groups)?))).collect();
        Ok((rows?, groups))
    };
    let parts: Vec<Result<_, SessionError>> = std::thread::scope(|scope| {
        let read = &read;
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || read(number))).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut by_file = Vec::with_capacity(files.len());
    let mut groups = Groups::default();
    for part in parts {
        let (rows, of_part) = part?;
        by_file.extend(rows);
        groups.merge(of_part);
    }
    by_file.sort_by_key(|(at, _)| *at);
    let mut all = AuditRows::default();
    for (_, rows) in by_file {
        all.add(rows);
    }
    for batch in unsealed {
        all.add(AuditRows::of_batch(batch, &wanted, names, &mut groups).map_err(|error| failed(&error))?);
    }
    (all.uses, all.credentials) = (groups.uses, groups.credentials);
    Ok(all)
}

/// What is counted over all files.
#[derive(Debug, Default)]
struct Groups {
    uses: Uses,
    credentials: Credentials,
}

impl Groups {
    fn merge(&mut self, other: Self) {
        self.uses.merge(&other.uses);
        self.credentials.merge(&other.credentials);
    }
}

fn failed(error: &dyn std::error::Error) -> SessionError {
    let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    SessionError::Table { table: AuditEvent::TABLE.name.to_owned(), message }
}

fn read_file(
    path: &Path,
    wanted: &Wanted,
    names: &BTreeSet<String>,
    groups: &mut Groups,
) -> Result<AuditRows, SessionError> {
    let mut rows = || -> Result<AuditRows, ParquetError> {
        let file = File::open(path)?;
        let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        let schema = with_dictionaries(&found);
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)?;
        let reader = |columns: &mut dyn Iterator<Item = &'static str>| -> Result<_, ParquetError> {
            let mask = ProjectionMask::columns(metadata.parquet_schema(), columns);
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone());
            Ok(builder.with_batch_size(ROWS).with_projection(mask))
        };
        let mut rows = AuditRows::default();
        // All that is told of a row without its longer texts is read once, and then the rest of those rows that are wanted.
        let looked_at: BTreeSet<&'static str> = (RECEIVED.into_iter())
            .chain(KINDS.iter().flat_map(|kind| kind.looked_at()).copied())
            .chain(Uses::columns(names))
            .chain(Credentials::columns())
            .collect();
        let mut of_kinds: [Vec<BooleanArray>; 3] = Default::default();
        let mut of_paths: Vec<BooleanArray> = Vec::new();
        for batch in reader(&mut looked_at.into_iter())?.build()? {
            let batch = batch?;
            rows.receive(&batch)?;
            groups.credentials.add(&batch)?;
            groups.uses.add(&batch, About::Resources, names)?;
            of_paths.push(is_null(&batch, "resource")?.into());
            for (kind, masks) in KINDS.into_iter().zip(&mut of_kinds) {
                masks.push(wanted.mask(kind, &batch)?);
            }
        }
        let some = |masks: &[BooleanArray]| masks.iter().any(|mask| mask.true_count() > 0);
        for (kind, masks) in KINDS.into_iter().zip(&of_kinds).filter(|(_, masks)| some(masks)) {
            let selected = RowSelection::from_filters(masks);
            for batch in reader(&mut kind.columns().into_iter())?.with_row_selection(selected).build()? {
                rows.keep(kind, &batch?)?;
            }
        }
        if some(&of_paths) {
            let mut columns = Uses::columns(names).into_iter().chain(["request_path"]);
            for batch in reader(&mut columns)?.with_row_selection(RowSelection::from_filters(&of_paths)).build()? {
                groups.uses.add(&batch?, About::Paths, names)?;
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
    fn of_batch(
        batch: &RecordBatch,
        wanted: &Wanted,
        names: &BTreeSet<String>,
        groups: &mut Groups,
    ) -> Result<Self, ArrowError> {
        let mut rows = Self::default();
        rows.receive(batch)?;
        groups.credentials.add(batch)?;
        groups.uses.add(batch, About::Resources, names)?;
        groups.uses.add(batch, About::Paths, names)?;
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
        let (segments, seqs) = (number(batch, segment)?, number(batch, seq)?);
        let times = times(batch, at)?;
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
mod tests;
