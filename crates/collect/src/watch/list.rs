//! Taking a list apart while it arrives: each item as the bytes that it came in, no more than one held at a time.

use serde::Deserialize;

use crate::piece::{Gather, Piece};

/// Longest key and longest `metadata` of a list that are held.
const METADATA_LIMIT: usize = 64 << 10;

/// A part of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ListPart {
    /// One element of `items`.
    Item(Piece),
    /// The list's `metadata`.
    Metadata(ListMetadata),
}

/// `metadata` of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct ListMetadata {
    /// The state that the list shows.
    #[serde(default, rename = "resourceVersion")]
    pub(crate) resource_version: String,
    /// Token of the next page; empty on the last.
    #[serde(default, rename = "continue")]
    pub(crate) continue_token: String,
}

/// Why bytes are no list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    /// Another character was expected.
    #[error("the answer is not a list in JSON: {found:?} at byte {at}")]
    Syntax {
        /// Offset in the answer.
        at: u64,
        /// What was there.
        found: char,
    },
    /// The metadata cannot be read.
    #[error("the list's metadata cannot be read")]
    Metadata(#[source] serde_json::Error),
    /// The metadata is longer than is held.
    #[error("the list's metadata is longer than {METADATA_LIMIT} bytes")]
    MetadataTooLong,
    /// The answer ended within the list.
    #[error("the answer ended within the list, at byte {at}")]
    Incomplete {
        /// Offset in the answer.
        at: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the list's `{`.
    Start,
    /// Before a key, a comma or the end of the list.
    Top,
    /// Within a key.
    Key,
    /// After a key.
    Colon,
    /// Before a value of the list.
    Value,
    /// Before an element of `items`, a comma or its end.
    Items,
    /// Within a value or an element.
    Within,
    /// After the list's `}`.
    End,
}

/// Takes a list apart. Only the structure is looked at: whether an item is JSON is for its reader to say.
#[derive(Debug)]
pub(crate) struct ListScanner {
    place: Place,
    in_items: bool,
    key: Vec<u8>,
    gather: Gather,
    item_limit: usize,
    depth: u32,
    in_string: bool,
    escaped: bool,
    scalar: bool,
    at: u64,
}

impl ListScanner {
    /// Items of at most `item_limit` bytes are held whole.
    pub(crate) fn new(item_limit: usize) -> Self {
        Self {
            place: Place::Start,
            in_items: false,
            key: Vec::new(),
            gather: Gather::new(item_limit),
            item_limit,
            depth: 0,
            in_string: false,
            escaped: false,
            scalar: false,
            at: 0,
        }
    }

    /// Takes the next bytes of the answer and appends the parts that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], parts: &mut Vec<ListPart>) -> Result<(), ListError> {
        let mut next = 0;
        while next < bytes.len() {
            if self.place == Place::Within {
                let (taken, done) = self.within(&bytes[next..]);
                self.gather.push(&bytes[next..next + taken]);
                next += taken;
                self.at += taken as u64;
                if done {
                    self.complete(parts)?;
                }
                continue;
            }
            self.between(bytes[next])?;
            if self.place != Place::Within {
                next += 1;
                self.at += 1;
            }
        }
        Ok(())
    }

    /// Whether the list was whole.
    pub(crate) fn finish(&self) -> Result<(), ListError> {
        if self.place == Place::End { Ok(()) } else { Err(ListError::Incomplete { at: self.at }) }
    }

    /// How many of these bytes belong to the value, and whether it ends with them.
    fn within(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (index + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (index + 1, true);
                    }
                }
                // A number or word ends before what follows it.
                b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if self.depth == 0 && self.scalar => {
                    return (index, true);
                }
                _ if self.depth == 0 => self.scalar = true,
                _ => {}
            }
        }
        (bytes.len(), false)
    }

    fn complete(&mut self, parts: &mut Vec<ListPart>) -> Result<(), ListError> {
        let piece = self.gather.take();
        if self.in_items {
            self.place = Place::Items;
            parts.push(ListPart::Item(piece));
            return Ok(());
        }
        self.place = Place::Top;
        if self.key == b"metadata" {
            let Piece::Whole(bytes) = piece else { return Err(ListError::MetadataTooLong) };
            parts.push(ListPart::Metadata(serde_json::from_slice(&bytes).map_err(ListError::Metadata)?));
        }
        Ok(())
    }

    /// Looks at one byte between values; a value's first byte is not consumed.
    fn between(&mut self, byte: u8) -> Result<(), ListError> {
        let space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.place = match (self.place, byte) {
            (Place::Key, b'"') => Place::Colon,
            // Keys of lists need no escapes; one that has them is of no interest and only has to end at the right place.
            (Place::Key, _) if self.key.len() < 256 && byte != b'\\' => {
                self.key.push(byte);
                Place::Key
            }
            (place, _) if space && place != Place::Key => place,
            (Place::Start, b'{') => Place::Top,
            (Place::Top, b'"') => {
                self.key.clear();
                Place::Key
            }
            (Place::Top, b',') => Place::Top,
            (Place::Top, b'}') => Place::End,
            (Place::Colon, b':') => Place::Value,
            (Place::Value, b'[') if self.key == b"items" => {
                self.in_items = true;
                Place::Items
            }
            (Place::Items, b',') => Place::Items,
            (Place::Items, b']') => {
                self.in_items = false;
                Place::Top
            }
            (Place::Value | Place::Items, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b'a'..=b'z') => {
                let limit = if self.in_items { self.item_limit } else { METADATA_LIMIT };
                self.gather = Gather::new(limit);
                (self.depth, self.in_string, self.escaped, self.scalar) = (0, false, false, false);
                Place::Within
            }
            _ => return Err(ListError::Syntax { at: self.at, found: char::from(byte) }),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn scan(text: &str, cut: usize, limit: usize) -> Result<Vec<ListPart>, ListError> {
        let (mut scanner, mut parts) = (ListScanner::new(limit), Vec::new());
        for chunk in text.as_bytes().chunks(cut.max(1)) {
            scanner.push(chunk, &mut parts)?;
        }
        scanner.finish().map(|()| parts)
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,5}", inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn items_come_out_byte_for_byte(items in prop::collection::vec(values(), 0..6), cut in 1usize..40, pretty: bool) {
            let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "7", "continue": "t"}, "items": items});
            let text = if pretty { serde_json::to_string_pretty(&list).unwrap() } else { list.to_string() };
            let parts = scan(&text, cut, 1 << 20).unwrap();
            let seen: Vec<Value> = parts.iter().filter_map(|part| match part {
                ListPart::Item(Piece::Whole(bytes)) => Some(serde_json::from_slice(bytes).unwrap()),
                _ => None,
            }).collect();
            prop_assert_eq!(seen, items);
            let expected = ListMetadata { resource_version: "7".into(), continue_token: "t".into() };
            prop_assert!(parts.contains(&ListPart::Metadata(expected)));
        }

        #[test]
        fn a_cut_list_is_never_whole(cut_off in 1usize..60) {
            let text = r#"{"metadata":{"resourceVersion":"7"},"items":[{"a":"}"},{"b":[1]}]}"#;
            let end = text.len() - cut_off.min(text.len());
            prop_assert!(scan(&text[..end], 7, 1 << 20).is_err());
        }

        #[test]
        fn any_bytes_do_no_harm(text in ".{0,200}", cut in 1usize..20) {
            let _ = scan(&text, cut, 16);
        }
    }

    #[test]
    fn a_list_without_items_and_an_item_that_is_too_long() {
        assert_eq!(
            scan(r#"{"metadata":{},"items":null}"#, 3, 9).unwrap(),
            [ListPart::Metadata(ListMetadata::default())]
        );
        let parts =
            scan(r#"{"items":[{"a":1},{"b":"xxxxxxxxxxxx"},{"c":3}],"metadata":{"resourceVersion":"1"}}"#, 4, 9)
                .unwrap();
        assert!(matches!(&parts[0], ListPart::Item(Piece::Whole(bytes)) if bytes == br#"{"a":1}"#));
        assert!(matches!(&parts[1], ListPart::Item(Piece::TooLong { bytes: 20, .. })));
        assert!(matches!(&parts[2], ListPart::Item(Piece::Whole(bytes)) if bytes == br#"{"c":3}"#));
    }
}
