//! The documentation of all open tables, made from their definitions.

use std::fmt::Write as _;

use crate::table::{Origin, PROVENANCE};
use crate::{Column, ColumnType};

/// `docs/tables.md`: every table and every column, in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = format!(
        "# The open tables, version {}\n\n\
         Made from `crates/records/src/tables`; do not edit by hand (`PLIMSOLL_UPDATE=1 cargo test -p records` writes it anew).\n\n\
         Times are instants in UTC with microseconds. Null means unknown or not applicable, as the column says. Columns whose names end in\n\
         `_json` hold one JSON value as text. In Parquet: text is UTF-8, integer is INT64, boolean is BOOLEAN, time is TIMESTAMP (UTC, micros).\n\n\
         Every table begins with the same columns, which lead to the raw entry that a row rests on:\n\n",
        super::VERSION
    );
    columns(&mut out, &PROVENANCE);
    out.push_str("\nA table is either projected from the entries of each segment (*from segments*) or computed over the whole history (*derived*).\n\n");
    for table in super::ALL {
        writeln!(out, "- [`{0}`](#{0}): {1}", table.name, cell(table.doc)).expect("writing to a String does not fail");
    }
    for table in super::ALL {
        let origin = match table.origin {
            Origin::Segment => "From segments.",
            Origin::Derived => "Derived.",
        };
        write!(out, "\n## {}\n\n{} {origin}\n\n", table.name, cell(table.doc))
            .expect("writing to a String does not fail");
        columns(&mut out, &table.columns[PROVENANCE.len()..]);
    }
    out
}

fn columns(out: &mut String, columns: &[Column]) {
    out.push_str("| column | type | null | what it holds |\n|---|---|---|---|\n");
    for column in columns {
        let kind = match column.kind {
            ColumnType::Text => "text",
            ColumnType::Integer => "integer",
            ColumnType::Boolean => "boolean",
            ColumnType::Time => "time",
        };
        let null = if column.nullable { "yes" } else { "no" };
        writeln!(out, "| `{}` | {kind} | {null} | {} |", column.name, cell(column.doc))
            .expect("writing to a String does not fail");
    }
}

/// Text on one line that ends no cell.
fn cell(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_documentation_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/tables.md");
        if std::env::var_os("PLIMSOLL_UPDATE").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == markdown(), "docs/tables.md is old: run PLIMSOLL_UPDATE=1 cargo test -p records");
    }
}
