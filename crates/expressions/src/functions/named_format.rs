//! Formats of names and the like (Kubernetes' `format` library; the rules are those of `k8s.io/apimachinery/pkg/util/validation`).

use super::{Function, no_overload, time, url};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Library, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("format.named", (1, 1), "optional_type", named).builds(),
    Function::global("format.dns1123Label", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Dns1123Label))),
    Function::global("format.dns1123Subdomain", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Dns1123Subdomain))),
    Function::global("format.dns1035Label", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Dns1035Label))),
    Function::global("format.dns1123LabelPrefix", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Dns1123LabelPrefix))),
    Function::global("format.dns1123SubdomainPrefix", (0, 0), FORMAT, |_, _| {
        Ok(value(NamedFormat::Dns1123SubdomainPrefix))
    }),
    Function::global("format.dns1035LabelPrefix", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Dns1035LabelPrefix))),
    Function::global("format.qualifiedName", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::QualifiedName))),
    Function::global("format.labelValue", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::LabelValue))),
    Function::global("format.uri", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Uri))),
    Function::global("format.uuid", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Uuid))),
    Function::global("format.byte", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Byte))),
    Function::global("format.date", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::Date))),
    Function::global("format.datetime", (0, 0), FORMAT, |_, _| Ok(value(NamedFormat::DateTime))),
    Function::member("validate", (2, 2), "optional_type", validate).builds(),
];

const FORMAT: &str = "kubernetes.NamedFormat";

/// Which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedFormat {
    /// A label of DNS in lower case: names of most objects' parts.
    Dns1123Label,
    /// Such labels with dots between them.
    Dns1123Subdomain,
    /// A label that begins with a letter: names of Services.
    Dns1035Label,
    /// What such a label can begin with.
    Dns1123LabelPrefix,
    /// What such labels with dots can begin with.
    Dns1123SubdomainPrefix,
    /// What such a label that begins with a letter can begin with.
    Dns1035LabelPrefix,
    /// A key of labels: a name, after a subdomain and a slash or not.
    QualifiedName,
    /// A value of labels.
    LabelValue,
    /// An absolute URI or an absolute path.
    Uri,
    /// A UUID.
    Uuid,
    /// Base64.
    Byte,
    /// A date, `2026-11-25`.
    Date,
    /// A date and time of RFC 3339.
    DateTime,
}

fn value(format: NamedFormat) -> Value {
    Value::library(Library::Format(format))
}

fn named(arguments: &[Value], _: &mut Meter<'_>) -> Result<Value, Failure> {
    let name = arguments[0].as_text().ok_or_else(|| no_overload("format.named", arguments))?;
    let format = match name {
        "dns1123Label" => NamedFormat::Dns1123Label,
        "dns1123Subdomain" => NamedFormat::Dns1123Subdomain,
        "dns1035Label" => NamedFormat::Dns1035Label,
        "dns1123LabelPrefix" => NamedFormat::Dns1123LabelPrefix,
        "dns1123SubdomainPrefix" => NamedFormat::Dns1123SubdomainPrefix,
        "dns1035LabelPrefix" => NamedFormat::Dns1035LabelPrefix,
        "qualifiedName" => NamedFormat::QualifiedName,
        "labelValue" => NamedFormat::LabelValue,
        "uri" => NamedFormat::Uri,
        "uuid" => NamedFormat::Uuid,
        "byte" => NamedFormat::Byte,
        "date" => NamedFormat::Date,
        "datetime" => NamedFormat::DateTime,
        _ => return Ok(Value::Optional(None)),
    };
    Ok(Value::some(value(format)))
}

/// None when the text has the format, else a list of what is wrong.
fn validate(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let [Value::Library(library), Value::Text(text)] = arguments else {
        return Err(no_overload("validate", arguments));
    };
    let Library::Format(format) = library.as_ref() else { return Err(no_overload("validate", arguments)) };
    meter.charge_bytes(2 * text.len())?;
    let faults = faults(*format, text);
    if faults.is_empty() {
        return Ok(Value::Optional(None));
    }
    Ok(Value::some(Value::list(faults.into_iter().map(Value::text).collect())))
}

fn faults(format: NamedFormat, text: &str) -> Vec<String> {
    match format {
        NamedFormat::Dns1123Label => dns_label(text, false, false),
        NamedFormat::Dns1035Label => dns_label(text, true, false),
        NamedFormat::Dns1123LabelPrefix => dns_label(text, false, true),
        NamedFormat::Dns1035LabelPrefix => dns_label(text, true, true),
        NamedFormat::Dns1123Subdomain => subdomain(text, false),
        NamedFormat::Dns1123SubdomainPrefix => subdomain(text, true),
        NamedFormat::QualifiedName => qualified_name(text),
        NamedFormat::LabelValue => label_value(text),
        NamedFormat::Uri => one_fault(url::Url::parse(text).is_some(), "is no absolute URI or path"),
        NamedFormat::Uuid => one_fault(is_uuid(text), "does not match the UUID format"),
        NamedFormat::Byte => one_fault(is_base64(text), "invalid base64"),
        NamedFormat::Date => one_fault(time::parse_timestamp(&format!("{text}T00:00:00Z")).is_ok(), "invalid date"),
        NamedFormat::DateTime => {
            one_fault(time::parse_timestamp(&text.to_ascii_uppercase()).is_ok(), "invalid datetime")
        }
    }
}

fn one_fault(valid: bool, fault: &str) -> Vec<String> {
    if valid { Vec::new() } else { vec![fault.to_owned()] }
}

fn too_long(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} bytes"))
}

/// Whether it is made of such characters, with a letter or digit at both ends.
fn word(text: &str, inner: impl Fn(u8) -> bool, alphanumeric: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|b| alphanumeric(*b))
        && bytes.last().is_some_and(|b| alphanumeric(*b))
        && bytes.iter().all(|b| alphanumeric(*b) || inner(*b))
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_dns_label(text: &str) -> bool {
    word(text, |b| b == b'-', lower)
}

/// The API server adds random characters to a prefix: a dash at its end is fine.
fn without_dash(text: &str, prefix: bool) -> String {
    match text.strip_suffix('-') {
        Some(rest) if prefix && !rest.is_empty() => format!("{rest}a"),
        _ => text.to_owned(),
    }
}

fn dns_label(text: &str, letter_first: bool, prefix: bool) -> Vec<String> {
    let text = &without_dash(text, prefix);
    let mut faults: Vec<String> = too_long(text, 63).into_iter().collect();
    let first = !letter_first || text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if !is_dns_label(text) || !first {
        faults.push(if letter_first {
            "must consist of lower case letters, digits or '-', start with a letter and end with a letter or digit"
                .to_owned()
        } else {
            "must consist of lower case letters, digits or '-', and start and end with a letter or digit".to_owned()
        });
    }
    faults
}

fn subdomain(text: &str, prefix: bool) -> Vec<String> {
    let text = &without_dash(text, prefix);
    let mut faults: Vec<String> = too_long(text, 253).into_iter().collect();
    if !text.split('.').all(is_dns_label) {
        faults.push(
            "must consist of lower case letters, digits, '-' or '.', and start and end with a letter or digit"
                .to_owned(),
        );
    }
    faults
}

fn label_word(text: &str) -> bool {
    word(text, |b| matches!(b, b'-' | b'_' | b'.'), |b| b.is_ascii_alphanumeric())
}

fn qualified_name(text: &str) -> Vec<String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let mut faults = Vec::new();
    if name.contains('/') {
        return vec!["a qualified name has at most one '/'".to_owned()];
    }
    if let Some(prefix) = prefix {
        faults.extend(subdomain(prefix, false).into_iter().map(|fault| format!("prefix part {fault}")));
    }
    faults.extend(too_long(name, 63).map(|fault| format!("name part {fault}")));
    if !label_word(name) {
        faults.push(
            "name part must consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit"
                .to_owned(),
        );
    }
    faults
}

fn label_value(text: &str) -> Vec<String> {
    let mut faults: Vec<String> = too_long(text, 63).into_iter().collect();
    if !text.is_empty() && !label_word(text) {
        faults.push(
            "a valid label must be empty or consist of letters, digits, '-', '_' or '.', and start and end with a letter or digit"
                .to_owned(),
        );
    }
    faults
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let joined = parts.concat();
    let lengths: Vec<usize> = parts.iter().map(|p| p.len()).collect();
    joined.len() == 32
        && joined.bytes().all(|b| b.is_ascii_hexdigit())
        && (lengths == [8, 4, 4, 4, 12] || lengths == [32])
}

fn is_base64(text: &str) -> bool {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).is_ok()
}
