//! Arithmetic, comparison and membership (cel-spec, "Standard Definitions").

use std::sync::Arc;

use crate::failure::Failure;
use crate::functions::time::{add_duration, between};
use crate::meter::Meter;
use crate::syntax::BinaryOperator as Operator;
use crate::value::{Key, Value, compare, equal};

const OVERFLOW: &str = "integer overflow";

/// `-operand`.
pub(super) fn negate(operand: Value) -> Result<Value, Failure> {
    match operand {
        Value::Int(int) => int.checked_neg().map(Value::Int).ok_or_else(|| Failure::invalid(OVERFLOW)),
        Value::Double(double) => Ok(Value::Double(-double)),
        other => Err(Failure::no_overload("-", &[other])),
    }
}

/// `left operator right`.
pub(super) fn binary(operator: Operator, left: &Value, right: &Value, meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let no_overload = || Failure::no_overload(operator.symbol(), &[left.clone(), right.clone()]);
    match operator {
        Operator::Equal | Operator::NotEqual => {
            charge_compared(left, right, meter)?;
            Ok(Value::Bool(equal(left, right) == (operator == Operator::Equal)))
        }
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
            meter.charge(left.weight().min(right.weight()))?;
            let order = compare(left, right).map_err(|()| no_overload())?;
            let order = order.ok_or_else(|| Failure::invalid("NaN values cannot be ordered"))?;
            Ok(Value::Bool(match operator {
                Operator::Less => order.is_lt(),
                Operator::LessEqual => order.is_le(),
                Operator::Greater => order.is_gt(),
                _ => order.is_ge(),
            }))
        }
        Operator::In => is_in(left, right, meter)?.map(Value::Bool).ok_or_else(no_overload),
        Operator::Add => add(left, right, meter)?.ok_or_else(no_overload),
        Operator::Subtract => match (left, right) {
            (Value::Duration(a), Value::Duration(b)) => checked(a.checked_sub(*b).map(Value::Duration)),
            (Value::Timestamp(a), Value::Duration(b)) => checked(b.checked_neg().and_then(|b| add_duration(*a, b))),
            (Value::Timestamp(a), Value::Timestamp(b)) => checked(between(*b, *a)),
            _ => number(left, right, i64::checked_sub, u64::checked_sub, |a, b| a - b).ok_or_else(no_overload)?,
        },
        Operator::Multiply => {
            number(left, right, i64::checked_mul, u64::checked_mul, |a, b| a * b).ok_or_else(no_overload)?
        }
        Operator::Divide => {
            if matches!((left, right), (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0))) {
                return Err(Failure::invalid("division by zero"));
            }
            number(left, right, i64::checked_div, u64::checked_div, |a, b| a / b).ok_or_else(no_overload)?
        }
        Operator::Remainder => match (left, right) {
            (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) => {
                Err(Failure::invalid("modulus by zero"))
            }
            (Value::Int(a), Value::Int(b)) => checked(a.checked_rem(*b).map(Value::Int)),
            (Value::Uint(a), Value::Uint(b)) => Ok(Value::Uint(a % b)),
            _ => Err(no_overload()),
        },
    }
}

fn checked(value: Option<Value>) -> Result<Value, Failure> {
    value.ok_or_else(|| Failure::invalid(OVERFLOW))
}

fn number(
    left: &Value,
    right: &Value,
    int: impl Fn(i64, i64) -> Option<i64>,
    uint: impl Fn(u64, u64) -> Option<u64>,
    double: impl Fn(f64, f64) -> f64,
) -> Option<Result<Value, Failure>> {
    Some(match (left, right) {
        (Value::Int(a), Value::Int(b)) => checked(int(*a, *b).map(Value::Int)),
        (Value::Uint(a), Value::Uint(b)) => checked(uint(*a, *b).map(Value::Uint)),
        (Value::Double(a), Value::Double(b)) => Ok(Value::Double(double(*a, *b))),
        _ => return None,
    })
}

fn add(left: &Value, right: &Value, meter: &mut Meter<'_>) -> Result<Option<Value>, Failure> {
    Ok(Some(match (left, right) {
        (Value::Text(a), Value::Text(b)) => {
            meter.charge_bytes(a.len() + b.len())?;
            let mut joined = String::with_capacity(a.len() + b.len());
            joined.push_str(a);
            joined.push_str(b);
            Value::Text(Arc::from(joined))
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            meter.charge_bytes(a.len() + b.len())?;
            Value::Bytes(a.iter().chain(b.iter()).copied().collect())
        }
        (Value::List(a), Value::List(b)) => {
            meter.charge(1 + (a.len() + b.len()) as u64)?;
            Value::List(a.iter().chain(b.iter()).cloned().collect())
        }
        (Value::Duration(a), Value::Duration(b)) => checked(a.checked_add(*b).map(Value::Duration))?,
        (Value::Timestamp(time), Value::Duration(duration)) | (Value::Duration(duration), Value::Timestamp(time)) => {
            checked(add_duration(*time, *duration))?
        }
        _ => match number(left, right, i64::checked_add, u64::checked_add, |a, b| a + b) {
            Some(sum) => sum?,
            None => return Ok(None),
        },
    }))
}

fn is_in(value: &Value, container: &Value, meter: &mut Meter<'_>) -> Result<Option<bool>, Failure> {
    Ok(match container {
        Value::List(list) => {
            for element in list.iter() {
                charge_compared(value, element, meter)?;
                if equal(value, element) {
                    return Ok(Some(true));
                }
            }
            Some(false)
        }
        Value::Map(map) => Some(Key::to_find(value).is_some_and(|key| map.get(&key).is_some())),
        _ => None,
    })
}

/// To compare costs as much as the smaller side is large, with all that it holds.
pub(crate) fn charge_compared(a: &Value, b: &Value, meter: &mut Meter<'_>) -> Result<(), Failure> {
    meter.charge(a.weight().min(b.weight()))?;
    match (a, b) {
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            for (a, b) in a.iter().zip(b.iter()) {
                charge_compared(a, b, meter)?;
            }
        }
        (Value::Map(a), Value::Map(b)) if a.len() == b.len() => {
            for (a, b) in a.entries().iter().zip(b.entries()) {
                charge_compared(&a.1, &b.1, meter)?;
            }
        }
        (Value::Optional(Some(a)), Value::Optional(Some(b))) => charge_compared(a, b, meter)?,
        _ => {}
    }
    Ok(())
}
