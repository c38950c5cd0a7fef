//! A page of documentation that a violation leads to.

use askama::Template;

use super::Tabs;
use crate::links::Links;
use crate::pages::PageError;
use crate::pages::frame::Frame;
use crate::report::Report;
use crate::shown::Shown;

#[derive(Template)]
#[template(path = "admission/guide.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    name: Shown,
    summary: Shown,
    text: Shown,
}

/// What a rule asks for, why, and its examples.
///
/// # Errors
/// [`PageError::NoSuchPage`] when there is no such page of documentation, [`PageError::Template`].
pub fn guide(report: &Report, links: &Links<'_>, name: &str) -> Result<String, PageError> {
    let found = report.material().admission.guide(name);
    let guide = found.ok_or_else(|| PageError::none(format_args!("policy {name}")))?;
    // The first paragraph below the heading says in a sentence what it is about.
    let below = guide.page.lines().skip(1).skip_while(|line| line.is_empty());
    let summary: Vec<&str> = below.take_while(|line| !line.is_empty()).collect();
    let page = Page {
        frame: Frame::new(report, links, "admission", format!("Policy {}", Shown::line(&guide.name))),
        tabs: Tabs::new(links, ""),
        name: Shown::line(&guide.name),
        summary: Shown::line(&summary.join(" ")),
        text: Shown::block(guide.page.trim_end()),
    };
    page.render().map_err(PageError::template("guide"))
}
