//! What the pages about access are made from, asked of the tables: rights at a moment of the window, what changed between two, and credentials.
//!
//! Semantics of rights are those of [`controls::access`]. What may be long comes a bounded number of rows at a time.

mod credentials;
mod difference;
mod held;
mod subject;
mod summary;

use controls::Session;
use records::tables::identities::{CredentialUse, PeopleReading, Person, ServiceAccount};
use records::tables::rbac::{BindingUse, PermissionUse, RbacGrant, RbacRisk, RbacRule};
use records::{Row, RowReader, Timestamp};
use reports::access::{
    AccessDifference, AccessQuestion, AccessSummary, CSV_ROWS, CredentialList, SubjectAccess, SubjectList, WhoCan,
};
use reports::{AccessMaterial, Material};

use crate::admission::condition::{instant, literal, matches};
use crate::admission::rows;
use crate::gather::GatherError;

pub use credentials::{credentials, user_prefix};
pub use difference::difference;
pub use held::who_can;
pub use subject::subject;
pub use summary::{subjects, summary};

/// The tables that the portal goes on asking between evaluations.
pub const TABLES: [&str; 9] = [
    RbacGrant::TABLE.name,
    RbacRule::TABLE.name,
    RbacRisk::TABLE.name,
    PermissionUse::TABLE.name,
    BindingUse::TABLE.name,
    CredentialUse::TABLE.name,
    ServiceAccount::TABLE.name,
    Person::TABLE.name,
    PeopleReading::TABLE.name,
];

/// Rows on one page of a list.
pub const ROWS_PER_PAGE: usize = 100;
/// The last page that is given: what lies further back is found by a narrower question.
pub const LAST_PAGE: usize = 100;
/// The most subjects that a package has pages for.
const SUBJECTS_IN_PACKAGE: usize = 100;
/// The most credentials that a package lists.
const CREDENTIALS_IN_PACKAGE: usize = 2_000;
/// The most rules and permissions of a subject that a page needs.
pub const ROWS_OF_SUBJECT: usize = 300;

/// Gives the portal what it shows of access. Called from threads that may block. Moments are those of the window of the evaluation that is shown.
pub trait AccessData: Send + Sync {
    /// Rights at a moment in figures, with this many of the worst risks.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn access_summary(&self, question: AccessQuestion, most: usize) -> Result<AccessSummary, GatherError>;

    /// One page of the subjects that pass a search.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn access_subjects(
        &self,
        question: AccessQuestion,
        page: usize,
        per_page: usize,
    ) -> Result<SubjectList, GatherError>;

    /// What the subject of the question holds at a moment, with this many rules and permissions.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn access_subject(&self, question: AccessQuestion, most: usize) -> Result<SubjectAccess, GatherError>;

    /// Who can make the request of the question at a moment, with this many rows.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn access_who_can(&self, question: AccessQuestion, most: usize) -> Result<WhoCan, GatherError>;

    /// What changed between the two moments of the question.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn access_difference(&self, question: AccessQuestion) -> Result<AccessDifference, GatherError>;

    /// One page of the credentials that people used.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn access_credentials(
        &self,
        question: AccessQuestion,
        page: usize,
        per_page: usize,
    ) -> Result<CredentialList, GatherError>;
}

/// What the package tells of access: the end of the window, and what changed over it.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn material(session: &Session, material: &Material) -> Result<AccessMaterial, GatherError> {
    let window = material.window;
    let question = AccessQuestion::default;
    let (names, subjects_total) = summary::worst_subjects(session, window, SUBJECTS_IN_PACKAGE).await?;
    let mut of_package = AccessMaterial {
        summary: summary(session, window, question(), CSV_ROWS).await?,
        subjects: Vec::with_capacity(names.len()),
        subjects_total,
        difference: difference(session, window, question()).await?,
        credentials: credentials(session, window, question(), &user_prefix(material), (1, CREDENTIALS_IN_PACKAGE))
            .await?,
    };
    for name in names {
        let question = AccessQuestion { subject: name, ..question() };
        of_package.subjects.push(subject(session, window, question, ROWS_OF_SUBJECT).await?);
    }
    Ok(of_package)
}

/// The rows that held at a moment, of the cluster of the question.
fn held_at(question: &AccessQuestion, at: Timestamp) -> String {
    let at = instant(at);
    format!("valid_from <= {at} AND (valid_to IS NULL OR valid_to > {at}){}", of_cluster(question))
}

/// The further condition that the question's cluster is.
fn of_cluster(question: &AccessQuestion) -> String {
    if question.cluster.is_empty() { String::new() } else { format!(" AND cluster = {}", literal(&question.cluster)) }
}

/// The condition that a name holds the text that is searched for, in whatever case, or is of its pattern.
fn searched(column: &str, search: &str) -> String {
    if search.contains('*') {
        return matches(column, search);
    }
    format!("strpos(lower({column}), {}) > 0", literal(&search.to_lowercase()))
}

/// A severity as a number, the worst first, for sorting.
const SEVERITY_RANK: &str =
    "CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' THEN 3 ELSE 4 END";

/// The clusters of which rights or credentials are known.
async fn clusters(session: &Session) -> Result<Vec<String>, GatherError> {
    let sql = "SELECT DISTINCT cluster FROM (SELECT cluster FROM rbac_grants UNION ALL SELECT cluster FROM credential_use) \
               ORDER BY cluster LIMIT 1000";
    rows(session, sql, |row| Ok(row.text(0).unwrap_or_default().to_owned())).await
}

/// The first number of a query's only row; 0 without one.
async fn total(session: &Session, sql: &str) -> Result<i64, GatherError> {
    let found = rows(session, sql, |row| Ok(row.integer(0).unwrap_or(0))).await?;
    Ok(found.first().copied().unwrap_or(0))
}
