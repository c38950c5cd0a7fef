//! Functions that regorus does not have, or not as OPA has them, or only with a clock: regular expressions, ranges of addresses, and the `any`
//! and `all` of Rego before 1.0.

use regorus::{Engine, Value};

use crate::{network, pattern};

/// A function of ours that fails, and with it the evaluation.
#[derive(Debug)]
struct Failure(String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

type Function = fn(&[Value]) -> Result<Value, Failure>;

/// Adds them to an engine.
pub(crate) fn add(engine: &mut Engine) -> Result<(), String> {
    let functions: [(&str, u8, Function); 7] = [
        ("any", 1, |arguments| items(arguments, |is_true| is_true.into_iter().any(|one| one))),
        ("all", 1, |arguments| items(arguments, |is_true| is_true.into_iter().all(|one| one))),
        ("net.cidr_contains", 2, contains),
        ("net.cidr_is_valid", 1, is_range),
        ("re_match", 2, matches),
        ("regex.match", 2, matches),
        ("regex.is_valid", 1, is_valid),
    ];
    for (name, takes, function) in functions {
        let added = engine.add_extension(
            name.to_owned(),
            takes,
            Box::new(move |arguments: Vec<Value>| Ok(function(&arguments)?)),
        );
        added.map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn items(arguments: &[Value], judge: fn(Vec<bool>) -> bool) -> Result<Value, Failure> {
    let is_true = |value: &Value| *value == Value::from(true);
    let found = match arguments.first() {
        Some(Value::Array(items)) => items.iter().map(is_true).collect(),
        Some(Value::Set(items)) => items.iter().map(is_true).collect(),
        _ => return Err(Failure("any and all take a list or a set".to_owned())),
    };
    Ok(Value::from(judge(found)))
}

fn text(arguments: &[Value], number: usize) -> Result<&str, Failure> {
    match arguments.get(number) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Failure("expected a text".to_owned())),
    }
}

fn contains(arguments: &[Value]) -> Result<Value, Failure> {
    let (range, inner) = (text(arguments, 0)?, text(arguments, 1)?);
    let failed = |text: &str| Failure(format!("{text:?} is no range of addresses"));
    let range = network::range(range).ok_or_else(|| failed(range))?;
    let inner = network::range(inner).or_else(|| network::address(inner)).ok_or_else(|| failed(inner))?;
    Ok(Value::from(range.contains(&inner)))
}

fn is_range(arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::from(text(arguments, 0).is_ok_and(|text| network::range(text).is_some())))
}

fn matches(arguments: &[Value]) -> Result<Value, Failure> {
    let compiled = pattern::compile(text(arguments, 0)?).map_err(Failure)?;
    Ok(Value::from(compiled.is_match(text(arguments, 1)?)))
}

fn is_valid(arguments: &[Value]) -> Result<Value, Failure> {
    Ok(Value::from(text(arguments, 0).is_ok_and(|text| pattern::compile(text).is_ok())))
}
