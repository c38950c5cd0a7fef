//! Files of Kubernetes objects: YAML with several documents, JSON, and lists.
//!
//! What is read is what `kubectl` would send, with two differences, both for the sake of a clear answer: a key that stands twice in one
//! mapping is an error, and so is a tag that has no meaning in JSON. A document that cannot be read is an error of its own; the other
//! documents of the file are read all the same.

mod list;
mod scalar;
mod tree;
mod yaml;

pub use tree::{Node, Tree};

/// A file longer than this is refused.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// One object of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Number of its document in the file, from 1; documents without content are not counted. The items of a list have the number of the
    /// list.
    pub document: usize,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
    /// Whether it is an item of a list, and not a document of its own.
    pub item: bool,
    /// What it says, with places.
    pub tree: Tree,
}

/// Why a document is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ManifestError {
    /// Number of the document, from 1.
    pub document: usize,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Reads all objects of a file, in order. Lists are taken apart.
#[must_use]
pub fn read(bytes: &[u8]) -> Vec<Result<Object, ManifestError>> {
    let whole = |message: String| vec![Err(ManifestError { document: 1, line: 1, column: 1, message })];
    if bytes.len() > MAX_FILE_BYTES {
        return whole(format!("the file has {} bytes; at most {MAX_FILE_BYTES} are read", bytes.len()));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|b| **b == b'\n').count();
            return vec![Err(ManifestError {
                document: 1,
                line,
                column: 1,
                message: "the file is not UTF-8 text".into(),
            })];
        }
    };
    documents(text)
        .into_iter()
        .flat_map(|document| match document {
            Ok(object) => list::items(object),
            Err(error) => vec![Err(error)],
        })
        .collect()
}

/// A text that begins with `{` is JSON, or else a flow mapping of YAML; when it is neither, the fault of the JSON is told.
fn documents(text: &str) -> Vec<Result<Object, ManifestError>> {
    if !text.trim_start().starts_with('{') {
        return yaml::documents(text);
    }
    let as_json = json(text);
    if as_json.iter().all(Result::is_ok) {
        return as_json;
    }
    let as_yaml = yaml::documents(text);
    if as_yaml.iter().all(Result::is_ok) { as_yaml } else { as_json }
}

/// JSON values, one after another.
fn json(text: &str) -> Vec<Result<Object, ManifestError>> {
    let mut out = Vec::new();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let mut at = 0;
    let (mut counted, mut line) = (0, 1);
    loop {
        let begins = text.get(at..).map_or(at, |rest| at + (rest.len() - rest.trim_start().len()));
        line += text.get(counted..begins).map_or(0, |passed| passed.matches('\n').count());
        counted = begins;
        let document = out.len() + 1;
        match values.next() {
            None => return out,
            Some(Ok(value)) => out.push(Ok(Object { document, line, item: false, tree: Tree::from_json(value, line) })),
            Some(Err(error)) => {
                out.push(Err(ManifestError {
                    document,
                    line: error.line().max(1),
                    column: error.column().max(1),
                    message: error.to_string().split(" at line ").next().unwrap_or("no JSON").to_owned(),
                }));
                return out;
            }
        }
        at = values.byte_offset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        read(text.as_bytes())
            .into_iter()
            .map(|object| match object {
                Ok(o) => format!("{} line {}: {}", o.document, o.line, o.tree.to_json()),
                Err(e) => format!("{} error: {e}", e.document),
            })
            .collect()
    }

    #[test]
    fn documents_are_counted_and_placed() {
        assert_eq!(
            told("# a comment\n---\n---\na: 1\n---\n# nothing\n---\nb: [2\n---\nc: 3\n"),
            [r#"1 line 4: {"a":1}"#, "2 error: line 8, column 4: unclosed bracket '['", r#"3 line 10: {"c":3}"#]
        );
        assert_eq!(told(""), Vec::<String>::new());
        assert_eq!(told("---\n# only a comment\n"), Vec::<String>::new());
    }

    #[test]
    fn json_may_hold_several_objects() {
        assert_eq!(told("{a: yes}\n---\nb: 2\n"), [r#"1 line 1: {"a":true}"#, r#"2 line 3: {"b":2}"#]);
        assert_eq!(told("{\"a\":1}\n\n{\"b\":2}\n"), [r#"1 line 1: {"a":1}"#, r#"2 line 3: {"b":2}"#]);
        assert_eq!(
            told("{\"a\":1}\n{\"b\":"),
            [r#"1 line 1: {"a":1}"#, "2 error: line 2, column 5: EOF while parsing a value"]
        );
    }

    #[test]
    fn lists_are_taken_apart_and_other_things_refused() {
        let list = "kind: List\napiVersion: v1\nitems:\n- kind: A\n  x: z\n- kind: B\n";
        assert_eq!(told(list), [r#"1 line 4: {"kind":"A","x":"z"}"#, r#"1 line 6: {"kind":"B"}"#]);
        assert_eq!(told("- a\n- b\n"), ["1 error: line 1, column 1: expected an object, found a list"]);
        assert_eq!(told("just text"), ["1 error: line 1, column 1: expected an object, found a text"]);
    }

    #[test]
    fn what_is_no_text_or_too_deep_is_an_error() {
        assert_eq!(read(b"a: \xff")[0].as_ref().unwrap_err().message, "the file is not UTF-8 text");
        assert!(read("[".repeat(100_000).as_bytes())[0].is_err());
        assert!(read(format!("{}{{", "{\"a\":".repeat(100_000)).as_bytes())[0].is_err());
        assert!(read("- ".repeat(100_000).as_bytes())[0].is_err());
    }
}
