//! The one text form of rows that digests are made over.
//!
//! A row is a JSON array of its values in the order of the columns, without white space: text as JSON text, integers as digits,
//! truth values as `true` and `false`, instants as text in RFC 3339 with six digits and `Z`, null as `null`. A digest is the SHA-256
//! of all rows, each followed by a line feed, so that `sha256sum` over a file of such lines gives it.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use records::{ColumnWriter, Row, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The SHA-256 (hexadecimal) of the lines, each followed by a line feed.
pub fn digest<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = Sha256::new();
    for line in lines {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hex::encode(hasher.finalize())
}

/// The canonical text of one row of a batch whose columns are text, 64-bit integers, truth values and UTC microseconds.
#[must_use]
pub fn row_text(batch: &RecordBatch, row: usize) -> String {
    let values: Vec<Value> = batch.columns().iter().map(|array| value(array, row)).collect();
    Value::Array(values).to_string()
}

fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Timestamp(_, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            // Beyond the years 0000 to 9999 there is no RFC 3339 text; the number itself is as canonical.
            Timestamp::from_micros(micros).map_or_else(|_| json!(micros), |t| json!(t))
        }
        _ => Value::Null,
    }
}

/// Writes the columns of a row into JSON.
struct JsonWriter {
    values: Vec<Value>,
}

impl ColumnWriter for JsonWriter {
    fn text(&mut self, value: Option<&str>) {
        self.values.push(json!(value));
    }

    fn integer(&mut self, value: Option<i64>) {
        self.values.push(json!(value));
    }

    fn boolean(&mut self, value: Option<bool>) {
        self.values.push(json!(value));
    }

    fn time(&mut self, value: Option<Timestamp>) {
        self.values.push(json!(value));
    }
}

/// The values of a row without its provenance, by the table's columns.
pub(crate) fn values<'a, R: Row<'a>>(row: &R) -> impl Iterator<Item = (&'static str, Value)> {
    let mut writer = JsonWriter { values: Vec::new() };
    row.write(&mut writer);
    let provenance = records::table::PROVENANCE.len();
    R::TABLE.columns.iter().map(|c| c.name).zip(writer.values).skip(provenance)
}

/// A row as a JSON object without its provenance, opened by `record`.
pub(crate) fn record<'a, R: Row<'a>>(record: &str, row: &R) -> String {
    // Built by hand: the order of the keys is that of the table, `record` first.
    let mut text = format!("{{\"record\":{}", json!(record));
    for (name, value) in values(row) {
        text.push_str(&format!(",{}:{value}", json!(name)));
    }
    text.push('}');
    text
}

/// The canonical text of a row of a result table, without provenance and without its first column (the evaluation's identifier):
/// the same results give the same text in every evaluation.
pub(crate) fn result_text<'a, R: Row<'a>>(row: &R) -> String {
    Value::Array(values(row).skip(1).map(|(_, value)| value).collect()).to_string()
}

/// A JSON object as text with its keys in order.
pub(crate) fn object_text(object: &Value) -> String {
    let sorted: std::collections::BTreeMap<&String, &Value> =
        object.as_object().map(Map::iter).into_iter().flatten().collect();
    json!(sorted).to_string()
}
