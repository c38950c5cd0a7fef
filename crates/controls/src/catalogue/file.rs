//! The form of a control's file.

use std::collections::BTreeMap;

use records::{ControlKind, Criterion};
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::{Control, Fault, SourcePattern};

/// A value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// Truth value.
    Boolean(bool),
    /// Whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Texts.
    List(Vec<String>),
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    /// Truth value.
    Boolean,
    /// Whole number.
    Integer,
    /// Text.
    Text,
    /// Texts.
    List,
}

impl ParameterType {
    /// Its word in control files and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Text => "text",
            Self::List => "list",
        }
    }

    /// Whether the value has this type.
    #[must_use]
    pub fn fits(self, value: &ParameterValue) -> bool {
        matches!(
            (self, value),
            (Self::Boolean, ParameterValue::Boolean(_))
                | (Self::Integer, ParameterValue::Integer(_))
                | (Self::Text, ParameterValue::Text(_))
                | (Self::List, ParameterValue::List(_))
        )
    }
}

/// What a control file says of one of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterDefinition {
    /// Its type.
    pub kind: ParameterType,
    /// The value without configuration.
    pub default: ParameterValue,
    /// What it means.
    pub doc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    id: Spanned<String>,
    title: Spanned<String>,
    description: Spanned<String>,
    criteria: Spanned<Vec<Spanned<String>>>,
    kind: Spanned<String>,
    #[serde(default)]
    needs: Vec<Spanned<String>>,
    #[serde(default)]
    judges: Vec<Spanned<String>>,
    minimum_covered_share: Option<Spanned<f64>>,
    next_step: Spanned<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<ParameterForm>>,
    population: Spanned<String>,
    test: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterForm {
    #[serde(rename = "type")]
    kind: Spanned<ParameterType>,
    default: ParameterValue,
    doc: String,
}

/// A control and where its SQL begins in the file.
pub(super) struct Parsed {
    pub(super) control: Control,
    pub(super) population_at: Place,
    pub(super) test_at: Place,
}

/// Where a text of several lines stands in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Line of the value's beginning: that of the `|` of a block.
    pub(super) line: u64,
    pub(super) column: u64,
    /// By how many lines and columns the text's first line is moved from the file's first.
    text_line: u64,
    text_column: u64,
}

impl Place {
    /// The place in the file of a place (from 1) in the text.
    pub(super) fn of(self, line: u64, column: u64) -> (u64, u64) {
        let first_of_flow = line == 1 && self.text_line == self.line;
        let before = if first_of_flow { self.column.saturating_sub(1) } else { self.text_column };
        (self.text_line + line.saturating_sub(1), before + column)
    }
}

const NAMES: &str = "a name of a-z, 0-9 and _, at most 64 characters";

pub(super) fn parse(path: &str, text: &str) -> Result<Parsed, Vec<Fault>> {
    let form: Form = serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |l| (l.line(), l.column()));
        vec![Fault::new(path, line, column, message(&error))]
    })?;
    let mut faults = Vec::new();
    let mut fault = |at: serde_saphyr::Location, message: String| {
        faults.push(Fault::new(path, at.line(), at.column(), message));
    };

    let id = form.id.value.parse::<records::ControlId>().map_err(|e| fault(form.id.defined, e.to_string())).ok();
    if let Some(id) = &id {
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".yaml");
        if stem != id.as_str() {
            fault(form.id.defined, format!("the file of {id} is called {id}.yaml, not {stem}.yaml"));
        }
    }
    for (name, value) in [
        ("title", &form.title),
        ("description", &form.description),
        ("next_step", &form.next_step),
        ("population", &form.population),
        ("test", &form.test),
    ] {
        if value.value.trim().is_empty() {
            fault(value.defined, format!("{name} is empty"));
        }
    }
    let mut criteria = Vec::new();
    if form.criteria.value.is_empty() {
        fault(form.criteria.defined, "a control serves at least one criterion".to_owned());
    }
    for criterion in &form.criteria.value {
        match criterion.value.parse::<Criterion>() {
            Ok(parsed) => criteria.push(parsed),
            Err(error) => fault(criterion.defined, error.to_string()),
        }
    }
    let kind = ControlKind::parse(&form.kind.value);
    if kind.is_none() {
        fault(form.kind.defined, format!("{:?} is not one of state, event, cadence", form.kind.value));
    }
    let mut patterns = |given: &[Spanned<String>]| -> Vec<SourcePattern> {
        let mut out = Vec::new();
        for pattern in given {
            match SourcePattern::parse(&pattern.value) {
                Some(parsed) => out.push(parsed),
                None => fault(
                    pattern.defined,
                    format!("{:?} is not a pattern of sources: expected <class>/<detail> or <class>/*", pattern.value),
                ),
            }
        }
        out
    };
    let needs = patterns(&form.needs);
    let judges = patterns(&form.judges);
    if form.needs.is_empty() && form.judges.is_empty() {
        fault(form.id.defined, "a control needs or judges at least one source".to_owned());
    }
    if let (Some(first), Some(ControlKind::Event | ControlKind::Cadence)) = (form.judges.first(), kind) {
        fault(first.defined, "only the test of a state can judge coverage itself; use needs".to_owned());
    }
    let share = form.minimum_covered_share.as_ref().map_or(1.0, |share| share.value);
    if !(0.0..=1.0).contains(&share) {
        let at = form.minimum_covered_share.as_ref().map_or(form.id.defined, |share| share.defined);
        fault(at, format!("minimum_covered_share is {share}, expected 0.0 to 1.0"));
    }
    let mut parameters = BTreeMap::new();
    for (name, parameter) in form.parameters {
        let ParameterForm { kind, default, doc } = parameter.value;
        let named =
            (1..=64).contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if !named || name == crate::parameters::MINIMUM_COVERED_SHARE {
            fault(parameter.defined, format!("{name:?} is not {NAMES} other than minimum_covered_share"));
        }
        if doc.trim().is_empty() {
            fault(parameter.defined, format!("the doc of {name} is empty"));
        }
        if !kind.value.fits(&default) {
            fault(kind.defined, format!("the default of {name} is not of type {}", kind.value.as_str()));
        }
        parameters.insert(name, ParameterDefinition { kind: kind.value, default, doc });
    }
    let (population_at, test_at) = (place(text, &form.population), place(text, &form.test));
    let (Some(id), Some(kind), true) = (id, kind, faults.is_empty()) else {
        return Err(faults);
    };
    #[expect(clippy::cast_possible_truncation, reason = "the share was checked to be within 0.0 and 1.0")]
    let minimum_covered_millionths = (share * 1e6).round() as i64;
    let control = Control {
        path: path.to_owned(),
        text: text.to_owned(),
        id,
        title: form.title.value.trim().to_owned(),
        description: form.description.value.trim().to_owned(),
        criteria,
        kind,
        needs,
        judges,
        minimum_covered_millionths,
        next_step: form.next_step.value.trim().to_owned(),
        parameters,
        population: form.population.value,
        test: form.test.value,
    };
    Ok(Parsed { control, population_at, test_at })
}

/// The parser's message without its own rendering of the place, which a [`Fault`] tells itself.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or("not YAML of a control's form");
    match first.rfind(" at line ") {
        Some(at) => first[..at].to_owned(),
        None => first.to_owned(),
    }
}

/// A block (`population: |`) is located at its indicator or at its content, as the parser sees fit: the content's first line is
/// looked up in the file.
fn place(text: &str, value: &Spanned<String>) -> Place {
    let (line, column) = (value.defined.line(), value.defined.column());
    let first = value.value.lines().next().unwrap_or_default();
    let found = text
        .lines()
        .enumerate()
        .skip(usize::try_from(line.saturating_sub(1)).unwrap_or(0))
        .find(|(_, l)| !first.is_empty() && l.trim_start() == first.trim_start() && l.len() > first.len());
    match found {
        Some((number, l)) => {
            Place { line, column, text_line: number as u64 + 1, text_column: (l.len() - first.len()) as u64 }
        }
        None => Place { line, column, text_line: line, text_column: 0 },
    }
}
