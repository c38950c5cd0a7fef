//! With which credentials people came: of which kind, with a second factor or without, from how many places, shared or not.

use askama::Template;
use records::tables::identities::CredentialUse;

use super::form::Form;
use super::{Tabs, instant};
use crate::access::second_factor::{self, SecondFactor};
use crate::access::{CredentialList, CredentialRow, Listed};
use crate::admission::entry_of;
use crate::figures::{Mark, Moment, Shape, count};
use crate::links::{AccessList, AccessPlace, CsvFile, Links, Place};
use crate::pages::frame::{EvidenceLink, Frame};
use crate::pages::{PageError, Part};
use crate::report::Report;
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "access/people.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    form: Option<Form>,
    understood: bool,
    search: Shown,
    /// Whether it is known which claims prove a second factor.
    claims: bool,
    uncovered: bool,
    sources: String,
    part: Part,
    page: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    csv: String,
    rows: Vec<Row>,
    several_clusters: bool,
}

struct Row {
    user: Shown,
    cluster: Shown,
    /// Who asked for it, where that is another.
    issued_by: Shown,
    listed: (Shown, Option<Moment>, bool),
    kind: &'static str,
    identifier: Shown,
    certificate: Shown,
    second_factor: Mark,
    why: &'static str,
    requests: String,
    refused: String,
    first: Moment,
    last: Moment,
    addresses: String,
    agents: String,
    shared: bool,
    address: Shown,
    evidence: Option<EvidenceLink>,
}

/// The words for kinds of credentials, as `kind` in `credential_use` has them.
fn kind(kind: &str) -> &'static str {
    match kind {
        "client_certificate" => "client certificate",
        "service_account_token" => "token of a service account",
        "legacy_token" => "token of a Secret, without end",
        "jwt" => "token of an identity provider",
        "cloud_iam" => "the cloud's access management",
        "bootstrap_token" => "bootstrap token",
        "delegated" => "a webhook or a front proxy says who it is",
        "unidentified" => "without an identifier, and no certificate",
        "unknown" => "not known",
        "anonymous" => "none",
        _ => "another kind",
    }
}

/// One page of the credentials that people used.
///
/// # Errors
/// [`PageError::NoSuchPage`] when the page is beyond the last, [`PageError::Template`].
pub fn access_people(report: &Report, links: &Links<'_>, list: &CredentialList) -> Result<String, PageError> {
    let (question, material) = (&list.question, report.material());
    let to = |page| links.to(&Place::Access(AccessPlace::People(Box::new(question.clone()), page)));
    let part = Part::of(&list.paging, list.rows.len(), "credentials")?;
    let claims = second_factor::claims(material);
    let gap = material.gaps.iter().any(|gap| {
        gap.name.contains("/audit/")
            && !gap.closed
            && gap.gap_from < material.window.to
            && gap.gap_to >= material.window.from
    });
    let page = Page {
        frame: Frame::new(report, links, "access", "Credentials of people".to_owned()),
        tabs: Tabs::new(links, "people", question),
        form: links.live().then(|| Form::people(links, question, &list.clusters)),
        understood: question.problems.is_empty(),
        search: Shown::line(&question.search),
        claims: claims.as_ref().is_some_and(|claims| !claims.is_empty()),
        uncovered: gap || !material.sources.iter().any(|source| source.class == "audit"),
        sources: links.to(&Place::Sources),
        page: part.page,
        pages: part.pages,
        previous: (part.page > 1).then(|| to(part.page - 1)),
        next: (part.page < part.pages).then(|| to(part.page + 1)),
        part,
        csv: links.to(&Place::Csv(CsvFile::Access(AccessList::Credentials, Box::new(question.clone())))),
        rows: list.rows.iter().map(|row| credential(row, claims.as_deref(), links)).collect(),
        several_clusters: list.clusters.len() > 1,
    };
    page.render().map_err(PageError::template("access people"))
}

fn credential(row: &CredentialRow, claims: Option<&[(String, String)]>, links: &Links<'_>) -> Row {
    let used = &row.used;
    let (second_factor, why) = match second_factor::of(used, claims) {
        SecondFactor::Yes => (Mark::new(Shape::Filled, "yes"), ""),
        SecondFactor::No(why) => (Mark::new(Shape::Broken, "no"), why),
        SecondFactor::Unknown(why) => (Mark::new(Shape::Hatched, "not known"), why),
    };
    let listed = match &row.listed {
        None => ("no list of people", None, false),
        Some(Listed::Active) => ("works here", None, false),
        Some(Listed::Left(at)) => ("has left", instant(*at), true),
        Some(Listed::Absent) => ("not in the list", None, false),
    };
    let text = |text: &Option<std::borrow::Cow<'_, str>>| Shown::line(text.as_deref().unwrap_or_default());
    Row {
        user: Shown::line(&used.user_name),
        cluster: Shown::line(&used.provenance.cluster),
        issued_by: text(&used.issued_by),
        listed: (Shown::line(listed.0), listed.1, listed.2),
        kind: kind(&used.kind),
        identifier: Shown::line(used.credential_id.as_deref().or(used.token_secret.as_deref()).unwrap_or_default()),
        certificate: certificate(used),
        second_factor,
        why,
        requests: count(used.requests),
        refused: count(used.requests.saturating_sub(used.succeeded)),
        first: Moment::new(used.first_used_at),
        last: Moment::new(used.last_used_at),
        addresses: count(used.source_addresses),
        agents: count(used.user_agents),
        shared: used.many_addresses,
        address: text(&used.last_address),
        evidence: entry_of(&used.provenance).map(|entry| EvidenceLink::new(&entry, links)),
    }
}

/// Where a certificate is from, as far as that was seen.
fn certificate(used: &CredentialUse<'_>) -> Shown {
    match (&*used.kind, used.certificate_request.as_deref(), used.certificate_requested_by.as_deref()) {
        ("client_certificate", None, _) => Shown::line("no request for it was seen"),
        (_, Some(request), Some(by)) => Shown::line(&format!("by request {request} of {by}")),
        (_, Some(request), None) => Shown::line(&format!("by request {request}")),
        _ => Shown::default(),
    }
}
