//! Skew of the sources' clocks, as compared by the collectors.

use records::Statement;
use records::table::Provenance;
use records::tables::monitoring::ClockSkew;

/// The rows of `clock_skew`: each comparison speaks until the next one of its source.
pub(crate) fn clock_skew<'r>(statements: &[(&Provenance<'r>, Statement)]) -> Vec<ClockSkew<'r>> {
    let mut skews: Vec<ClockSkew<'r>> = statements
        .iter()
        .filter_map(|(provenance, statement)| match statement {
            Statement::Clock { subject, at, skew_micros, uncertainty_micros } => Some(ClockSkew {
                provenance: (*provenance).clone(),
                name: subject.to_string().into(),
                valid_from: *at,
                valid_to: None,
                skew_micros: *skew_micros,
                uncertainty_micros: *uncertainty_micros,
            }),
            _ => None,
        })
        .collect();
    skews.sort_by(|a, b| a.name.cmp(&b.name).then(a.valid_from.cmp(&b.valid_from)));
    // Of two comparisons at one instant the later entry speaks; the first would hold for no time.
    let mut rows: Vec<ClockSkew<'r>> = Vec::with_capacity(skews.len());
    for skew in skews {
        if let Some(last) = rows.last_mut().filter(|last| last.name == skew.name) {
            if last.valid_from == skew.valid_from {
                *last = skew;
                continue;
            }
            last.valid_to = Some(skew.valid_from);
        }
        rows.push(skew);
    }
    rows
}
