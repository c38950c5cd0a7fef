//! The names of objects to which rules of roles are limited.

use std::collections::BTreeSet;

use datafusion::prelude::SessionContext;
use records::{ReadRowError, RowReader as _};

use super::{SessionError, context};
use crate::batches::rows_of;

/// Names that are told apart at most.
const MOST_NAMES: usize = 5_000;

/// The first of them, and whether these are all.
pub(super) async fn gather(ctx: &SessionContext) -> Result<(BTreeSet<String>, bool), SessionError> {
    let sql = "SELECT DISTINCT body_json FROM object_observations
               WHERE api_group = 'rbac.authorization.k8s.io' AND resource IN ('roles', 'clusterroles')
                 AND body_json LIKE '%resourceNames%'";
    let bodies = context::rows(ctx, sql).await?;
    let missing = || ReadRowError { table: "object_observations", column: "body_json" };
    let bodies = rows_of(&bodies, |r| r.text(0).ok_or_else(missing))?;
    let mut names = analysis::rbac::usage::names_in_rules(bodies);
    let complete = names.len() <= MOST_NAMES;
    while names.len() > MOST_NAMES {
        names.pop_last();
    }
    Ok((names, complete))
}
