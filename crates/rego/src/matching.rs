//! `spec.match` of a constraint: which requests it is for, as Gatekeeper's `pkg/mutation/match` and `pkg/target` have it.

use serde_json::Value;

use crate::fields::Fields;
use crate::refusal::Refusal;
use crate::review::{Namespace, Review};
use crate::selector::Selector;

/// Which objects a constraint is for. Without anything said it is for all.
#[derive(Debug, Default)]
pub(crate) struct Match {
    /// Groups and kinds; empty lists and `*` stand for all.
    kinds: Vec<(Vec<String>, Vec<String>)>,
    scope: Scope,
    namespaces: Vec<Glob>,
    excluded: Vec<Glob>,
    labels: Option<Selector>,
    namespace_labels: Option<Selector>,
    name: Option<Glob>,
    /// Only for objects that Gatekeeper would generate from others, of which there are none here.
    only_generated: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Scope {
    #[default]
    All,
    Cluster,
    Namespaced,
}

/// A name with a `*` before it, behind it, or both.
#[derive(Debug)]
struct Glob(String);

/// Whether a constraint is for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matched {
    Yes,
    No,
    /// That depends on a namespace of which too little is known.
    Unknown,
}

impl Matched {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::No, Self::No) => Self::No,
        }
    }
}

impl From<bool> for Matched {
    fn from(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}

impl Glob {
    fn matches(&self, candidate: &str) -> bool {
        match (self.0.strip_prefix('*'), self.0.strip_suffix('*')) {
            (Some(behind), Some(_)) => candidate.contains(behind.strip_suffix('*').unwrap_or(behind)),
            (Some(end), None) => candidate.ends_with(end),
            (None, Some(start)) => candidate.starts_with(start),
            (None, None) => candidate == self.0,
        }
    }

    /// Whether every name that begins so matches; the API server makes up the rest.
    fn matches_generated(&self, start: &str) -> bool {
        self.0.ends_with('*') && self.matches(start)
    }

    fn is_one(text: &str) -> bool {
        let inner = text.strip_prefix('*').unwrap_or(text);
        let inner = inner.strip_suffix('*').unwrap_or(inner);
        inner.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | ':' | '.'))
    }
}

impl Match {
    pub(crate) fn read(json: &Value, path: &str, refusals: &mut Vec<Refusal>) -> Self {
        let mut fields = Fields::of(json, path, refusals);
        let mut own = Self::default();
        for (kinds, path) in fields.list("kinds") {
            let mut inner = Fields::of(kinds, &path, fields.refusals());
            let pair = (inner.texts("apiGroups"), inner.texts("kinds"));
            // Many write it; Gatekeeper has no such field, and is for all versions.
            inner.take("versions");
            inner.end();
            own.kinds.push(pair);
        }
        own.scope = match fields.text("scope").as_deref() {
            None | Some("" | "*") => Scope::All,
            Some("Cluster") => Scope::Cluster,
            Some("Namespaced") => Scope::Namespaced,
            Some(other) => {
                let message = format!("{other:?} is not one of *, Cluster, Namespaced");
                fields.refused("scope", &message).unwrap_or_default()
            }
        };
        own.namespaces = globs("namespaces", &mut fields);
        own.excluded = globs("excludedNamespaces", &mut fields);
        own.labels = selector("labelSelector", &mut fields);
        own.namespace_labels = selector("namespaceSelector", &mut fields);
        own.name = fields.text("name").filter(|name| !name.is_empty()).map(Glob);
        own.only_generated = match fields.text("source").as_deref() {
            None | Some("" | "All" | "Original") => false,
            Some("Generated") => true,
            Some(other) => {
                let message = format!("{other:?} is not one of All, Original, Generated");
                fields.refused("source", &message).unwrap_or_default()
            }
        };
        fields.end();
        own
    }

    /// Whether it can never be for a request, since no objects are generated here.
    pub(crate) fn is_only_for_generated(&self) -> bool {
        self.only_generated
    }

    /// Whether it is for a request: for its object, or for the one before.
    pub(crate) fn matches(&self, review: &Review<'_>) -> Matched {
        if self.only_generated {
            return Matched::No;
        }
        let objects = [review.object(), review.old_object()];
        objects.into_iter().flatten().map(|object| self.matches_object(object, review)).fold(Matched::No, Matched::or)
    }

    fn matches_object(&self, object: &Value, review: &Review<'_>) -> Matched {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (group, kind) = (group(text("/apiVersion")), text("/kind"));
        let is_namespace = group.is_empty() && kind == "Namespace";
        let listed = |list: &[String], one: &str| list.is_empty() || list.iter().any(|l| l == "*" || l == one);
        let of_kind = |(groups, kinds): &(Vec<String>, Vec<String>)| listed(kinds, kind) && listed(groups, group);
        if !(self.kinds.is_empty() || self.kinds.iter().any(of_kind)) {
            return Matched::No;
        }
        let labels = object.pointer("/metadata/labels");
        let generated = text("/metadata/generateName");
        let by_name = |glob: &Glob| glob.matches(text("/metadata/name")) || glob.matches_generated(generated);
        if !self.name.as_ref().is_none_or(by_name) || !self.labels.as_ref().is_none_or(|own| own.selects(labels)) {
            return Matched::No;
        }
        let own_namespace = if is_namespace { text("/metadata/name") } else { text("/metadata/namespace") };
        let place = Place { is_namespace, own_namespace, labels, review };
        self.by_scope(&place).and(self.by_names(&place)).and(self.by_namespace_labels(&place))
    }

    fn by_scope(&self, place: &Place<'_>) -> Matched {
        let in_namespace = match place.review.namespace() {
            _ if place.is_namespace => Matched::No,
            Namespace::Unknown(_) => Matched::Yes,
            Namespace::Undecided => Matched::Unknown,
            Namespace::Known { .. } => Matched::Yes,
            Namespace::None => (!place.own_namespace.is_empty()).into(),
        };
        match (self.scope, in_namespace) {
            (Scope::All, _) => Matched::Yes,
            (_, Matched::Unknown) => Matched::Unknown,
            (Scope::Namespaced, found) => found,
            (Scope::Cluster, found) => (found == Matched::No).into(),
        }
    }

    /// By `namespaces` and `excludedNamespaces`, neither of which leaves out what has no namespace.
    fn by_names(&self, place: &Place<'_>) -> Matched {
        if self.namespaces.is_empty() && self.excluded.is_empty() {
            return Matched::Yes;
        }
        let name = match place.review.namespace() {
            _ if place.is_namespace => place.own_namespace,
            Namespace::Known { name, .. } | Namespace::Unknown(Some(name)) => name,
            Namespace::Unknown(None) | Namespace::Undecided => return Matched::Unknown,
            Namespace::None if place.own_namespace.is_empty() => return Matched::Yes,
            Namespace::None => place.own_namespace,
        };
        let one_of = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(name));
        ((self.namespaces.is_empty() || one_of(&self.namespaces)) && !one_of(&self.excluded)).into()
    }

    fn by_namespace_labels(&self, place: &Place<'_>) -> Matched {
        let Some(selector) = &self.namespace_labels else { return Matched::Yes };
        match place.review.namespace() {
            _ if place.is_namespace => selector.selects(place.labels).into(),
            Namespace::Known { labels, .. } => selector.selects(labels).into(),
            Namespace::Unknown(Some(name)) => selector.selects_named(name).map_or(Matched::Unknown, Matched::from),
            Namespace::Unknown(None) | Namespace::Undecided => Matched::Unknown,
            Namespace::None if place.own_namespace.is_empty() => Matched::Yes,
            // Gatekeeper cannot tell either, and answers with an error.
            Namespace::None => Matched::Unknown,
        }
    }
}

/// Where an object is.
struct Place<'o> {
    is_namespace: bool,
    /// The namespace that the object names, or of which it is the object.
    own_namespace: &'o str,
    labels: Option<&'o Value>,
    review: &'o Review<'o>,
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn globs(field: &'static str, fields: &mut Fields<'_, '_>) -> Vec<Glob> {
    let mut out = Vec::new();
    for (n, text) in fields.texts(field).into_iter().enumerate() {
        if Glob::is_one(&text) {
            out.push(Glob(text));
        } else {
            let path = format!("{}[{n}]", fields.path_of(field));
            fields.refuse(&path, "expected a name, with `*` before or behind it or both");
        }
    }
    out
}

fn selector(field: &'static str, fields: &mut Fields<'_, '_>) -> Option<Selector> {
    let (json, path) = fields.take(field)?;
    Some(Selector::read(json, &path, fields.refusals()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_before_or_behind() {
        for (glob, matches, other) in [
            ("kube-*", "kube-system", "a-kube-"),
            ("*-system", "kube-system", "system"),
            ("*kube*", "a-kube-b", "kub"),
            ("shop", "shop", "shops"),
            ("*", "", "-"),
            ("**", "a", "-"),
        ] {
            assert!(Glob(glob.to_owned()).matches(matches), "{glob}");
            assert!(other == "-" || !Glob(glob.to_owned()).matches(other), "{glob}");
        }
        assert!(!Glob::is_one("a*b") && !Glob::is_one("***") && Glob::is_one("*a*"));
        assert!(Glob("web-*".to_owned()).matches_generated("web-a"));
        assert!(!Glob("*-b".to_owned()).matches_generated("web-b"));
    }
}
