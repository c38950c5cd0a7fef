//! What a module consists of, as far as differences between engines depend on it.

use crate::refusal::Place;

#[derive(Debug)]
pub(crate) struct Module {
    /// `["template"]`, or `["lib", "helpers"]`.
    pub(crate) package: Vec<String>,
    pub(crate) package_place: Place,
    pub(crate) imports: Vec<Import>,
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) place: Place,
    pub(crate) path: Vec<String>,
    /// By which it is called in the module.
    pub(crate) name: String,
}

/// One definition of a rule or function.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) is_default: bool,
    /// Those of a function.
    pub(crate) arguments: Option<Vec<Term>>,
    /// Of a partial set or object.
    pub(crate) key: Option<Term>,
    pub(crate) value: Option<Term>,
    /// Empty for a rule that always holds.
    pub(crate) body: Vec<Statement>,
    pub(crate) alternatives: Vec<(Option<Term>, Vec<Statement>)>,
}

impl Rule {
    /// Whether it is a partial set, as `violation` must be.
    pub(crate) fn is_partial_set(&self) -> bool {
        self.key.is_some() && self.value.is_none()
    }
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) node: StatementNode,
}

#[derive(Debug)]
pub(crate) enum StatementNode {
    Expression(Term),
    Not(Term),
    /// `some a, b`
    Declared,
    /// `some a, b in domain`
    Some {
        patterns: Vec<Term>,
        domain: Term,
    },
    Every {
        names: Vec<String>,
        domain: Term,
        body: Vec<Statement>,
    },
}

#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) place: Place,
    pub(crate) node: Node,
    /// Of the tree below, this included.
    pub(crate) depth: usize,
}

#[derive(Debug)]
pub(crate) enum Node {
    /// A number, a truth value or null.
    Constant,
    Text(String),
    /// A name with what is selected of it; a variable when that is nothing.
    Reference {
        head: String,
        path: Vec<Step>,
    },
    /// A call of what the dotted name names, with what is selected of its result.
    Call {
        name: String,
        arguments: Vec<Term>,
        path: Vec<Step>,
    },
    /// A selection from a list, set or object that is written out.
    Selection {
        of: Box<Term>,
        path: Vec<Step>,
    },
    List(Vec<Term>),
    Set(Vec<Term>),
    Object(Vec<(Term, Term)>),
    /// What it collects (two terms for an object), and from where.
    Comprehension {
        heads: Vec<Term>,
        body: Vec<Statement>,
    },
    Infix {
        operator: &'static str,
        sides: Box<(Term, Term)>,
    },
}

#[derive(Debug)]
pub(crate) enum Step {
    Field(String),
    Index(Term),
}

impl Term {
    /// A term with its depth computed from the terms directly below.
    pub(crate) fn new(place: Place, node: Node) -> Self {
        let of = |terms: &[Term]| terms.iter().map(|term| term.depth).max().unwrap_or(0);
        let path_depth = |path: &[Step]| {
            let index = |step: &Step| if let Step::Index(term) = step { term.depth } else { 0 };
            path.len() + path.iter().map(index).max().unwrap_or(0)
        };
        let below = match &node {
            Node::Constant | Node::Text(_) => 0,
            Node::Reference { path, .. } => path_depth(path),
            Node::Call { arguments, path, .. } => path_depth(path) + of(arguments),
            Node::Selection { of: inner, path } => path_depth(path) + inner.depth,
            Node::List(terms) | Node::Set(terms) => of(terms),
            Node::Object(pairs) => pairs.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or(0),
            Node::Comprehension { heads, body } => {
                of(heads).max(body.iter().map(Statement::depth).max().unwrap_or(0) + 1)
            }
            Node::Infix { sides, .. } => sides.0.depth.max(sides.1.depth),
        };
        Self { place, node, depth: below + 1 }
    }

    /// The name of a variable, or of a rule that is referred to as a whole.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.node {
            Node::Reference { head, path } if path.is_empty() => Some(head),
            _ => None,
        }
    }

    /// Whether it is written out, without anything to look up or to compute.
    pub(crate) fn is_literal(&self) -> bool {
        let has_parts = matches!(self.node, Node::List(_) | Node::Set(_) | Node::Object(_));
        matches!(self.node, Node::Constant | Node::Text(_))
            || (has_parts && self.children().into_iter().all(Self::is_literal))
    }

    /// The terms directly below, without those in the bodies of comprehensions.
    pub(crate) fn children(&self) -> Vec<&Term> {
        fn indexes(path: &[Step]) -> impl Iterator<Item = &Term> {
            path.iter().filter_map(|step| if let Step::Index(term) = step { Some(term) } else { None })
        }
        match &self.node {
            Node::Constant | Node::Text(_) => Vec::new(),
            Node::Reference { path, .. } => indexes(path).collect(),
            Node::Call { arguments, path, .. } => arguments.iter().chain(indexes(path)).collect(),
            Node::Selection { of, path } => std::iter::once(&**of).chain(indexes(path)).collect(),
            Node::List(terms) | Node::Set(terms) => terms.iter().collect(),
            Node::Object(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
            Node::Comprehension { heads, .. } => heads.iter().collect(),
            Node::Infix { sides, .. } => vec![&sides.0, &sides.1],
        }
    }

    /// Visits it and all terms below, also those in the bodies of comprehensions.
    pub(crate) fn visit<'t>(&'t self, visitor: &mut dyn FnMut(&'t Term)) {
        visitor(self);
        for child in self.children() {
            child.visit(visitor);
        }
        if let Node::Comprehension { body, .. } = &self.node {
            for statement in body.iter() {
                statement.visit(visitor);
            }
        }
    }
}

impl Statement {
    /// The terms directly in it.
    pub(crate) fn terms(&self) -> Vec<&Term> {
        match &self.node {
            StatementNode::Expression(term) | StatementNode::Not(term) => vec![term],
            StatementNode::Declared => Vec::new(),
            StatementNode::Some { patterns, domain } => patterns.iter().chain([domain]).collect(),
            StatementNode::Every { domain, .. } => vec![domain],
        }
    }

    pub(crate) fn depth(&self) -> usize {
        let own = self.terms().iter().map(|term| term.depth).max().unwrap_or(0);
        match &self.node {
            StatementNode::Every { body, .. } => own.max(body.iter().map(Statement::depth).max().unwrap_or(0)) + 1,
            _ => own,
        }
    }

    pub(crate) fn visit<'t>(&'t self, visitor: &mut dyn FnMut(&'t Term)) {
        for term in self.terms() {
            term.visit(visitor);
        }
        if let StatementNode::Every { body, .. } = &self.node {
            for statement in body {
                statement.visit(visitor);
            }
        }
    }
}

impl Rule {
    /// The statements of all its bodies.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = &Vec<Statement>> {
        std::iter::once(&self.body).chain(self.alternatives.iter().map(|(_, body)| body))
    }

    /// The terms of its head, and the values of its alternatives.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &Term> {
        let values = self.alternatives.iter().filter_map(|(value, _)| value.as_ref());
        self.arguments.iter().flatten().chain(&self.key).chain(&self.value).chain(values)
    }

    /// Visits all its terms.
    pub(crate) fn visit<'t>(&'t self, visitor: &mut dyn FnMut(&'t Term)) {
        for term in self.heads() {
            term.visit(visitor);
        }
        for statement in self.bodies().flatten() {
            statement.visit(visitor);
        }
    }
}
