//! The lines that a watch source consists of.

use records::Timestamp;

use crate::kinds::GovernedKind;

/// Writes the lines of one kind in one API version.
#[derive(Debug, Clone)]
pub(crate) struct LineWriter {
    /// `"group":"..","version":"..","resource":".."`: these need no escapes, see [`GovernedKind::new`].
    kind: String,
}

impl LineWriter {
    pub(crate) fn new(kind: &GovernedKind, version: &str) -> Self {
        Self { kind: format!(r#""group":"{}","version":"{version}","resource":"{}""#, kind.group(), kind.resource()) }
    }

    /// An object as it was listed or changed (`LISTED`, `ADDED`, `MODIFIED`, `DELETED`), its bytes unchanged.
    pub(crate) fn object(&self, observation: &str, object: &[u8]) -> Vec<u8> {
        let head = format!(r#"{{"type":"{observation}",{},"object":"#, self.kind);
        let mut line = Vec::with_capacity(head.len() + object.len() + 1);
        line.extend_from_slice(head.as_bytes());
        line.extend_from_slice(object);
        line.push(b'}');
        line
    }

    /// The beginning of a list.
    pub(crate) fn list_begin(&self, list: &str, resource_version: &str, at: Timestamp) -> Vec<u8> {
        let (list, resource_version) = (quoted(list), quoted(resource_version));
        format!(
            r#"{{"type":"LIST_BEGIN",{},"list":{list},"resourceVersion":{resource_version},"at":"{at}"}}"#,
            self.kind
        )
        .into_bytes()
    }

    /// The end of a list of `count` objects.
    pub(crate) fn list_end(&self, list: &str, resource_version: &str, at: Timestamp, count: u64) -> Vec<u8> {
        let (list, resource_version) = (quoted(list), quoted(resource_version));
        format!(
            r#"{{"type":"LIST_END",{},"list":{list},"resourceVersion":{resource_version},"at":"{at}","count":{count}}}"#,
            self.kind
        )
        .into_bytes()
    }

    /// The kind is not served: there are no objects of it.
    pub(crate) fn not_served(&self, at: Timestamp) -> Vec<u8> {
        format!(r#"{{"type":"NOT_SERVED",{},"at":"{at}"}}"#, self.kind).into_bytes()
    }

    /// Nothing more happened up to this resourceVersion: where a later run goes on.
    pub(crate) fn bookmark(&self, resource_version: &str, at: Timestamp) -> Vec<u8> {
        format!(r#"{{"type":"BOOKMARK",{},"resourceVersion":{},"at":"{at}"}}"#, self.kind, quoted(resource_version))
            .into_bytes()
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_one_form() {
        let kind: GovernedKind = "roles.rbac.authorization.k8s.io/v1".parse().unwrap();
        let writer = LineWriter::new(&kind, "v1");
        let at: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let lines = [
            text(writer.list_begin("l1", "7", at)),
            text(writer.object("LISTED", br#"{"metadata": {}}"#)),
            text(writer.list_end("l1", "7", at, 1)),
            text(writer.bookmark("9", at)),
            text(writer.not_served(at)),
        ];
        for line in &lines {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"type":"LIST_BEGIN","group":"rbac.authorization.k8s.io","version":"v1","resource":"roles","list":"l1","resourceVersion":"7","at":"2026-11-23T09:00:00.000000Z"}
        {"type":"LISTED","group":"rbac.authorization.k8s.io","version":"v1","resource":"roles","object":{"metadata": {}}}
        {"type":"LIST_END","group":"rbac.authorization.k8s.io","version":"v1","resource":"roles","list":"l1","resourceVersion":"7","at":"2026-11-23T09:00:00.000000Z","count":1}
        {"type":"BOOKMARK","group":"rbac.authorization.k8s.io","version":"v1","resource":"roles","resourceVersion":"9","at":"2026-11-23T09:00:00.000000Z"}
        {"type":"NOT_SERVED","group":"rbac.authorization.k8s.io","version":"v1","resource":"roles","at":"2026-11-23T09:00:00.000000Z"}
        "#);
    }
}
