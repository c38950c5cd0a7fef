//! Of which cluster, window and instant the tables are asked.

use controls::Session;
use records::{Period, RowReader, Timestamp};

use crate::admission::condition::{instant, literal};
use crate::admission::rows;
use crate::gather::GatherError;

/// The most clusters that are told of.
const CLUSTERS: usize = 50;

/// Names of the clusters of which these tables tell anything, in order.
pub(crate) async fn clusters(session: &Session, tables: &[&str]) -> Result<Vec<String>, GatherError> {
    let of: Vec<String> = tables.iter().map(|table| format!("SELECT DISTINCT cluster FROM {table}")).collect();
    let sql = format!("SELECT cluster FROM ({}) ORDER BY cluster LIMIT {CLUSTERS}", of.join(" UNION "));
    rows(session, &sql, |row| Ok(row.text(0).unwrap_or_default().to_owned())).await
}

/// The cluster of this name; the first when none is named.
pub(crate) fn chosen(clusters: &[String], name: &str) -> Option<String> {
    clusters.iter().find(|one| name.is_empty() || *one == name).cloned()
}

/// Of which cluster and instant rows are looked for.
pub(crate) struct Place {
    pub(crate) cluster: String,
    pub(crate) window: Period,
    pub(crate) at: Timestamp,
}

impl Place {
    /// The condition for rows that hold at the instant.
    pub(crate) fn holds(&self) -> String {
        let at = instant(self.at);
        format!("{} AND valid_from <= {at} AND (valid_to IS NULL OR valid_to > {at})", self.of_cluster())
    }

    /// The condition for rows that hold at any time of the window.
    pub(crate) fn in_window(&self) -> String {
        let (from, to) = (instant(self.window.from), instant(self.window.to));
        format!("{} AND valid_from < {to} AND (valid_to IS NULL OR valid_to > {from})", self.of_cluster())
    }

    pub(crate) fn of_cluster(&self) -> String {
        format!("cluster = {}", literal(&self.cluster))
    }
}
