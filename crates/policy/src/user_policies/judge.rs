//! What user policies say of a request, as violations.

use expressions::{Effect, Input, Limits, Subject, Verdict};

use super::{admission_request, gatekeeper};
use crate::context::Context;
use crate::decision::Violation;
use crate::findings::KEPT;
use crate::policy_set::{Action, PolicySet};
use crate::request::Request;
use crate::weighing::Weighing;

/// Evaluates the set's user policies and takes what they find. Whether any was for the request, or none could be asked.
pub(crate) fn judge(
    set: &PolicySet,
    request: &Request<'_>,
    context: &Context<'_>,
    weighing: &mut Weighing<'_>,
) -> bool {
    let own = set.user_policies();
    let asked = match admission_request::read(request, context) {
        Ok(asked) => asked,
        Err(error) => {
            weighing.fail(error);
            return true;
        }
    };
    weighing.called(&asked.name);
    let input = Input { request: &asked.request, namespace: asked.namespace, parameters: &own.parameters };
    let outcome = own.policies.evaluate(&input, &Limits { expired: context.expired });
    for decision in &outcome.decisions {
        let mut listed = 0;
        for finding in &decision.findings {
            let Some((message, action)) = told(decision, finding) else { continue };
            listed += 1;
            let violation = Violation {
                policy: decision.policy.to_string(),
                binding: decision.binding.as_deref().map(str::to_owned),
                path: String::new(),
                message,
                action,
                rule: decision.kind,
            };
            weighing.take(own.written_name(&decision.policy), violation, listed <= KEPT);
        }
    }
    weighing.decision.audit_annotations = outcome.audit_annotations();
    let by_constraints = gatekeeper::judge(&own.gatekeeper, &asked, context, weighing);
    by_constraints || !outcome.decisions.is_empty()
}

/// What is told of a finding, and what becomes of it; nothing of one that passed.
fn told(decision: &expressions::Decision, finding: &expressions::Finding) -> Option<(String, Action)> {
    if let (Subject::Namespace, Verdict::Error { message }) = (&finding.subject, &finding.verdict) {
        let message = format!("undetermined: {message} here; check its Namespace object too");
        return Some((message, Action::Warn));
    }
    let actions = &decision.actions;
    let of_binding = match (actions.deny, actions.warn) {
        (true, _) => Action::Deny,
        (false, true) => Action::Warn,
        (false, false) => Action::Audit,
    };
    let (message, action) = match (decision.effect(finding), &finding.verdict) {
        (Effect::Acted(message, _), _) => (message.to_owned(), of_binding),
        (Effect::Refused(message), _) => (message.to_owned(), Action::Deny),
        // It changes nothing, and whoever reads the record sees that the policy did not hold here.
        (Effect::Nothing, Verdict::Error { message }) => {
            return Some((format!("not evaluated, and failurePolicy is Ignore: {message}"), Action::Audit));
        }
        (Effect::Nothing, _) => return None,
    };
    if decision.assumed && action != Action::Audit {
        let reason = "undetermined whether the policy is for this namespace, whose labels are not known here; check its Namespace object too";
        return Some((format!("{message} ({reason})"), Action::Warn));
    }
    Some((message, action))
}
