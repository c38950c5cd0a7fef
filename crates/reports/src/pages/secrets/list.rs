//! The Secrets, a page at a time.

use askama::Template;

use super::{Head, encrypted_mark, rotation_mark};
use crate::admission::{FilterProblem, entry_of};
use crate::figures::{Mark, count, duration};
use crate::links::{CsvFile, Links, Place, SecretsCsv, SecretsPlace};
use crate::network::instant;
use crate::pages::PageError;
use crate::pages::frame::{EvidenceLink, Frame};
use crate::report::Report;
use crate::secrets::rotation::Rotation;
use crate::secrets::{CSV_SECRETS, SecretList, SecretMaterial, SecretQuery};
use crate::shown::{Shown, misleads};

#[derive(Template)]
#[template(path = "secrets/list.html")]
struct Page {
    frame: Frame,
    head: Head,
    texts: Vec<Field>,
    filter: Shown,
    first: String,
    last: String,
    total: String,
    beyond: Option<String>,
    part: bool,
    csv: String,
    csv_cut: bool,
    csv_rows: String,
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    rows: Vec<SecretRow>,
}

struct Field {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    problem: Option<&'static str>,
}

struct SecretRow {
    name: Shown,
    href: Option<String>,
    secret_type: Shown,
    manager: Shown,
    keeper: Shown,
    rotation: Mark,
    age: Shown,
    encrypted: Mark,
    readers: String,
    evidence: Option<EvidenceLink>,
}

/// What else is said of the age of a content: how old, and what that rests on.
pub(super) fn age(secret: &SecretMaterial, at: records::Timestamp) -> String {
    let posture = &secret.posture;
    let old = posture.content_changed_at.map(|changed| duration(at.micros_since(changed)));
    let basis = match posture.content_changed_basis.as_deref() {
        Some("content_hash") => "by the manager's hash",
        Some("created") => "since it was made",
        Some("managed_fields") => "by its last write, at least",
        _ => "",
    };
    match (old, posture.rotation_class.as_deref()) {
        (Some(old), Some(class)) => format!("{old} old, {basis}; {class}"),
        (Some(old), None) => format!("{old} old, {basis}"),
        (None, Some(class)) => format!("age not known; {class}"),
        (None, None) => "age not known".to_owned(),
    }
}

/// How many subjects may read it, in words.
pub(super) fn readers(secret: &SecretMaterial) -> String {
    let SecretMaterial { readers, named_readers, .. } = secret;
    match (readers, named_readers) {
        (None, None) => "not known".to_owned(),
        (Some(all), None) => count(all.readers),
        (all, Some(named)) => {
            let all = all.as_ref().map_or_else(|| "not known".to_owned(), |all| count(all.readers));
            format!("{all}, and {} by its name", count(named.readers))
        }
    }
}

/// One page of Secrets. Where pages are live it has a form to ask for others.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the page is beyond the last, [`PageError::Template`].
pub fn secret_list(
    report: &Report,
    links: &Links<'_>,
    query: &SecretQuery,
    problems: &[FilterProblem],
    list: &SecretList,
) -> Result<String, PageError> {
    let per_page = list.per_page.max(1);
    let pages = usize::try_from(list.total).unwrap_or(usize::MAX).div_ceil(per_page).max(1);
    let given = pages.min(list.last_page.max(1));
    if list.page == 0 || list.page > given {
        return Err(PageError::none(format_args!("page {} of the {given} with Secrets", list.page)));
    }
    let cluster = match query.cluster.as_str() {
        "" => list.clusters.first().map_or("", String::as_str),
        name => name,
    };
    let to_page = |page: usize| links.to(&Place::Secrets(SecretsPlace::List(Box::new(query.clone()), page)));
    let number = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
    let start = (list.page - 1) * per_page;
    let problem = |field: &str| problems.iter().find(|one| one.field == field);
    let field = |name, label, hint, value: String| Field {
        name,
        label,
        hint,
        value: problem(name).map_or(value, |one| one.given.clone()),
        problem: problem(name).map(|one| one.what),
    };
    let at = instant(query.at, report.material().window);
    let page = Page {
        frame: Frame::new(report, links, "secrets", "All Secrets".to_owned()),
        head: Head::new(report, links, "list", query, problems, (&list.clusters, cluster)),
        texts: vec![
            field("namespace", "Namespace", "its name", query.namespace.clone()),
            field(
                "manager",
                "Kept by",
                "as external-secrets; none for nothing",
                query.manager.as_ref().map(|manager| manager.word().to_owned()).unwrap_or_default(),
            ),
        ],
        filter: Shown::line(&query.words()),
        first: number(start + 1),
        last: number(start + list.rows.len()),
        total: count(i64::try_from(list.total).unwrap_or(i64::MAX)),
        beyond: (given < pages && list.page == given).then(|| number(given * per_page)),
        part: !links.live(),
        csv: links.to(&Place::Csv(CsvFile::Secrets(SecretsCsv::Secrets, Box::new(query.clone())))),
        csv_cut: list.total > CSV_SECRETS as u64,
        csv_rows: number(CSV_SECRETS),
        page: list.page,
        pages: given,
        previous: (list.page > 1).then(|| to_page(list.page - 1)),
        next: (list.page < given).then(|| to_page(list.page + 1)),
        rows: list.rows.iter().map(|secret| row(secret, links, query, at)).collect(),
    };
    page.render().map_err(PageError::template("secret_list"))
}

fn row(secret: &SecretMaterial, links: &Links<'_>, query: &SecretQuery, at: records::Timestamp) -> SecretRow {
    let posture = &secret.posture;
    let of = SecretQuery { namespace: posture.namespace.to_string(), name: posture.name.to_string(), ..query.place() };
    // A name with characters that cannot be seen is taken by no page.
    let plain = !misleads(&posture.namespace) && !misleads(&posture.name);
    SecretRow {
        name: Shown::line(&format!("{}/{}", posture.namespace, posture.name)),
        href: plain.then(|| links.to(&Place::Secrets(SecretsPlace::Secret(Box::new(of))))),
        secret_type: Shown::line(posture.secret_type.as_deref().unwrap_or_default()),
        manager: Shown::line(posture.manager.as_deref().unwrap_or_default()),
        keeper: Shown::line(posture.manager_object.as_deref().unwrap_or_default()),
        rotation: rotation_mark(Rotation::of(posture, at)),
        age: Shown::line(&age(secret, at)),
        encrypted: encrypted_mark(posture.encrypted),
        readers: readers(secret),
        evidence: entry_of(&posture.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}
