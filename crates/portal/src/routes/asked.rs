//! What an address asks of pages that tell of one cluster at one instant.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use records::Timestamp;
use reports::admission::FilterProblem;
use reports::secrets::SecretQuery;
use reports::{NetworkMaterial, NetworkQuery, SecretsMaterial};

/// The fields of a question.
pub(super) type Fields = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The page that is asked for, from 1; `None` when that is none that is given.
pub(super) fn page_number(fields: &[(String, String)], last: usize) -> Option<usize> {
    match fields.iter().find(|(name, _)| name == "page") {
        Some((_, text)) => text.parse().ok().filter(|page| (1..=last).contains(page)),
        None => Some(1),
    }
}

/// A question about one cluster at one instant.
pub(super) trait Question: Sized {
    fn read<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> (Self, Vec<FilterProblem>);
    fn cluster(&self) -> &str;
    fn at(&self) -> Option<Timestamp>;
}

/// What the tables tell that a question can be held against.
pub(super) trait Known {
    fn clusters(&self) -> &[String];
    fn known_until(&self) -> Timestamp;
}

macro_rules! asked_of {
    ($query:ty, $material:ty) => {
        impl Question for $query {
            fn read<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> (Self, Vec<FilterProblem>) {
                <$query>::read(fields)
            }

            fn cluster(&self) -> &str {
                &self.cluster
            }

            fn at(&self) -> Option<Timestamp> {
                self.at
            }
        }

        impl Known for $material {
            fn clusters(&self) -> &[String] {
                &self.clusters
            }

            fn known_until(&self) -> Timestamp {
                self.known_until
            }
        }
    };
}

asked_of!(NetworkQuery, NetworkMaterial);
asked_of!(SecretQuery, SecretsMaterial);

/// A question with what of it was not understood, and the page that is asked for.
pub(super) struct Asked<Q> {
    pub(super) query: Q,
    pub(super) problems: Vec<FilterProblem>,
    pub(super) page: usize,
}

impl<Q: Question> Asked<Q> {
    /// `None` when the address is no address of these pages.
    pub(super) fn new(fields: Fields, last_page: usize) -> Option<Self> {
        let Query(fields) = fields.ok()?;
        let (query, problems) = Q::read(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Some(Self { query, problems, page: page_number(&fields, last_page)? })
    }

    /// Adds what only the tables can tell: that there is no such cluster, or that nothing is known yet of that time.
    pub(super) fn check(&mut self, known: &impl Known) {
        let cluster = self.query.cluster();
        if !cluster.is_empty() && !known.clusters().iter().any(|one| one == cluster) {
            let what = "Nothing is told of a cluster of this name.";
            self.problems.push(FilterProblem { field: "cluster", what, given: cluster.to_owned() });
        }
        if let Some(at) = self.query.at()
            && at > known.known_until()
        {
            let what = "Nothing is known of this time yet: it lies after the newest evidence.";
            self.problems.push(FilterProblem { field: "at", what, given: at.to_string() });
        }
    }

    /// A page that shows what was not understood says so in its status, too.
    pub(super) fn answer(&self, mut response: Response) -> Response {
        if !self.problems.is_empty() && response.status().is_success() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        response
    }
}
