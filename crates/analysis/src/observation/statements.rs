//! Statements read from their rows.

use records::Statement;
use records::table::Provenance;
use records::tables::monitoring::StatementRow;

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
        .filter_map(|row| Some((&row.provenance, serde_json::from_str(&row.statement_json).ok()?)))
        .collect()
}
