//! Whole files against a policy set.

use crate::context::Context;
use crate::decision::{Decision, Verdict};
use crate::evaluate::evaluate;
use crate::manifest::{self, ManifestError, Object};
use crate::policy_set::PolicySet;
use crate::request::Request;

/// What files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Objects that somebody would apply. A document that is an `AdmissionReview` is judged as such an object, too: not governed.
    Manifests,
    /// Documents of kind `AdmissionReview`.
    Reviews,
    /// Either, told by the kind of each document.
    Either,
}

/// The decision on one object of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The file, as it was named.
    pub file: String,
    /// Number of the document in the file, from 1.
    pub document: usize,
    /// Line on which the object begins, from 1.
    pub line: usize,
    /// Kind of the object; empty when it could not be read.
    pub kind: String,
    /// Its namespace; empty when it does not say.
    pub namespace: String,
    /// Its name, or what it begins with.
    pub name: String,
    /// The decision.
    pub decision: Decision,
    /// For each violation of the decision, line and column of the field, or of the nearest thing around it. Column 0: not known.
    pub places: Vec<(usize, usize)>,
}

/// How a check of all files ended, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing was refused.
    Good,
    /// Something was refused.
    Denied,
    /// Something could not be judged.
    Error,
}

/// The worst of all.
#[must_use]
pub fn outcome(checked: &[Checked]) -> Outcome {
    let of = |one: &Checked| match one.decision.verdict {
        Verdict::Allow | Verdict::Warn => Outcome::Good,
        Verdict::Deny => Outcome::Denied,
        Verdict::Error => Outcome::Error,
    };
    checked.iter().map(of).max().unwrap_or(Outcome::Good)
}

/// Decides on every object of a file. A file without any gives an empty list.
#[must_use]
pub fn file(set: &PolicySet, name: &str, bytes: &[u8], content: Content, context: &Context<'_>) -> Vec<Checked> {
    manifest::read(bytes)
        .into_iter()
        .map(|document| match document {
            Ok(object) => judge(set, name, &object, content, context),
            Err(error) => unreadable(set, name, &error),
        })
        .collect()
}

/// The result for a file that could not be read at all, so that it is missing from no output.
#[must_use]
pub fn not_read(set: &PolicySet, file: &str, message: String) -> Checked {
    unreadable(set, file, &ManifestError { document: 1, line: 1, column: 1, message })
}

fn unreadable(set: &PolicySet, file: &str, error: &ManifestError) -> Checked {
    Checked {
        file: file.to_owned(),
        document: error.document,
        line: error.line,
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
        decision: Decision::plain(Verdict::Error, error.to_string(), set.digest()),
        places: Vec::new(),
    }
}

fn judge(set: &PolicySet, file: &str, object: &Object, content: Content, context: &Context<'_>) -> Checked {
    let value = object.tree.to_json();
    let is_review = match content {
        Content::Manifests => false,
        Content::Reviews => true,
        Content::Either => object.tree.text("kind") == Some("AdmissionReview"),
    };
    let text;
    let request = if is_review {
        text = value.to_string();
        Request::from_review(text.as_bytes())
    } else {
        Request::from_manifest(&value)
    };
    let judged = if is_review { value.pointer("/request/object") } else { Some(&value) };
    let of_object =
        |pointer: &str| judged.and_then(|o| o.pointer(pointer)).and_then(|v| v.as_str()).unwrap_or_default();
    let (kind, namespace, name, decision) = match &request {
        Ok(request) => {
            (request.kind.clone(), request.namespace.clone(), request.name.clone(), evaluate(set, request, context))
        }
        Err(error) => {
            let kind = of_object("/kind").to_owned();
            (kind, String::new(), String::new(), Decision::plain(Verdict::Error, error.to_string(), set.digest()))
        }
    };
    let name = match name.as_str() {
        "" if of_object("/metadata/name").is_empty() => of_object("/metadata/generateName").to_owned(),
        "" => of_object("/metadata/name").to_owned(),
        _ => name,
    };
    let prefix = if is_review { "request.object." } else { "" };
    let place = |path: &str| object.tree.place(&format!("{prefix}{path}"));
    let places = decision.violations.iter().map(|violation| place(&violation.path)).collect();
    Checked {
        file: file.to_owned(),
        document: object.document,
        line: object.line,
        kind,
        namespace,
        name,
        decision,
        places,
    }
}
