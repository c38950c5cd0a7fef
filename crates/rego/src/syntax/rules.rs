//! Tokens to a module: package, imports and rules.

use super::lexer::Kind;
use super::parser::{Edition, Parser};
use super::tree::{Import, Module, Rule, Statement, Step, Term};
use super::{MAX_TEXT, Node};
use crate::refusal::{Objection, Place};

/// Reads a module.
pub(crate) fn module(text: &str, edition: Edition) -> Result<Module, Objection> {
    if text.len() > MAX_TEXT {
        let message = format!("the text has {} bytes; at most {MAX_TEXT} are read", text.len());
        return Err(Objection::new(Place { line: 1, column: 1 }, message));
    }
    let mut parser = Parser::new(text, edition)?;
    if !parser.eat_word("package") {
        return Err(parser.unexpected("`package`"));
    }
    let package_place = parser.place();
    let package = dotted(&mut parser)?;
    let mut imports = Vec::new();
    while parser.eat_word("import") {
        import(&mut parser, &mut imports)?;
    }
    let mut rules = Vec::new();
    while parser.token().kind != Kind::End {
        if parser.eat(";") {
            continue;
        }
        rules.push(rule(&mut parser)?);
    }
    Ok(Module { package, package_place, imports, rules })
}

fn dotted(parser: &mut Parser) -> Result<Vec<String>, Objection> {
    let place = parser.place();
    let term = parser.expression()?;
    path_of(&term).ok_or_else(|| Objection::new(place, "expected names with dots between them"))
}

fn path_of(term: &Term) -> Option<Vec<String>> {
    let Node::Reference { head, path } = &term.node else { return None };
    let mut out = vec![head.clone()];
    for step in path {
        match step {
            Step::Field(field) => out.push(field.clone()),
            Step::Index(Term { node: Node::Text(text), .. }) => out.push(text.clone()),
            Step::Index(_) => return None,
        }
    }
    Some(out)
}

fn import(parser: &mut Parser, imports: &mut Vec<Import>) -> Result<(), Objection> {
    let place = parser.place();
    let path = dotted(parser)?;
    let path_text: Vec<&str> = path.iter().map(String::as_str).collect();
    match path_text.as_slice() {
        ["future", "keywords"] | ["future", "keywords", "in" | "every" | "if" | "contains"] | ["rego", "v1"] => {
            parser.modern = true;
            return Ok(());
        }
        ["data" | "input", ..] => {}
        _ => return Err(Objection::new(place, format!("the import {:?} is not known", path.join(".")))),
    }
    let name = if parser.eat_word("as") { parser.name()? } else { path.last().cloned().unwrap_or_default() };
    imports.push(Import { place, path, name });
    Ok(())
}

fn rule(parser: &mut Parser) -> Result<Rule, Objection> {
    let is_default = parser.eat_word("default");
    let place = parser.place();
    let name = parser.name()?;
    let mut rule = Rule {
        place,
        name,
        is_default,
        arguments: None,
        key: None,
        value: None,
        body: Vec::new(),
        alternatives: Vec::new(),
    };
    if parser.is(".") {
        return Err(Objection::new(parser.place(), "a rule whose name has dots is not taken"));
    }
    if parser.is("(") && parser.token().adjacent {
        parser.advance();
        rule.arguments = Some(parser.terms(")")?);
    } else if parser.is("[") && parser.token().adjacent {
        parser.advance();
        rule.key = Some(parser.expression()?);
        parser.expect("]")?;
        if parser.is("[") || parser.is(".") {
            return Err(Objection::new(parser.place(), "a rule with more than one key is not taken"));
        }
    } else if parser.modern && parser.eat_word("contains") {
        rule.key = Some(value(parser)?);
    }
    if parser.eat("=") || parser.eat(":=") {
        rule.value = Some(value(parser)?);
    }
    let has_head = rule.value.is_some() || rule.key.is_some();
    rule.body = body(parser, has_head)?;
    while parser.eat_word("else") {
        let value = if parser.eat("=") || parser.eat(":=") { Some(value(parser)?) } else { None };
        let body = body(parser, value.is_some())?;
        rule.alternatives.push((value, body));
    }
    if parser.is("{") {
        let message = format!(
            "a second body of {:?} without a head of its own: regorus leaves it out of functions; write the head again before it",
            rule.name
        );
        return Err(Objection::new(parser.place(), message));
    }
    if !(parser.token().first_on_line || parser.is(";") || parser.token().kind == Kind::End) {
        return Err(parser.unexpected("the end of the rule"));
    }
    Ok(rule)
}

/// The value of a head. A `{` behind it begins the body.
fn value(parser: &mut Parser) -> Result<Term, Objection> {
    parser.expression()
}

fn body(parser: &mut Parser, optional: bool) -> Result<Vec<Statement>, Objection> {
    if parser.modern && parser.eat_word("if") {
        if parser.eat("{") {
            return parser.query("}");
        }
        return Ok(vec![parser.statement()?]);
    }
    if parser.eat("{") {
        return parser.query("}");
    }
    if optional { Ok(Vec::new()) } else { Err(parser.unexpected("a body")) }
}
