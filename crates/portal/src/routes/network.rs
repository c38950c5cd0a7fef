//! The pages about the network.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use reports::network::CSV_FLOWS;
use reports::{FlowList, Links, NetworkCsv, NetworkMaterial, NetworkQuery, Report, csv_file, pages};

use super::asked::Fields;
use super::{App, answered, download, html, nowhere, page, rendered, trouble};
use crate::network::{FLOWS_PER_PAGE, LAST_PAGE};

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/network", get(summary))
        .route("/network/flows", get(flows))
        .route("/network/workload", get(workload))
        .route("/network/{file}", get(list))
}

type Asked = super::asked::Asked<NetworkQuery>;

/// `None` when the address is no address of these pages.
fn asked(fields: Fields) -> Option<Asked> {
    Asked::new(fields, LAST_PAGE)
}

/// What the report or the tables tell of the place that is asked for; of a place that was not understood, that of the report.
fn gathered(app: &App, report: &Report, asked: &mut Asked) -> Result<NetworkMaterial, Box<Response>> {
    let query = if asked.problems.is_empty() { asked.query.clone() } else { NetworkQuery::default() };
    let material = answered(app.data.network(&query))?;
    asked.check(&material);
    if material.cluster.is_empty() && !material.clusters.is_empty() {
        // To choose another from the form.
        let mut nothing = material;
        nothing.cluster = report.material().network.first().map(|first| first.cluster.clone()).unwrap_or_default();
        return Ok(nothing);
    }
    Ok(material)
}

async fn summary(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(mut asked) = asked(fields) else { return nowhere().await };
    rendered(app, move |app, report| match gathered(app, report, &mut asked) {
        Ok(material) => {
            let made = pages::network(report, &Links::absolute(), &asked.query, &asked.problems, &material);
            asked.answer(html(made))
        }
        Err(response) => *response,
    })
    .await
}

async fn flows(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(mut asked) = asked(fields) else { return nowhere().await };
    rendered(app, move |app, report| match listed(app, &mut asked, FLOWS_PER_PAGE) {
        Ok(list) => {
            let made = pages::flows(report, &Links::absolute(), &asked.query, &asked.problems, &list);
            asked.answer(html(made))
        }
        Err(response) => *response,
    })
    .await
}

/// The flows that are asked for; none when the question was not understood.
fn listed(app: &App, asked: &mut Asked, per_page: usize) -> Result<FlowList, Box<Response>> {
    let material = answered(app.data.network(&NetworkQuery::default()))?;
    asked.check(&material);
    if asked.problems.is_empty() {
        return answered(app.data.flows(asked.query.clone(), asked.page, per_page));
    }
    Ok(FlowList { clusters: material.clusters, page: 1, per_page, last_page: 1, ..FlowList::default() })
}

async fn workload(State(app): State<Arc<App>>, fields: Fields) -> Response {
    let Some(mut asked) = asked(fields) else { return nowhere().await };
    rendered(app, move |app, report| {
        let made = gathered(app, report, &mut asked).and_then(|material| {
            let wanted = asked.problems.is_empty() && !asked.query.workload.is_empty();
            let reach = if wanted { Some(answered(app.data.reach(&asked.query))?) } else { None };
            let missing = reach.as_ref().is_some_and(|reach| !reach.exists);
            let links = Links::absolute();
            let made = pages::workload(report, &links, &asked.query, &asked.problems, &material, reach.as_ref());
            let mut response = asked.answer(html(made));
            if missing && response.status().is_success() {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            Ok(response)
        });
        made.unwrap_or_else(|response| *response)
    })
    .await
}

async fn list(State(app): State<Arc<App>>, Path(file): Path<String>, fields: Fields) -> Response {
    let wanted = NetworkCsv::ALL.into_iter().find(|list| file.strip_suffix(".csv") == Some(list.stem()));
    let (Some(list), Some(mut asked)) = (wanted, asked(fields)) else { return nowhere().await };
    rendered(app, move |app, report| {
        let made = (|| {
            let bytes = match list {
                NetworkCsv::Flows => {
                    let flows = listed(app, &mut asked, CSV_FLOWS)?;
                    Some(csv_file::flows(&flows.rows))
                }
                NetworkCsv::Reach => {
                    gathered(app, report, &mut asked)?;
                    let reach = answered(app.data.reach(&asked.query))?;
                    reach.exists.then(|| pages::reach_csv(&reach))
                }
                list => csv_file::network(&gathered(app, report, &mut asked)?, list, ""),
            };
            if !asked.problems.is_empty() {
                return Err(Box::new(page(StatusCode::BAD_REQUEST, &trouble::NOT_UNDERSTOOD)));
            }
            bytes.ok_or_else(|| Box::new(page(StatusCode::NOT_FOUND, &trouble::NOWHERE)))
        })();
        match made {
            Ok(bytes) => download("text/csv; charset=utf-8", &format!("network-{}.csv", list.stem()), bytes),
            Err(response) => *response,
        }
    })
    .await
}
