//! A request as templates see it: `input.review`.

use serde_json::{Map, Value, json};

/// What is known of the namespace that an object lives in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Namespace<'n> {
    /// There is one of this name, with these `metadata.labels`.
    Known {
        /// Its name.
        name: &'n str,
        /// Its labels.
        labels: Option<&'n Value>,
    },
    /// There is one, of whose labels nothing is known here; with its name, if that is known.
    Unknown(Option<&'n str>),
    /// Whether there is one is not known.
    Undecided,
    /// There is none: the object is one of the cluster.
    None,
}

/// A request with what is known of its namespace.
pub struct Review<'r> {
    json: Value,
    namespace: Namespace<'r>,
}

/// What stands for a member that is not there; without anything it is left out.
type Absent = Option<fn() -> Value>;

/// The members of an admission request that Gatekeeper hands on.
const MEMBERS: [(&str, Absent); 15] = [
    ("uid", Some(|| json!(""))),
    ("kind", Some(|| json!({"group": "", "version": "", "kind": ""}))),
    ("resource", Some(|| json!({"group": "", "version": "", "resource": ""}))),
    ("subResource", None),
    ("requestKind", None),
    ("requestResource", None),
    ("requestSubResource", None),
    ("name", None),
    ("namespace", None),
    ("operation", Some(|| json!(""))),
    ("userInfo", Some(|| json!({}))),
    ("object", Some(|| Value::Null)),
    ("oldObject", Some(|| Value::Null)),
    ("dryRun", None),
    ("options", Some(|| Value::Null)),
];

impl<'r> Review<'r> {
    /// From the member `request` of an `AdmissionReview`. On a deletion the object is the one that is to go, as Gatekeeper has it.
    ///
    /// # Errors
    /// When it is no object, or has neither an object nor one before.
    pub fn new(request: &Value, namespace: Namespace<'r>) -> Result<Self, String> {
        let Some(request) = request.as_object() else { return Err("the request is no object".to_owned()) };
        let member = |name: &str| request.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""));
        let mut review = Map::new();
        for (name, absent) in MEMBERS {
            match (member(name), absent) {
                (Some(value), _) => review.insert(name.to_owned(), value.clone()),
                (None, Some(absent)) => review.insert(name.to_owned(), absent()),
                (None, None) => None,
            };
        }
        if request.get("operation").and_then(Value::as_str) == Some("DELETE")
            && let Some(old) = member("oldObject")
        {
            review.insert("object".to_owned(), old.clone());
        }
        let own = Self { json: Value::Object(review), namespace };
        if own.object().is_none() && own.old_object().is_none() {
            return Err("the request has neither an object nor one before, so that nothing could be judged".to_owned());
        }
        Ok(own)
    }

    pub(crate) fn object(&self) -> Option<&Value> {
        self.json.get("object").filter(|object| !object.is_null())
    }

    pub(crate) fn old_object(&self) -> Option<&Value> {
        self.json.get("oldObject").filter(|object| !object.is_null())
    }

    pub(crate) fn namespace(&self) -> Namespace<'_> {
        self.namespace
    }

    pub(crate) fn json(&self) -> &Value {
        &self.json
    }
}
