//! Base64 (cel-go, `ext.Encoders`): Kyverno has it, the API server does not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("base64.encode", (1, 1), "string", encode).kyverno(),
    Function::global("base64.decode", (1, 1), "bytes", decode).kyverno(),
];

fn encode(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::Bytes(bytes) => {
            meter.charge_bytes(2 * bytes.len())?;
            Ok(Value::text(STANDARD.encode(bytes)))
        }
        _ => Err(no_overload("base64.encode", arguments)),
    }
}

fn decode(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let text = arguments[0].as_text().ok_or_else(|| no_overload("base64.decode", arguments))?;
    meter.charge_bytes(text.len())?;
    let decoded = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text));
    decoded.map(|bytes| Value::Bytes(bytes.into())).map_err(|_| Failure::invalid("the text is not base64"))
}
