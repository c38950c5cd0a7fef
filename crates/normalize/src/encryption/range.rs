//! A page of etcd's `Range` as its gateway gives it in JSON (`POST /v3/kv/range`, etcd 3.4 and later): the keys, and how the values begin.
//!
//! etcd cannot give a part of a value. What is kept of one is what [`super::stored_value`] tells; its bytes do not leave [`read`].

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::stored_value::{self, ENOUGH, StoredForm};

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The revision at which it was read.
    pub revision: i64,
    /// How many keys the whole range has.
    pub count: i64,
    /// Whether more follow.
    pub more: bool,
    /// The keys in order.
    pub keys: Vec<StoredKey>,
}

/// One key, and how its value begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key.
    pub key: Vec<u8>,
    /// How its value begins.
    pub form: StoredForm,
    /// Revision at which it was last written.
    pub modified_revision: i64,
}

/// Why a page cannot be read. Nothing of the page is quoted: it holds values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Not the JSON of a page.
    #[error("the answer is not one of etcd's range (is this etcd's client address, and its gateway on)")]
    Form,
    /// A key or value is no base64.
    #[error("a key or value of the answer is not base64")]
    Encoding,
}

#[derive(Deserialize)]
struct RawPage<'a> {
    #[serde(borrow)]
    header: RawHeader<'a>,
    #[serde(borrow, default)]
    kvs: Vec<RawPair<'a>>,
    #[serde(default)]
    more: bool,
    #[serde(borrow, default)]
    count: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawHeader<'a> {
    #[serde(borrow)]
    revision: Cow<'a, str>,
}

#[derive(Deserialize)]
struct RawPair<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    mod_revision: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Cow<'a, str>,
}

/// Reads a page.
///
/// # Errors
/// [`PageError`].
pub fn read(body: &[u8]) -> Result<Page, PageError> {
    let page: RawPage<'_> = serde_json::from_slice(body).map_err(|_| PageError::Form)?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| PageError::Form);
    let keys = page.kvs.iter().map(|pair| {
        Ok(StoredKey {
            key: STANDARD.decode(pair.key.as_bytes()).map_err(|_| PageError::Encoding)?,
            form: form(&pair.value)?,
            modified_revision: number(&pair.mod_revision)?,
        })
    });
    Ok(Page {
        revision: number(&page.header.revision)?,
        // A number that is zero is left out.
        count: if page.count.is_empty() { 0 } else { number(&page.count)? },
        more: page.more,
        keys: keys.collect::<Result<_, PageError>>()?,
    })
}

/// Decodes no more of a value than is needed.
fn form(value: &str) -> Result<StoredForm, PageError> {
    let decode = |text: &[u8]| STANDARD.decode(text).map_err(|_| PageError::Encoding);
    let beginning = value.as_bytes();
    // Groups of four characters are three bytes; a part of whole groups can be decoded by itself.
    let part = decode(beginning.get(..ENOUGH / 3 * 4).unwrap_or(beginning))?;
    if stored_value::needs_all(&part) {
        return Ok(stored_value::read(&decode(beginning)?));
    }
    Ok(stored_value::read(&part))
}

#[cfg(test)]
mod tests {
    use super::super::stored_value::Provider;
    use super::*;

    #[test]
    fn a_page_gives_keys_and_forms() {
        let value = |bytes: &[u8]| STANDARD.encode(bytes);
        let long = [b"k8s:enc:aescbc:v1:key1:".as_slice(), &[7; 5000]].concat();
        let body = format!(
            r#"{{"header":{{"cluster_id":"1","revision":"71"}},"kvs":[{{"key":"{}","create_revision":"4","mod_revision":"9","version":"2","value":"{}"}},{{"key":"{}","mod_revision":"10","value":"{}"}}],"more":true,"count":"12"}}"#,
            value(b"/registry/secrets/shop/db"),
            value(&long),
            value(b"/registry/secrets/shop/tls"),
            value(b"k8s\0\n\x0c")
        );
        let page = read(body.as_bytes()).unwrap();
        assert_eq!((page.revision, page.count, page.more, page.keys.len()), (71, 12, true, 2));
        assert_eq!((page.keys[0].form.provider, page.keys[0].modified_revision), (Provider::AesCbc, 9));
        assert_eq!(
            (page.keys[0].form.key_name.as_deref(), page.keys[1].form.provider),
            (Some("key1"), Provider::Identity)
        );
        assert_eq!(page.keys[1].key, b"/registry/secrets/shop/tls");
        let empty = read(br#"{"header":{"revision":"3"}}"#).unwrap();
        assert_eq!((empty.count, empty.more, empty.keys.len()), (0, false, 0));
    }

    #[test]
    fn what_is_no_page_is_refused_without_a_word_of_it() {
        for (body, error) in [
            ("", PageError::Form),
            ("404 page not found", PageError::Form),
            (r#"{"kvs":[]}"#, PageError::Form),
            (r#"{"header":{"revision":"x"}}"#, PageError::Form),
            (r#"{"header":{"revision":"1"},"kvs":[{"key":"*","mod_revision":"1"}]}"#, PageError::Encoding),
            (
                r#"{"header":{"revision":"1"},"kvs":[{"key":"aa==","mod_revision":"1","value":"cGFzc3dvcmQ*"}]}"#,
                PageError::Encoding,
            ),
        ] {
            assert_eq!(read(body.as_bytes()), Err(error), "{body}");
            assert!(!error.to_string().contains("cGFzc3dvcmQ"));
        }
    }
}
