//! The one text form of rows that digests are made over.
//!
//! A row is a JSON array of its values in the order of the columns, without white space: text as JSON text, integers as digits,
//! truth values as `true` and `false`, instants as text in RFC 3339 with six digits and `Z`, null as `null`. A digest is the SHA-256
//! of all rows, each followed by a line feed, so that `sha256sum` over a file of such lines gives it.

use std::io::Write as _;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use records::{Column, ColumnWriter, Row, Timestamp};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The SHA-256 (hexadecimal) of the lines, each followed by a line feed.
pub fn digest<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = LinesDigest::new();
    for line in lines {
        all.add(|text| text.extend_from_slice(line.as_bytes()));
    }
    all.finish()
}

/// The digest of lines that are written one after the other and not kept.
pub(crate) struct LinesDigest {
    hasher: Sha256,
    pending: Vec<u8>,
}

impl LinesDigest {
    /// Bytes that are collected before they are hashed.
    const PENDING: usize = 16 << 10;

    pub(crate) fn new() -> Self {
        Self { hasher: Sha256::new(), pending: Vec::new() }
    }

    /// Adds the line that is written; the line feed is added here.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.pending);
        self.pending.push(b'\n');
        if self.pending.len() >= Self::PENDING {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    /// The digest, hexadecimal.
    pub(crate) fn finish(mut self) -> String {
        self.hasher.update(&self.pending);
        hex::encode(self.hasher.finalize())
    }
}

/// The canonical text of one row of a batch whose columns are text, 64-bit integers, truth values and UTC microseconds.
#[must_use]
pub fn row_text(batch: &RecordBatch, row: usize) -> String {
    let mut text = Vec::new();
    RowTexts::of(batch).write(row, &mut text);
    string(text)
}

/// The canonical texts of the rows of one batch.
pub(crate) struct RowTexts<'a> {
    columns: Vec<Cells<'a>>,
}

enum Cells<'a> {
    Text(&'a StringArray),
    Integer(&'a Int64Array),
    Boolean(&'a BooleanArray),
    Time(&'a TimestampMicrosecondArray),
    Other,
}

impl<'a> RowTexts<'a> {
    pub(crate) fn of(batch: &'a RecordBatch) -> Self {
        let cells = |array: &'a dyn Array| match array.data_type() {
            DataType::Utf8 => Cells::Text(array.as_string()),
            DataType::Int64 => Cells::Integer(array.as_primitive()),
            DataType::Boolean => Cells::Boolean(array.as_boolean()),
            DataType::Timestamp(_, _) => Cells::Time(array.as_primitive()),
            _ => Cells::Other,
        };
        Self { columns: batch.columns().iter().map(|array| cells(array)).collect() }
    }

    /// Appends the text of one row.
    pub(crate) fn write(&self, row: usize, out: &mut Vec<u8>) {
        out.push(b'[');
        for (number, cells) in self.columns.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            match cells {
                Cells::Text(array) => text(out, array.is_valid(row).then(|| array.value(row))),
                Cells::Integer(array) => integer(out, array.is_valid(row).then(|| array.value(row))),
                Cells::Boolean(array) => boolean(out, array.is_valid(row).then(|| array.value(row))),
                Cells::Time(array) => match array.is_valid(row).then(|| Timestamp::from_micros(array.value(row))) {
                    Some(Ok(instant)) => time(out, Some(instant)),
                    None => time(out, None),
                    // Beyond the years 0000 to 9999 there is no RFC 3339 text; the number itself is as canonical.
                    Some(Err(_)) => integer(out, Some(array.value(row))),
                },
                Cells::Other => null(out),
            }
        }
        out.push(b']');
    }
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

fn text(out: &mut Vec<u8>, value: Option<&str>) {
    let Some(value) = value else { return null(out) };
    let plain = value.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
    if plain {
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(json!(value).to_string().as_bytes());
    }
}

fn integer(out: &mut Vec<u8>, value: Option<i64>) {
    let Some(value) = value else { return null(out) };
    write!(out, "{value}").expect("writing to memory does not fail");
}

fn boolean(out: &mut Vec<u8>, value: Option<bool>) {
    out.extend_from_slice(match value {
        None => b"null",
        Some(true) => b"true",
        Some(false) => b"false",
    });
}

fn time(out: &mut Vec<u8>, value: Option<Timestamp>) {
    let Some(value) = value else { return null(out) };
    out.push(b'"');
    out.extend_from_slice(&value.to_ascii());
    out.push(b'"');
}

fn string(text: Vec<u8>) -> String {
    String::from_utf8(text).expect("it was put together from texts and ASCII")
}

/// Writes the columns of a row into JSON, all but the first few.
struct JsonWriter<'o> {
    out: &'o mut Vec<u8>,
    columns: &'static [Column],
    at: usize,
    skip: usize,
    /// Whether each value comes with the name of its column, as in an object.
    named: bool,
}

impl JsonWriter<'_> {
    /// Where the value of the next column goes; `None` when it is left out.
    fn next(&mut self) -> Option<&mut Vec<u8>> {
        let at = self.at;
        self.at += 1;
        if at < self.skip {
            return None;
        }
        if self.named {
            self.out.push(b',');
            text(self.out, self.columns.get(at).map(|column| column.name));
            self.out.push(b':');
        } else if at > self.skip {
            self.out.push(b',');
        }
        Some(&mut *self.out)
    }
}

impl ColumnWriter for JsonWriter<'_> {
    fn text(&mut self, value: Option<&str>) {
        if let Some(out) = self.next() {
            text(out, value);
        }
    }

    fn integer(&mut self, value: Option<i64>) {
        if let Some(out) = self.next() {
            integer(out, value);
        }
    }

    fn boolean(&mut self, value: Option<bool>) {
        if let Some(out) = self.next() {
            boolean(out, value);
        }
    }

    fn time(&mut self, value: Option<Timestamp>) {
        if let Some(out) = self.next() {
            time(out, value);
        }
    }
}

/// A row as a JSON object without its provenance, opened by `record`.
pub(crate) fn record<'a, R: Row<'a>>(record: &str, row: &R) -> String {
    // Built by hand: the order of the keys is that of the table, `record` first.
    let mut out = b"{\"record\":".to_vec();
    text(&mut out, Some(record));
    let skip = records::table::PROVENANCE.len();
    row.write(&mut JsonWriter { out: &mut out, columns: R::TABLE.columns, at: 0, skip, named: true });
    out.push(b'}');
    string(out)
}

/// Appends the canonical text of a row of a result table, without provenance and without its first column (the evaluation's identifier):
/// the same results give the same text in every evaluation.
pub(crate) fn write_result<'a, R: Row<'a>>(row: &R, out: &mut Vec<u8>) {
    out.push(b'[');
    let skip = records::table::PROVENANCE.len() + 1;
    row.write(&mut JsonWriter { out, columns: R::TABLE.columns, at: 0, skip, named: false });
    out.push(b']');
}

/// A JSON object as text with its keys in order.
pub(crate) fn object_text(object: &Value) -> String {
    let sorted: std::collections::BTreeMap<&String, &Value> =
        object.as_object().map(Map::iter).into_iter().flatten().collect();
    json!(sorted).to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, NullArray};
    use proptest::prelude::*;
    use records::table::Provenance;
    use records::tables::results::ControlItem;

    use super::*;

    proptest! {
        /// The JSON library is the judge of how a value is written.
        #[test]
        fn rows_are_written_as_the_library_writes_them(
            texts in prop::collection::vec(prop::option::of(".{0,20}|[\\x00-\\x7f]{0,8}"), 4),
            numbers in prop::collection::vec(prop::option::of(any::<i64>()), 4),
            truths in prop::collection::vec(prop::option::of(any::<bool>()), 4),
        ) {
            let times: Vec<Option<i64>> = numbers.iter().map(|n| n.map(|n| n / 16)).collect();
            let columns: Vec<(&str, ArrayRef)> = vec![
                ("a", Arc::new(StringArray::from(texts.clone()))),
                ("b", Arc::new(Int64Array::from(numbers.clone()))),
                ("c", Arc::new(BooleanArray::from(truths.clone()))),
                ("d", Arc::new(TimestampMicrosecondArray::from(times.clone()).with_timezone("UTC"))),
                ("e", Arc::new(NullArray::new(4))),
            ];
            let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
            for row in 0..4 {
                let time = times[row].map(|t| Timestamp::from_micros(t).map_or_else(|_| json!(t), |t| json!(t)));
                let expected = json!([texts[row], numbers[row], truths[row], time, null]);
                prop_assert_eq!(row_text(&batch, row), expected.to_string());
            }
        }

        #[test]
        fn the_digest_is_that_of_the_lines(lines in prop::collection::vec(".{0,4000}", 0..20)) {
            let whole: String = lines.iter().map(|line| format!("{line}\n")).collect();
            prop_assert_eq!(digest(lines.iter().map(String::as_str)), hex::encode(Sha256::digest(whole)));
        }
    }

    #[test]
    fn a_result_is_told_without_its_evaluation_and_a_record_with_it() {
        let at: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let row = ControlItem {
            provenance: Provenance::default(),
            evaluation_id: "e".into(),
            control: "XX-01".into(),
            item: "i".into(),
            label: "a \"b\"\n".into(),
            item_from: at,
            item_to: at,
            verdict: "effective".into(),
            reason: "".into(),
            evidence_source: None,
            evidence_segment: Some(3),
            evidence_seq: None,
        };
        let mut text = Vec::new();
        write_result(&row, &mut text);
        let time = "\"2026-03-02T00:00:00.000000Z\"";
        assert_eq!(string(text), format!(r#"["XX-01","i","a \"b\"\n",{time},{time},"effective","",null,3,null]"#));
        let expected = format!(
            r#"{{"record":"control_item","evaluation_id":"e","control":"XX-01","item":"i","label":"a \"b\"\n","item_from":{time},"item_to":{time},"verdict":"effective","reason":"","evidence_source":null,"evidence_segment":3,"evidence_seq":null}}"#
        );
        assert_eq!(record("control_item", &row), expected);
    }
}
