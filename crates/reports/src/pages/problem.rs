//! A page that says what went wrong and what to do next.

use askama::Template;

use super::PageError;
use crate::shown::Shown;

/// What went wrong.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// In a few words.
    pub title: &'a str,
    /// In one or two sentences.
    pub what: &'a str,
    /// What the reader can do.
    pub next_step: &'a str,
    /// A command to run for that; empty for none.
    pub command: &'a str,
    /// Whether a link to the overview helps.
    pub to_overview: bool,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Page {
    title: Shown,
    what: Shown,
    next_step: Shown,
    command: Shown,
    to_overview: bool,
}

/// The page for a problem; only the portal has such.
///
/// # Errors
/// [`PageError::Template`].
pub fn problem(problem: Problem<'_>) -> Result<String, PageError> {
    let page = Page {
        title: Shown::line(problem.title),
        what: Shown::line(problem.what),
        next_step: Shown::line(problem.next_step),
        command: Shown::line(problem.command),
        to_overview: problem.to_overview,
    };
    page.render().map_err(PageError::template("problem"))
}
