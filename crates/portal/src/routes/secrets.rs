//! The pages about Secrets.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use reports::secrets::{CSV_SECRETS, SecretQuery};
use reports::{Links, Report, SecretList, SecretsCsv, SecretsMaterial, csv_file, pages};

use super::asked::Fields;
use super::{App, answered, download, html, nowhere, page, rendered, trouble};
use crate::secrets::{LAST_PAGE, SECRETS_PER_PAGE};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/secrets", get(overview))
        .route("/secrets/list", get(list))
        .route("/secrets/secret", get(secret))
        .route("/secrets/{file}", get(csv))
}

type Asked = super::asked::Asked<SecretQuery>;

/// `None` when the address is no address of these pages.
fn asked(fields: Fields) -> Option<Asked> {
    Asked::new(fields, LAST_PAGE)
}

/// What the tables tell of the place that is asked for; of a place that was not understood, that of the report.
fn gathered(app: &App, report: &Report, asked: &mut Asked) -> Result<SecretsMaterial, Box<Response>> {
    let query = if asked.problems.is_empty() { asked.query.clone() } else { SecretQuery::default() };
    let mut material = answered(app.data.secrets(&query))?;
    asked.check(&material);
    if material.cluster.is_empty() && !material.clusters.is_empty() {
        // To choose another from the form.
        material.cluster = report.material().secrets.first().map(|first| first.cluster.clone()).unwrap_or_default();
    }
    Ok(material)
}

async fn overview(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(mut asked) = asked(fields) else { return nowhere().await };
    rendered(app, move |app, report| match gathered(app, report, &mut asked) {
        Ok(material) => {
            let made = pages::secrets(report, &Links::absolute(), &asked.query, &asked.problems, &material);
            asked.answer(html(made))
        }
        Err(response) => *response,
    })
    .await
}

async fn list(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(mut asked) = asked(fields) else { return nowhere().await };
    rendered(app, move |app, report| match listed(app, &mut asked, SECRETS_PER_PAGE) {
        Ok(list) => {
            let made = pages::secret_list(report, &Links::absolute(), &asked.query, &asked.problems, &list);
            asked.answer(html(made))
        }
        Err(response) => *response,
    })
    .await
}

/// The Secrets that are asked for; none when the question was not understood.
fn listed(app: &App, asked: &mut Asked, per_page: usize) -> Result<SecretList, Box<Response>> {
    let material = answered(app.data.secrets(&SecretQuery::default()))?;
    asked.check(&material);
    if asked.problems.is_empty() {
        let query = SecretQuery { name: String::new(), ..asked.query.clone() };
        return answered(app.data.secret_list(query, asked.page, per_page));
    }
    Ok(SecretList { clusters: material.clusters, page: 1, per_page, last_page: 1, ..SecretList::default() })
}

async fn secret(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(mut asked) = asked(fields) else { return nowhere().await };
    rendered(app, move |app, report| {
        let made = answered(app.data.secrets(&SecretQuery::default())).and_then(|material| {
            asked.check(&material);
            if !asked.problems.is_empty() {
                return Ok(page(StatusCode::BAD_REQUEST, &trouble::NOT_UNDERSTOOD));
            }
            Ok(match answered(app.data.secret(&asked.query))? {
                Some(secret) => html(pages::secret(report, &Links::absolute(), &asked.query, &secret)),
                None => page(StatusCode::NOT_FOUND, &trouble::NOWHERE),
            })
        });
        made.unwrap_or_else(|response| *response)
    })
    .await
}

async fn csv(State(app): State<Arc<App>>, Path(file): Path<String>, fields: Fields) -> Response {
    let wanted = SecretsCsv::ALL.into_iter().find(|list| file.strip_suffix(".csv") == Some(list.stem()));
    let (Some(list), Some(mut asked)) = (wanted, asked(fields)) else { return nowhere().await };
    rendered(app, move |app, report| {
        let made = match list {
            SecretsCsv::Secrets => listed(app, &mut asked, CSV_SECRETS).map(|list| csv_file::secret_rows(&list.rows)),
            list => gathered(app, report, &mut asked).map(|material| csv_file::secrets(&material, list)),
        };
        match made {
            Ok(_) if !asked.problems.is_empty() => page(StatusCode::BAD_REQUEST, &trouble::NOT_UNDERSTOOD),
            Ok(bytes) => download("text/csv; charset=utf-8", &format!("secrets-{}.csv", list.stem()), bytes),
            Err(response) => *response,
        }
    })
    .await
}
