//! The pages about admission control.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use reports::admission::CSV_ROWS;
use reports::{CsvFile, DecisionFilter, DecisionList, Links, csv_file, pages};

use super::asked::{Fields, page_number};
use super::{App, Paging, answered, csv, download, html, named, nowhere, page, rendered, trouble};
use crate::admission::{DECISIONS_PER_PAGE, LAST_PAGE};

/// The most requests that the page of an exception lists.
const REQUESTS: usize = 50;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/admission", get(summary))
        .route("/admission/decisions", get(decisions))
        .route("/admission/decisions/{id}", get(decision))
        .route("/admission/exceptions", get(exceptions))
        .route("/admission/exceptions/{id}", get(exception))
        .route("/admission/policy-sets", get(policy_sets))
        .route("/admission/policy-sets/{origin}/{class}/{detail}/{seq}", get(policy_set))
        .route("/admission/guards", get(guards))
        .route("/admission/policies/{name}", get(guide))
        .route("/admission/decisions.csv", get(decisions_csv))
        .route("/admission/{file}", get(list))
}

async fn summary(State(app): State<Arc<App>>) -> Response {
    rendered(app, |_, report| html(pages::admission(report, &Links::absolute()))).await
}

fn read(fields: &[(String, String)]) -> Option<(DecisionFilter, DecisionList, usize)> {
    let (filter, problems) = DecisionFilter::read(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let page = page_number(fields, LAST_PAGE)?;
    let nothing = DecisionList {
        filter: filter.clone(),
        problems,
        page: 1,
        per_page: DECISIONS_PER_PAGE,
        last_page: LAST_PAGE,
        ..DecisionList::default()
    };
    Some((filter, nothing, page))
}

async fn decisions(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some((filter, nothing, number)) = fields.ok().and_then(|Query(fields)| read(&fields)) else {
        return nowhere().await;
    };
    rendered(app, move |app, report| {
        if !nothing.problems.is_empty() {
            let mut response = html(pages::decisions(report, &Links::absolute(), &nothing));
            if response.status().is_success() {
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            return response;
        }
        match answered(app.data.decisions(filter, number, DECISIONS_PER_PAGE)) {
            Ok(list) => html(pages::decisions(report, &Links::absolute(), &list)),
            Err(response) => *response,
        }
    })
    .await
}

async fn decisions_csv(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let read = fields.ok().and_then(|Query(fields)| read(&fields));
    let Some((filter, ..)) = read.filter(|(_, nothing, _)| nothing.problems.is_empty()) else {
        return page(StatusCode::BAD_REQUEST, &trouble::NOWHERE);
    };
    rendered(app, move |app, _| match answered(app.data.decisions(filter, 1, CSV_ROWS)) {
        Ok(list) => download("text/csv; charset=utf-8", "decisions.csv", csv_file::rows(&list.rows)),
        Err(response) => *response,
    })
    .await
}

async fn decision(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    rendered(app, move |app, report| match answered(app.data.decision(&id)) {
        Ok(Some(material)) => html(pages::decision(report, &Links::absolute(), &material)),
        Ok(None) => page(StatusCode::NOT_FOUND, &trouble::NOWHERE),
        Err(response) => *response,
    })
    .await
}

async fn exceptions(State(app): State<Arc<App>>) -> Response {
    rendered(app, |_, report| html(pages::exceptions(report, &Links::absolute()))).await
}

async fn exception(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    rendered(app, move |app, report| {
        let Some(filter) = pages::exception_filter(report, &id) else {
            return page(StatusCode::NOT_FOUND, &trouble::NOWHERE);
        };
        match answered(app.data.decisions(filter, 1, REQUESTS)) {
            Ok(list) => html(pages::exception(report, &Links::absolute(), &id, &list)),
            Err(response) => *response,
        }
    })
    .await
}

async fn policy_sets(State(app): State<Arc<App>>) -> Response {
    rendered(app, |_, report| html(pages::policy_sets(report, &Links::absolute()))).await
}

async fn policy_set(State(app): State<Arc<App>>, Path(entry): Path<(String, String, String, String)>) -> Response {
    let Some((source, seq)) = named(&entry) else { return nowhere().await };
    rendered(app, move |_, report| html(pages::policy_set(report, &Links::absolute(), source.as_str(), seq))).await
}

async fn guards(State(app): State<Arc<App>>, paging: Result<Query<Paging>, QueryRejection>) -> Response {
    let Ok(Query(paging)) = paging else { return nowhere().await };
    let number = paging.page.unwrap_or(1);
    rendered(app, move |_, report| html(pages::guards(report, &Links::absolute(), number))).await
}

async fn guide(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    rendered(app, move |_, report| html(pages::guide(report, &Links::absolute(), &name))).await
}

async fn list(State(app): State<Arc<App>>, Path(file): Path<String>) -> Response {
    let list = match file.as_str() {
        "exceptions.csv" => CsvFile::Exceptions,
        "policy-sets.csv" => CsvFile::PolicySets,
        "reconciliation.csv" => CsvFile::Unreconciled,
        _ => return nowhere().await,
    };
    csv(app, list, file).await
}
