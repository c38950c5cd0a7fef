//! The SQL of a control is planned when the catalogue is loaded: an unknown table or column, a column that is missing from the
//! output or of another type, and any statement that is not a query is an error with its place in the file.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::prelude::SessionContext;
use records::ControlKind;

use super::Fault;
use super::file::{Parsed, Place};
use crate::session::{self, context};

/// What a column of the output must be.
#[derive(Clone, Copy)]
enum Wanted {
    Text,
    Integer,
    Time,
}

type Columns = &'static [(&'static str, Wanted)];

fn population_columns(kind: ControlKind) -> Columns {
    match kind {
        ControlKind::State => &[
            ("item", Wanted::Text),
            ("label", Wanted::Text),
            ("valid_from", Wanted::Time),
            ("valid_to", Wanted::Time),
            ("source", Wanted::Text),
            ("segment", Wanted::Integer),
            ("seq", Wanted::Integer),
        ],
        ControlKind::Event => &[
            ("item", Wanted::Text),
            ("label", Wanted::Text),
            ("at", Wanted::Time),
            ("source", Wanted::Text),
            ("segment", Wanted::Integer),
            ("seq", Wanted::Integer),
        ],
        ControlKind::Cadence => &[
            ("item", Wanted::Text),
            ("label", Wanted::Text),
            ("due_from", Wanted::Time),
            ("due_to", Wanted::Time),
            ("source", Wanted::Text),
            ("segment", Wanted::Integer),
            ("seq", Wanted::Integer),
        ],
    }
}

fn test_columns(kind: ControlKind) -> Columns {
    match kind {
        ControlKind::State => &[
            ("item", Wanted::Text),
            ("valid_from", Wanted::Time),
            ("valid_to", Wanted::Time),
            ("verdict", Wanted::Text),
            ("reason", Wanted::Text),
        ],
        ControlKind::Event | ControlKind::Cadence => {
            &[("item", Wanted::Text), ("verdict", Wanted::Text), ("reason", Wanted::Text)]
        }
    }
}

/// Everything that is wrong with the SQL of one control.
pub(super) async fn sql(parsed: &Parsed) -> Vec<Fault> {
    let control = &parsed.control;
    let ctx = context::bounded(64 << 20);
    if let Err(error) =
        session::register_empty(&ctx).and_then(|()| session::register_control_inputs(&ctx, &[], &[], None))
    {
        return vec![Fault::new(&control.path, 0, 0, format!("failed to prepare the check of its SQL: {error}"))];
    }
    let population = match plan(&ctx, &control.path, "population", &control.population, parsed.population_at).await {
        Ok(schema) => schema,
        Err(fault) => return vec![fault],
    };
    let at = parsed.population_at.of(1, 1);
    let mut faults = output(&control.path, at, "population", &population, population_columns(control.kind));
    if !faults.is_empty() {
        return faults;
    }
    let schema = crate::runner::population_schema(&population);
    if let Err(error) = session::register_batches(&ctx, "population", vec![RecordBatch::new_empty(schema)]) {
        return vec![Fault::new(&control.path, at.0, at.1, format!("the population cannot be a table: {error}"))];
    }
    match plan(&ctx, &control.path, "test", &control.test, parsed.test_at).await {
        Ok(schema) => {
            let at = parsed.test_at.of(1, 1);
            faults.extend(output(&control.path, at, "test", &schema, test_columns(control.kind)));
        }
        Err(fault) => faults.push(fault),
    }
    faults
}

async fn plan(ctx: &SessionContext, path: &str, what: &str, sql: &str, place: Place) -> Result<SchemaRef, Fault> {
    let fault = |error: DataFusionError| {
        let (line, column) = position(&error).map_or_else(|| place.of(1, 1), |(l, c)| place.of(l, c));
        Fault::new(path, line, column, format!("{what}: {}", context::message(&error)))
    };
    let frame = context::query(ctx, sql).await.map_err(fault)?;
    let schema = frame.schema().inner().clone();
    // The physical plan finds what the logical one lets through: subqueries and functions that cannot be run.
    frame.create_physical_plan().await.map_err(fault)?;
    Ok(schema)
}

/// Line and column (from 1) within the SQL that an error tells.
fn position(error: &DataFusionError) -> Option<(u64, u64)> {
    if let Some(span) = error.diagnostic().and_then(|d| d.span) {
        return Some((span.start.line, span.start.column));
    }
    let text = error.strip_backtrace();
    let rest = &text[text.rfind(" at Line: ")? + " at Line: ".len()..];
    let (line, rest) = rest.split_once(", Column: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, digits.parse().ok()?))
}

fn output(path: &str, at: (u64, u64), what: &str, schema: &Schema, wanted: Columns) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (name, kind) in wanted {
        match schema.field_with_name(name) {
            Err(_) => {
                let given: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
                let message = format!("{what} has no column {name}; its columns are {}", given.join(", "));
                faults.push(Fault::new(path, at.0, at.1, message));
            }
            Ok(field) if !fits(*kind, field.data_type()) => {
                let expected = match kind {
                    Wanted::Text => "text",
                    Wanted::Integer => "a 64-bit integer",
                    Wanted::Time => "a time in UTC",
                };
                let message = format!("{what}: column {name} is {}, expected {expected}", field.data_type());
                faults.push(Fault::new(path, at.0, at.1, message));
            }
            Ok(_) => {}
        }
    }
    for field in schema.fields() {
        if schema.fields().iter().filter(|f| f.name() == field.name()).count() > 1 {
            faults.push(Fault::new(path, at.0, at.1, format!("{what} has several columns {}", field.name())));
            break;
        }
        if !storable(field.data_type()) {
            let message =
                format!("{what}: column {} is {}, which no open table holds", field.name(), field.data_type());
            faults.push(Fault::new(path, at.0, at.1, message));
        }
    }
    faults
}

fn fits(wanted: Wanted, kind: &DataType) -> bool {
    match (wanted, kind) {
        (_, DataType::Null) => true,
        (Wanted::Text, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => true,
        (Wanted::Integer, kind) => kind.is_integer(),
        (Wanted::Time, DataType::Timestamp(_, zone)) => zone.is_some(),
        _ => false,
    }
}

fn storable(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Null
            | DataType::Boolean
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Timestamp(_, _)
    ) || kind.is_integer()
}
