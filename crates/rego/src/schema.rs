//! `openAPIV3Schema` of a template: what parameters of its constraints may be, and their defaults.
//!
//! In a cluster the API server holds constraints against it, leaves out fields that it does not have, and fills in defaults. Here a field
//! that would be left out is a fault: it is a parameter that somebody believes to be in force.

mod check;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use crate::fields::Fields;
use crate::pattern;
use crate::refusal::Refusal;

/// The deepest schema.
const MAX_DEPTH: usize = 32;

/// What a value may be.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    kind: Option<Kind>,
    nullable: bool,
    properties: BTreeMap<String, Schema>,
    /// For fields that are no properties; none where they are not allowed.
    additional: Option<Box<Schema>>,
    /// Fields that are no properties may be anything.
    open: bool,
    required: Vec<String>,
    items: Option<Box<Schema>>,
    one_of: Option<Vec<Value>>,
    pattern: Option<Regex>,
    minimum: Option<(f64, bool)>,
    maximum: Option<(f64, bool)>,
    lengths: Lengths,
    unique: bool,
    default: Option<Value>,
    all: Vec<Schema>,
    any: Vec<Schema>,
    one: Vec<Schema>,
    not: Option<Box<Schema>>,
}

/// `minLength`, `maxItems` and their like: least and most.
#[derive(Debug, Default)]
struct Lengths {
    text: (Option<u64>, Option<u64>),
    items: (Option<u64>, Option<u64>),
    properties: (Option<u64>, Option<u64>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
    IntegerOrText,
}

impl Schema {
    /// That of a template without one.
    pub(crate) fn anything() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Reads a schema. One of the old kind (`legacySchema`) allows fields that it does not name.
    pub(crate) fn read(json: &Value, path: &str, legacy: bool, refusals: &mut Vec<Refusal>) -> Self {
        read(json, path, legacy, 0, refusals)
    }
}

fn read(json: &Value, path: &str, legacy: bool, depth: usize, refusals: &mut Vec<Refusal>) -> Schema {
    if depth > MAX_DEPTH {
        refusals.push(Refusal::at(path, format!("nested more than {MAX_DEPTH} deep")));
        return Schema::default();
    }
    let mut fields = Fields::of(json, path, refusals);
    let mut schema = Schema { kind: kind(&mut fields), ..Schema::default() };
    for told in ["description", "title", "example", "externalDocs", "format"] {
        // `format` only describes, but for a few that parameters of policies do not have.
        fields.take(told);
    }
    schema.nullable = fields.flag("nullable").unwrap_or_default();
    schema.open = fields.flag("x-kubernetes-preserve-unknown-fields").unwrap_or_default() || legacy;
    fields.take("x-kubernetes-list-type");
    fields.take("x-kubernetes-list-map-keys");
    fields.take("x-kubernetes-map-type");
    if let Some((properties, path)) = fields.take("properties") {
        match properties.as_object() {
            Some(properties) => {
                for (name, json) in properties {
                    let path = format!("{path}.{name}");
                    schema.properties.insert(name.clone(), read(json, &path, legacy, depth + 1, fields.refusals()));
                }
            }
            None => fields.refuse(&path, "expected an object"),
        }
    }
    match fields.take("additionalProperties") {
        Some((Value::Bool(allowed), _)) => schema.open |= *allowed,
        Some((json, path)) => {
            schema.additional = Some(Box::new(read(json, &path, legacy, depth + 1, fields.refusals())));
        }
        None => {}
    }
    schema.required = fields.texts("required");
    let inner = |name: &'static str, fields: &mut Fields<'_, '_>| {
        fields.take(name).map(|(json, path)| Box::new(read(json, &path, legacy, depth + 1, fields.refusals())))
    };
    // A list of schemas for items is one of JSON Schema, and not of Kubernetes: it is refused as no object.
    schema.items = inner("items", &mut fields);
    schema.not = inner("not", &mut fields);
    let mut several = |name: &'static str| -> Vec<Schema> {
        let items = fields.list(name);
        items.into_iter().map(|(json, path)| read(json, &path, true, depth + 1, fields.refusals())).collect()
    };
    (schema.all, schema.any, schema.one) = (several("allOf"), several("anyOf"), several("oneOf"));
    values(&mut schema, &mut fields);
    fields.end();
    schema
}

fn kind(fields: &mut Fields<'_, '_>) -> Option<Kind> {
    if fields.flag("x-kubernetes-int-or-string").unwrap_or_default() {
        fields.take("type");
        return Some(Kind::IntegerOrText);
    }
    match fields.text("type")?.as_str() {
        "object" => Some(Kind::Object),
        "array" => Some(Kind::Array),
        "string" => Some(Kind::Text),
        "integer" => Some(Kind::Integer),
        "number" => Some(Kind::Number),
        "boolean" => Some(Kind::Boolean),
        // Some of the old kind; the API server takes nothing else either.
        other => {
            let message = format!("{other:?} is not one of object, array, string, integer, number, boolean");
            fields.refused("type", &message)
        }
    }
}

fn values(schema: &mut Schema, fields: &mut Fields<'_, '_>) {
    if let Some((values, path)) = fields.take("enum") {
        schema.one_of = values.as_array().cloned();
        if schema.one_of.is_none() {
            fields.refuse(&path, "expected a list");
        }
    }
    if let Some(text) = fields.text("pattern") {
        match pattern::compile(&text) {
            Ok(pattern) => schema.pattern = Some(pattern),
            Err(why) => fields.refused::<()>("pattern", &why).unwrap_or_default(),
        }
    }
    let mut bound = |name: &'static str, exclusive: &'static str| {
        let exclusive = fields.flag(exclusive).unwrap_or_default();
        let (value, path) = fields.take(name)?;
        if value.as_f64().is_none() {
            fields.refuse(&path, "expected a number");
        }
        value.as_f64().map(|value| (value, exclusive))
    };
    schema.minimum = bound("minimum", "exclusiveMinimum");
    schema.maximum = bound("maximum", "exclusiveMaximum");
    let mut length = |name: &'static str| {
        let (value, path) = fields.take(name)?;
        if value.as_u64().is_none() {
            fields.refuse(&path, "expected a number from 0");
        }
        value.as_u64()
    };
    schema.lengths.text = (length("minLength"), length("maxLength"));
    schema.lengths.items = (length("minItems"), length("maxItems"));
    schema.lengths.properties = (length("minProperties"), length("maxProperties"));
    schema.unique = fields.flag("uniqueItems").unwrap_or_default();
    schema.default = fields.take("default").map(|(value, _)| value.clone());
}
