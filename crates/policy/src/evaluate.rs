//! All policies of a set on one request.

use std::collections::{BTreeMap, HashSet};

use records::Timestamp;

use crate::decision::{Decision, Excepted, NotApplied, Verdict, Violation};
use crate::exception::{Exception, Standing};
use crate::findings::Findings;
use crate::policy_set::{Action, Policy, PolicySet};
use crate::request::{Operation, Request};
use crate::workload::{self, Workload};

/// Subresources of pods by which somebody reaches into a running pod.
pub const SESSION_SUBRESOURCES: &[&str] = &["exec", "attach", "portforward", "proxy"];

/// What the policies are asked about.
enum Subject {
    Workload { new: Workload, old: Option<Workload> },
    Session,
}

/// Decides on a request.
///
/// `now` is used for nothing but the expiry of exceptions. A request that policies do not govern is allowed, and the note says so;
/// one that they govern and cannot read has the verdict `error`.
///
/// An update of an object whose pod stays as it was is refused only for what it makes worse: what the old object violates as well
/// is turned into a warning. Otherwise nobody could remove a finalizer from, or scale down, what was there before the policy.
#[must_use]
pub fn evaluate(set: &PolicySet, request: &Request<'_>, now: Timestamp) -> Decision {
    match subject(request) {
        Ok(Some(Subject::Session)) => {
            let asked = Asked { request, name: "", prefix: "", before: None };
            decide(set, &asked, now, |policy, findings| policy.rule.judge_session(request, findings))
        }
        Ok(Some(Subject::Workload { new, old })) => {
            let Some(pod) = &new.pod else {
                return Decision::plain(Verdict::Allow, "not governed: the object has no pod template", set.digest());
            };
            // A resize can change nothing but the resources of a pod that runs already.
            let resize = request.subresource == "resize";
            let unchanged = old.as_ref().and_then(|old| old.pod.as_ref()).filter(|old| resize || old.spec == pod.spec);
            let before = unchanged.map(|old| known_violations(set, request, new.prefix, old));
            let name = if new.metadata.name.is_empty() { &new.metadata.generate_name } else { &new.metadata.name };
            let asked = Asked { request, name, prefix: new.prefix, before };
            decide(set, &asked, now, |policy, findings| policy.rule.judge_pod(pod, findings))
        }
        Ok(None) => Decision::plain(Verdict::Allow, not_governed(request), set.digest()),
        Err(error) => Decision::plain(Verdict::Error, error, set.digest()),
    }
}

fn not_governed(request: &Request<'_>) -> String {
    let slash = if request.subresource.is_empty() { "" } else { "/" };
    let operation = match request.operation {
        Operation::Delete => "deletions are not governed",
        _ => "not governed: no policy looks at objects of this kind",
    };
    let kind: String = request.kind.chars().take(64).collect();
    let subresource: String = request.subresource.chars().take(64).collect();
    format!("{operation} ({kind}{slash}{subresource})")
}

fn subject(request: &Request<'_>) -> Result<Option<Subject>, String> {
    let subresource = request.subresource.as_str();
    if request.operation == Operation::Connect {
        let session = request.resource == "pods" && SESSION_SUBRESOURCES.contains(&subresource);
        return Ok(session.then_some(Subject::Session));
    }
    if request.operation == Operation::Delete {
        return Ok(None);
    }
    // Other subresources (`status`, `scale`, `binding`) carry no pod that they could change.
    if !matches!(subresource, "" | "ephemeralcontainers" | "resize") {
        return Ok(None);
    }
    let Some(prefix) = workload::template_prefix(&request.group, &request.kind) else { return Ok(None) };
    let Some(object) = request.object.as_deref() else {
        return Err("the request has no object, so that nothing could be judged".to_owned());
    };
    let new = Workload::read(prefix, object)?;
    let old = match request.old_object.as_deref().filter(|_| request.operation == Operation::Update) {
        // An old object that cannot be read excuses nothing; the new one is judged in full.
        Some(old) => Workload::read(prefix, old).ok(),
        None => None,
    };
    Ok(Some(Subject::Workload { new, old }))
}

/// What an object as it was violates: policy and message.
fn known_violations(
    set: &PolicySet,
    request: &Request<'_>,
    prefix: &str,
    old: &crate::workload::pod::Pod,
) -> HashSet<(String, String)> {
    let mut known = HashSet::new();
    for policy in set.policies().iter().filter(|policy| policy.scope.covers(&request.namespace)) {
        let mut findings = Findings::new(prefix);
        policy.rule.judge_pod(old, &mut findings);
        known.extend(findings.kept.into_iter().map(|finding| (policy.name.clone(), finding.message)));
    }
    known
}

/// What all policies are asked about.
struct Asked<'a> {
    request: &'a Request<'a>,
    /// The object's name, or what it will begin with.
    name: &'a str,
    /// Prefix of the pod's field paths.
    prefix: &'a str,
    /// What was violated before an update that leaves the pod as it was.
    before: Option<HashSet<(String, String)>>,
}

fn decide(set: &PolicySet, asked: &Asked<'_>, now: Timestamp, judge: impl Fn(&Policy, &mut Findings<'_>)) -> Decision {
    let request = asked.request;
    let mut decision = Decision::plain(Verdict::Allow, String::new(), set.digest());
    decision.note = None;
    let mut excepted: BTreeMap<&str, Vec<Violation>> = BTreeMap::new();
    let mut not_applied: BTreeMap<&str, String> = BTreeMap::new();
    let name = if request.name.is_empty() { asked.name } else { &request.name };
    let mut covering = 0;
    for policy in set.policies().iter().filter(|policy| policy.scope.covers(&request.namespace)) {
        covering += 1;
        let mut findings = Findings::new(asked.prefix);
        judge(policy, &mut findings);
        decision.omitted += findings.omitted;
        for finding in findings.kept {
            let known = asked
                .before
                .as_ref()
                .is_some_and(|known| known.contains(&(policy.name.clone(), finding.message.clone())));
            let action = if known && policy.action == Action::Deny { Action::Warn } else { policy.action };
            let violation = Violation {
                policy: match finding.check {
                    Some(check) => format!("{}/{check}", policy.name),
                    None => policy.name.clone(),
                },
                path: finding.path,
                message: finding.message,
                action,
                rule: policy.rule_name,
            };
            let verdict = verdict_of(action);
            decision.verdict_without_exceptions = decision.verdict_without_exceptions.max(verdict);
            let fitting = set.exceptions().iter().filter(|e| e.fits(&policy.name, &violation.policy, request, name));
            match in_force(fitting, now, &mut not_applied) {
                Some(exception) => excepted.entry(&exception.name).or_default().push(violation),
                None => {
                    decision.verdict = decision.verdict.max(verdict);
                    decision.violations.push(violation);
                }
            }
        }
    }
    if asked.before.is_some() && decision.violations.iter().any(|v| v.action == Action::Warn) {
        decision.note = Some("the update leaves the pod as it was: what it violated before is not refused".to_owned());
    }
    if covering == 0 {
        decision.note = Some("no policy of the set covers this namespace".to_owned());
    }
    let owned = |(exception, violations): (&str, _)| Excepted { exception: exception.to_owned(), violations };
    decision.excepted = excepted.into_iter().map(owned).collect();
    let owned = |(exception, reason): (&str, _)| NotApplied { exception: exception.to_owned(), reason };
    decision.not_applied = not_applied.into_iter().map(owned).collect();
    decision
}

/// The first exception in force; those that are not are noted with the reason.
fn in_force<'a>(
    fitting: impl Iterator<Item = &'a Exception>,
    now: Timestamp,
    not_applied: &mut BTreeMap<&'a str, String>,
) -> Option<&'a Exception> {
    for exception in fitting {
        match exception.standing(now) {
            Standing::InForce => return Some(exception),
            standing => {
                not_applied.insert(&exception.name, standing.to_string());
            }
        }
    }
    None
}

fn verdict_of(action: Action) -> Verdict {
    match action {
        Action::Deny => Verdict::Deny,
        Action::Warn => Verdict::Warn,
        Action::Audit => Verdict::Allow,
    }
}
