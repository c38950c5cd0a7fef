//! Pages: one function for each, from a [`crate::Report`] and [`crate::Links`] to HTML.
//!
//! A page holds no script, loads nothing but the style sheet, and reads the same from a file, in the portal and on paper.

mod access;
mod admission;
mod control;
mod controls;
mod evidence;
mod frame;
mod items;
mod network;
mod overview;
mod problem;
mod secrets;
mod sources;

pub use access::{access, access_difference, access_people, access_subject, access_subjects, access_who_can};
pub use admission::{
    admission, decision, decisions, exception, exception_filter, exceptions, guards, guards_pages, guide, policy_set,
    policy_sets,
};
pub use control::control;
pub use controls::controls;
pub use evidence::evidence;
pub use items::{items, items_pages};
pub use network::{flows, network, reach_csv, workload};
pub use overview::overview;
pub use problem::{Problem, problem};
pub use secrets::{secret, secret_list, secrets};
pub use sources::sources;

/// The style sheet of all pages.
pub const STYLE: &str = include_str!("../assets/style.css");

/// Why a page was not rendered.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The report holds no such control or page of items.
    #[error("{what} does not exist in this evaluation")]
    NoSuchPage {
        /// What was asked for, cut to 64 characters.
        what: String,
    },
    /// The template failed.
    #[error("failed to render the page {page}")]
    Template {
        /// Which page.
        page: &'static str,
        /// The cause.
        source: askama::Error,
    },
}

impl PageError {
    fn none(what: impl std::fmt::Display) -> Self {
        Self::NoSuchPage { what: what.to_string().chars().take(64).collect() }
    }

    fn template(page: &'static str) -> impl Fn(askama::Error) -> Self {
        move |source| Self::Template { page, source }
    }
}

/// The first rows of a list that may be long, with the file that holds all.
#[derive(Debug)]
struct Listing<T> {
    rows: Vec<T>,
    /// How many there are.
    total: usize,
    csv: String,
}

impl<T> Listing<T> {
    /// At most `most` rows.
    fn new(all: impl Iterator<Item = T>, most: usize, csv: String) -> Self {
        let mut all = all;
        let rows: Vec<T> = all.by_ref().take(most).collect();
        let total = rows.len() + all.count();
        Self { rows, total, csv }
    }

    fn cut(&self) -> bool {
        self.total > self.rows.len()
    }
}

/// Which part of a list a page shows.
#[derive(Debug)]
struct Part {
    first: String,
    last: String,
    total: String,
    /// The last row that any page shows, where that is not the last of all.
    beyond: Option<String>,
    page: usize,
    pages: usize,
}
