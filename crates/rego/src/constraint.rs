//! Constraints (`constraints.gatekeeper.sh`): a template with parameters, which objects it is for, and what becomes of violations.

use serde_json::{Value, json};

use crate::fields::Fields;
use crate::matching::Match;
use crate::refusal::Refusal;
use crate::template::Template;

/// API group of constraints.
pub const CONSTRAINT_GROUP: &str = "constraints.gatekeeper.sh";
/// The enforcement point of an admission webhook, which is what this is.
const WEBHOOK: &str = "validation.gatekeeper.sh";
/// The other enforcement points of Gatekeeper.
const OTHER_POINTS: [&str; 3] = ["audit.gatekeeper.sh", "gator.gatekeeper.sh", "vap.k8s.io"];

/// What becomes of violations, from mildest to strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// They are recorded.
    DryRun,
    /// The client is warned.
    Warn,
    /// The request is refused.
    Deny,
}

/// A constraint.
#[derive(Debug)]
pub struct Constraint {
    kind: String,
    name: String,
    action: Action,
    pub(crate) matching: Match,
    /// With defaults filled in.
    pub(crate) parameters: Value,
}

impl Constraint {
    /// Its kind, which is that of its template.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What becomes of violations.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Reads a constraint of a template.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(json: &Value, template: &Template) -> Result<Self, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let read = read(json, template, &mut refusals);
        match read {
            Some(constraint) if refusals.is_empty() => Ok(constraint),
            _ => Err(refusals),
        }
    }
}

fn read(json: &Value, template: &Template, refusals: &mut Vec<Refusal>) -> Option<Constraint> {
    let mut fields = Fields::of(json, "", refusals);
    let version = fields.text("apiVersion").unwrap_or_default();
    if !matches!(version.rsplit('/').next(), Some("v1beta1" | "v1alpha1")) {
        fields.refuse("apiVersion", "expected v1beta1 or v1alpha1 of constraints.gatekeeper.sh");
    }
    for told in ["kind", "metadata", "status"] {
        fields.take(told);
    }
    let spec = fields.take("spec");
    fields.end();
    let name = json.pointer("/metadata/name").and_then(Value::as_str).filter(|name| !name.is_empty());
    let Some(name) = name else {
        refusals.push(Refusal::at("metadata", "metadata.name is missing"));
        return None;
    };
    let nothing = json!({});
    let (spec, path) = spec.unwrap_or((&nothing, "spec".to_owned()));
    let mut spec = Fields::of(spec, &path, refusals);
    let action = action(&mut spec);
    let matching = match spec.take("match") {
        Some((json, path)) => Match::read(json, &path, spec.refusals()),
        None => Match::default(),
    };
    if matching.is_only_for_generated() {
        let _: Option<()> =
            spec.refused("match.source", "no objects are generated from others here, so that this would hold nowhere");
    }
    let (parameters, path) = spec
        .take("parameters")
        .map_or_else(|| (json!({}), "spec.parameters".to_owned()), |(json, path)| (json.clone(), path));
    spec.end();
    let parameters = match template.schema.check(&parameters, &path) {
        Ok(parameters) => parameters,
        Err(found) => {
            refusals.extend(found);
            return None;
        }
    };
    Some(Constraint { kind: template.kind().to_owned(), name: name.to_owned(), action: action?, matching, parameters })
}

fn parse(word: &str) -> Option<Action> {
    match word {
        "deny" => Some(Action::Deny),
        "warn" => Some(Action::Warn),
        "dryrun" => Some(Action::DryRun),
        _ => None,
    }
}

fn action(spec: &mut Fields<'_, '_>) -> Option<Action> {
    let word = spec.text("enforcementAction").filter(|word| !word.is_empty()).unwrap_or_else(|| "deny".to_owned());
    let scoped = spec.list("scopedEnforcementActions");
    if word != "scoped" {
        if !scoped.is_empty() {
            return spec.refused("scopedEnforcementActions", "they are for enforcementAction: scoped");
        }
        let message = format!("{word:?} is not one of deny, warn, dryrun, scoped");
        return parse(&word).or_else(|| spec.refused("enforcementAction", &message));
    }
    let mut strictest = None;
    for (json, path) in scoped {
        let mut entry = Fields::of(json, &path, spec.refusals());
        let word = entry.text("action").unwrap_or_default();
        let action = parse(&word);
        if action.is_none() {
            let _: Option<()> = entry.refused("action", &format!("{word:?} is not one of deny, warn, dryrun"));
        }
        let mut is_here = false;
        for (json, path) in entry.list("enforcementPoints") {
            let mut point = Fields::of(json, &path, entry.refusals());
            let name = point.text("name").unwrap_or_default();
            if name == WEBHOOK || name == "*" {
                is_here = true;
            } else if !OTHER_POINTS.contains(&name.as_str()) {
                let _: Option<()> = point.refused("name", &format!("the enforcement point {name:?} is not known"));
            }
            point.end();
        }
        entry.end();
        if is_here {
            strictest = strictest.max(action);
        }
    }
    let message = format!("none of the enforcement points is {WEBHOOK} or `*`, so that it would hold nowhere here");
    strictest.or_else(|| spec.refused("scopedEnforcementActions", &message))
}
