//! Which audit events are wanted.

use analysis::inputs::{NOT_WRITING, SESSION_SUBRESOURCES, WRITE_VERBS};
use analysis::{GuardedEvent, Settings, WriteEvent};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use records::Row as _;
use records::tables::audit::AuditEvent;

/// A sort of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Write,
    Privileged,
    Guarded,
}

impl Kind {
    /// The columns that tell whether a row is one.
    pub(super) fn looked_at(self) -> &'static [&'static str] {
        match self {
            Self::Write => &["verb", "response_code", "stage", "dry_run", "subresource", "api_group", "resource"],
            Self::Privileged => &["impersonated_user", "subresource"],
            Self::Guarded => &["webhook_decisions", "failed_open", "response_message"],
        }
    }

    /// The columns that are wanted of it, in order.
    pub(super) fn columns(self) -> Vec<&'static str> {
        match self {
            Self::Write => WriteEvent::COLUMNS.to_vec(),
            Self::Privileged => AuditEvent::TABLE.columns.iter().map(|column| column.name).collect(),
            Self::Guarded => GuardedEvent::COLUMNS.to_vec(),
        }
    }
}

/// Which rows are wanted.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// API groups of governed resources.
    groups: Vec<String>,
    /// Governed resources, each name once.
    resources: Vec<String>,
    /// For each group the resources of it that are governed.
    governed: Vec<Vec<bool>>,
    /// For each group whether all of it is.
    whole: Vec<bool>,
}

impl Wanted {
    pub(super) fn new(settings: &Settings) -> Self {
        let names = |pick: fn(&analysis::GovernedResource) -> &String| {
            let mut names: Vec<String> = settings.governed_resources.iter().map(pick).cloned().collect();
            names.sort();
            names.dedup();
            names
        };
        let (groups, resources) = (names(|g| &g.group), names(|g| &g.resource));
        let is = |group: &str, resource: &str| settings.governed_resources.iter().any(|g| g.covers(group, resource));
        let governed = groups.iter().map(|group| resources.iter().map(|r| is(group, r)).collect()).collect();
        let whole = groups.iter().map(|group| is(group, "*")).collect();
        Self { groups, resources, governed, whole }
    }

    /// Which rows of a batch that has the columns of [`Kind::looked_at`] are of the kind.
    pub(super) fn mask(&self, kind: Kind, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        Ok(BooleanArray::from(match kind {
            Kind::Write => self.writes(batch)?,
            Kind::Privileged => {
                let impersonated = answers(batch, "impersonated_user", false, |_| true)?;
                let opens = answers(batch, "subresource", false, |sub| SESSION_SUBRESOURCES.contains(&sub))?;
                impersonated.into_iter().zip(opens).map(|(a, b)| a || b).collect()
            }
            Kind::Guarded => {
                let decided = answers(batch, "webhook_decisions", false, |_| true)?;
                let open = answers(batch, "failed_open", false, |_| true)?;
                let closed = answers(batch, "response_message", false, GuardedEvent::tells_of_no_answer)?;
                decided.into_iter().zip(open).zip(closed).map(|((a, b), c)| a || b || c).collect()
            }
        }))
    }

    fn writes(&self, batch: &RecordBatch) -> Result<Vec<bool>, ArrowError> {
        let place = |names: &[String], name: &str| names.iter().position(|known| known == name);
        let verbs = answers(batch, "verb", false, |verb| WRITE_VERBS.contains(&verb))?;
        let stages = answers(batch, "stage", true, |stage| stage == "ResponseComplete")?;
        let parts = answers(batch, "subresource", true, |sub| !NOT_WRITING.contains(&sub))?;
        let groups = answers(batch, "api_group", place(&self.groups, ""), |group| place(&self.groups, group))?;
        let resources = answers(batch, "resource", None, |resource| Some(place(&self.resources, resource)))?;
        let codes = integer(batch, "response_code")?;
        let dry_runs = column(batch, "dry_run")?.as_boolean_opt().ok_or_else(|| another_type("dry_run"))?;
        let is_governed = |row: usize| {
            let (Some(group), Some(resource)) = (groups[row], resources[row]) else { return false };
            self.whole[group] || resource.is_some_and(|resource| self.governed[group][resource])
        };
        let is_write = |row: usize| {
            verbs[row]
                && is_governed(row)
                && stages[row]
                && parts[row]
                && codes.is_valid(row)
                && (200..300).contains(&codes.value(row))
                && !(dry_runs.is_valid(row) && dry_runs.value(row))
        };
        Ok((0..batch.num_rows()).map(is_write).collect())
    }
}

/// What `answer` says of the text in each row, asked once for each text of a dictionary; `of_null` for a null.
pub(super) fn answers<T: Copy>(
    batch: &RecordBatch,
    name: &str,
    of_null: T,
    answer: impl Fn(&str) -> T,
) -> Result<Vec<T>, ArrowError> {
    let array = column(batch, name)?;
    let of = |texts: &StringArray| -> Vec<T> { texts.iter().map(|text| text.map_or(of_null, &answer)).collect() };
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Ok(of(texts));
    }
    let dictionary = array.as_dictionary_opt::<Int32Type>().ok_or_else(|| another_type(name))?;
    let by_key = of(dictionary.values().as_string_opt::<i32>().ok_or_else(|| another_type(name))?);
    let of_key = |key: Option<i32>| {
        let key = key.and_then(|key| usize::try_from(key).ok());
        key.and_then(|key| by_key.get(key)).copied().unwrap_or(of_null)
    };
    Ok(dictionary.keys().iter().map(of_key).collect())
}

/// Whether a column is null in each row.
pub(super) fn is_null(batch: &RecordBatch, name: &str) -> Result<Vec<bool>, ArrowError> {
    answers(batch, name, true, |_| false)
}

/// A column of numbers, which may be null.
pub(super) fn integer<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b Int64Array, ArrowError> {
    column(batch, name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| another_type(name))
}

/// A column of numbers that are all there.
pub(super) fn number<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b Int64Array, ArrowError> {
    integer(batch, name).and_then(|array| all_there(array, name))
}

/// A column of instants that are all there.
pub(super) fn times<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b TimestampMicrosecondArray, ArrowError> {
    let array = column(batch, name)?.as_primitive_opt::<TimestampMicrosecondType>();
    array.ok_or_else(|| another_type(name)).and_then(|array| all_there(array, name))
}

fn all_there<'b, A: Array>(array: &'b A, name: &str) -> Result<&'b A, ArrowError> {
    let missing = || ArrowError::SchemaError(format!("column {name} is null in some row"));
    if array.null_count() == 0 { Ok(array) } else { Err(missing()) }
}

pub(super) fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))
}

pub(super) fn another_type(name: &str) -> ArrowError {
    ArrowError::SchemaError(format!("column {name} is of another type"))
}
