//! What names of a module mean: rules of it, rules of a library, functions of the engine, data.

use std::collections::BTreeMap;

use crate::builtins;
use crate::refusal::Objection;
use crate::syntax::{Module, Node, Rule, Step, Term};

/// A rule by its package and name.
pub(crate) type RuleName<'m> = (&'m [String], &'m str);

/// The rules of all modules of a template.
pub(crate) struct Names<'m> {
    modules: Vec<&'m Module>,
    /// By package and by name.
    rules: BTreeMap<&'m [String], BTreeMap<&'m str, Vec<&'m Rule>>>,
}

/// The same from within one module.
pub(crate) struct View<'n, 'm> {
    names: &'n Names<'m>,
    module: &'m Module,
}

/// What a name with dots stands for.
pub(crate) enum Meaning<'m> {
    /// A rule; how many of the fields behind the head its name takes.
    Rule(RuleName<'m>, usize),
    /// Data that are there for every request in Gatekeeper, and not here.
    Inventory,
    /// Other data.
    Unknown,
    /// A variable, or `input`.
    Variable,
}

impl<'m> Names<'m> {
    pub(crate) fn of(modules: impl Iterator<Item = &'m Module>) -> Self {
        let modules: Vec<_> = modules.collect();
        let mut rules: BTreeMap<&'m [String], BTreeMap<&'m str, Vec<&'m Rule>>> = BTreeMap::new();
        for module in &modules {
            let own = rules.entry(&module.package).or_default();
            for rule in &module.rules {
                own.entry(&rule.name).or_default().push(rule);
            }
        }
        Self { modules, rules }
    }

    pub(crate) fn seen_from(&self, index: usize) -> View<'_, 'm> {
        // An index of a module that is not there has no module to look from; the first is as good as any.
        const EMPTY: &Module = &Module {
            package: Vec::new(),
            package_place: crate::Place { line: 1, column: 1 },
            imports: Vec::new(),
            rules: Vec::new(),
        };
        View { names: self, module: self.modules.get(index).copied().unwrap_or(EMPTY) }
    }

    pub(super) fn check(&self, index: usize, module: &'m Module, objections: &mut Vec<Objection>) {
        let view = self.seen_from(index);
        for import in &module.imports {
            let path: Vec<&str> = import.path.iter().map(String::as_str).collect();
            let known = match path.as_slice() {
                ["input", ..] => true,
                ["data", "lib", ..] => {
                    !matches!(view.of_data(&import.path), Meaning::Unknown) || self.has_package(&import.path)
                }
                _ => false,
            };
            if !known {
                objections.push(not_there(import.place, &import.path.join("."), path.get(1) == Some(&"inventory")));
            }
        }
        for rule in &module.rules {
            if builtins::is_name(&rule.name) {
                let message = format!("the rule {:?} has the name of a function of OPA; give it another", rule.name);
                objections.push(Objection::new(rule.place, message));
            }
            rule.visit(&mut |term| view.check(term, objections));
        }
    }

    fn has_package(&self, path: &[String]) -> bool {
        let package = path.get(1..).unwrap_or_default();
        self.modules.iter().any(|module| module.package.starts_with(package))
    }
}

fn not_there(place: crate::Place, name: &str, is_inventory: bool) -> Objection {
    let message = if is_inventory {
        format!(
            "{name}: there is no inventory here; policies that compare an object with others of the cluster are not taken"
        )
    } else {
        format!("{name}: a template sees no data but its libraries (data.lib)")
    };
    Objection::new(place, message)
}

impl<'m> View<'_, 'm> {
    /// The rules of a name.
    pub(crate) fn definitions(&self, name: &RuleName<'m>) -> &[&'m Rule] {
        self.names.rules.get(name.0).and_then(|own| own.get(name.1)).map_or(&[], Vec::as_slice)
    }

    /// What the head of a reference means, with the fields behind it.
    pub(crate) fn meaning<'t>(&self, head: &'t str, fields: &[&'t str]) -> Meaning<'m> {
        let package = self.module.package.as_slice();
        if let Some((name, _)) = self.names.rules.get(package).and_then(|own| own.get_key_value(head)) {
            return Meaning::Rule((package, *name), 0);
        }
        let import = self.module.imports.iter().find(|import| import.name == head);
        let mut path: Vec<String> = match import {
            Some(import) if import.path.first().is_some_and(|first| first == "data") => import.path.clone(),
            _ if head == "data" => vec!["data".to_owned()],
            _ => return Meaning::Variable,
        };
        let before = path.len();
        path.extend(fields.iter().map(|&field| field.to_owned()));
        match self.of_data(&path) {
            Meaning::Rule(name, taken) => Meaning::Rule(name, taken.saturating_sub(before)),
            other => other,
        }
    }

    /// What a path that begins with `data` means; of a rule, how long the part of the path is that names it.
    fn of_data(&self, path: &[String]) -> Meaning<'m> {
        if path.get(1).is_some_and(|second| second == "inventory") {
            return Meaning::Inventory;
        }
        let behind = path.get(1..).unwrap_or_default();
        for (package, own) in self.names.rules.iter().filter(|(package, _)| behind.starts_with(package)) {
            let name = behind.get(package.len()).and_then(|field| own.get_key_value(field.as_str()));
            if let Some((name, _)) = name {
                return Meaning::Rule((*package, *name), package.len() + 2);
            }
        }
        Meaning::Unknown
    }

    /// The rule that a reference or call names, if it names one.
    pub(crate) fn rule_of(&self, term: &Term) -> Option<RuleName<'m>> {
        self.rule_and_length(term).map(|(name, _)| name)
    }

    /// The same, with how many of the fields behind the head the rule's name takes.
    pub(crate) fn rule_and_length(&self, term: &Term) -> Option<(RuleName<'m>, usize)> {
        match self.meaning_of(term)? {
            Meaning::Rule(name, length) => Some((name, length)),
            _ => None,
        }
    }

    fn meaning_of(&self, term: &Term) -> Option<Meaning<'m>> {
        match &term.node {
            Node::Reference { head, path } => {
                let fields: Vec<&str> = path.iter().map_while(field).collect();
                Some(self.meaning(head, &fields))
            }
            Node::Call { name, .. } => {
                let mut parts = name.split('.');
                let head = parts.next().unwrap_or_default();
                let fields: Vec<&str> = parts.collect();
                Some(self.meaning(head, &fields))
            }
            _ => None,
        }
    }

    fn check(&self, term: &Term, objections: &mut Vec<Objection>) {
        let Some(meaning) = self.meaning_of(term) else { return };
        match (&term.node, meaning) {
            (Node::Call { name, arguments, .. }, Meaning::Rule(rule, _)) => {
                let takes = |rule: &&Rule| rule.arguments.as_ref().is_some_and(|own| own.len() == arguments.len());
                if !self.definitions(&rule).iter().all(takes) {
                    let message =
                        format!("{name} is called with {} arguments, which it does not take", arguments.len());
                    objections.push(Objection::new(term.place, message));
                }
            }
            (Node::Call { name, arguments, .. }, _) => match builtins::find(name) {
                Some((takes, _)) if usize::from(takes) == arguments.len() => {}
                Some((takes, _)) => {
                    let message = format!("{name} takes {takes} arguments, and is called with {}", arguments.len());
                    objections.push(Objection::new(term.place, message));
                }
                None => {
                    let why = builtins::reason(name)
                        .unwrap_or("it is not among the functions that are known to be as in OPA");
                    objections.push(Objection::new(term.place, format!("the function {name} is not taken: {why}")));
                }
            },
            (Node::Reference { head, path }, Meaning::Inventory | Meaning::Unknown) => {
                let fields: Vec<&str> = path.iter().map_while(field).take(3).collect();
                let is_inventory = matches!(self.meaning(head, &fields), Meaning::Inventory);
                let name: String = std::iter::once(head.as_str()).chain(fields).collect::<Vec<_>>().join(".");
                objections.push(not_there(term.place, &name, is_inventory));
            }
            _ => {}
        }
    }
}

fn field(step: &Step) -> Option<&str> {
    match step {
        Step::Field(name) | Step::Index(Term { node: Node::Text(name), .. }) => Some(name),
        Step::Index(_) => None,
    }
}
