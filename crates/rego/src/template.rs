//! `ConstraintTemplate` (`templates.gatekeeper.sh`).

use serde_json::Value;

use crate::engine::Program;
use crate::fields::Fields;
use crate::lint::{Source, lint};
use crate::refusal::{Objection, Refusal};
use crate::schema::Schema;
use crate::syntax::{Edition, Module, module};

/// API group of templates.
pub const TEMPLATE_GROUP: &str = "templates.gatekeeper.sh";
/// The one target that Gatekeeper has.
const TARGET: &str = "admission.k8s.gatekeeper.sh";
/// The most libraries of one template.
const MAX_LIBRARIES: usize = 32;

/// A kind of constraints: what they look for, and what their parameters may be.
#[derive(Debug)]
pub struct Template {
    kind: String,
    pub(crate) schema: Schema,
    pub(crate) program: Program,
}

/// The Rego of a template, with the paths of its fields.
struct Texts {
    edition: Edition,
    main: (String, String),
    libraries: Vec<(String, String)>,
}

impl Template {
    /// The kind of its constraints.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Reads a template, and refuses what is not known to mean here what it means in Gatekeeper.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(json: &Value) -> Result<Self, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let read = read(json, &mut refusals);
        match read {
            Some((kind, schema, texts)) if refusals.is_empty() => {
                let program = program(&texts)?;
                Ok(Self { kind, schema, program })
            }
            _ if refusals.is_empty() => Err(vec![Refusal::at("", "the template has no Rego")]),
            _ => Err(refusals),
        }
    }
}

fn read(json: &Value, refusals: &mut Vec<Refusal>) -> Option<(String, Schema, Texts)> {
    let mut fields = Fields::of(json, "", refusals);
    let version = fields.text("apiVersion").unwrap_or_default();
    let version = version.rsplit('/').next().unwrap_or_default().to_owned();
    if !matches!(version.as_str(), "v1" | "v1beta1" | "v1alpha1") {
        fields.refuse("apiVersion", "expected v1, v1beta1 or v1alpha1 of templates.gatekeeper.sh");
    }
    for told in ["kind", "metadata", "status"] {
        fields.take(told);
    }
    let name = json.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let Some((spec, path)) = fields.take("spec") else { return fields.refused("spec", "spec is missing") };
    fields.end();
    let mut spec = Fields::of(spec, &path, refusals);
    let crd = spec.take("crd");
    let targets = spec.list("targets");
    spec.end();
    let Some((crd, path)) = crd else {
        refusals.push(Refusal::at("spec", "crd is missing"));
        return None;
    };
    let (kind, schema) = definition(crd, &path, version == "v1", refusals)?;
    if kind.to_lowercase() != name {
        let message = format!("the name of a template is its kind in lower case: expected {:?}", kind.to_lowercase());
        refusals.push(Refusal::at("metadata.name", message));
    }
    let [(target, path)] = targets.as_slice() else {
        refusals.push(Refusal::at("spec.targets", "a template has one target"));
        return None;
    };
    Some((kind, schema, texts(target, path, refusals)?))
}

fn definition(json: &Value, path: &str, strict: bool, refusals: &mut Vec<Refusal>) -> Option<(String, Schema)> {
    let mut crd = Fields::of(json, path, refusals);
    let spec = crd.take("spec");
    crd.end();
    let Some((spec, path)) = spec else {
        refusals.push(Refusal::at(path, "spec is missing"));
        return None;
    };
    let mut spec = Fields::of(spec, &path, refusals);
    let names = spec.take("names");
    let validation = spec.take("validation");
    spec.end();
    let kind = names.and_then(|(names, path)| {
        let mut names = Fields::of(names, &path, refusals);
        names.take("shortNames");
        names.take("categories");
        let kind = names.text("kind");
        names.end();
        kind
    });
    let Some(kind) = kind.filter(|kind| is_kind(kind)) else {
        refusals.push(Refusal::at(format!("{path}.names"), "expected the kind of the constraints: letters and digits"));
        return None;
    };
    let Some((validation, path)) = validation else { return Some((kind, Schema::anything())) };
    let mut validation = Fields::of(validation, &path, refusals);
    let legacy = validation.flag("legacySchema").unwrap_or(!strict);
    let schema = validation.take("openAPIV3Schema");
    validation.end();
    let schema = match schema {
        Some((json, path)) => Schema::read(json, &path, legacy, refusals),
        None => Schema::anything(),
    };
    Some((kind, schema))
}

fn is_kind(kind: &str) -> bool {
    kind.len() <= 63
        && kind.chars().all(|c| c.is_ascii_alphanumeric())
        && kind.chars().next().is_some_and(|c| c.is_ascii_alphabetic())
}

fn texts(json: &Value, path: &str, refusals: &mut Vec<Refusal>) -> Option<Texts> {
    let mut target = Fields::of(json, path, refusals);
    let name = target.text("target").unwrap_or_default();
    if name != TARGET {
        let _: Option<()> = target.refused("target", &format!("expected {TARGET}"));
    }
    if let Some((_, path)) = target.take("operations") {
        target.refuse(&path, "operations are not taken: ask for input.review.operation in the Rego");
    }
    let main = target.take("rego");
    let libraries = target.list("libs");
    let code = target.list("code");
    target.end();
    if code.is_empty() {
        let Some((main, path)) = main else {
            refusals.push(Refusal::at(path, "the target has no Rego"));
            return None;
        };
        return together(Edition::V0, (main, path), libraries, refusals);
    }
    let is_rego = |(entry, _): &(&Value, String)| entry.get("engine").and_then(Value::as_str) == Some("Rego");
    match main {
        Some((_, path)) if code.iter().any(is_rego) => {
            refusals.push(Refusal::at(path, "the target has both rego and code for the engine Rego"));
            None
        }
        // The code is the same policy in another language.
        Some(main) => together(Edition::V0, main, libraries, refusals),
        None => of_code(&code, path, refusals),
    }
}

/// The Rego among the engines of a target.
fn of_code(code: &[(&Value, String)], path: &str, refusals: &mut Vec<Refusal>) -> Option<Texts> {
    let mut found = None;
    for (json, path) in code {
        let mut entry = Fields::of(json, path, refusals);
        let engine = entry.text("engine").unwrap_or_default();
        let source = entry.take("source");
        match engine.as_str() {
            "Rego" => found = source,
            // The same policy in another language.
            "K8sNativeValidation" => {}
            other => {
                let _: Option<()> = entry.refused("engine", &format!("the engine {other:?} is not known"));
            }
        }
        entry.end();
    }
    let Some((source, path)) = found else {
        let message = "the template has no Rego; what is written for K8sNativeValidation is better a ValidatingAdmissionPolicy, which is taken as it is";
        refusals.push(Refusal::at(format!("{path}.code"), message));
        return None;
    };
    let mut source = Fields::of(source, &path, refusals);
    let edition = match source.text("version").as_deref() {
        None | Some("" | "v0") => Edition::V0,
        Some("v1") => Edition::V1,
        Some(other) => {
            let message = format!("{other:?} is not one of v0, v1");
            source.refused("version", &message).unwrap_or(Edition::V1)
        }
    };
    let main = source.take("rego");
    let libraries = source.list("libs");
    source.end();
    let Some(main) = main else {
        refusals.push(Refusal::at(path, "the source has no rego"));
        return None;
    };
    together(edition, main, libraries, refusals)
}

fn together(
    edition: Edition,
    main: (&Value, String),
    libraries: Vec<(&Value, String)>,
    refusals: &mut Vec<Refusal>,
) -> Option<Texts> {
    if libraries.len() > MAX_LIBRARIES {
        let path = libraries.first().map(|(_, path)| path.clone()).unwrap_or_default();
        refusals.push(Refusal::at(path, format!("{} libraries; at most {MAX_LIBRARIES} are read", libraries.len())));
        return None;
    }
    let mut text = |(json, path): (&Value, String)| match json.as_str() {
        Some(text) => Some((text.to_owned(), path)),
        None => {
            refusals.push(Refusal::at(path, "expected a text"));
            None
        }
    };
    let main = text(main);
    let libraries: Option<Vec<_>> = libraries.into_iter().map(text).collect();
    Some(Texts { edition, main: main?, libraries: libraries? })
}

/// Reads and judges the modules, and hands them to the engine.
fn program(texts: &Texts) -> Result<Program, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let mut sources = Vec::new();
    for (number, (text, path)) in std::iter::once(&texts.main).chain(&texts.libraries).enumerate() {
        match module(text, texts.edition) {
            Ok(module) => {
                let objection = if number == 0 { entry(&module) } else { library(&module) };
                refusals.extend(objection.map(|objection| objection.of(path)));
                sources.push(Source { module, path: path.clone() });
            }
            Err(objection) => refusals.push(objection.of(path)),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    for (index, objection) in lint(&sources) {
        let path = sources.get(index).map_or("", |source| source.path.as_str());
        refusals.push(objection.of(path));
    }
    refusals.sort();
    refusals.dedup();
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let modules: Vec<_> = std::iter::once(&texts.main).chain(&texts.libraries).map(|(text, _)| text.as_str()).collect();
    let package = sources.first().map(|source| source.module.package.join(".")).unwrap_or_default();
    Program::new(&modules, &package, texts.edition).map_err(|unusable| {
        let (number, within) = unusable.place.map_or((0, None), |(number, place)| (number, Some(place)));
        let path = sources.get(number).map_or("", |source| source.path.as_str());
        vec![Refusal { path: path.to_owned(), within, message: unusable.message }]
    })
}

/// The module that has the violations.
fn entry(module: &Module) -> Option<Objection> {
    let place = module.package_place;
    if module.package.first().is_some_and(|first| first == "lib") {
        return Some(Objection::new(place, "the package lib is for libraries"));
    }
    let mut rules = module.rules.iter().filter(|rule| rule.name == "violation").peekable();
    if rules.peek().is_none() {
        return Some(Objection::new(place, "there is no rule `violation`"));
    }
    let other = rules.find(|rule| !rule.is_partial_set() || rule.arguments.is_some())?;
    Some(Objection::new(other.place, "`violation` is a set of objects with a msg: `violation[{\"msg\": msg}] { ... }`"))
}

fn library(module: &Module) -> Option<Objection> {
    let is_one = module.package.len() > 1 && module.package.first().is_some_and(|first| first == "lib");
    (!is_one).then(|| Objection::new(module.package_place, "the package of a library begins with `lib.`"))
}
