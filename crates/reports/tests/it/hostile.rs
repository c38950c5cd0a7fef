//! Texts chosen to become markup, or to hide.

use std::borrow::Cow;

use proptest::prelude::*;
use reports::{Links, Report, pages};

use crate::package::attributes;
use crate::sample;

/// The tags of a page, in order: what a hostile text must not change.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for rest in html.split('<').skip(1) {
        tags.push(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/' || *c == '!').collect());
    }
    tags
}

/// A report whose every free text of the control AC-01 holds `text`.
fn with_text(text: &str) -> Report {
    let mut material = sample::material();
    material.log.origin = format!("o{text}");
    let owned = || Cow::<'static, str>::Owned(format!("x{text}"));
    material.items.retain(|item| item.control == "AC-01");
    for item in &mut material.items {
        item.label = owned();
        item.reason = owned();
    }
    for gap in &mut material.gaps {
        gap.reason = owned();
        gap.gap_kind = owned();
    }
    for result in &mut material.results {
        result.remark = owned();
        result.items_digest = owned();
    }
    for source in &mut material.sources {
        source.class = owned();
    }
    for control in &mut material.controls {
        control.title = format!("x{text}");
        control.description = format!("x{text}");
        control.population_sql = format!("x{text}");
        control.needs = vec![format!("x{text}")];
        control.parameters = vec![(format!("x{text}"), format!("x{text}"))];
    }
    Report::new(material).unwrap()
}

fn all_pages(report: &Report) -> Vec<String> {
    let links = Links::absolute();
    vec![
        pages::overview(report, &links).unwrap(),
        pages::controls(report, &links).unwrap(),
        pages::control(report, &links, "AC-01").unwrap(),
        pages::items(report, &links, "AC-01", 1, 100).unwrap(),
        pages::sources(report, &links).unwrap(),
    ]
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<script>",
        "</title>",
        "</pre>",
        "\"",
        "'",
        "&",
        "&lt;",
        "-->",
        "]]>",
        "{{",
        "{%",
        "\u{202e}",
        "\u{0}",
        "\u{1b}[31m",
        "\r\n",
        "javascript:",
        " onload=\"x\"",
        "<img src=x>",
        "`",
        "\u{2028}",
        "=cmd()",
        "Zoë",
        "<!--",
        "\u{e0041}",
    ]);
    (prop::collection::vec(pieces, 0..6), any::<String>()).prop_map(|(pieces, any)| pieces.concat() + &any)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_text_breaks_out_of_its_place(text in hostile()) {
        let plain = all_pages(&with_text(""));
        let pages = all_pages(&with_text(&text));
        for (plain, page) in plain.iter().zip(&pages) {
            prop_assert_eq!(tags(plain), tags(page));
            prop_assert_eq!(attributes(plain, "href"), attributes(page, "href"));
            prop_assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(!page.contains(['\u{202e}', '\u{2028}']), "a hiding character is left");
        }
    }
}

#[test]
fn an_entry_with_markup_and_broken_text_is_shown_as_text() {
    let report = Report::new(sample::material()).unwrap();
    let mut entry = sample::evidence().remove(0);
    let plain = pages::evidence(&report, &Links::absolute(), &entry).unwrap();
    entry.line = b"{\"raw\":\"</code></pre><script>alert(1)</script>\xff\xfe\"}".to_vec();
    let page = pages::evidence(&report, &Links::absolute(), &entry).unwrap();
    assert_eq!(tags(&plain), tags(&page));
}
