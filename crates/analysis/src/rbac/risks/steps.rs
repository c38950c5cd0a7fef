//! The steps of a path in words and as JSON, each with what it rests on.

use serde::Serialize;
use serde_json::Value;

use super::findings::{Evidence, Opening};
use super::need::Reach;

/// Most names that are told of one rule.
const MOST_NAMES: usize = 5;

/// The way on from a vertex, as it is told.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    pub(crate) text: String,
    /// The steps as JSON, each with a comma before it.
    pub(crate) json: String,
    pub(crate) steps: usize,
}

/// What leads from one vertex to the next.
pub(super) enum Link<'a> {
    /// A way in which a pattern is held in a scope.
    Opening(&'a Opening, Option<&'a str>),
    /// What an object says.
    Object(&'a str, &'a str),
}

/// A step as JSON. The names stand in the order of the alphabet, here and below.
#[derive(Serialize)]
struct Step<'a> {
    evidence: &'a [Shown<'a>],
    from: &'a str,
    permission: &'a str,
    scope: Option<&'a str>,
    to: &'a str,
}

/// What a step rests on.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Rule {
        binding: String,
        role: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<&'a Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        through: Option<String>,
    },
    Object {
        object: &'a str,
        says: &'a str,
    },
}

impl Rest {
    fn add_json(&mut self, step: &Step<'_>) {
        self.json.push(',');
        let json = serde_json::to_string(step).expect("texts, and rules that were read from JSON, are JSON");
        self.json.push_str(&json);
    }
}

/// Adds a step to what is told.
pub(super) fn step(told: &mut Rest, from: &str, to: &str, link: Link<'_>) {
    let mut add = |part: &str| {
        if !part.is_empty() {
            told.text.push_str(" -> ");
            told.text.push_str(part);
        }
    };
    told.steps += 1;
    match link {
        Link::Opening(opening, scope) => {
            let mut bindings: Vec<String> = Vec::new();
            let mut roles: Vec<String> = Vec::new();
            let mut objects: Vec<String> = Vec::new();
            let mut evidence: Vec<Shown<'_>> = Vec::with_capacity(opening.evidence.len());
            let once = |list: &mut Vec<String>, label: String| {
                if !list.contains(&label) {
                    list.push(label);
                }
            };
            for one in &opening.evidence {
                match one {
                    Evidence::Rule { held, account, .. } => {
                        let new = held.bound.binding.name.is_empty();
                        let binding = if new { "a new binding".to_owned() } else { held.bound.binding.label() };
                        let role = held.profile.role.label();
                        let rule = one.met().and_then(|(rule, _)| held.profile.role.rules_json.get(rule));
                        let through = held.through.as_deref().or(account.as_deref()).map(ToString::to_string);
                        match &through {
                            Some(through) => once(&mut bindings, format!("{binding} (of {through})")),
                            None => once(&mut bindings, binding.clone()),
                        }
                        once(&mut roles, role.clone());
                        evidence.push(Shown::Rule { binding, role, rule, through });
                    }
                    Evidence::Binding(bound) => {
                        let (binding, role) = (bound.binding.label(), bound.binding.role_label());
                        once(&mut bindings, binding.clone());
                        once(&mut roles, role.clone());
                        evidence.push(Shown::Rule { binding, role, rule: None, through: None });
                    }
                    Evidence::Object { label, says, .. } => {
                        evidence.push(Shown::Object { object: label, says });
                        once(&mut objects, format!("{label} {says}"));
                    }
                }
            }
            let permission = permission(opening);
            add(&bindings.join(" + "));
            add(&roles.join(" + "));
            add(&objects.join(" + "));
            if opening.way.is_some() || opening.evidence.iter().any(|e| e.met().is_some()) {
                match scope {
                    Some(scope) => add(&format!("{permission} in {scope}")),
                    None => add(&permission),
                }
            }
            add(to);
            told.add_json(&Step { evidence: &evidence, from, permission: &permission, scope, to });
        }
        Link::Object(label, says) => {
            add(to);
            let shown = [Shown::Object { object: label, says }];
            let evidence = if label.is_empty() { &[][..] } else { &shown };
            told.add_json(&Step { evidence, from, permission: says, scope: None, to });
        }
    }
}

/// The permissions of an opening: `verb group/resource`, joined by `and`.
pub(super) fn permission(opening: &Opening) -> String {
    let mut parts: Vec<String> = Vec::new();
    for evidence in &opening.evidence {
        let part = match (evidence, evidence.met()) {
            (_, Some((_, met))) => {
                let slash = if met.group.is_empty() { "" } else { "/" };
                let resource = if met.resource == "**" { "*" } else { met.resource };
                let group = if met.group == "**" { "*" } else { met.group };
                let mut part = format!("{} {group}{slash}{resource}", met.verb);
                if let Reach::Names(names) = &met.reach {
                    let some: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
                    let more = if names.len() > MOST_NAMES { ", ..." } else { "" };
                    part.push_str(&format!(" named {}{more}", some.join(", ")));
                }
                part
            }
            (Evidence::Binding(bound), _) => format!("holds {}", bound.binding.role_label()),
            (Evidence::Object { says, .. }, _) => says.clone(),
            (Evidence::Rule { .. }, None) => continue,
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join(" and ")
}
