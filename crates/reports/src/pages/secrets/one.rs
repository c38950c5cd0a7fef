//! One Secret: its keeper, its contents over time, how it is stored, and who could read it.

use askama::Template;
use records::tables::secrets::{SecretPosture, SecretReaders, SecretRotation};

use super::list::age;
use super::{encrypted_mark, rotation_mark};
use crate::admission::entry_of;
use crate::figures::{Mark, Moment, count, duration};
use crate::links::{Links, Place, SecretsPlace};
use crate::network::instant;
use crate::pages::PageError;
use crate::pages::frame::{EvidenceLink, Frame};
use crate::report::Report;
use crate::secrets::rotation::Rotation;
use crate::secrets::{SecretMaterial, SecretQuery};
use crate::shown::Shown;

/// The most rows of a table.
const ROWS: usize = 200;

#[derive(Template)]
#[template(path = "secrets/secret.html")]
struct Page {
    frame: Frame,
    back: String,
    namespace: Shown,
    name: Shown,
    instant: Moment,
    secret_type: Shown,
    manager: Shown,
    keeper: Shown,
    refresh: Shown,
    synced: &'static str,
    refreshed_at: Option<Moment>,
    rotation: Mark,
    age: Shown,
    encrypted: Mark,
    encryption: Shown,
    encrypted_from: Option<Moment>,
    certificate: Option<Moment>,
    evidence: Option<EvidenceLink>,
    readers: Vec<Readers>,
    rotations: Vec<RotationRow>,
    older: usize,
    history: Vec<HistoryRow>,
    more_history: usize,
}

struct Readers {
    words: &'static str,
    number: String,
    since: Moment,
    subjects: Vec<Shown>,
    more: String,
    evidence: Option<EvidenceLink>,
}

struct RotationRow {
    from: Option<Moment>,
    basis: Shown,
    observed: Moment,
    to: Option<Moment>,
    ended_by: Shown,
    evidence: Option<EvidenceLink>,
}

struct HistoryRow {
    from: Moment,
    to: Option<Moment>,
    manager: Shown,
    synced: &'static str,
    encrypted: Mark,
    evidence: Option<EvidenceLink>,
}

fn synced(posture: &SecretPosture<'_>) -> &'static str {
    match posture.synced {
        Some(true) => "content and source agree",
        Some(false) => "content and source do not agree",
        None => "its keeper says nothing of it",
    }
}

/// The page of one Secret.
///
/// # Errors
/// [`PageError::Template`].
pub fn secret(
    report: &Report,
    links: &Links<'_>,
    query: &SecretQuery,
    secret: &SecretMaterial,
) -> Result<String, PageError> {
    let posture = &secret.posture;
    let at = instant(query.at, report.material().window);
    let text = |text: &Option<std::borrow::Cow<'_, str>>| Shown::line(text.as_deref().unwrap_or_default());
    let evidence = |provenance| entry_of(provenance).map(|entry| EvidenceLink::new(&entry, links));
    let refresh = match (posture.refresh.as_deref(), posture.refresh_seconds) {
        (Some("periodic"), Some(seconds)) => format!("every {}", duration(seconds.saturating_mul(1_000_000))),
        (Some("before_expiry"), _) => "before it ends".to_owned(),
        (Some("on_change"), _) => "when its own object changes".to_owned(),
        (Some("never"), _) => "never".to_owned(),
        (Some(other), _) => other.to_owned(),
        (None, _) => String::new(),
    };
    let encryption: Vec<&str> =
        [posture.encryption_provider.as_deref(), posture.encryption_key.as_deref()].into_iter().flatten().collect();
    let of_names = [
        ("may read all Secrets of its namespace", &secret.readers),
        ("may read it because a role names it", &secret.named_readers),
    ];
    let page = Page {
        frame: Frame::new(
            report,
            links,
            "secrets",
            format!("Secret {}/{}", Shown::line(&posture.namespace), Shown::line(&posture.name)),
        ),
        back: links.to(&Place::Secrets(SecretsPlace::List(Box::new(query.place()), 1))),
        namespace: Shown::line(&posture.namespace),
        name: Shown::line(&posture.name),
        instant: Moment::new(if query.at.is_none() { report.material().window.to } else { at }),
        secret_type: text(&posture.secret_type),
        manager: text(&posture.manager),
        keeper: text(&posture.manager_object),
        refresh: Shown::line(&refresh),
        synced: synced(posture),
        refreshed_at: posture.refreshed_at.map(Moment::new),
        rotation: rotation_mark(Rotation::of(posture, at)),
        age: Shown::line(&age(secret, at)),
        encrypted: encrypted_mark(posture.encrypted),
        encryption: Shown::line(&encryption.join(", key ")),
        encrypted_from: posture.encryption_seen_from.map(Moment::new),
        certificate: posture.certificate_not_after.map(Moment::new),
        evidence: evidence(&posture.provenance),
        readers: of_names
            .into_iter()
            .filter_map(|(words, rows)| rows.as_ref().map(|rows| readers(words, rows, links)))
            .collect(),
        rotations: secret.rotations.iter().take(ROWS).map(|row| rotation(row, links)).collect(),
        older: secret.rotations.len().saturating_sub(ROWS),
        history: secret
            .history
            .iter()
            .take(ROWS)
            .map(|row| HistoryRow {
                from: Moment::new(row.valid_from),
                to: row.valid_to.map(Moment::new),
                manager: text(&row.manager),
                synced: synced(row),
                encrypted: encrypted_mark(row.encrypted),
                evidence: evidence(&row.provenance),
            })
            .collect(),
        more_history: secret.history.len().saturating_sub(ROWS),
    };
    page.render().map_err(PageError::template("secret"))
}

fn readers(words: &'static str, rows: &SecretReaders<'_>, links: &Links<'_>) -> Readers {
    // A text of another form names nobody; the number stands all the same.
    let subjects: Vec<String> = serde_json::from_str(&rows.readers_json).unwrap_or_default();
    let more = rows.readers.saturating_sub(i64::try_from(subjects.len()).unwrap_or(i64::MAX)).max(0);
    Readers {
        words,
        number: count(rows.readers),
        since: Moment::new(rows.valid_from),
        subjects: subjects.iter().map(|subject| Shown::line(subject)).collect(),
        more: if more == 0 { String::new() } else { count(more) },
        evidence: entry_of(&rows.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}

fn rotation(row: &SecretRotation<'_>, links: &Links<'_>) -> RotationRow {
    RotationRow {
        from: row.content_from.map(Moment::new),
        basis: Shown::line(match row.content_from_basis.as_deref() {
            Some("content_hash") => "the manager's hash of it changed",
            Some("created") => "the Secret was made",
            Some("managed_fields") => "the last write by whoever owns it, so not earlier",
            Some(other) => other,
            None => "",
        }),
        observed: Moment::new(row.observed_at),
        to: row.content_to.map(Moment::new),
        ended_by: Shown::line(row.ended_by.as_deref().unwrap_or_default()),
        evidence: entry_of(&row.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}
