//! Statements read from their rows.

use std::borrow::Cow;

use records::table::Provenance;
use records::tables::monitoring::StatementRow;
use records::{SourceName, Statement, Timestamp};
use serde::Deserialize;

/// A statement with its entry.
pub(crate) type Stated<'a, 'r> = (&'a Provenance<'r>, Statement);

/// The statements in the order of the store, each with its entry. One that cannot be read says nothing: the normaliser lists it as a
/// fault, and time that no statement covers is not covered.
pub(crate) fn read<'a, 'r>(rows: &'a [StatementRow<'r>]) -> Vec<(&'a Provenance<'r>, Statement)> {
    let mut order: Vec<&StatementRow<'r>> = rows.iter().collect();
    order.sort_by(|a, b| {
        let place = |r: &StatementRow<'_>| (r.provenance.segment, r.provenance.seq);
        a.provenance.source.cmp(&b.provenance.source).then(place(a).cmp(&place(b)))
    });
    order.dedup_by(|a, b| a.provenance.source == b.provenance.source && a.provenance.seq == b.provenance.seq);
    order
        .into_iter()
        .filter_map(|row| Some((&row.provenance, statement(&row.statement, &row.statement_json)?)))
        .collect()
}

/// A balance in its own form. There is one for each reading of counters, which are nearly all statements that are read here; a form that is
/// chosen by its tag is gone through twice.
#[derive(Deserialize)]
struct Balance<'a> {
    #[serde(borrow)]
    statement: Cow<'a, str>,
    subject: SourceName,
    at: Timestamp,
    process_start: Timestamp,
    event_total: u64,
    error_buffered: u64,
    error_webhook: u64,
    error_truncate: u64,
    received: u64,
}

fn statement(kind: &str, json: &str) -> Option<Statement> {
    if kind == "balance"
        && let Ok(balance) = serde_json::from_str::<Balance<'_>>(json)
        && balance.statement == kind
    {
        let Balance { subject, at, process_start, event_total, received, .. } = balance;
        let Balance { error_buffered, error_webhook, error_truncate, .. } = balance;
        return Some(Statement::Balance {
            subject,
            at,
            process_start,
            event_total,
            error_buffered,
            error_webhook,
            error_truncate,
            received,
        });
    }
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_read_as_by_its_tag() {
        let good = r#"{"statement":"balance","subject":"c/audit/a","at":"2026-03-02T00:00:00Z","process_start":"2026-03-01T00:00:00Z","event_total":7,"error_buffered":1,"error_webhook":2,"error_truncate":3,"received":4}"#;
        assert!(matches!(statement("balance", good), Some(Statement::Balance { received: 4, error_truncate: 3, .. })));
        for (from, to) in [
            ("", ""),
            ("\"received\":4", "\"received\":4,\"more\":[1]"),
            ("\"received\":4", "\"received\":-4"),
            ("\"received\":4", "\"received\":4.0"),
            ("\"received\":4", "\"received\":18446744073709551616"),
            (",\"received\":4", ""),
            ("\"received\":4", "\"received\":4,\"received\":5"),
            ("\"balance\"", "\"\\u0062alance\""),
            ("\"balance\"", "\"clock\""),
            ("\"statement\":\"balance\",", ""),
            ("c/audit/a", "no source"),
        ] {
            let json = good.replacen(from, to, usize::from(!from.is_empty()));
            assert_eq!(statement("balance", &json), serde_json::from_str(&json).ok(), "{json}");
        }
    }
}
