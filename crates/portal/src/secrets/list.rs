//! Secrets, a page at a time, and one with everything that is known of it.

use std::collections::BTreeMap;

use controls::Session;
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};
use records::{Period, Row};
use reports::network::instant as asked_instant;
use reports::secrets::{ManagerChoice, SecretMaterial, SecretQuery};
use reports::{SecretList, SecretsMaterial};

use super::overview::total;
use super::{LAST_PAGE, Place, chosen, clusters};
use crate::admission::condition::{literal, literals};
use crate::admission::{columns, rows};
use crate::gather::GatherError;

/// The most rows about who reads that are looked up at once, and of one Secret's history.
const READERS: usize = 50_000;
const HISTORY: usize = 2_000;
/// The most Secrets that a package has pages for.
const MOST_IN_PACKAGE: usize = 500;

/// The Secrets that a question is about, those without a manager first: one page of them.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn list(
    session: &Session,
    window: Period,
    query: SecretQuery,
    page: usize,
    per_page: usize,
) -> Result<SecretList, GatherError> {
    let clusters = clusters(session).await?;
    let page = page.max(1);
    let list = SecretList { clusters, query, page, per_page, last_page: LAST_PAGE, ..SecretList::default() };
    let Some(cluster) = chosen(&list.clusters, &list.query.cluster) else { return Ok(list) };
    let place = Place { cluster, window, at: asked_instant(list.query.at, window) };
    let of = format!("secrets_posture WHERE {}", condition(&place, &list.query));
    let total = total(session, &of).await?;
    let offset = (page - 1).saturating_mul(per_page);
    let within = page <= LAST_PAGE && u64::try_from(offset).unwrap_or(u64::MAX) < total;
    let found = if within { found(session, &place, &of, per_page, offset).await? } else { Vec::new() };
    Ok(SecretList { rows: found, total, ..list })
}

fn condition(place: &Place, query: &SecretQuery) -> String {
    let mut all = vec![place.holds()];
    if !query.namespace.is_empty() {
        all.push(format!("namespace = {}", literal(&query.namespace)));
    }
    if !query.name.is_empty() {
        all.push(format!("name = {}", literal(&query.name)));
    }
    match &query.manager {
        None => {}
        Some(ManagerChoice::Without) => all.push("manager IS NULL".to_owned()),
        Some(ManagerChoice::Named(name)) => all.push(format!("manager = {}", literal(name))),
    }
    all.join(" AND ")
}

/// Secrets with who may read them.
async fn found(
    session: &Session,
    place: &Place,
    of: &str,
    most: usize,
    offset: usize,
) -> Result<Vec<SecretMaterial>, GatherError> {
    let sql = format!(
        "SELECT {} FROM {of} ORDER BY CASE WHEN manager IS NULL THEN 0 ELSE 1 END, namespace, name, secret_id LIMIT {most} OFFSET {offset}",
        columns(SecretPosture::TABLE, "")
    );
    let postures = rows(session, &sql, |row| Ok(SecretPosture::read(&row)?.into_owned())).await?;
    if postures.is_empty() {
        return Ok(Vec::new());
    }
    let mut namespaces: Vec<&str> = postures.iter().map(|posture| &*posture.namespace).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let sql = format!(
        "SELECT {} FROM secret_readers WHERE {} AND namespace IN ({}) ORDER BY namespace, name, valid_from LIMIT {READERS}",
        columns(SecretReaders::TABLE, ""),
        place.holds(),
        literals(namespaces)
    );
    let mut readers: BTreeMap<(String, Option<String>), SecretReaders<'static>> = BTreeMap::new();
    for row in rows(session, &sql, |row| Ok(SecretReaders::read(&row)?.into_owned())).await? {
        readers.insert((row.namespace.to_string(), row.name.as_deref().map(str::to_owned)), row);
    }
    let whole = |posture: SecretPosture<'static>| {
        let namespace = posture.namespace.to_string();
        SecretMaterial {
            readers: readers.get(&(namespace.clone(), None)).cloned(),
            named_readers: readers.get(&(namespace, Some(posture.name.to_string()))).cloned(),
            posture,
            history: Vec::new(),
            rotations: Vec::new(),
        }
    };
    Ok(postures.into_iter().map(whole).collect())
}

/// The Secret of a question with everything that is known of it; `None` when there was none at that time.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn secret(
    session: &Session,
    window: Period,
    query: &SecretQuery,
) -> Result<Option<SecretMaterial>, GatherError> {
    let Some(cluster) = chosen(&clusters(session).await?, &query.cluster) else { return Ok(None) };
    if query.namespace.is_empty() || query.name.is_empty() {
        return Ok(None);
    }
    let place = Place { cluster, window, at: asked_instant(query.at, window) };
    let of = format!("secrets_posture WHERE {}", condition(&place, query));
    let mut one = found(session, &place, &of, 1, 0).await?;
    add_history(session, &place, &mut one).await?;
    Ok(one.pop())
}

/// Adds contents and history to Secrets.
async fn add_history(session: &Session, place: &Place, secrets: &mut [SecretMaterial]) -> Result<(), GatherError> {
    if secrets.is_empty() {
        return Ok(());
    }
    let ids = literals(secrets.iter().map(|secret| &*secret.posture.secret_id));
    let most = HISTORY.saturating_mul(secrets.len().min(20));
    let sql = format!(
        "SELECT {} FROM secret_rotations WHERE {} AND secret_id IN ({ids}) ORDER BY secret_id, observed_at DESC, rotation_id LIMIT {most}",
        columns(SecretRotation::TABLE, ""),
        place.of_cluster()
    );
    let mut rotations: BTreeMap<String, Vec<SecretRotation<'static>>> = BTreeMap::new();
    for row in rows(session, &sql, |row| Ok(SecretRotation::read(&row)?.into_owned())).await? {
        rotations.entry(row.secret_id.to_string()).or_default().push(row);
    }
    let sql = format!(
        "SELECT {} FROM secrets_posture WHERE {} AND secret_id IN ({ids}) ORDER BY secret_id, valid_from LIMIT {most}",
        columns(SecretPosture::TABLE, ""),
        place.in_window()
    );
    let mut history: BTreeMap<String, Vec<SecretPosture<'static>>> = BTreeMap::new();
    for row in rows(session, &sql, |row| Ok(SecretPosture::read(&row)?.into_owned())).await? {
        history.entry(row.secret_id.to_string()).or_default().push(row);
    }
    for secret in secrets {
        let id = &*secret.posture.secret_id;
        secret.rotations = rotations.remove(id).unwrap_or_default();
        secret.history = history.remove(id).unwrap_or_default();
    }
    Ok(())
}

/// Adds to the material the Secrets that a package has pages for.
///
/// # Errors
/// [`GatherError::Tables`].
pub async fn add_secrets(session: &Session, window: Period, material: &mut SecretsMaterial) -> Result<(), GatherError> {
    let place = Place { cluster: material.cluster.clone(), window, at: material.instant(window) };
    let of = format!("secrets_posture WHERE {}", place.holds());
    material.secrets = found(session, &place, &of, MOST_IN_PACKAGE, 0).await?;
    add_history(session, &place, &mut material.secrets).await
}
