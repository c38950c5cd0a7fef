//! Lists of objects, as `kubectl get -o yaml` and `kind: List` have them.

use super::{ManifestError, Node, Object};

/// The objects of a document: itself, or the items of a list (also of lists in lists).
pub(super) fn items(object: Object) -> Vec<Result<Object, ManifestError>> {
    let refuse = |message: String| {
        let (document, line, column) = (object.document, object.tree.line, object.tree.column.max(1));
        vec![Err(ManifestError { document, line, column, message })]
    };
    if !matches!(object.tree.node, Node::Object(_)) {
        return refuse(format!("expected an object, found {}", object.tree.described()));
    }
    let is_list = object.tree.text("kind").is_some_and(|kind| kind.ends_with("List"));
    let items_of_list = match object.tree.get("items").map(|items| &items.node) {
        Some(Node::List(items)) if is_list => items,
        Some(Node::Scalar(serde_json::Value::Null)) if is_list => return Vec::new(),
        _ => return vec![Ok(object)],
    };
    let typed = object.tree.text("kind").and_then(|kind| kind.strip_suffix("List")).filter(|kind| !kind.is_empty());
    let api_version = object.tree.text("apiVersion");
    items_of_list
        .iter()
        .flat_map(|item| {
            let mut tree = item.clone();
            // The API server leaves kind and version out of the items of a typed list.
            if let (Some(kind), Some(api_version), Node::Object(fields)) = (typed, api_version, &mut tree.node)
                && !fields.iter().any(|(key, _)| key == "kind")
            {
                for (key, value) in [("kind", kind), ("apiVersion", api_version)] {
                    let node = Node::Scalar(value.into());
                    fields.push((key.to_owned(), super::Tree { line: item.line, column: item.column, node }));
                }
            }
            items(Object { document: object.document, line: item.line, item: true, tree })
        })
        .collect()
}
