//! Negations. OPA takes the arguments of what is negated out of the negation: where one of them is undefined, the whole rule is. regorus
//! leaves them in it, and the negation holds. A negation is taken when all its arguments are known to be defined: written out, bound, or
//! needed by another statement that is not negated.
//!
//! What `==` and `=` compare stays in the negation in OPA, too, unless it is itself computed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::names::View;
use crate::builtins;
use crate::refusal::Objection;
use crate::syntax::{Node, Rule, Statement, StatementNode, Step, Term};

/// References that every request has.
const ALWAYS: [&str; 9] = [
    "input",
    "input.parameters",
    "input.review",
    "input.review.kind",
    "input.review.kind.group",
    "input.review.kind.kind",
    "input.review.object",
    "input.review.operation",
    "input.review.userInfo",
];

/// What the statements of a body and of those around it need or bind.
#[derive(Default, Clone)]
struct Known {
    /// References, as they are written, that are defined wherever the body holds.
    defined: BTreeSet<String>,
    /// Names of variables.
    bound: BTreeSet<String>,
}

pub(super) fn check(rule: &Rule, view: &View<'_, '_>, objections: &mut Vec<Objection>) {
    let mut known = Known::default();
    for argument in rule.arguments.iter().flatten() {
        known.bind(argument);
    }
    let mut checker = Checker { view, objections };
    for term in rule.heads() {
        // The head is evaluated where its body holds.
        checker.comprehensions(term, &known.within(&rule.body));
    }
    for body in rule.bodies() {
        checker.body(body, &known);
    }
}

impl Known {
    /// With what the statements of a body add.
    fn within(&self, body: &[Statement]) -> Self {
        let mut known = self.clone();
        for statement in body {
            match &statement.node {
                StatementNode::Expression(term) => known.needs(term),
                StatementNode::Some { patterns, domain } => {
                    for pattern in patterns {
                        known.bind(pattern);
                    }
                    known.needs(domain);
                }
                StatementNode::Every { .. } | StatementNode::Declared | StatementNode::Not(_) => {}
            }
        }
        known
    }

    fn bind(&mut self, pattern: &Term) {
        match pattern.name() {
            Some(name) => {
                self.bound.insert(name.to_owned());
            }
            None => {
                for child in pattern.children() {
                    self.bind(child);
                }
            }
        }
    }

    /// A statement holds only where all of the term is defined.
    fn needs(&mut self, term: &Term) {
        if let Node::Reference { head, path } = &term.node {
            self.bound.insert(head.clone());
            for length in 1..=path.len() {
                if let Some(written) = path.get(..length).and_then(|part| written(head, part)) {
                    self.defined.insert(written);
                }
            }
        }
        if matches!(term.node, Node::Comprehension { .. }) {
            return;
        }
        for child in term.children() {
            self.needs(child);
        }
    }
}

/// A reference as text; none of one with wildcards or with what is computed in it.
fn written(head: &str, path: &[Step]) -> Option<String> {
    let mut out = head.to_owned();
    for step in path {
        match step {
            Step::Field(field) => {
                let _ = write!(out, ".{field}");
            }
            Step::Index(Term { node: Node::Text(field), .. }) => {
                let _ = write!(out, ".{field}");
            }
            Step::Index(term) => {
                let name = term.name().filter(|name| *name != "_")?;
                let _ = write!(out, "[{name}]");
            }
        }
    }
    Some(out)
}

struct Checker<'c, 'n, 'm> {
    view: &'c View<'n, 'm>,
    objections: &'c mut Vec<Objection>,
}

impl Checker<'_, '_, '_> {
    fn body(&mut self, body: &[Statement], around: &Known) {
        let known = around.within(body);
        for statement in body {
            for term in statement.terms() {
                self.comprehensions(term, &known);
            }
            match &statement.node {
                StatementNode::Not(term) => self.negated(term, &known),
                StatementNode::Every { names, domain, body } => {
                    self.argument(domain, &known);
                    let mut within = known.clone();
                    within.bound.extend(names.iter().cloned());
                    self.body(body, &within);
                }
                _ => {}
            }
        }
    }

    /// The bodies of the comprehensions in a term.
    fn comprehensions(&mut self, term: &Term, known: &Known) {
        if let Node::Comprehension { heads, body } = &term.node {
            self.body(body, known);
            let within = known.within(body);
            for head in heads {
                self.comprehensions(head, &within);
            }
            return;
        }
        for child in term.children() {
            self.comprehensions(child, known);
        }
    }

    fn negated(&mut self, term: &Term, known: &Known) {
        match &term.node {
            Node::Reference { .. } => self.indexes(term, known),
            Node::Call { arguments, .. } => {
                for argument in arguments {
                    self.argument(argument, known);
                }
                self.indexes(term, known);
            }
            Node::Infix { operator: "==" | "=", sides } => {
                for side in [&sides.0, &sides.1] {
                    match &side.node {
                        Node::Reference { .. } => self.indexes(side, known),
                        _ => self.argument(side, known),
                    }
                }
            }
            Node::Infix { operator: ":=", .. } => {
                self.objections.push(Objection::new(term.place, "`:=` cannot be negated"));
            }
            _ => {
                for child in term.children() {
                    self.argument(child, known);
                }
            }
        }
    }

    /// What a reference is indexed with is taken out of the negation in any case.
    fn indexes(&mut self, term: &Term, known: &Known) {
        let (Node::Reference { path, .. } | Node::Call { path, .. }) = &term.node else { return };
        if let Node::Reference { head, .. } = &term.node {
            self.variable(term, head, known);
        }
        for step in path {
            if let Step::Index(index) = step {
                self.argument(index, known);
            }
        }
    }

    fn variable(&mut self, term: &Term, name: &str, known: &Known) {
        let is_rule = self.view.rule_of(term).is_some();
        if name == "_" || !(is_rule || matches!(name, "input" | "data") || known.bound.contains(name)) {
            let message = if name == "_" {
                "a wildcard in a negation: write the search as a function or comprehension, and negate that".to_owned()
            } else {
                format!("the variable {name} has no value outside of the negation")
            };
            self.objections.push(Objection::new(term.place, message));
        }
    }

    /// Something that must be defined for the negation to be evaluated at all.
    fn argument(&mut self, term: &Term, known: &Known) {
        match &term.node {
            Node::Constant | Node::Text(_) | Node::Comprehension { .. } => {}
            Node::Reference { head, path } => {
                self.indexes(term, known);
                if !self.is_defined(term, head, path, known) {
                    let name = written(head, path).unwrap_or_else(|| format!("{head}[...]"));
                    let message = format!(
                        "{name} may be undefined: within `not` and `every`, OPA then gives up the rule, and regorus lets it hold; give it to a variable before (`x := {name}`), or ask for it in a statement of its own"
                    );
                    self.objections.push(Objection::new(term.place, message));
                }
            }
            Node::Call { name, arguments, path } => {
                if builtins::find(name).is_none() || self.view.rule_of(term).is_some() || !path.is_empty() {
                    let message = format!(
                        "the result of {name} may be undefined: within `not` and `every`, OPA then gives up the rule, and regorus lets it hold; give it to a variable before"
                    );
                    self.objections.push(Objection::new(term.place, message));
                }
                for argument in arguments {
                    self.argument(argument, known);
                }
            }
            _ => {
                for child in term.children() {
                    self.argument(child, known);
                }
            }
        }
    }

    fn is_defined(&self, term: &Term, head: &str, path: &[Step], known: &Known) -> bool {
        let text = written(head, path);
        if text.as_deref().is_some_and(|text| ALWAYS.contains(&text) || known.defined.contains(text)) {
            return true;
        }
        match self.view.rule_and_length(term) {
            // Partial sets and objects are defined even when they are empty, and so is what has a default.
            Some((rule, length)) => {
                let is_written_out =
                    |rule: &Rule| rule.body.is_empty() && rule.value.as_ref().is_some_and(Term::is_literal);
                let total = |rule: &&Rule| rule.is_default || rule.key.is_some() || is_written_out(rule);
                path.len() == length && self.view.definitions(&rule).iter().any(total)
            }
            None => path.is_empty(),
        }
    }
}
