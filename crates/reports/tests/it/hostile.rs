//! Texts chosen to become markup, or to hide.

use std::borrow::Cow;

use proptest::prelude::*;
use reports::access::{AccessQuestion, WhoCan};
use reports::{DecisionFilter, Links, Report, pages};

use crate::decision_list;
use crate::package::attributes;
use crate::sample;

/// The tags of a page, in order: what a hostile text must not change.
pub(crate) fn tags(html: &str) -> Vec<String> {
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

/// A page of each kind about access, with `text` in every free text of the rows behind it.
fn access_pages(text: &str) -> Vec<String> {
    let owned = || Cow::<'static, str>::Owned(format!("x{text}"));
    let whole = || format!("x{text}");
    let (named, whole_text) = (format!("User:x{text}"), whole());
    let fields =
        [("subject", named.as_str()), ("search", &whole_text), ("verb", &whole_text), ("resource", &whole_text)];
    let mut question = AccessQuestion::read(fields, sample::window());
    question.problems.clear();
    // A request is asked for, whatever of it was left out.
    question.name = "n".to_owned();
    let json = serde_json::to_string(&whole()).unwrap();
    let step = format!(
        r#"{{"from":{json},"permission":{json},"scope":{json},"to":{json},"evidence":[{{"binding":{json},"role":{json},"through":{json},"says":{json}}}]}}"#
    );
    let mut subject = sample::rights::subject();
    subject.groups = vec![whole()];
    subject.subject = whole();
    for risk in &mut subject.risks {
        (risk.subject, risk.title, risk.pattern, risk.path) = (owned(), owned(), owned(), owned());
        (risk.effect, risk.permission, risk.remediation, risk.remark) = (owned(), owned(), owned(), Some(owned()));
        (risk.scope, risk.path_json) = (Some(owned()), format!("[{step}]").into());
    }
    for row in &mut subject.rules {
        (row.held.subject, row.held.binding, row.held.role, row.held.permission) = (whole(), whole(), whole(), whole());
        (row.cluster, row.held.namespace, row.held.through) = (whole(), Some(whole()), format!("y{text}"));
    }
    for row in &mut subject.uses {
        (row.permission, row.reason, row.binding, row.namespace) = (owned(), owned(), Some(owned()), Some(owned()));
    }
    for row in &mut subject.bindings {
        (row.binding, row.role, row.subjects, row.reason, row.narrowest_role) =
            (owned(), owned(), owned(), owned(), Some(owned()));
    }
    let clusters = vec![whole(), "two".to_owned()];
    (subject.question, subject.clusters) = (question.clone(), clusters.clone());
    let mut summary = sample::rights::summary();
    (summary.worst, summary.clusters) = (subject.risks.clone(), clusters.clone());
    let mut difference = sample::rights::difference();
    for change in &mut difference.rules {
        change.held = subject.rules[0].clone();
    }
    for change in &mut difference.risks {
        (change.risk, change.severity_before) = (subject.risks[0].clone(), Some(whole()));
    }
    (difference.question, difference.clusters) = (question.clone(), clusters.clone());
    let mut credentials = sample::rights::credentials();
    for row in &mut credentials.rows {
        (row.used.user_name, row.used.kind, row.used.issued_by) = (owned(), owned(), Some(owned()));
        (row.used.last_address, row.used.certificate_request) = (Some(owned()), Some(owned()));
    }
    (credentials.question, credentials.clusters) = (question.clone(), clusters.clone());
    let rows = subject.rules.clone();
    let who = WhoCan { question, clusters, taken_as: whole(), total: rows.len(), rows };
    let (report, links) = (Report::new(sample::material()).unwrap(), Links::absolute());
    vec![
        pages::access(&report, &links, &summary).unwrap(),
        pages::access_subject(&report, &links, &subject).unwrap(),
        pages::access_who_can(&report, &links, &who).unwrap(),
        pages::access_difference(&report, &links, &difference).unwrap(),
        pages::access_people(&report, &links, &credentials).unwrap(),
    ]
}

/// A page of each kind about admission, with `text` in every free text of the rows behind it.
fn admission_pages(text: &str) -> Vec<String> {
    let mut material = sample::material();
    let owned = || Cow::<'static, str>::Owned(format!("x{text}"));
    let json = serde_json::to_string(&format!("x{text}")).unwrap();
    let admission = &mut material.admission;
    let violations = format!(r#"[{{"policy":{json},"path":{json},"message":{json},"action":"Deny"}}]"#);
    for one in &mut admission.decisions {
        let row = &mut one.decision;
        (row.username, row.kind, row.name, row.namespace) =
            (Some(owned()), Some(owned()), Some(owned()), Some(owned()));
        (row.operation, row.resource, row.api_group) = (Some(owned()), Some(owned()), Some(owned()));
        (row.message, row.review_uid, row.webhook, row.policy_set) = (owned(), owned(), owned(), owned());
        row.violations_json = violations.clone().into();
        for image in &mut one.images {
            (image.image, image.path, image.detail, image.digest) = (owned(), owned(), owned(), Some(owned()));
        }
        if let Some(row) = &mut one.reconciliation {
            row.audit_id = Some(owned());
        }
    }
    for row in &mut admission.exceptions {
        (row.name, row.owner, row.approver, row.reason, row.scope_json) = (owned(), owned(), owned(), owned(), owned());
    }
    for row in &mut admission.unreconciled {
        (row.detail, row.outcome, row.username, row.name) = (owned(), owned(), Some(owned()), Some(owned()));
    }
    for row in &mut admission.guards {
        (row.kind, row.name, row.writer) = (owned(), owned(), Some(owned()));
        row.body_json = format!("{{\"a\":{json},\"n\":{}}}", row.provenance.seq).into();
    }
    for row in &mut admission.policy_sets {
        row.faults_json = format!(r#"[{{"file":{json},"message":{json}}}]"#).into();
    }
    for text in admission.texts.values_mut() {
        *text = text.replace("\"no-privileged\"", &json).replace("\"migration\"", &json);
    }
    let decisions = admission.decisions.clone();
    let mut list = decision_list::second_page();
    list.rows = decisions.iter().map(|one| one.decision.clone()).collect();
    (list.filter, _) = DecisionFilter::read([("user", &*format!("x{text}"))]);
    let report = Report::new(material).unwrap();
    let links = Links::absolute();
    vec![
        pages::admission(&report, &links).unwrap(),
        pages::decisions(&report, &links, &list).unwrap(),
        pages::decision(&report, &links, &decisions[0]).unwrap(),
        pages::exceptions(&report, &links).unwrap(),
        pages::exception(&report, &links, &format!("{:032x}", 1), &list).unwrap(),
        pages::policy_sets(&report, &links).unwrap(),
        pages::policy_set(&report, &links, "prod/admission/admission.plimsoll.dev", 2_400).unwrap(),
        pages::guards(&report, &links, 1).unwrap(),
    ]
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

pub(crate) fn hostile() -> impl Strategy<Value = String> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_text_of_a_request_or_policy_breaks_out_of_its_place(text in hostile()) {
        // How many lines and names there are may differ with the text; markup and links to other places may not come from it.
        let links = |page: &str| -> std::collections::BTreeSet<String> {
            attributes(page, "href").iter().map(|href| href.split('?').next().unwrap().to_owned()).collect()
        };
        for (plain, page) in admission_pages("").iter().zip(&admission_pages(&text)) {
            prop_assert_eq!(tags(plain), tags(page));
            prop_assert_eq!(links(plain), links(page));
            prop_assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert!(!page.contains(['\u{202e}', '\u{2028}']), "a hiding character is left");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_text_of_a_right_or_credential_breaks_out_of_its_place(text in hostile()) {
        let links = |page: &str| -> std::collections::BTreeSet<String> {
            attributes(page, "href").iter().map(|href| href.split('?').next().unwrap().to_owned()).collect()
        };
        for (plain, page) in access_pages("").iter().zip(&access_pages(&text)) {
            prop_assert_eq!(tags(plain), tags(page));
            prop_assert_eq!(links(plain), links(page));
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
