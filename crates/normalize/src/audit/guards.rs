//! What an audit event tells of guards: Pod Security, ValidatingAdmissionPolicies and webhooks, whoever runs them.
//!
//! The forms of annotations and messages are those of Kubernetes 1.37 (`pod-security.kubernetes.io/...`,
//! `validation.policy.admission.k8s.io/validation_failure`, `failed-open.<kind>.webhook.admission.k8s.io/...`, `<policy or webhook>/<key>`;
//! `... is forbidden: violates PodSecurity ...`, `ValidatingAdmissionPolicy '...' with binding '...' denied request: ...`,
//! `admission webhook "..." denied the request`, `failed calling webhook "..."`). Messages are read only where the API server puts them: further in
//! they hold texts that users chose.

use std::borrow::Cow;
use std::collections::BTreeMap;

use records::table::TableSink;
use records::tables::admission::GuardDecision;
use records::tables::audit::AuditEvent;

use crate::audit::event::cut;
use crate::fault::Faults;
use crate::json::{Json, MAX_DEPTH, check};

/// At most this many rows of one event; the API server itself writes no more than 50 failures.
const MOST: usize = 64;

const POD_SECURITY: &str = "pod-security.kubernetes.io/";
const FAILURES: &str = "validation.policy.admission.k8s.io/validation_failure";
const FAILED_OPEN: [(&str, &str); 2] = [
    ("failed-open.validating.webhook.admission.k8s.io/", "validating_webhook"),
    ("failed-open.mutating.webhook.admission.k8s.io/", "mutating_webhook"),
];

/// Annotations that a guard may have written, in the order of the event.
#[derive(Default)]
pub(crate) struct Marks<'v>(Vec<(String, Json<'v>)>);

impl<'v> Marks<'v> {
    /// Keeps an annotation if a guard may have written it.
    pub(crate) fn take(&mut self, key: &str, value: Json<'v>) {
        let Some((owner, _)) = key.split_once('/') else { return };
        let ours = key.starts_with(POD_SECURITY)
            || key == FAILURES
            || FAILED_OPEN.iter().any(|(prefix, _)| key.starts_with(prefix))
            || is_guard(owner);
        if ours {
            self.0.push((key.to_owned(), value));
        }
    }
}

/// Whether the name before the `/` may be that of a policy or webhook. Names of policies that are loaded from files end in `.static.k8s.io`.
fn is_guard(owner: &str) -> bool {
    let within = |domain: &str| owner.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    owner.ends_with(".static.k8s.io")
        || !(within("k8s.io") || within("kubernetes.io") || owner == "authentication.openshift.io")
}

/// One row, without what it has from the event.
struct Found<'f> {
    guard: Option<&'static str>,
    policy: Option<Cow<'f, str>>,
    binding: Option<Cow<'f, str>>,
    verdict: Option<&'static str>,
    actions: Option<Cow<'f, str>>,
    evidence: &'static str,
    detail: Cow<'f, str>,
}

/// Appends the rows of an event.
pub(crate) fn append(event: &AuditEvent<'_>, marks: &Marks<'_>, faults: &mut Faults<'_>, sink: &mut impl TableSink) {
    let refused = event.response_code.is_some_and(|code| code >= 400);
    let message = event.response_message.as_deref().filter(|_| refused || event.response_code.is_none());
    let told = message.and_then(|message| refusal(event, message));
    if marks.0.is_empty() && told.is_none() {
        return;
    }
    let mut found = of_annotations(event, marks, told.as_ref(), faults);
    // The refusal of a policy that also records its failures is there already, with more than the message has.
    let same = |row: &Found<'_>, told: &Found<'_>| {
        (row.guard, &row.policy, &row.binding) == (told.guard, &told.policy, &told.binding)
            && row.verdict == told.verdict
    };
    found.extend(told.filter(|told| !found.iter().any(|row| same(row, told))));
    if found.len() > MOST {
        faults.add("too_many", format!("the event tells of {} decisions of guards; {MOST} are kept", found.len()));
    }
    for row in found.into_iter().take(MOST) {
        sink.append(&GuardDecision {
            provenance: event.provenance.clone(),
            event_time: event.event_time,
            audit_id: event.audit_id.as_deref().map(Cow::Borrowed),
            stage: event.stage.as_deref().map(Cow::Borrowed),
            guard: row.guard.map(Cow::Borrowed),
            policy: row.policy,
            binding: row.binding,
            verdict: row.verdict.map(Cow::Borrowed),
            actions: row.actions,
            evidence: Cow::Borrowed(row.evidence),
            detail: cut(row.detail),
            user_name: event.user_name.as_deref().map(Cow::Borrowed),
            impersonated_user: event.impersonated_user.as_deref().map(Cow::Borrowed),
            verb: event.verb.as_deref().map(Cow::Borrowed),
            api_group: event.api_group.as_deref().map(Cow::Borrowed),
            resource: event.resource.as_deref().map(Cow::Borrowed),
            subresource: event.subresource.as_deref().map(Cow::Borrowed),
            namespace: event.namespace.as_deref().map(Cow::Borrowed),
            name: event.name.as_deref().map(Cow::Borrowed),
            dry_run: event.dry_run,
            response_code: event.response_code,
        });
    }
}

/// The guard that refused the request, by the text of the answer.
fn refusal<'m>(event: &AuditEvent<'_>, message: &'m str) -> Option<Found<'m>> {
    let by = |guard, policy: &'m str, verdict, detail: &'m str| Found {
        guard: Some(guard),
        policy: Some(Cow::Borrowed(policy)),
        binding: None,
        verdict: Some(verdict),
        actions: None,
        evidence: "message",
        detail: Cow::Borrowed(detail),
    };
    if let Some(rest) = message.strip_prefix("admission webhook \"") {
        let (webhook, rest) = rest.split_once('"')?;
        let detail = rest.strip_prefix(" denied the request")?;
        return Some(by("webhook", webhook, "deny", detail.strip_prefix(": ").unwrap_or(detail)));
    }
    let inner = message.strip_prefix("Internal error occurred: ").unwrap_or(message);
    if let Some(rest) = inner.strip_prefix("failed calling webhook \"") {
        let (webhook, detail) = rest.split_once('"')?;
        return Some(by("webhook", webhook, "failed_closed", detail.strip_prefix(": ").unwrap_or(detail)));
    }
    let reason = forbidden(event, message)?;
    if let Some(rest) = reason.strip_prefix("violates PodSecurity \"") {
        let (level, detail) = rest.split_once('"')?;
        return Some(by("pod_security", level, "deny", detail.strip_prefix(": ").unwrap_or(detail)));
    }
    let (policy, rest) = reason.strip_prefix("ValidatingAdmissionPolicy '")?.split_once('\'')?;
    let (binding, detail) = match rest.strip_prefix(" with binding '").and_then(|rest| rest.split_once('\'')) {
        Some((binding, rest)) => (Some(Cow::Borrowed(binding)), rest),
        None => (None, rest),
    };
    let detail = detail.strip_prefix(" denied request: ")?;
    Some(Found { binding, ..by("validating_admission_policy", policy, "deny", detail) })
}

/// What follows `<resource> "<name>" is forbidden: `. The name is the caller's choice: it must be the one of the event where that has one.
fn forbidden<'m>(event: &AuditEvent<'_>, message: &'m str) -> Option<&'m str> {
    let rest = message.strip_prefix(event.resource.as_deref()?)?;
    let rest = match event.api_group.as_deref().filter(|group| !group.is_empty()) {
        Some(group) => rest.strip_prefix('.')?.strip_prefix(group)?,
        None => rest,
    };
    let rest = match (rest.strip_prefix(" \""), event.name.as_deref()) {
        (None, _) => rest,
        (Some(rest), Some(name)) => rest.strip_prefix(name)?.strip_prefix('"')?,
        (Some(rest), None) => rest.split_once('"')?.1,
    };
    rest.strip_prefix(" is forbidden: ")
}

fn of_annotations<'f>(
    event: &AuditEvent<'_>,
    marks: &'f Marks<'_>,
    told: Option<&Found<'f>>,
    faults: &mut Faults<'_>,
) -> Vec<Found<'f>> {
    let mut found = Vec::new();
    let mut own: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let text = |name: &str| marks.0.iter().find(|(key, _)| key.strip_prefix(POD_SECURITY) == Some(name))?.1.text();
    for (key, value) in &marks.0 {
        let row = |guard, policy, verdict, detail| Found {
            guard: Some(guard),
            policy,
            binding: None,
            verdict,
            actions: None,
            evidence: "annotation",
            detail,
        };
        let Some(value) = value.text() else {
            faults.wrong_type("an annotation of a guard", "a string");
            continue;
        };
        if key == FAILURES {
            failures(&value, faults, &mut found);
        } else if let Some((_, guard)) = FAILED_OPEN.iter().find(|(prefix, _)| key.starts_with(prefix)) {
            found.push(row(*guard, Some(value), Some("failed_open"), Cow::Borrowed(key.as_str())));
        } else if let Some(name) = key.strip_prefix(POD_SECURITY) {
            match name {
                "enforce-policy" => {
                    let denied = told.is_some_and(|told| told.guard == Some("pod_security"));
                    // Refusals are told by their message.
                    if !denied {
                        let exempt = text("exempt").is_some();
                        let passed = event.response_code.map(|_| "allow");
                        let verdict = if exempt { Some("exempt") } else { passed };
                        found.push(row("pod_security", Some(value), verdict, text("exempt").unwrap_or_default()));
                    }
                }
                "exempt" if text("enforce-policy").is_none() => {
                    found.push(row("pod_security", None, Some("exempt"), value));
                }
                "audit-violations" => {
                    let level =
                        value.strip_prefix("would violate PodSecurity \"").and_then(|rest| rest.split('"').next());
                    let level = level.map(|level| Cow::Owned(level.to_owned()));
                    let actions = Some(Cow::Borrowed("Audit"));
                    found.push(Found { actions, ..row("pod_security", level, Some("violation"), value) });
                }
                "error" => found.push(row("pod_security", None, Some("error"), value)),
                _ => {}
            }
        } else if let Some((owner, name)) = key.split_once('/') {
            own.entry(owner).or_default().push(format!("{name}={value}"));
        }
    }
    for (owner, words) in own {
        let named = |row: &Found<'_>| row.policy.as_deref() == Some(owner);
        if found.iter().chain(told).any(named) {
            continue;
        }
        // Names of webhooks have at least three parts.
        let policy = owner.split('.').count() < 3;
        let carried_out = event.response_code.is_some_and(|code| code < 400);
        found.push(Found {
            guard: policy.then_some("validating_admission_policy"),
            policy: Some(Cow::Borrowed(owner)),
            binding: None,
            verdict: carried_out.then_some("allow"),
            actions: None,
            evidence: "annotation",
            detail: Cow::Owned(words.join(", ")),
        });
    }
    found
}

/// The failures of ValidatingAdmissionPolicies, as the API server lists them in one annotation.
fn failures(value: &str, faults: &mut Faults<'_>, found: &mut Vec<Found<'_>>) {
    if let Err(malformed) = check(value.as_bytes(), MAX_DEPTH) {
        faults.malformed(FAILURES, malformed);
        return;
    }
    for failure in Json::of_text(value).elements() {
        let text = |name| failure.member(name).and_then(|v| v.text()).map(|text| Cow::Owned(text.into_owned()));
        let listed = failure.member("validationActions");
        let actions: Vec<_> = listed.iter().flat_map(|list| list.elements()).filter_map(|a| a.text()).collect();
        let denies = actions.iter().any(|action| action == "Deny");
        found.push(Found {
            guard: Some("validating_admission_policy"),
            policy: text("policy"),
            binding: text("binding"),
            verdict: Some(if denies { "deny" } else { "violation" }),
            actions: (!actions.is_empty()).then(|| Cow::Owned(actions.join(","))),
            evidence: "annotation",
            detail: text("message").unwrap_or_default(),
        });
    }
}
