//! Violations against exceptions: what counts, what an exception lets through, and what would have been without it.

use std::collections::BTreeMap;

use records::Timestamp;

use crate::decision::{Decision, Excepted, NotApplied, Verdict, Violation};
use crate::exception::{Exception, Standing};
use crate::policy_set::{Action, PolicySet};
use crate::request::Request;

/// A decision in the making.
pub(crate) struct Weighing<'a> {
    set: &'a PolicySet,
    request: &'a Request<'a>,
    now: Timestamp,
    /// The object's name, or what it will begin with.
    name: String,
    excepted: BTreeMap<&'a str, Vec<Violation>>,
    not_applied: BTreeMap<&'a str, String>,
    pub(crate) decision: Decision,
}

impl<'a> Weighing<'a> {
    pub(crate) fn new(set: &'a PolicySet, request: &'a Request<'a>, now: Timestamp) -> Self {
        let mut decision = Decision::plain(Verdict::Allow, String::new(), set.digest());
        decision.note = None;
        let name = request.name.clone();
        Self { set, request, now, name, excepted: BTreeMap::new(), not_applied: BTreeMap::new(), decision }
    }

    /// What the object is called, where the request does not say.
    pub(crate) fn called(&mut self, name: &str) {
        if self.request.name.is_empty() {
            name.clone_into(&mut self.name);
        }
    }

    /// Takes a violation of a policy, by the name that exceptions give it. It counts unless an exception is in force. One that is not `kept`
    /// counts, and is not listed.
    pub(crate) fn take(&mut self, policy: &str, violation: Violation, kept: bool) {
        let verdict = verdict_of(violation.action);
        self.decision.verdict_without_exceptions = self.decision.verdict_without_exceptions.max(verdict);
        match self.exception(policy, &violation.policy) {
            Some(exception) if kept => self.excepted.entry(&exception.name).or_default().push(violation),
            Some(_) => self.decision.omitted += 1,
            None => {
                self.decision.verdict = self.decision.verdict.max(verdict);
                if kept {
                    self.decision.violations.push(violation);
                } else {
                    self.decision.omitted += 1;
                }
            }
        }
    }

    /// The first exception in force; those that are not are noted with the reason.
    fn exception(&mut self, policy: &str, with_check: &str) -> Option<&'a Exception> {
        for exception in self.set.exceptions() {
            if !exception.fits(policy, with_check, self.request, &self.name) {
                continue;
            }
            match exception.standing(self.now) {
                Standing::InForce => return Some(exception),
                standing => {
                    self.not_applied.insert(&exception.name, standing.to_string());
                }
            }
        }
        None
    }

    pub(crate) fn note(&mut self, note: String) {
        self.decision.note.get_or_insert(note);
    }

    /// What could not be judged makes the whole an error, with the reason.
    pub(crate) fn fail(&mut self, reason: String) {
        self.decision.verdict = Verdict::Error;
        self.decision.verdict_without_exceptions = Verdict::Error;
        self.decision.note = Some(match self.decision.note.take() {
            Some(before) => format!("{before}; {reason}"),
            None => reason,
        });
    }

    pub(crate) fn decided(self) -> Decision {
        let excepted = |(exception, violations): (&str, _)| Excepted { exception: exception.to_owned(), violations };
        let not_applied = |(exception, reason): (&str, _)| NotApplied { exception: exception.to_owned(), reason };
        Decision {
            excepted: self.excepted.into_iter().map(excepted).collect(),
            not_applied: self.not_applied.into_iter().map(not_applied).collect(),
            ..self.decision
        }
    }
}

fn verdict_of(action: Action) -> Verdict {
    match action {
        Action::Deny => Verdict::Deny,
        Action::Warn => Verdict::Warn,
        Action::Audit => Verdict::Allow,
    }
}
