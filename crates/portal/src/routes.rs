//! Which page is where.

mod access;
mod admission;
mod asked;
mod network;
mod secrets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use records::{EntryReference, SourceClass, SourceName};
use reports::pages::{self, PageError, Problem};
use reports::{CsvFile, EvidenceFile, EvidenceMaterial, Links, ProofMaterial, Report, csv_file};
use serde::Deserialize;

use crate::data::PortalData;
use crate::gather::GatherError;
use crate::guard;
use crate::sign_in::Sessions;

/// Verdicts on one page of items.
pub const ITEMS_PER_PAGE: usize = 200;

/// What the handlers share.
pub(crate) struct App {
    pub(crate) data: Arc<dyn PortalData>,
    pub(crate) sessions: Sessions,
    /// Where we listen.
    pub(crate) address: SocketAddr,
    /// The cookie's name; it holds the port, since cookies of one host are shared by all its ports.
    pub(crate) cookie: String,
}

/// The routes with their guards.
pub(crate) fn router(app: Arc<App>) -> Router {
    let inside = Router::new()
        .route("/", get(overview))
        .route("/controls", get(controls))
        .route("/controls/{id}", get(control))
        .route("/controls/{id}/items", get(items))
        .route("/controls/{id}/{file}", get(control_list))
        .route("/sources", get(sources))
        .merge(admission::router())
        .merge(network::router())
        .merge(secrets::router())
        .merge(access::router())
        .route("/{file}", get(list))
        .route("/evidence/{origin}/{class}/{detail}/{seq}", get(evidence))
        .route("/evidence/{origin}/{class}/{detail}/{seq}/{file}", get(evidence_file))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), guard::signed_in));
    Router::new()
        .route("/login", get(login))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/style.css", get(style))
        // Browsers ask for it by themselves, and would report a page that is missing.
        .route("/favicon.ico", get(|| async { axum::http::StatusCode::NO_CONTENT }))
        .merge(inside)
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .with_state(app)
}

/// What can go wrong, with the next step.
pub(crate) mod trouble {
    use super::Problem;

    const fn problem(title: &'static str, what: &'static str, next_step: &'static str) -> Problem<'static> {
        Problem { title, what, next_step, command: "", to_overview: true }
    }

    pub(crate) const NOT_SIGNED_IN: Problem<'static> = Problem {
        to_overview: false,
        ..problem(
            "Sign in",
            "This portal is open to whoever holds the login link, and nobody is signed in with this browser.",
            "Open the login link that plimsoll printed when it started. It works once; start plimsoll again for another.",
        )
    };
    pub(crate) const LINK_USED: Problem<'static> = Problem {
        to_overview: false,
        ..problem(
            "This login link does not work",
            "It was used before, or another one was made after it.",
            "If you used it in this browser, go to the overview at / directly. Otherwise start plimsoll again for another link.",
        )
    };
    pub(crate) const NO_EVALUATION: Problem<'static> = Problem {
        command: "plimsoll evaluate --from 2026-08-01T00:00:00Z --to 2026-11-01T00:00:00Z",
        ..problem(
            "Nothing was evaluated yet",
            "The portal shows the newest evaluation, and there is none so far.",
            "plimsoll run evaluates by itself after a while; load this page again. Or evaluate a window of your own:",
        )
    };
    pub(crate) const NOWHERE: Problem<'static> = problem(
        "There is nothing here",
        "The address names no page, control, list or entry of this evaluation.",
        "Go to the overview and follow the links from there.",
    );
    pub(crate) const NOT_UNDERSTOOD: Problem<'static> = problem(
        "The question was not understood",
        "A field of the address holds something that it cannot hold: a time that is none, for example.",
        "Ask with the form of the page that this list belongs to; it says what is wrong.",
    );
    pub(crate) const NOT_ALLOWED: Problem<'static> =
        problem("Only reading is possible", "The portal answers GET and HEAD.", "Go to the overview.");
    pub(crate) const OTHER_HOST: Problem<'static> = Problem {
        to_overview: false,
        ..problem(
            "This is not the address of this portal",
            "The request names another host. That is how pages elsewhere would try to read this one.",
            "Use the address that plimsoll printed when it started.",
        )
    };
    pub(crate) const TOO_LONG: Problem<'static> =
        problem("The address is too long", "It has more than 2,048 bytes.", "Go to the overview.");
    pub(crate) const TOO_SLOW: Problem<'static> = problem(
        "This took too long",
        "The page was not ready after a minute.",
        "Try again when the machine is less busy; plimsoll report writes all pages to files.",
    );
    pub(crate) const FAILED: Problem<'static> = Problem {
        command: "plimsoll store fsck",
        ..problem(
            "This could not be read",
            "The store does not give what this page needs; plimsoll's log says why.",
            "Check the store:",
        )
    };
}

/// A problem's page. Should even that fail to render, the title is sent as plain text.
pub(crate) fn page(status: StatusCode, problem: &Problem<'_>) -> Response {
    match pages::problem(*problem) {
        Ok(html) => answer(status, HTML, html),
        Err(error) => {
            tracing::error!(%error, "failed to render a problem's page");
            answer(status, "text/plain; charset=utf-8", problem.title.to_owned())
        }
    }
}

const HTML: &str = "text/html; charset=utf-8";

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn download(kind: &'static str, name: &str, body: Vec<u8>) -> Response {
    let mut response = answer(StatusCode::OK, kind, body);
    // Names are made of identifiers that were checked; one that is no header value is simply not given.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// Renders on a thread that may block: pages of large evaluations take their time.
async fn rendered(app: Arc<App>, make: impl FnOnce(&App, &Report) -> Response + Send + 'static) -> Response {
    let made = tokio::task::spawn_blocking(move || match app.data.report() {
        Some(report) => make(&app, &report),
        None => page(StatusCode::SERVICE_UNAVAILABLE, &trouble::NO_EVALUATION),
    });
    made.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a page was not rendered");
        page(StatusCode::INTERNAL_SERVER_ERROR, &trouble::FAILED)
    })
}

/// What the data gave, or the page that says that it could not be read.
fn answered<T>(asked: Result<T, GatherError>) -> Result<T, Box<Response>> {
    asked.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the tables were not read");
        Box::new(page(StatusCode::INTERNAL_SERVER_ERROR, &trouble::FAILED))
    })
}

fn html(made: Result<String, PageError>) -> Response {
    match made {
        Ok(html) => answer(StatusCode::OK, HTML, html),
        Err(PageError::NoSuchPage { .. }) => page(StatusCode::NOT_FOUND, &trouble::NOWHERE),
        Err(error) => {
            tracing::error!(%error, "a page was not rendered");
            page(StatusCode::INTERNAL_SERVER_ERROR, &trouble::FAILED)
        }
    }
}

async fn nowhere() -> Response {
    page(StatusCode::NOT_FOUND, &trouble::NOWHERE)
}

async fn not_allowed() -> Response {
    page(StatusCode::METHOD_NOT_ALLOWED, &trouble::NOT_ALLOWED)
}

async fn style() -> Response {
    answer(StatusCode::OK, "text/css; charset=utf-8", pages::STYLE)
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    token: String,
}

async fn login(State(app): State<Arc<App>>, login: Result<Query<Login>, QueryRejection>) -> Response {
    let token = login.map(|Query(login)| login.token).unwrap_or_default();
    if token.is_empty() {
        return page(StatusCode::UNAUTHORIZED, &trouble::NOT_SIGNED_IN);
    }
    match app.sessions.use_link(&token, Instant::now()) {
        Ok(Some(session)) => {
            let mut response = answer(StatusCode::SEE_OTHER, HTML, Body::empty());
            let cookie = format!("{}={session}; Path=/; HttpOnly; SameSite=Strict", app.cookie);
            let cookie = HeaderValue::from_str(&cookie)
                .expect("a cookie of letters, digits and our own words is a header value");
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
            response
        }
        Ok(None) => page(StatusCode::FORBIDDEN, &trouble::LINK_USED),
        Err(error) => {
            tracing::error!(%error, "nobody can sign in");
            page(StatusCode::INTERNAL_SERVER_ERROR, &trouble::FAILED)
        }
    }
}

async fn overview(State(app): State<Arc<App>>) -> Response {
    rendered(app, |_, report| html(pages::overview(report, &Links::absolute()))).await
}

async fn controls(State(app): State<Arc<App>>) -> Response {
    rendered(app, |_, report| html(pages::controls(report, &Links::absolute()))).await
}

async fn sources(State(app): State<Arc<App>>) -> Response {
    rendered(app, |_, report| html(pages::sources(report, &Links::absolute()))).await
}

async fn control(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    rendered(app, move |_, report| html(pages::control(report, &Links::absolute(), &id))).await
}

#[derive(Deserialize)]
struct Paging {
    page: Option<usize>,
}

async fn items(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    paging: Result<Query<Paging>, QueryRejection>,
) -> Response {
    let Ok(Query(paging)) = paging else { return nowhere().await };
    let number = paging.page.unwrap_or(1);
    rendered(app, move |_, report| html(pages::items(report, &Links::absolute(), &id, number, ITEMS_PER_PAGE))).await
}

async fn list(State(app): State<Arc<App>>, Path(file): Path<String>) -> Response {
    let list = match file.as_str() {
        "controls.csv" => CsvFile::Controls,
        "sources.csv" => CsvFile::Sources,
        "coverage.csv" => CsvFile::Coverage,
        "gaps.csv" => CsvFile::Gaps,
        _ => return nowhere().await,
    };
    csv(app, list, file).await
}

async fn control_list(State(app): State<Arc<App>>, Path((id, file)): Path<(String, String)>) -> Response {
    let name = format!("{id}-{file}");
    let list = match file.as_str() {
        "items.csv" => CsvFile::Items(id),
        "deviations.csv" => CsvFile::Deviations(id),
        "periods.csv" => CsvFile::Periods(id),
        _ => return nowhere().await,
    };
    csv(app, list, name).await
}

async fn csv(app: Arc<App>, list: CsvFile, name: String) -> Response {
    rendered(app, move |_, report| match csv_file::render(report, &list) {
        Some(bytes) => download("text/csv; charset=utf-8", &name, bytes),
        None => page(StatusCode::NOT_FOUND, &trouble::NOWHERE),
    })
    .await
}

async fn evidence(State(app): State<Arc<App>>, Path(entry): Path<(String, String, String, String)>) -> Response {
    let Some((source, seq)) = named(&entry) else { return nowhere().await };
    rendered(app, move |app, report| match found(app, &source, seq) {
        Ok(material) => html(pages::evidence(report, &Links::absolute(), &material)),
        Err(response) => *response,
    })
    .await
}

async fn evidence_file(
    State(app): State<Arc<App>>,
    Path((origin, class, detail, seq, file)): Path<(String, String, String, String, String)>,
) -> Response {
    let named = named(&(origin, class, detail, seq));
    let (Some((source, seq)), Some(file)) = (named, EvidenceFile::parse(&file)) else { return nowhere().await };
    rendered(app, move |app, _| {
        let material = match found(app, &source, seq) {
            Ok(material) => material,
            Err(response) => return *response,
        };
        let name = format!("{}.{}", seq, file.suffix());
        match part(material, file) {
            Some((kind, bytes)) => download(kind, &name, bytes),
            None => page(StatusCode::NOT_FOUND, &trouble::NOWHERE),
        }
    })
    .await
}

/// The source and number in a path; `None` when they are not in the one form that each has.
fn named((origin, class, detail, seq): &(String, String, String, String)) -> Option<(SourceName, u64)> {
    let source = SourceName::new(origin, SourceClass::parse(class)?, detail).ok()?;
    let number: u64 = seq.parse().ok()?;
    (number.to_string() == *seq).then_some((source, number))
}

fn found(app: &App, source: &SourceName, seq: u64) -> Result<EvidenceMaterial, Box<Response>> {
    match app.data.evidence(source, seq) {
        Ok(Some(material)) => Ok(material),
        Ok(None) => Err(Box::new(page(StatusCode::NOT_FOUND, &trouble::NOWHERE))),
        Err(error) => {
            let reference = EntryReference { source: source.to_string(), segment: 0, seq };
            tracing::error!(source = %reference.source, seq, error = &error as &dyn std::error::Error, "an entry was not read");
            Err(Box::new(page(StatusCode::INTERNAL_SERVER_ERROR, &trouble::FAILED)))
        }
    }
}

fn part(material: EvidenceMaterial, file: EvidenceFile) -> Option<(&'static str, Vec<u8>)> {
    const JSON: &str = "application/json";
    const TEXT: &str = "text/plain; charset=utf-8";
    if file == EvidenceFile::Line {
        return Some((JSON, material.line));
    }
    let ProofMaterial::Sealed(proof) = material.proof else { return None };
    Some(match file {
        EvidenceFile::Line => return None,
        EvidenceFile::InnerPath => (JSON, proof.inner_path.into_bytes()),
        EvidenceFile::Manifest => (JSON, proof.manifest),
        EvidenceFile::Proof => (TEXT, proof.tlog_proof.into_bytes()),
        EvidenceFile::Checkpoint => (TEXT, proof.checkpoint.into_bytes()),
    })
}
