//! The credentials that people used, and what the newest list of people says of their users.

use std::collections::BTreeMap;

use controls::Session;
use records::tables::identities::CredentialUse;
use records::{Period, Row, RowReader, Timestamp};
use reports::Material;
use reports::access::{AccessQuestion, CredentialList, CredentialRow, Listed, Paging};

use super::{LAST_PAGE, clusters, of_cluster, searched, total};
use crate::admission::condition::{instant, literal, literals};
use crate::admission::{columns, rows};
use crate::gather::GatherError;

/// The most lists of people that are looked into.
const LISTS: usize = 100;

/// What the users of an identity provider have before their names in the list of people: parameter `user_prefix` of AC-09.
#[must_use]
pub fn user_prefix(material: &Material) -> String {
    let control = material.controls.iter().find(|control| control.id.as_str() == "AC-09");
    let parameters = control.into_iter().flat_map(|control| &control.parameters);
    parameters.filter(|(name, _)| name == "user_prefix").map(|(_, value)| value.clone()).next().unwrap_or_default()
}

/// One page of the credentials that people used within the window, by user; or that they asked for.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn credentials(
    session: &Session,
    window: Period,
    question: AccessQuestion,
    user_prefix: &str,
    (page, per_page): (usize, usize),
) -> Result<CredentialList, GatherError> {
    let mut condition = format!(
        "(actor_class = 'human' OR issued_by_class = 'human') AND last_used_at >= {} AND first_used_at < {}{}",
        instant(window.from),
        instant(window.to),
        of_cluster(&question)
    );
    if !question.search.is_empty() {
        let (user, by) = (searched("user_name", &question.search), searched("issued_by", &question.search));
        condition.push_str(&format!(" AND ({user} OR {by})"));
    }
    let counted = total(session, &format!("SELECT count(*) FROM credential_use WHERE {condition}")).await?;
    let page = page.max(1);
    let sql = format!(
        "SELECT {} FROM credential_use WHERE {condition} ORDER BY user_name, first_used_at, credential LIMIT {per_page} OFFSET {}",
        columns(CredentialUse::TABLE, ""),
        (page - 1).saturating_mul(per_page)
    );
    let used = rows(session, &sql, |row| Ok(CredentialUse::read(&row)?.into_owned()));
    let used = if page <= LAST_PAGE { used.await? } else { Vec::new() };
    let listed = listed(session, window, user_prefix, &used).await?;
    let said = |used: &CredentialUse<'_>| {
        let listed = listed.as_ref()?;
        Some(listed.get(person(used)).cloned().unwrap_or(Listed::Absent))
    };
    Ok(CredentialList {
        clusters: clusters(session).await?,
        rows: used.into_iter().map(|used| CredentialRow { listed: said(&used), used }).collect(),
        paging: Paging { total: u64::try_from(counted).unwrap_or(0), page, per_page, last_page: LAST_PAGE },
        question,
    })
}

/// The person behind a credential: who asked for it, or its user.
fn person<'a>(used: &'a CredentialUse<'_>) -> &'a str {
    let asked = used.issued_by.as_deref().filter(|_| used.issued_by_class.as_deref() == Some("human"));
    asked.unwrap_or(&used.user_name)
}

/// What the newest whole reading of each list says of these users at the end of the window; `None` when there is none.
async fn listed(
    session: &Session,
    window: Period,
    user_prefix: &str,
    used: &[CredentialUse<'static>],
) -> Result<Option<BTreeMap<String, Listed>>, GatherError> {
    // A reading of which a page is not whole says nothing about who is absent.
    let sql = format!(
        "SELECT source, max(read_at) FROM (SELECT source, read_at FROM people_readings WHERE read_at < {} \
           GROUP BY source, read_at HAVING sum(CASE WHEN whole THEN 0 ELSE 1 END) = 0) GROUP BY source ORDER BY source LIMIT {LISTS}",
        instant(window.to)
    );
    let newest = rows(session, &sql, |row| {
        Ok((row.text(0).unwrap_or_default().to_owned(), row.time(1).unwrap_or(Timestamp::MIN)))
    });
    let newest = newest.await?;
    if newest.is_empty() {
        return Ok(None);
    }
    let names: BTreeMap<&str, &str> =
        used.iter().map(person).filter_map(|user| Some((user.strip_prefix(user_prefix)?, user))).collect();
    let readings: Vec<String> = newest
        .iter()
        .map(|(source, at)| format!("(source = {} AND read_at = {})", literal(source), instant(*at)))
        .collect();
    let sql = format!(
        "SELECT user_name, active, left_at FROM people WHERE user_name IN ({}) AND ({}) ORDER BY active, left_at",
        literals(names.keys().copied()),
        readings.join(" OR ")
    );
    let found = rows(session, &sql, |row| {
        let listed = if row.boolean(1) == Some(true) { Listed::Active } else { Listed::Left(row.time(2)) };
        Ok((row.text(0).unwrap_or_default().to_owned(), listed))
    });
    // Whoever works here by one list does.
    let found = found.await?.into_iter();
    Ok(Some(found.filter_map(|(name, listed)| Some(((*names.get(name.as_str())?).to_owned(), listed))).collect()))
}
