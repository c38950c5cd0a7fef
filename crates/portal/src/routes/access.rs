//! The pages about access. What they are asked stands in their addresses, so that they work without scripts and can be sent to others.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use reports::access::{
    AccessDifference, AccessSummary, CSV_ROWS, CredentialList, Paging, SubjectAccess, SubjectList, WORST_SHOWN, WhoCan,
    lists,
};
use reports::pages::PageError;
use reports::{AccessList, AccessQuestion, Links, Report, csv_file, pages};

use super::asked::{Fields, page_number};
use super::{App, answered, download, html, nowhere, page, rendered, trouble};
use crate::access::{LAST_PAGE, ROWS_OF_SUBJECT, ROWS_PER_PAGE};
use crate::gather::GatherError;

/// Rows that a page of answers needs; the list beside it has more.
const ROWS_OF_ANSWER: usize = 300;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/access", get(summary))
        .route("/access/subjects", get(subjects))
        .route("/access/subject", get(subject))
        .route("/access/who-can", get(who_can))
        .route("/access/diff", get(difference))
        .route("/access/people", get(people))
        .route("/access/{file}", get(list))
}

/// The fields; `None` when the address holds none that can be read.
fn given(fields: Fields) -> Option<Vec<(String, String)>> {
    fields.ok().map(|Query(fields)| fields)
}

fn read(fields: &[(String, String)], report: &Report) -> AccessQuestion {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    AccessQuestion::read(fields, report.material().window)
}

/// A page with what was asked and could not be understood: nothing is asked of the tables for it.
fn not_understood(made: Result<String, PageError>) -> Response {
    let mut response = html(made);
    if response.status().is_success() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}

/// The page of an answer.
fn shown<T>(asked: Result<T, GatherError>, make: impl FnOnce(&T) -> Result<String, PageError>) -> Response {
    match answered(asked) {
        Ok(answer) => html(make(&answer)),
        Err(response) => *response,
    }
}

async fn summary(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(fields) = given(fields) else { return nowhere().await };
    rendered(app, move |app, report| {
        let (question, links) = (read(&fields, report), Links::absolute());
        if !question.problems.is_empty() {
            return not_understood(pages::access(
                report,
                &links,
                &AccessSummary { question, ..AccessSummary::default() },
            ));
        }
        shown(app.data.access_summary(question, WORST_SHOWN + 1), |answer| pages::access(report, &links, answer))
    })
    .await
}

async fn subjects(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some((number, fields)) = given(fields).and_then(|fields| Some((page_number(&fields, LAST_PAGE)?, fields)))
    else {
        return nowhere().await;
    };
    rendered(app, move |app, report| {
        let (question, links) = (read(&fields, report), Links::absolute());
        if !question.problems.is_empty() {
            let nothing = SubjectList { question, paging: nothing(), ..SubjectList::default() };
            return not_understood(pages::access_subjects(report, &links, &nothing));
        }
        let asked = app.data.access_subjects(question, number, ROWS_PER_PAGE);
        shown(asked, |answer| pages::access_subjects(report, &links, answer))
    })
    .await
}

fn nothing() -> Paging {
    Paging { total: 0, page: 1, per_page: ROWS_PER_PAGE, last_page: LAST_PAGE }
}

async fn subject(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(fields) = given(fields) else { return nowhere().await };
    rendered(app, move |app, report| {
        let (question, links) = (read(&fields, report), Links::absolute());
        if question.subject.is_empty() && question.problems.is_empty() {
            return page(StatusCode::NOT_FOUND, &trouble::NOWHERE);
        }
        if !question.problems.is_empty() {
            let subject = question.subject.clone();
            let nothing = SubjectAccess { question, subject, known: true, ..SubjectAccess::default() };
            return not_understood(pages::access_subject(report, &links, &nothing));
        }
        match answered(app.data.access_subject(question, ROWS_OF_SUBJECT)) {
            Ok(answer) => {
                let mut response = html(pages::access_subject(report, &links, &answer));
                if !answer.known && response.status().is_success() {
                    *response.status_mut() = StatusCode::NOT_FOUND;
                }
                response
            }
            Err(response) => *response,
        }
    })
    .await
}

async fn who_can(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(fields) = given(fields) else { return nowhere().await };
    rendered(app, move |app, report| {
        let (question, links) = (read(&fields, report).for_request(), Links::absolute());
        if !question.problems.is_empty() {
            return not_understood(pages::access_who_can(report, &links, &WhoCan { question, ..WhoCan::default() }));
        }
        let asked = app.data.access_who_can(question, ROWS_OF_ANSWER);
        shown(asked, |answer| pages::access_who_can(report, &links, answer))
    })
    .await
}

async fn difference(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(fields) = given(fields) else { return nowhere().await };
    rendered(app, move |app, report| {
        let (question, links) = (read(&fields, report), Links::absolute());
        if !question.problems.is_empty() {
            let nothing = AccessDifference { question, ..AccessDifference::default() };
            return not_understood(pages::access_difference(report, &links, &nothing));
        }
        shown(app.data.access_difference(question), |answer| pages::access_difference(report, &links, answer))
    })
    .await
}

async fn people(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some((number, fields)) = given(fields).and_then(|fields| Some((page_number(&fields, LAST_PAGE)?, fields)))
    else {
        return nowhere().await;
    };
    rendered(app, move |app, report| {
        let (question, links) = (read(&fields, report), Links::absolute());
        if !question.problems.is_empty() {
            let nothing = CredentialList { question, paging: nothing(), ..CredentialList::default() };
            return not_understood(pages::access_people(report, &links, &nothing));
        }
        let asked = app.data.access_credentials(question, number, ROWS_PER_PAGE);
        shown(asked, |answer| pages::access_people(report, &links, answer))
    })
    .await
}

async fn list(State(app): State<Arc<App>>, Path(file): Path<String>, fields: Fields) -> Response {
    let (Some(list), Some(fields)) = (AccessList::parse(&file), given(fields)) else { return nowhere().await };
    rendered(app, move |app, report| {
        let mut question = read(&fields, report);
        if list == AccessList::WhoCan {
            question = question.for_request();
        }
        let needs_subject = matches!(list, AccessList::Rules | AccessList::PermissionUse);
        let needs_request = list == AccessList::WhoCan && !question.asks_for_a_request();
        if !question.problems.is_empty() || needs_request || (needs_subject && question.subject.is_empty()) {
            return page(StatusCode::BAD_REQUEST, &trouble::NOWHERE);
        }
        match answered(bytes(app, report, list, question)) {
            Ok(bytes) => download("text/csv; charset=utf-8", &file, bytes),
            Err(response) => *response,
        }
    })
    .await
}

fn bytes(app: &App, report: &Report, list: AccessList, question: AccessQuestion) -> Result<Vec<u8>, GatherError> {
    let data = &app.data;
    Ok(match list {
        AccessList::Subjects => lists::subjects(&data.access_subjects(question, 1, CSV_ROWS)?.rows),
        AccessList::Rules => lists::held(&data.access_subject(question, CSV_ROWS)?.rules),
        AccessList::Risks if question.subject.is_empty() => {
            csv_file::rows(&data.access_summary(question, CSV_ROWS)?.worst)
        }
        AccessList::Risks => csv_file::rows(&data.access_subject(question, ROWS_OF_SUBJECT)?.risks),
        AccessList::PermissionUse => csv_file::rows(&data.access_subject(question, CSV_ROWS)?.uses),
        AccessList::WhoCan => lists::held(&data.access_who_can(question, CSV_ROWS)?.rows),
        AccessList::RuleChanges => lists::rule_changes(&data.access_difference(question)?.rules),
        AccessList::RiskChanges => lists::risk_changes(&data.access_difference(question)?.risks),
        AccessList::Credentials => {
            lists::credentials(report.material(), &data.access_credentials(question, 1, CSV_ROWS)?.rows)
        }
    })
}
