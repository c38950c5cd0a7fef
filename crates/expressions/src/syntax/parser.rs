//! Tokens to a tree, by recursive descent.

use std::sync::Arc;

use super::lexer::{Kind, Token, tokens};
use super::tree::{BinaryOperator, Form, Tree};
use super::{MAX_DEPTH, MAX_NESTING, MAX_TEXT, SyntaxError, literal};

/// Words that cannot be identifiers (cel-spec, "Syntax"). They can be names of fields.
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Words that are literals or operators and name nothing, not even fields.
const KEYWORDS: [&str; 4] = ["true", "false", "null", "in"];

/// Parses the text of one expression.
///
/// # Errors
/// The first thing that is wrong, with its byte.
pub(crate) fn parse(text: &str) -> Result<Tree, SyntaxError> {
    if text.len() > MAX_TEXT {
        return Err(SyntaxError::new(0, format!("the expression has {} bytes, more than {MAX_TEXT}", text.len())));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, nesting: 0 };
    let tree = parser.expression()?;
    match parser.peek().kind {
        Kind::End => Ok(tree),
        _ => Err(parser.unexpected("an operator or the end of the expression")),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    nesting: u16,
}

impl Parser<'_> {
    fn peek(&self) -> Token {
        // The last token is the end, which nothing moves past.
        self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn peek_second(&self) -> Token {
        self.tokens[(self.next + 1).min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn text_of(&self, token: Token) -> &str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek().kind, Kind::Symbol(found) if found == symbol)
    }

    fn skip(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        if found {
            self.next += 1;
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), SyntaxError> {
        if self.skip(symbol) { Ok(()) } else { Err(self.unexpected(&format!("{symbol:?}"))) }
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        let token = self.peek();
        let found = match token.kind {
            Kind::End => "the end of the expression".to_owned(),
            _ => format!("{:?}", self.text_of(token).chars().take(40).collect::<String>()),
        };
        SyntaxError::new(token.start, format!("expected {expected}, found {found}"))
    }

    fn node(&self, at: u32, form: Form, children: u16) -> Result<Tree, SyntaxError> {
        let depth = children + 1;
        if depth > MAX_DEPTH {
            return Err(SyntaxError::new(at, format!("the expression is nested more than {MAX_DEPTH} deep")));
        }
        Ok(Tree { form, at, depth })
    }

    fn expression(&mut self) -> Result<Tree, SyntaxError> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let at = self.peek().start;
            return Err(SyntaxError::new(at, format!("brackets are nested more than {MAX_NESTING} deep")));
        }
        let condition = self.disjunction()?;
        let at = self.peek().start;
        let tree = if self.skip("?") {
            let yes = self.disjunction()?;
            self.expect(":")?;
            let no = self.expression()?;
            let depth = condition.depth.max(yes.depth).max(no.depth);
            self.node(at, Form::Conditional(Box::new([condition, yes, no])), depth)?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(tree)
    }

    fn disjunction(&mut self) -> Result<Tree, SyntaxError> {
        let first = self.conjunction()?;
        self.chain(first, "||", Self::conjunction, Form::Or)
    }

    fn conjunction(&mut self) -> Result<Tree, SyntaxError> {
        let first = self.binary(1)?;
        self.chain(first, "&&", |p| p.binary(1), Form::And)
    }

    /// A chain of one operator is one node, however long it is.
    fn chain(
        &mut self,
        first: Tree,
        symbol: &str,
        operand: impl Fn(&mut Self) -> Result<Tree, SyntaxError>,
        form: impl Fn(Vec<Tree>) -> Form,
    ) -> Result<Tree, SyntaxError> {
        let at = self.peek().start;
        if !self.is(symbol) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.skip(symbol) {
            operands.push(operand(self)?);
        }
        let depth = operands.iter().map(|o| o.depth).max().unwrap_or(0);
        self.node(at, form(operands), depth)
    }

    fn binary_operator(&self) -> Option<BinaryOperator> {
        let token = self.peek();
        Some(match token.kind {
            Kind::Name if self.text_of(token) == "in" => BinaryOperator::In,
            Kind::Symbol("==") => BinaryOperator::Equal,
            Kind::Symbol("!=") => BinaryOperator::NotEqual,
            Kind::Symbol("<") => BinaryOperator::Less,
            Kind::Symbol("<=") => BinaryOperator::LessEqual,
            Kind::Symbol(">") => BinaryOperator::Greater,
            Kind::Symbol(">=") => BinaryOperator::GreaterEqual,
            Kind::Symbol("+") => BinaryOperator::Add,
            Kind::Symbol("-") => BinaryOperator::Subtract,
            Kind::Symbol("*") => BinaryOperator::Multiply,
            Kind::Symbol("/") => BinaryOperator::Divide,
            Kind::Symbol("%") => BinaryOperator::Remainder,
            _ => return None,
        })
    }

    fn binary(&mut self, weakest: u8) -> Result<Tree, SyntaxError> {
        let mut left = self.unary()?;
        while let Some(operator) = self.binary_operator().filter(|o| o.strength() >= weakest) {
            let at = self.take().start;
            let right = self.binary(operator.strength() + 1)?;
            let depth = left.depth.max(right.depth);
            left = self.node(at, Form::Binary(operator, Box::new([left, right])), depth)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Tree, SyntaxError> {
        let at = self.peek().start;
        let symbol = match self.peek().kind {
            Kind::Symbol("!") => "!",
            Kind::Symbol("-") if !self.negative_literal() => "-",
            _ => return self.member(),
        };
        let mut times = 0_usize;
        while self.is(symbol) && !(symbol == "-" && self.negative_literal()) {
            self.next += 1;
            times += 1;
        }
        let operand = self.member()?;
        // Two of the same cancel out on every value that they are defined for, and a pair still requires such a value.
        let kept = if times.is_multiple_of(2) { 2 } else { 1 };
        let mut tree = operand;
        for _ in 0..kept {
            let depth = tree.depth;
            let operand = Box::new(tree);
            let form = if symbol == "!" { Form::Not(operand) } else { Form::Negate(operand) };
            tree = self.node(at, form, depth)?;
        }
        Ok(tree)
    }

    /// `-9223372036854775808` is one literal; as a negation it would be out of range.
    fn negative_literal(&self) -> bool {
        matches!(self.peek_second().kind, Kind::Int | Kind::Double)
    }

    fn member(&mut self) -> Result<Tree, SyntaxError> {
        let mut target = self.primary()?;
        loop {
            let at = self.peek().start;
            let depth = target.depth;
            if self.skip(".") {
                let optional = self.skip("?");
                let token = self.take();
                let field = match token.kind {
                    Kind::Name if !KEYWORDS.contains(&self.text_of(token)) => self.text_of(token).to_owned(),
                    Kind::Quoted => self.text_of(token).trim_matches('`').to_owned(),
                    _ => {
                        self.next -= 1;
                        return Err(self.unexpected("the name of a field"));
                    }
                };
                if !optional && token.kind == Kind::Name && self.is("(") {
                    let arguments = self.arguments()?;
                    let depth = arguments.iter().map(|a| a.depth).fold(depth, u16::max);
                    let form = Form::Call { target: Some(Box::new(target)), function: field, arguments };
                    target = self.node(token.start, form, depth)?;
                } else {
                    let form = Form::Select { target: Box::new(target), field: Arc::from(field), optional };
                    target = self.node(token.start, form, depth)?;
                }
            } else if self.skip("[") {
                let optional = self.skip("?");
                let index = self.expression()?;
                self.expect("]")?;
                let depth = depth.max(index.depth);
                target =
                    self.node(at, Form::Index { target: Box::new(target), index: Box::new(index), optional }, depth)?;
            } else {
                return Ok(target);
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Tree>, SyntaxError> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        if self.skip(")") {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if self.skip(")") {
                return Ok(arguments);
            }
            self.expect(",")?;
        }
    }

    fn primary(&mut self) -> Result<Tree, SyntaxError> {
        let token = self.take();
        let at = token.start;
        let literal = |message: String| SyntaxError::new(at, message);
        match token.kind {
            Kind::Symbol("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Kind::Symbol("[") => self.list(at),
            Kind::Symbol("{") => self.map(at),
            Kind::Symbol("-") => {
                let number = self.take();
                let form = self.number(number, true)?;
                self.node(at, form, 0)
            }
            Kind::Symbol(".") => {
                let token = self.take();
                if token.kind == Kind::Name {
                    self.name(token, true)
                } else {
                    Err(SyntaxError::new(at, "expected a name after the dot"))
                }
            }
            Kind::Int | Kind::Uint | Kind::Double => {
                let form = self.number(token, false)?;
                self.node(at, form, 0)
            }
            Kind::Text => {
                let value = literal::text(self.text_of(token)).map_err(literal)?;
                self.node(at, Form::Text(Arc::from(value)), 0)
            }
            Kind::Bytes => {
                let value = literal::bytes(self.text_of(token)).map_err(literal)?;
                self.node(at, Form::Bytes(Arc::from(value)), 0)
            }
            Kind::Name => self.name(token, false),
            _ => {
                self.next -= 1;
                Err(self.unexpected("an operand"))
            }
        }
    }

    fn name(&mut self, token: Token, absolute: bool) -> Result<Tree, SyntaxError> {
        let at = token.start;
        let name = self.text_of(token).to_owned();
        let constant = match name.as_str() {
            "true" => Some(Form::Bool(true)),
            "false" => Some(Form::Bool(false)),
            "null" => Some(Form::Null),
            _ => None,
        };
        if let (Some(form), false) = (constant, absolute) {
            return self.node(at, form, 0);
        }
        if KEYWORDS.contains(&name.as_str()) || RESERVED.contains(&name.as_str()) {
            return Err(SyntaxError::new(at, format!("{name:?} is a reserved word and cannot be a name here")));
        }
        if self.is("(") {
            let arguments = self.arguments()?;
            let depth = arguments.iter().map(|a| a.depth).max().unwrap_or(0);
            return self.node(at, Form::Call { target: None, function: name, arguments }, depth);
        }
        if let Some(message) = self.message(&name) {
            return Err(SyntaxError::new(
                at,
                format!("{message}{{...}} builds a protocol buffer message, which is not supported"),
            ));
        }
        self.node(at, Form::Name { name, absolute }, 0)
    }

    /// `Type{` or `a.b.Type{`: looked ahead for, since a brace can follow no other operand.
    fn message(&self, first: &str) -> Option<String> {
        let mut name = first.to_owned();
        let mut at = self.next;
        loop {
            let token = |at: usize| self.tokens.get(at).copied();
            match token(at)?.kind {
                Kind::Symbol("{") => return Some(name),
                Kind::Symbol(".") if token(at + 1)?.kind == Kind::Name => {
                    name.push('.');
                    name.push_str(self.text_of(token(at + 1)?));
                    at += 2;
                }
                _ => return None,
            }
        }
    }

    fn list(&mut self, at: u32) -> Result<Tree, SyntaxError> {
        let mut elements = Vec::new();
        let mut depth = 0;
        while !self.skip("]") {
            let optional = self.skip("?");
            let element = self.expression()?;
            depth = depth.max(element.depth);
            elements.push((element, optional));
            if !self.skip(",") {
                self.expect("]")?;
                break;
            }
        }
        self.node(at, Form::List(elements), depth)
    }

    fn map(&mut self, at: u32) -> Result<Tree, SyntaxError> {
        let mut entries = Vec::new();
        let mut depth = 0;
        while !self.skip("}") {
            let optional = self.skip("?");
            let key = self.expression()?;
            self.expect(":")?;
            let value = self.expression()?;
            depth = depth.max(key.depth).max(value.depth);
            entries.push((key, value, optional));
            if !self.skip(",") {
                self.expect("}")?;
                break;
            }
        }
        self.node(at, Form::Map(entries), depth)
    }

    fn number(&self, token: Token, negative: bool) -> Result<Form, SyntaxError> {
        let written = self.text_of(token);
        let fault = |what: &str| SyntaxError::new(token.start, format!("{written} is not {what}"));
        match token.kind {
            Kind::Double => {
                let value: f64 = written.parse().map_err(|_| fault("a double"))?;
                Ok(Form::Double(if negative { -value } else { value }))
            }
            Kind::Uint => integer(&written[..written.len() - 1])
                .and_then(|v| u64::try_from(v).ok())
                .map(Form::Uint)
                .ok_or_else(|| fault("within the range of uint")),
            _ => integer(written)
                .map(|v| if negative { -v } else { v })
                .and_then(|v| i64::try_from(v).ok())
                .map(Form::Int)
                .ok_or_else(|| fault("within the range of int")),
        }
    }
}

fn integer(digits: &str) -> Option<i128> {
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hexadecimal) => i128::from_str_radix(hexadecimal, 16).ok(),
        None => digits.parse().ok(),
    }
}
