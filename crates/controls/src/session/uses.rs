//! What was done, by kinds of requests: the audit events of a year as some thousands of rows.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use records::{ReadRowError, RowReader as _};

use super::{SessionError, context};
use crate::batches::rows_of;

/// Kinds of requests at most. A large cluster has some ten thousands; who makes up more of them (users or groups in each request another
/// one) shall not fill the memory.
const MOST_KINDS: usize = 200_000;
/// Names of objects that are told apart at most.
const MOST_NAMES: usize = 5_000;

/// Kinds of requests with the columns of [`analysis::ObservedUse::COLUMNS`].
#[derive(Debug)]
pub(super) struct Uses {
    pub(super) rows: Vec<RecordBatch>,
    /// Whether these are all.
    pub(super) complete: bool,
}

/// Groups the events of requests that were allowed. Only the columns that it names are read.
pub(super) async fn gather(ctx: &SessionContext) -> Result<Uses, SessionError> {
    let names = names(ctx).await?;
    let name = match names.iter().take(MOST_NAMES).map(|name| literal(name)).collect::<Vec<_>>() {
        names if names.is_empty() => "CAST(NULL AS VARCHAR)".to_owned(),
        names => format!("CASE WHEN name IN ({}) THEN name END", names.join(", ")),
    };
    // A watch has an event when it begins and one when it ends, which may be missing or not be there yet: it is one request.
    let sql = format!(
        "SELECT cluster, source, max(segment) AS segment, max(seq) AS seq, max(normaliser_version) AS normaliser_version,
                user_name, user_groups_json, impersonated_user, impersonated_groups_json, verb, api_group, resource,
                subresource, namespace, name, path, decision_reason,
                min(event_time) AS first_use, max(event_time) AS last_use,
                CASE WHEN sum(started) > sum(ended) THEN sum(started) ELSE sum(ended) END AS requests
         FROM (SELECT cluster, source, segment, seq, normaliser_version, event_time,
                      user_name, user_groups_json, impersonated_user, impersonated_groups_json, verb, api_group,
                      resource, subresource, namespace,
                      {name} AS name,
                      CASE WHEN resource IS NULL THEN request_path END AS path,
                      CASE WHEN decision_reason LIKE 'RBAC:%' THEN 'RBAC:' ELSE decision_reason END AS decision_reason,
                      CASE WHEN stage = 'ResponseStarted' THEN 1 ELSE 0 END AS started,
                      CASE WHEN stage = 'ResponseStarted' THEN 0 ELSE 1 END AS ended
               FROM audit_events
               WHERE coalesce(stage, '') <> 'RequestReceived'
                 AND (decision = 'allow' OR (decision IS NULL AND response_code < 400)))
         GROUP BY cluster, source, user_name, user_groups_json, impersonated_user, impersonated_groups_json, verb, api_group,
                  resource, subresource, namespace, name, path, decision_reason
         ORDER BY cluster, source, seq
         LIMIT {}",
        MOST_KINDS + 1
    );
    let rows = context::rows(ctx, &sql).await?;
    let kinds: usize = rows.iter().map(RecordBatch::num_rows).sum();
    Ok(Uses { rows, complete: kinds <= MOST_KINDS && names.len() <= MOST_NAMES })
}

/// The names to which rules of roles are limited.
async fn names(ctx: &SessionContext) -> Result<BTreeSet<String>, SessionError> {
    let sql = "SELECT DISTINCT body_json FROM object_observations
               WHERE api_group = 'rbac.authorization.k8s.io' AND resource IN ('roles', 'clusterroles')
                 AND body_json LIKE '%resourceNames%'";
    let bodies = context::rows(ctx, sql).await?;
    let missing = || ReadRowError { table: "object_observations", column: "body_json" };
    let bodies = rows_of(&bodies, |r| r.text(0).ok_or_else(missing))?;
    Ok(analysis::rbac::usage::names_in_rules(bodies))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
