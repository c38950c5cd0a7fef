//! Tokens to terms and statements.

use super::lexer::{Kind, Token};
use super::tree::{Node, Statement, StatementNode, Step, Term};
use super::{MAX_BRACKETS, MAX_DEPTH, lexer};
use crate::refusal::{Objection, Place};

/// Which words are keywords without an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edition {
    /// Rego before OPA 1.0.
    V0,
    /// Rego of OPA 1.0: `if`, `contains`, `in` and `every` are keywords.
    V1,
}

/// Operators that bind equally, the loosest first.
const OPERATORS: [&[&str]; 6] =
    [&[":=", "="], &["in"], &["==", "!=", "<", "<=", ">", ">="], &["|"], &["&"], &["+", "-"]];
const TIGHTEST: &[&str] = &["*", "/", "%"];

/// Words that are never variables.
const RESERVED: [&str; 9] = ["as", "default", "else", "import", "not", "package", "some", "with", "null"];

pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
    nested: usize,
    brackets: usize,
    /// Whether `if`, `contains`, `in` and `every` are keywords.
    pub(super) modern: bool,
}

impl Parser {
    pub(super) fn new(text: &str, edition: Edition) -> Result<Self, Objection> {
        Ok(Self { tokens: lexer::tokens(text)?, at: 0, nested: 0, brackets: 0, modern: edition == Edition::V1 })
    }

    pub(super) fn token(&self) -> Token {
        let end = Token { kind: Kind::End, place: Place { line: 1, column: 1 }, adjacent: false, first_on_line: true };
        self.tokens.get(self.at).or(self.tokens.last()).cloned().unwrap_or(end)
    }

    pub(super) fn place(&self) -> Place {
        self.token().place
    }

    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
    }

    pub(super) fn is(&self, symbol: &str) -> bool {
        self.token().kind == Kind::Symbol(intern(symbol))
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.token().kind, Kind::Name(name) if name == word)
    }

    pub(super) fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), Objection> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(&format!("{symbol:?}"))) }
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Objection {
        let token = self.token();
        let found = match &token.kind {
            Kind::Name(name) => format!("{:?}", name.chars().take(40).collect::<String>()),
            Kind::Number => "a number".to_owned(),
            Kind::Text(_) => "a text".to_owned(),
            Kind::Symbol(symbol) => format!("{symbol:?}"),
            Kind::End => "the end of the text".to_owned(),
        };
        Objection::new(token.place, format!("expected {wanted}, found {found}"))
    }

    pub(super) fn name(&mut self) -> Result<String, Objection> {
        match self.token().kind {
            Kind::Name(name) if !RESERVED.contains(&name.as_str()) => {
                self.advance();
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    fn nest<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Objection>) -> Result<T, Objection> {
        if self.nested >= MAX_DEPTH {
            return Err(Objection::new(self.place(), format!("nested more than {MAX_DEPTH} deep")));
        }
        self.nested += 1;
        let result = inner(self);
        self.nested -= 1;
        result
    }

    fn bracketed(
        &mut self,
        place: Place,
        inner: fn(&mut Self, Place) -> Result<Term, Objection>,
    ) -> Result<Term, Objection> {
        if self.brackets >= MAX_BRACKETS {
            let message = format!("more than {MAX_BRACKETS} lists, sets, objects or comprehensions within one another");
            return Err(Objection::new(place, message));
        }
        self.brackets += 1;
        let result = inner(self, place);
        self.brackets -= 1;
        result
    }

    fn made(&self, place: Place, node: Node) -> Result<Term, Objection> {
        let term = Term::new(place, node);
        if term.depth > MAX_DEPTH {
            return Err(Objection::new(place, format!("nested more than {MAX_DEPTH} deep")));
        }
        Ok(term)
    }

    /// Statements up to the brace or bracket that ends them, which is taken, too.
    pub(super) fn query(&mut self, end: &str) -> Result<Vec<Statement>, Objection> {
        let mut out = Vec::new();
        while !self.eat(end) {
            if self.eat(";") {
                continue;
            }
            let statement = self.nest(Self::statement)?;
            if !(self.is(end) || self.is(";") || self.token().first_on_line) {
                return Err(self.unexpected("the end of the statement"));
            }
            out.push(statement);
        }
        if out.is_empty() {
            return Err(self.unexpected("a statement before it"));
        }
        Ok(out)
    }

    pub(super) fn statement(&mut self) -> Result<Statement, Objection> {
        let node = if self.eat_word("not") {
            StatementNode::Not(self.expression()?)
        } else if self.eat_word("some") {
            self.some()?
        } else if self.modern && self.is_word("every") {
            self.advance();
            self.every()?
        } else {
            StatementNode::Expression(self.expression()?)
        };
        if self.is_word("with") {
            let message = "`with` is not taken: a rule that sees another input is better a function of it";
            return Err(Objection::new(self.place(), message));
        }
        Ok(Statement { node })
    }

    fn some(&mut self) -> Result<StatementNode, Objection> {
        let mut patterns = vec![self.operand(2)?];
        while self.eat(",") {
            patterns.push(self.operand(2)?);
        }
        if self.modern && self.eat_word("in") {
            let domain = self.operand(2)?;
            return Ok(StatementNode::Some { patterns, domain });
        }
        let are_names = patterns.iter().all(|pattern| pattern.name().is_some());
        if are_names { Ok(StatementNode::Declared) } else { Err(self.unexpected("names after `some`")) }
    }

    fn every(&mut self) -> Result<StatementNode, Objection> {
        let mut names = vec![self.name()?];
        if self.eat(",") {
            names.push(self.name()?);
        }
        if !self.eat_word("in") {
            return Err(self.unexpected("`in`"));
        }
        let domain = self.operand(2)?;
        self.expect("{")?;
        let body = self.query("}")?;
        Ok(StatementNode::Every { names, domain, body })
    }

    pub(super) fn expression(&mut self) -> Result<Term, Objection> {
        self.nest(|parser| parser.infix(0, true))
    }

    /// An expression of operators that bind at least as tightly.
    fn operand(&mut self, level: usize) -> Result<Term, Objection> {
        self.nest(|parser| parser.infix(level, true))
    }

    /// One before a `|` that begins a comprehension.
    fn collected(&mut self) -> Result<Term, Objection> {
        self.nest(|parser| parser.infix(1, false))
    }

    fn infix(&mut self, level: usize, union: bool) -> Result<Term, Objection> {
        let own = OPERATORS.get(level).copied().unwrap_or(TIGHTEST);
        let tightest = level >= OPERATORS.len();
        let mut left = if tightest { self.unary()? } else { self.infix(level + 1, union)? };
        while let Some(operator) = own.iter().find(|operator| self.is_operator(operator, union)).copied() {
            let place = self.place();
            self.advance();
            let right = if tightest { self.unary()? } else { self.infix(level + 1, union)? };
            left = self.made(place, Node::Infix { operator, sides: Box::new((left, right)) })?;
        }
        Ok(left)
    }

    fn is_operator(&self, operator: &str, union: bool) -> bool {
        match operator {
            "in" => self.modern && self.is_word("in"),
            "|" if !union => false,
            _ => self.is(operator),
        }
    }

    fn unary(&mut self) -> Result<Term, Objection> {
        let place = self.place();
        if !self.eat("-") {
            return self.primary();
        }
        let zero = self.made(place, Node::Constant)?;
        let of = self.nest(Self::unary)?;
        self.made(place, Node::Infix { operator: "-", sides: Box::new((zero, of)) })
    }

    fn primary(&mut self) -> Result<Term, Objection> {
        let Token { kind, place, .. } = self.token();
        let term = match kind {
            Kind::Number => {
                self.advance();
                Node::Constant
            }
            Kind::Text(text) => {
                self.advance();
                Node::Text(text)
            }
            Kind::Name(word) if matches!(word.as_str(), "true" | "false" | "null") => {
                self.advance();
                Node::Constant
            }
            Kind::Name(_) => return self.named(place),
            Kind::Symbol("(") => {
                self.advance();
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Kind::Symbol("[") => {
                self.advance();
                let list = self.bracketed(place, Self::list)?;
                return self.selected(place, list);
            }
            Kind::Symbol("{") => {
                self.advance();
                let braced = self.bracketed(place, Self::braced)?;
                return self.selected(place, braced);
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.made(place, term)
    }

    fn selected(&mut self, place: Place, of: Term) -> Result<Term, Objection> {
        let path = self.path()?;
        if path.is_empty() { Ok(of) } else { self.made(place, Node::Selection { of: Box::new(of), path }) }
    }

    /// A variable, a reference or a call.
    fn named(&mut self, place: Place) -> Result<Term, Objection> {
        let head = self.name()?;
        let path = self.path()?;
        if !self.is("(") || self.token().first_on_line || !self.token().adjacent {
            return self.made(place, Node::Reference { head, path });
        }
        let mut name = head;
        for step in path {
            let Step::Field(field) = step else {
                return Err(Objection::new(place, "what is called is a name with dots and nothing else"));
            };
            name.push('.');
            name.push_str(&field);
        }
        self.advance();
        let arguments = self.terms(")")?;
        let path = self.path()?;
        self.made(place, Node::Call { name, arguments, path })
    }

    /// `.a`, `["a"]`, `[x]`, directly behind what they select from.
    fn path(&mut self) -> Result<Vec<Step>, Objection> {
        let mut path = Vec::new();
        loop {
            let token = self.token();
            match token.kind {
                Kind::Symbol(bracket @ ("(" | "[")) if !token.adjacent => {
                    let message = format!(
                        "`{bracket}` after a space or on a new line: OPA begins a new statement here, regorus goes on with the one before; write `;` between them"
                    );
                    return Err(Objection::new(token.place, message));
                }
                Kind::Symbol("[") => {
                    self.advance();
                    let index = self.expression()?;
                    self.expect("]")?;
                    path.push(Step::Index(index));
                }
                Kind::Symbol(".") if token.adjacent => {
                    self.advance();
                    match self.token().kind {
                        Kind::Name(field) if self.token().adjacent => {
                            self.advance();
                            path.push(Step::Field(field));
                        }
                        _ => return Err(self.unexpected("a name")),
                    }
                }
                _ => return Ok(path),
            }
            if path.len() > MAX_DEPTH {
                return Err(Objection::new(token.place, format!("nested more than {MAX_DEPTH} deep")));
            }
        }
    }

    /// Terms with commas between them, up to the end, which is taken, too.
    pub(super) fn terms(&mut self, end: &str) -> Result<Vec<Term>, Objection> {
        let mut out = Vec::new();
        while !self.eat(end) {
            out.push(self.operand(1)?);
            if !self.eat(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(out)
    }

    fn list(&mut self, place: Place) -> Result<Term, Objection> {
        if self.eat("]") {
            return self.made(place, Node::List(Vec::new()));
        }
        let first = self.collected()?;
        if self.eat("|") {
            let body = self.query("]")?;
            return self.made(place, Node::Comprehension { heads: vec![first], body });
        }
        let terms = self.rest(first, "]")?;
        self.made(place, Node::List(terms))
    }

    fn rest(&mut self, first: Term, end: &str) -> Result<Vec<Term>, Objection> {
        let mut terms = vec![first];
        if self.eat(",") {
            terms.extend(self.terms(end)?);
        } else {
            self.expect(end)?;
        }
        Ok(terms)
    }

    /// An object, a set, or a comprehension of either.
    fn braced(&mut self, place: Place) -> Result<Term, Objection> {
        if self.eat("}") {
            return self.made(place, Node::Object(Vec::new()));
        }
        let first = self.collected()?;
        if self.eat("|") {
            let body = self.query("}")?;
            return self.made(place, Node::Comprehension { heads: vec![first], body });
        }
        if !self.eat(":") {
            let terms = self.rest(first, "}")?;
            return self.made(place, Node::Set(terms));
        }
        let value = self.collected()?;
        if self.eat("|") {
            let body = self.query("}")?;
            return self.made(place, Node::Comprehension { heads: vec![first, value], body });
        }
        let mut pairs = vec![(first, value)];
        while self.eat(",") && !self.is("}") {
            let key = self.operand(1)?;
            self.expect(":")?;
            pairs.push((key, self.operand(1)?));
        }
        self.expect("}")?;
        self.made(place, Node::Object(pairs))
    }
}

/// The symbol with a life of its own.
fn intern(symbol: &str) -> &'static str {
    const ALL: [&str; 25] = [
        ":=", "==", "!=", "<=", ">=", "(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "=", "<", ">", "+", "-", "*",
        "/", "%", "|", "&",
    ];
    ALL.iter().find(|known| **known == symbol).copied().unwrap_or("")
}
