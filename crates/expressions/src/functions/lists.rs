//! Lists: Kubernetes' own functions and those of cel-go's `ext.Lists`.

use std::cmp::Ordering;

use super::{Function, no_overload};
use crate::evaluate::charge_compared;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::{Value, compare, equal};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("isSorted", (1, 1), "bool", is_sorted).walks(),
    Function::member("sum", (1, 1), "dyn", sum).walks(),
    Function::member("min", (1, 1), "dyn", |a, m| extreme(a, m, "min", Ordering::Less)).walks(),
    Function::member("max", (1, 1), "dyn", |a, m| extreme(a, m, "max", Ordering::Greater)).walks(),
    Function::member("includes", (2, 2), "bool", includes).walks(),
    Function::member("slice", (3, 3), "list", slice).walks(),
    Function::member("flatten", (1, 2), "list", flatten).walks(),
    Function::member("distinct", (1, 1), "list", distinct).walks(),
    Function::member("sort", (1, 1), "list", sort).walks(),
    Function::member("first", (1, 1), "optional_type", |a, _| end(a, "first", <[Value]>::first)).builds(),
    Function::member("last", (1, 1), "optional_type", |a, _| end(a, "last", <[Value]>::last)).builds(),
    Function::global("lists.range", (1, 1), "list", range).walks().builds(),
];

/// The longest list that `lists.range` makes.
const MOST_IN_RANGE: i64 = 1_000_000;

fn list<'a>(name: &str, arguments: &'a [Value]) -> Result<&'a [Value], Failure> {
    match &arguments[0] {
        Value::List(list) => Ok(list),
        _ => Err(no_overload(name, arguments)),
    }
}

fn order(name: &str, a: &Value, b: &Value, meter: &mut Meter<'_>) -> Result<Option<Ordering>, Failure> {
    meter.charge(a.weight().min(b.weight()))?;
    compare(a, b).map_err(|()| Failure::no_overload(name, &[a.clone(), b.clone()]))
}

fn is_sorted(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    for pair in list("isSorted", arguments)?.windows(2) {
        if order("isSorted", &pair[0], &pair[1], meter)? == Some(Ordering::Greater) {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sum(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let list = list("sum", arguments)?;
    meter.charge(list.len() as u64)?;
    let Some((first, rest)) = list.split_first() else { return Ok(Value::Int(0)) };
    let mut total = match first {
        Value::Int(_) | Value::Uint(_) | Value::Double(_) | Value::Duration(_) => first.clone(),
        _ => return Err(no_overload("sum", arguments)),
    };
    let overflow = || Failure::invalid("integer overflow");
    for element in rest {
        total = match (&total, element) {
            (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(*b).ok_or_else(overflow)?),
            (Value::Uint(a), Value::Uint(b)) => Value::Uint(a.checked_add(*b).ok_or_else(overflow)?),
            (Value::Double(a), Value::Double(b)) => Value::Double(a + b),
            (Value::Duration(a), Value::Duration(b)) => Value::Duration(a.checked_add(*b).ok_or_else(overflow)?),
            _ => return Err(Failure::no_overload("sum", &[total, element.clone()])),
        };
    }
    Ok(total)
}

fn extreme(arguments: &[Value], meter: &mut Meter<'_>, name: &str, wanted: Ordering) -> Result<Value, Failure> {
    let list = list(name, arguments)?;
    let (first, rest) = list.split_first().ok_or_else(|| Failure::invalid(format!("{name} called on empty list")))?;
    let mut found = first;
    for element in rest {
        if order(name, element, found, meter)? == Some(wanted) {
            found = element;
        }
    }
    Ok(found.clone())
}

/// The first, or last, position of an element; -1 when it is not there.
#[expect(clippy::cast_possible_wrap, reason = "a list in memory has less than 2^63 elements")]
pub(super) fn index_of(list: &[Value], element: &Value, last: bool, meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let mut found = -1;
    for (position, candidate) in list.iter().enumerate() {
        charge_compared(candidate, element, meter)?;
        if equal(candidate, element) {
            found = position as i64;
            if !last {
                break;
            }
        }
    }
    Ok(Value::Int(found))
}

fn includes(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    match &arguments[0] {
        Value::List(list) => index_of(list, &arguments[1], false, meter).map(|at| Value::Bool(at != Value::Int(-1))),
        _ => Err(no_overload("includes", arguments)),
    }
}

fn slice(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let [Value::List(list), Value::Int(start), Value::Int(end)] = arguments else {
        return Err(no_overload("slice", arguments));
    };
    let bound = |at: i64| usize::try_from(at).ok().filter(|at| *at <= list.len());
    let range = bound(*start).zip(bound(*end)).filter(|(start, end)| start <= end);
    let (start, end) = range
        .ok_or_else(|| Failure::invalid(format!("cannot slice({start}, {end}), list is length {}", list.len())))?;
    meter.charge((end - start) as u64)?;
    Ok(Value::List(list[start..end].into()))
}

fn flatten(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let depth = match arguments.get(1) {
        None => 1,
        Some(Value::Int(depth)) if *depth >= 0 => usize::try_from(*depth).unwrap_or(usize::MAX),
        Some(Value::Int(_)) => return Err(Failure::invalid("level must be non-negative")),
        Some(_) => return Err(no_overload("flatten", arguments)),
    };
    let mut flat = Vec::new();
    flatten_into(list("flatten", arguments)?, depth, &mut flat, meter)?;
    Ok(Value::list(flat))
}

fn flatten_into(list: &[Value], depth: usize, flat: &mut Vec<Value>, meter: &mut Meter<'_>) -> Result<(), Failure> {
    for element in list {
        meter.charge(1)?;
        match element {
            Value::List(inner) if depth > 0 => flatten_into(inner, depth - 1, flat, meter)?,
            other => flat.push(other.clone()),
        }
    }
    Ok(())
}

fn distinct(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let mut kept: Vec<Value> = Vec::new();
    for element in list("distinct", arguments)? {
        meter.charge(1)?;
        let mut known = false;
        for candidate in &kept {
            charge_compared(candidate, element, meter)?;
            if equal(candidate, element) {
                known = true;
                break;
            }
        }
        if !known {
            kept.push(element.clone());
        }
    }
    Ok(Value::list(kept))
}

fn sort(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let list = list("sort", arguments)?;
    sort_by_keys(list, list, meter)
}

/// The list in the order of its keys, which must all be of one type that has an order.
pub(crate) fn sort_by_keys(list: &[Value], keys: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let steps = (usize::BITS - list.len().leading_zeros()) as u64;
    let heaviest = keys.iter().map(Value::weight).max().unwrap_or(1);
    meter.charge((list.len() as u64).saturating_mul(steps).saturating_mul(heaviest))?;
    if let Some(first) = keys.first() {
        for key in keys {
            if key.type_name() != first.type_name() || compare(first, key).is_err() {
                return Err(Failure::invalid("list elements must have the same type, and one that has an order"));
            }
        }
    }
    let mut positions: Vec<usize> = (0..list.len()).collect();
    // NaN is equal to all others here; the standard sort neither panics nor loses elements then.
    positions.sort_by(|a, b| compare(&keys[*a], &keys[*b]).ok().flatten().unwrap_or(Ordering::Equal));
    Ok(Value::list(positions.into_iter().map(|at| list[at].clone()).collect()))
}

fn end(arguments: &[Value], name: &str, which: fn(&[Value]) -> Option<&Value>) -> Result<Value, Failure> {
    Ok(Value::optional(which(list(name, arguments)?).cloned()))
}

fn range(arguments: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
    let Value::Int(length) = arguments[0] else { return Err(no_overload("lists.range", arguments)) };
    if !(0..=MOST_IN_RANGE).contains(&length) {
        return Err(Failure::invalid(format!("lists.range() takes 0 to {MOST_IN_RANGE}, not {length}")));
    }
    meter.charge(u64::try_from(length).unwrap_or(0))?;
    Ok(Value::list((0..length).map(Value::Int).collect()))
}
