//! One decision: what was asked, what is against it and where, the ways out, and the evidence.

use askama::Template;
use records::tables::admission::{AdmissionDecision, AdmittedImage, PolicyException};

use super::decisions::{VerdictWords, object, request};
use super::{Tabs, outcome_words};
use crate::admission::canonical::{guide_of, members};
use crate::admission::violation::{Violation, names, violations};
use crate::admission::{AdmissionMaterial, DecisionMaterial, entry_of, is_plain_name};
use crate::figures::{Moment, count, duration};
use crate::links::{AdmissionPlace, Links, Place};
use crate::pages::PageError;
use crate::pages::frame::{EvidenceLink, Frame};
use crate::report::Report;
use crate::shown::Shown;

/// The most violations that are listed; a record holds fewer.
const VIOLATIONS: usize = 500;
/// The most images that are listed.
const IMAGES: usize = 200;

#[derive(Template)]
#[template(path = "admission/decision.html")]
struct Page {
    frame: Frame,
    tabs: Tabs,
    verdict: VerdictWords,
    without_exceptions: Option<Shown>,
    request: Shown,
    object: Shown,
    decided: Moment,
    facts: Vec<(&'static str, Shown)>,
    message: Shown,
    policy_set: Shown,
    policy_set_href: Option<String>,
    applied: Vec<(Shown, Option<String>)>,
    not_applied: Vec<(Shown, Option<String>)>,
    violations: Vec<ViolationRow>,
    unreadable: bool,
    not_listed: String,
    ways_out: Option<WaysOut>,
    images: Vec<ImageRow>,
    images_left: usize,
    records: Vec<RecordRow>,
    events: Vec<EvidenceLink>,
    reconciliation: Option<(Shown, Shown)>,
}

struct ViolationRow {
    policy: Shown,
    guide: Option<String>,
    path: Shown,
    message: Shown,
    action: Shown,
    exception: Shown,
}

struct WaysOut {
    /// Kind and name of the object are known, so that an exception can be proposed.
    exception: Shown,
}

struct ImageRow {
    image: Shown,
    path: Shown,
    signatures: Shown,
    digest: Shown,
    detail: Shown,
}

struct RecordRow {
    what: &'static str,
    link: EvidenceLink,
}

/// The page of one decision.
///
/// # Errors
/// [`PageError::Template`].
pub fn decision(report: &Report, links: &Links<'_>, material: &DecisionMaterial) -> Result<String, PageError> {
    let admission = &report.material().admission;
    let decision = &material.decision;
    let listed = violations(&decision.violations_json);
    let set = admission.text(&decision.policy_set).and_then(members);
    let rows: Vec<ViolationRow> = listed
        .iter()
        .flatten()
        .take(VIOLATIONS)
        .map(|violation| {
            let guide = guide_of(&violation.policy, set.as_ref());
            let guide = guide.filter(|name| is_plain_name(name) && admission.guide(name).is_some());
            violation_row(violation, guide.map(|name| links.to(&Place::Admission(AdmissionPlace::Guide(name)))))
        })
        .collect();
    let left = decision.violations.saturating_sub(i64::try_from(rows.len()).unwrap_or(i64::MAX)).max(0);
    let exception_links = |list: &str| {
        let to = |name: &str| {
            let row = in_force(admission, decision, name);
            (Shown::line(name), row.and_then(|row| links.to_exception(&row.exception_id)))
        };
        names(list).map(to).collect()
    };
    let title = format!("{} {} {}", decision.verdict, request(decision).as_str(), object(decision).as_str());
    let page = Page {
        frame: Frame::new(report, links, "admission", Shown::line(&title).to_string()),
        tabs: Tabs::new(links, ""),
        verdict: VerdictWords::new(decision),
        without_exceptions: (decision.verdict != decision.verdict_without_exceptions)
            .then(|| Shown::line(&decision.verdict_without_exceptions)),
        request: request(decision),
        object: object(decision),
        decided: Moment::new(decision.decided_at),
        facts: facts(decision),
        message: Shown::line(&decision.message),
        policy_set: Shown::line(&decision.policy_set),
        policy_set_href: set_reading(admission, decision, links),
        applied: exception_links(&decision.exceptions),
        not_applied: exception_links(&decision.exceptions_not_applied),
        unreadable: listed.is_none(),
        violations: rows,
        not_listed: if left == 0 { String::new() } else { count(left) },
        ways_out: ways_out(decision, listed.as_deref().unwrap_or_default()),
        images: material.images.iter().take(IMAGES).map(image_row).collect(),
        images_left: material.images.len().saturating_sub(IMAGES),
        records: records(material, links),
        events: material.events.iter().map(|entry| EvidenceLink::new(entry, links)).collect(),
        reconciliation: material
            .reconciliation
            .as_ref()
            .map(|row| (outcome_words(&row.outcome), Shown::line(row.audit_id.as_deref().unwrap_or_default()))),
    };
    page.render().map_err(PageError::template("decision"))
}

fn facts(decision: &AdmissionDecision<'_>) -> Vec<(&'static str, Shown)> {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| Shown::line(text.as_deref().unwrap_or_default());
    let truth = |truth: Option<bool>, yes, no| Shown::line(truth.map_or("not known", |it| if it { yes } else { no }));
    let resource = match (decision.resource.as_deref(), decision.api_group.as_deref()) {
        (Some(resource), Some(group)) if !group.is_empty() => format!("{resource}.{group}"),
        (Some(resource), _) => resource.to_owned(),
        (None, _) => String::new(),
    };
    let mut facts = vec![
        ("Asked by", text(&decision.username)),
        ("Operation", text(&decision.operation)),
        ("Kind", text(&decision.kind)),
        ("Resource", Shown::line(&resource)),
        ("Subresource", text(&decision.subresource)),
        ("Namespace", text(&decision.namespace)),
        ("Name", text(&decision.name)),
        ("Dry run", truth(decision.dry_run, "yes: nothing was to be stored", "no")),
        ("Answer", truth(decision.allowed, "allowed", "refused")),
        ("Webhook", Shown::line(&decision.webhook)),
        ("Review", Shown::line(&decision.review_uid)),
        ("Decision", Shown::line(&decision.decision_id)),
        ("Evaluation took", Shown::line(&duration(decision.evaluation_micros))),
    ];
    if decision.late {
        facts.push(("Recorded", Shown::line("after the answer: the store could not be written in time")));
    }
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn violation_row(violation: &Violation, guide: Option<String>) -> ViolationRow {
    ViolationRow {
        policy: Shown::line(&violation.policy),
        guide,
        path: Shown::line(&violation.path),
        message: Shown::line(&violation.message),
        action: Shown::line(&violation.action),
        exception: Shown::line(violation.exception.as_deref().unwrap_or_default()),
    }
}

fn image_row(image: &AdmittedImage<'_>) -> ImageRow {
    ImageRow {
        image: Shown::line(&image.image),
        path: Shown::line(&image.path),
        signatures: Shown::line(&image.signatures.replace('_', " ")),
        digest: Shown::line(image.digest.as_deref().unwrap_or_default()),
        detail: Shown::line(&image.detail),
    }
}

/// The exception of this name that a set in force at the decision had.
fn in_force<'m>(
    admission: &'m AdmissionMaterial,
    decision: &AdmissionDecision<'_>,
    name: &str,
) -> Option<&'m PolicyException<'static>> {
    let at = decision.decided_at;
    admission.exceptions.iter().find(|row| {
        row.name == name
            && row.webhook == decision.webhook
            && row.provenance.cluster == decision.provenance.cluster
            && row.valid_from <= at
            && row.valid_to.is_none_or(|to| at < to)
    })
}

/// The page of the newest reading by which the decision's policy set came into force before it.
fn set_reading(admission: &AdmissionMaterial, decision: &AdmissionDecision<'_>, links: &Links<'_>) -> Option<String> {
    let reading = admission.policy_sets.iter().find(|row| {
        row.policy_set == decision.policy_set
            && row.in_force
            && row.webhook == decision.webhook
            && row.provenance.cluster == decision.provenance.cluster
            && row.loaded_at <= decision.decided_at
    })?;
    super::policy_sets::href(reading, links)
}

/// What the one who was refused can do; nothing for a request that was not.
fn ways_out(decision: &AdmissionDecision<'_>, violations: &[Violation]) -> Option<WaysOut> {
    let mut refusing: Vec<&str> = violations
        .iter()
        .filter(|violation| violation.action == "Deny" && violation.exception.is_none())
        .map(|violation| violation.policy.as_str())
        .collect();
    refusing.sort_unstable();
    refusing.dedup();
    if decision.verdict != "deny" || refusing.is_empty() {
        return None;
    }
    // Texts are written as JSON strings, which YAML reads the same: a name cannot become a key.
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let list = |texts: &[&str]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    let only = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().filter(|text| !text.is_empty()).map(quoted);
    let mut exception = format!(
        "apiVersion: plimsoll.dev/v1alpha1\nkind: PolicyException\nmetadata:\n  name: NAME\nspec:\n  policies: [{}]\n  scope:\n    namespaces: [{}]\n",
        list(&refusing),
        only(&decision.namespace).unwrap_or_else(|| "NAMESPACE".to_owned())
    );
    if let Some(name) = only(&decision.name) {
        exception.push_str(&format!("    names: [{name}]\n"));
    }
    if let Some(kind) = only(&decision.kind) {
        exception.push_str(&format!("    kinds: [{kind}]\n"));
    }
    exception.push_str("  owner: WHO ANSWERS FOR IT\n  approver: SOMEBODY ELSE\n  reason: WHY IT IS NEEDED\n  expires: YYYY-MM-DDT00:00:00Z\n");
    Some(WaysOut { exception: Shown::block(&exception) })
}

fn records(material: &DecisionMaterial, links: &Links<'_>) -> Vec<RecordRow> {
    let record = |decision: &AdmissionDecision<'_>| if decision.late { "decision, recorded late" } else { "decision" };
    let decisions = std::iter::once(&material.decision).chain(&material.others);
    let decisions = decisions.map(|row| (record(row), &row.provenance));
    let images = material.images.iter().take(IMAGES).map(|row| ("image", &row.provenance));
    decisions
        .chain(images)
        .filter_map(|(what, provenance)| {
            Some(RecordRow { what, link: EvidenceLink::new(&entry_of(provenance)?, links) })
        })
        .collect()
}
