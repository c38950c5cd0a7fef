//! The steps of a path in words and as JSON, each with what it rests on.

use serde_json::{Value, json};

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

/// Adds a step to what is told.
pub(super) fn step(told: &mut Rest, from: &str, to: &str, link: Link<'_>) {
    let mut add = |part: &str| {
        if !part.is_empty() {
            told.text.push_str(" -> ");
            told.text.push_str(part);
        }
    };
    told.steps += 1;
    told.json.push(',');
    match link {
        Link::Opening(opening, scope) => {
            let mut bindings: Vec<String> = Vec::new();
            let mut roles: Vec<String> = Vec::new();
            let mut objects: Vec<String> = Vec::new();
            let mut evidence: Vec<Value> = Vec::new();
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
                        let mut value = json!({"binding": binding, "role": held.profile.role.label()});
                        if let Some((rule, _)) = one.met()
                            && let Some(rule) = held.profile.role.rules_json.get(rule)
                        {
                            value["rule"] = rule.clone();
                        }
                        if let Some(through) = held.through.as_deref().or(account.as_deref()) {
                            value["through"] = json!(through.to_string());
                            once(&mut bindings, format!("{binding} (of {through})"));
                        } else {
                            once(&mut bindings, binding);
                        }
                        once(&mut roles, held.profile.role.label());
                        evidence.push(value);
                    }
                    Evidence::Binding(bound) => {
                        evidence.push(json!({"binding": bound.binding.label(), "role": bound.binding.role_label()}));
                        once(&mut bindings, bound.binding.label());
                        once(&mut roles, bound.binding.role_label());
                    }
                    Evidence::Object { label, says, .. } => {
                        evidence.push(json!({"object": label, "says": says}));
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
            told.json.push_str(
                &json!({"from": from, "permission": permission, "scope": scope, "evidence": evidence, "to": to})
                    .to_string(),
            );
        }
        Link::Object(label, says) => {
            add(to);
            let evidence = if label.is_empty() { json!([]) } else { json!([{"object": label, "says": says}]) };
            told.json.push_str(
                &json!({"from": from, "permission": says, "scope": null, "evidence": evidence, "to": to}).to_string(),
            );
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
