//! Reading of objects field by field, so that what is not known is refused and not passed over.

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// The fields of an object, of which each is to be taken.
pub(crate) struct Fields<'j, 'r> {
    object: Option<&'j Map<String, Value>>,
    path: String,
    taken: Vec<&'static str>,
    refusals: &'r mut Vec<Refusal>,
}

impl<'j, 'r> Fields<'j, 'r> {
    /// What is no object has no fields, and is refused.
    pub(crate) fn of(json: &'j Value, path: &str, refusals: &'r mut Vec<Refusal>) -> Self {
        let object = json.as_object();
        if object.is_none() {
            refusals.push(Refusal::at(path, "expected an object"));
        }
        Self { object, path: path.to_owned(), taken: Vec::new(), refusals }
    }

    pub(crate) fn refusals(&mut self) -> &mut Vec<Refusal> {
        self.refusals
    }

    pub(crate) fn refuse(&mut self, path: &str, message: &str) {
        self.refusals.push(Refusal::at(path, message));
    }

    /// Refuses a field; gives nothing, for what would have been read of it.
    pub(crate) fn refused<T>(&mut self, field: &str, message: &str) -> Option<T> {
        let path = self.path_of(field);
        self.refuse(&path, message);
        None
    }

    pub(crate) fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// The value of a field and its path; null is no value.
    pub(crate) fn take(&mut self, field: &'static str) -> Option<(&'j Value, String)> {
        self.taken.push(field);
        let value = self.object?.get(field).filter(|value| !value.is_null())?;
        Some((value, self.path_of(field)))
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Option<String> {
        let (value, path) = self.take(field)?;
        if value.as_str().is_none() {
            self.refuse(&path, "expected a text");
        }
        value.as_str().map(str::to_owned)
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Option<bool> {
        let (value, path) = self.take(field)?;
        if value.as_bool().is_none() {
            self.refuse(&path, "expected true or false");
        }
        value.as_bool()
    }

    /// The items of a list, each with its path.
    pub(crate) fn list(&mut self, field: &'static str) -> Vec<(&'j Value, String)> {
        let Some((value, path)) = self.take(field) else { return Vec::new() };
        match value.as_array() {
            Some(items) => items.iter().enumerate().map(|(n, item)| (item, format!("{path}[{n}]"))).collect(),
            None => {
                self.refuse(&path, "expected a list");
                Vec::new()
            }
        }
    }

    pub(crate) fn texts(&mut self, field: &'static str) -> Vec<String> {
        let mut out = Vec::new();
        for (item, path) in self.list(field) {
            match item.as_str() {
                Some(text) => out.push(text.to_owned()),
                None => self.refuse(&path, "expected a text"),
            }
        }
        out
    }

    /// Refuses what was not taken.
    pub(crate) fn end(self) {
        for field in self.object.into_iter().flat_map(Map::keys) {
            if !self.taken.contains(&field.as_str()) {
                let path = self.path_of(field);
                self.refusals.push(Refusal::at(path, format!("unknown field {field:?}")));
            }
        }
    }
}
