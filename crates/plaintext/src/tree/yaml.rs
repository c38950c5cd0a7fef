//! YAML with lines: the documents of a text, as many as can be read.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle};

use super::{MAX_DEPTH, Node, Value};

/// So many nodes one text may have.
const MOST_NODES: usize = 1_000_000;

/// What could be read of a text.
#[derive(Debug)]
pub(crate) struct Documents {
    /// The documents in order, each with the line it begins on.
    pub(crate) documents: Vec<Node<'static>>,
    /// The line on which reading ended because the text is no YAML or too large, from 1; what stands from the document on that holds it is not in `documents`.
    pub(crate) broken_from: Option<u32>,
}

/// A collection that is being read.
struct Frame {
    line: u32,
    open: Open,
}

enum Open {
    Map { members: Vec<(Cow<'static, str>, Node<'static>)>, key: Option<Cow<'static, str>> },
    List(Vec<Node<'static>>),
}

/// Reads all documents. An alias is nothing here: what it repeats is looked at where it stands first.
pub(crate) fn documents(text: &str) -> Documents {
    let mut out = Documents { documents: Vec::new(), broken_from: None };
    let mut frames: Vec<Frame> = Vec::new();
    let mut begun = 1;
    let mut nodes = 0usize;
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else {
            out.broken_from = Some(begun);
            break;
        };
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let open = match event {
            Event::DocumentStart(..) => {
                begun = line;
                frames.clear();
                continue;
            }
            Event::MappingStart(..) => Open::Map { members: Vec::new(), key: None },
            Event::SequenceStart(..) => Open::List(Vec::new()),
            Event::Scalar(text, style, ..) => {
                let block = matches!(style, ScalarStyle::Literal);
                // The parser gives the first line of its content; the one before has the sign that opens it.
                let line = if block { line.saturating_sub(1).max(1) } else { line };
                let text = text.into_owned();
                let value = if matches!(style, ScalarStyle::Plain) && matches!(text.as_str(), "" | "~" | "null") {
                    Value::Nothing
                } else {
                    Value::Text { text: Cow::Owned(text), block }
                };
                put(Node { line, raw: "", value }, &mut frames, &mut out.documents);
                nodes += 1;
                if nodes > MOST_NODES {
                    out.broken_from = Some(begun);
                    break;
                }
                continue;
            }
            Event::Alias(..) | Event::UnresolvedAlias(..) => {
                put(Node { line, raw: "", value: Value::Nothing }, &mut frames, &mut out.documents);
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(Frame { line, open }) = frames.pop() {
                    let value = match open {
                        Open::Map { members, .. } => Value::Map(members),
                        Open::List(elements) => Value::List(elements),
                    };
                    put(Node { line, raw: "", value }, &mut frames, &mut out.documents);
                }
                continue;
            }
            _ => continue,
        };
        if frames.len() >= MAX_DEPTH {
            out.broken_from = Some(begun);
            break;
        }
        frames.push(Frame { line, open });
    }
    out
}

fn put(node: Node<'static>, frames: &mut [Frame], documents: &mut Vec<Node<'static>>) {
    let Some(frame) = frames.last_mut() else {
        documents.push(node);
        return;
    };
    match &mut frame.open {
        Open::List(elements) => elements.push(node),
        Open::Map { members, key } => match key.take() {
            Some(name) => members.push((name, node)),
            None => {
                // A key that is a collection has no name; its value is looked at all the same.
                *key = Some(match node.value {
                    Value::Text { text, .. } => text,
                    _ => Cow::Borrowed(""),
                });
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_lines_and_end_where_the_text_breaks() {
        let text = "a: 1\nb:\n  - x\n  - |\n    one\n    two\n---\nc: \"q\"\n---\nbad: {{ x }}\n  - y\n";
        let read = documents(text);
        assert_eq!(read.documents.len(), 2);
        let Value::List(elements) = &read.documents[0].member("b").unwrap().value else { panic!("a list") };
        assert_eq!(elements.iter().map(|e| e.line).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(elements[1].value, Value::Text { text: "one\ntwo\n".into(), block: true });
        assert_eq!(read.documents[1].member("c").unwrap().line, 8);
        assert_eq!(read.broken_from, Some(9));
        assert!(documents(&"- ".repeat(5_000)).broken_from.is_some());
        assert!(documents("").documents.is_empty());
    }
}
