//! All policies of a set on one request.

use std::collections::HashSet;

use crate::context::Context;
use crate::decision::{Decision, Violation};
use crate::findings::{Findings, KEPT};
use crate::policy_set::{Action, Policy, PolicySet};
use crate::request::{Operation, Request};
use crate::user_policies;
use crate::weighing::Weighing;
use crate::workload::{self, Workload};

/// Subresources of pods by which somebody reaches into a running pod.
pub const SESSION_SUBRESOURCES: &[&str] = &["exec", "attach", "portforward", "proxy"];

/// What the rules are asked about.
pub(crate) enum Subject {
    Workload { new: Workload, old: Option<Workload> },
    Session,
}

/// Decides on a request.
///
/// A request that policies do not govern is allowed, and the note says so; one that they govern and cannot read has the verdict `error`.
///
/// An update of an object whose pod stays as it was is refused by our rules only for what it makes worse: what the old object violates as
/// well is turned into a warning. Otherwise nobody could remove a finalizer from, or scale down, what was there before the policy.
/// Policies in Kubernetes' form say themselves what they do with updates.
#[must_use]
pub fn evaluate(set: &PolicySet, request: &Request<'_>, context: &Context<'_>) -> Decision {
    ReadRequest::new(request).evaluate(set, context, Vec::new())
}

/// A request whose object was read: once for its images and for the decision on it.
pub struct ReadRequest<'r> {
    request: &'r Request<'r>,
    pub(crate) subject: Result<Option<Subject>, String>,
}

impl<'r> ReadRequest<'r> {
    /// Reads the object. Why it cannot be read is what the decision says then.
    #[must_use]
    pub fn new(request: &'r Request<'r>) -> Self {
        Self { request, subject: subject(request) }
    }

    /// As [`evaluate`], with violations that were found elsewhere: by whoever may ask the network. They count like those of the set's policies, and
    /// exceptions can be for them by the name of their policy.
    #[must_use]
    pub fn evaluate(&self, set: &PolicySet, context: &Context<'_>, elsewhere: Vec<Violation>) -> Decision {
        let request = self.request;
        let mut weighing = Weighing::new(set, request, context.now);
        let has_user_policies = !set.user_policies().is_empty();
        let ruled = if set.policies().is_empty() && has_user_policies {
            Ok(Ruled::Not("no policy of the set is for this request".to_owned()))
        } else {
            self.subject
                .as_ref()
                .map(|subject| by_rules(set, request, subject.as_ref(), &mut weighing))
                .map_err(String::clone)
        };
        let judged_by_user_policies = has_user_policies && user_policies::judge(set, request, context, &mut weighing);
        match ruled {
            Ok(Ruled::Not(note)) if !judged_by_user_policies => weighing.note(note),
            Ok(Ruled::Judged(Some(note))) => weighing.note(note),
            Ok(_) => {}
            Err(error) => weighing.fail(error),
        }
        for (number, violation) in elsewhere.into_iter().enumerate() {
            let policy = violation.policy.clone();
            weighing.take(&policy, violation, number < KEPT);
        }
        weighing.decided()
    }
}

/// What our rules had to say.
enum Ruled {
    /// Nothing, for this reason.
    Not(String),
    /// They judged; with a note on how.
    Judged(Option<String>),
}

fn by_rules(set: &PolicySet, request: &Request<'_>, subject: Option<&Subject>, weighing: &mut Weighing<'_>) -> Ruled {
    match subject {
        Some(Subject::Session) => {
            let asked = Asked { request, prefix: "", before: None };
            decide(set, &asked, weighing, |policy, findings| policy.rule.judge_session(request, findings))
        }
        Some(Subject::Workload { new, old }) => {
            let Some(pod) = &new.pod else {
                return Ruled::Not("not governed: the object has no pod template".to_owned());
            };
            // A resize can change nothing but the resources of a pod that runs already.
            let resize = request.subresource == "resize";
            let unchanged = old.as_ref().and_then(|old| old.pod.as_ref()).filter(|old| resize || old.spec == pod.spec);
            let before = unchanged.map(|old| known_violations(set, request, new.prefix, old));
            weighing.called(if new.metadata.name.is_empty() {
                &new.metadata.generate_name
            } else {
                &new.metadata.name
            });
            let asked = Asked { request, prefix: new.prefix, before };
            decide(set, &asked, weighing, |policy, findings| policy.rule.judge_pod(pod, findings))
        }
        None => Ruled::Not(not_governed(request)),
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

/// What all rules are asked about.
struct Asked<'a> {
    request: &'a Request<'a>,
    /// Prefix of the pod's field paths.
    prefix: &'a str,
    /// What was violated before an update that leaves the pod as it was.
    before: Option<HashSet<(String, String)>>,
}

fn decide(
    set: &PolicySet,
    asked: &Asked<'_>,
    weighing: &mut Weighing<'_>,
    judge: impl Fn(&Policy, &mut Findings<'_>),
) -> Ruled {
    let mut covering = 0;
    for policy in set.policies().iter().filter(|policy| policy.scope.covers(&asked.request.namespace)) {
        covering += 1;
        let mut findings = Findings::new(asked.prefix);
        judge(policy, &mut findings);
        weighing.decision.omitted += findings.omitted;
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
                binding: None,
                path: finding.path,
                message: finding.message,
                action,
                rule: policy.rule_name,
            };
            weighing.take(&policy.name, violation, true);
        }
    }
    if covering == 0 {
        return Ruled::Not("no policy of the set covers this namespace".to_owned());
    }
    let warned = asked.before.is_some() && weighing.decision.violations.iter().any(|v| v.action == Action::Warn);
    Ruled::Judged(
        warned.then(|| "the update leaves the pod as it was: what it violated before is not refused".to_owned()),
    )
}
