//! A delivered body, file or line to its events.
//!
//! Splitting looks at structure only (strings and brackets), so that one event with an error inside does not take its
//! neighbours with it: each is checked by itself later. What cannot even be split is handed on as a rest, never dropped.

use crate::json::{Json, Shape};

/// How the events lay in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `audit.k8s.io` EventList: the audit webhook's body.
    EventList,
    /// CloudWatch: `events` of a filter or export, `logEvents` of a subscription.
    CloudWatch,
    /// `records` of Azure diagnostic settings.
    AzureRecords,
    /// A JSON array (`gcloud logging read --format json`).
    Array,
    /// One JSON object that is no list: an event, perhaps in an envelope.
    One,
    /// No JSON object or array.
    Unreadable,
}

/// The events in some bytes, as raw slices of them.
#[derive(Debug)]
pub struct Split<'a> {
    /// How they lay.
    pub form: Form,
    /// The events in order, verbatim.
    pub items: Vec<&'a [u8]>,
    /// Bytes from the first place that could not be split to the end, when there is such a place.
    pub rest: Option<&'a [u8]>,
}

/// Splits a body. At most `max_items` events are given; what follows is the rest.
#[must_use]
pub fn split(bytes: &[u8], max_items: usize) -> Split<'_> {
    let value = Json::of(bytes);
    match value.shape() {
        Shape::Array => list(bytes, value, Form::Array, max_items),
        Shape::Object => {
            // Events as the API server writes them are told by their first bytes, without a walk through their bodies.
            let head = value.bytes();
            if [&b"{\"kind\":\"Event\","[..], b"{\"level\":", b"{\"metadata\":{\"creationTimestamp\":null},\"level\":"]
                .iter()
                .any(|prefix| head.starts_with(prefix))
            {
                return Split { form: Form::One, items: vec![value.bytes()], rest: None };
            }
            for (key, member) in value.members() {
                let form = match key.text().as_ref() {
                    "items" => Form::EventList,
                    "events" | "logEvents" => Form::CloudWatch,
                    "records" => Form::AzureRecords,
                    _ => continue,
                };
                if member.shape() == Shape::Array {
                    return list(bytes, member, form, max_items);
                }
            }
            match open_list(bytes, value) {
                Some((form, open)) => list(bytes, open, form, max_items),
                None => Split { form: Form::One, items: vec![value.bytes()], rest: None },
            }
        }
        _ => Split { form: Form::Unreadable, items: Vec::new(), rest: (!bytes.is_empty()).then_some(bytes) },
    }
}

/// The list of a body that was cut within its list, so that the object never closes: the part that is there.
fn open_list<'a>(bytes: &'a [u8], value: Json<'a>) -> Option<(Form, Json<'a>)> {
    let head = &value.bytes()[..value.bytes().len().min(4096)];
    [
        (Form::EventList, &b"\"items\":["[..]),
        (Form::CloudWatch, b"\"logEvents\":["),
        (Form::CloudWatch, b"\"events\":["),
        (Form::AzureRecords, b"\"records\":["),
    ]
    .into_iter()
    .filter(|_| {
        let mut members = value.members();
        members.by_ref().for_each(drop);
        members.broken()
    })
    .find_map(|(form, mark)| {
        let at = memchr::memmem::find(head, mark)? + mark.len() - 1;
        Some((form, Json::within(bytes, value.range().start + at..value.range().end)))
    })
}

fn list<'a>(bytes: &'a [u8], array: Json<'a>, form: Form, max_items: usize) -> Split<'a> {
    let mut elements = array.elements();
    let mut items = Vec::new();
    for item in elements.by_ref() {
        if items.len() == max_items {
            return Split { form, items, rest: Some(&bytes[item.range().start..]) };
        }
        items.push(item.bytes());
    }
    let rest = elements.broken().then(|| &bytes[elements.position().min(bytes.len())..]);
    Split { form, items, rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts<'a>(split: &Split<'a>) -> Vec<&'a str> {
        split.items.iter().map(|item| std::str::from_utf8(item).unwrap()).collect()
    }

    #[test]
    fn recognises_every_form() {
        let cases: [(&str, Form, &[&str]); 8] = [
            (r#"{"kind":"EventList","items":[{"a":1}, {"b":2}]}"#, Form::EventList, &[r#"{"a":1}"#, r#"{"b":2}"#]),
            (r#"{"items":[],"kind":"EventList"}"#, Form::EventList, &[]),
            (r#"{"events":[{"message":"x"}]}"#, Form::CloudWatch, &[r#"{"message":"x"}"#]),
            (r#"{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1"}]}"#, Form::CloudWatch, &[r#"{"id":"1"}"#]),
            (r#"{"records":[{"category":"kube-audit"}]}"#, Form::AzureRecords, &[r#"{"category":"kube-audit"}"#]),
            (r#" [{"a":1}] "#, Form::Array, &[r#"{"a":1}"#]),
            (r#"{"kind":"Event","verb":"get"}"#, Form::One, &[r#"{"kind":"Event","verb":"get"}"#]),
            ("hello", Form::Unreadable, &[]),
        ];
        for (body, form, items) in cases {
            let found = split(body.as_bytes(), 100);
            assert_eq!((found.form, texts(&found)), (form, items.to_vec()), "{body}");
            assert_eq!(found.rest.is_some(), form == Form::Unreadable, "{body}");
        }
    }

    #[test]
    fn a_cut_body_gives_its_whole_events_and_the_rest() {
        let found = split(br#"{"kind":"EventList","items":[{"a":1},{"b":"#, 100);
        assert_eq!(texts(&found), [r#"{"a":1}"#]);
        assert_eq!(found.rest, Some(&br#"{"b":"#[..]));
    }

    #[test]
    fn an_error_inside_an_event_stays_there() {
        let found = split(br#"{"items":[{"a":tru},{"b":2}]}"#, 100);
        assert_eq!(texts(&found), [r#"{"a":tru}"#, r#"{"b":2}"#]);
    }

    #[test]
    fn the_number_of_events_is_bounded() {
        let found = split(br#"{"items":[1,2,3,4]}"#, 2);
        assert_eq!((texts(&found), found.rest), (vec!["1", "2"], Some(&b"3,4]}"[..])));
    }

    proptest! {
        #[test]
        fn a_member_before_the_list_makes_no_difference(tail in proptest::collection::vec(prop_oneof![
            1 => any::<u8>(), 9 => proptest::sample::select(b"{}[]\",:\\items1 ".to_vec())], 0..40), max in 0usize..4) {
            let body = |more: &str| {
                let mut body = format!(r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1",{more}"metadata":{{}},"items":["#).into_bytes();
                body.extend_from_slice(&tail);
                body
            };
            let (without, with) = (body(""), body(r#""a":1,"#));
            let (without, with) = (split(&without, max), split(&with, max));
            prop_assert_eq!((without.form, without.items, without.rest), (with.form, with.items, with.rest));
        }

        #[test]
        fn nothing_is_invented_and_nothing_panics(bytes in proptest::collection::vec(prop_oneof![
            any::<u8>(), proptest::sample::select(b"{}[]\",:items1 ".to_vec())], 0..80)) {
            let found = split(&bytes, 8);
            let total: usize = found.items.iter().map(|i| i.len()).sum::<usize>() + found.rest.map_or(0, <[u8]>::len);
            prop_assert!(total <= bytes.len());
        }
    }
}
