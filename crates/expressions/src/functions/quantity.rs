//! Quantities (Kubernetes' `quantity` library; the syntax is that of `k8s.io/apimachinery/pkg/api/resource`).

use std::cmp::Ordering;

use super::{Function, no_overload};
use crate::failure::Failure;
use crate::value::{Library, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("quantity", (1, 1), "kubernetes.Quantity", |a, _| {
        let text = a[0].as_text().ok_or_else(|| no_overload("quantity", a))?;
        let parsed = Quantity::parse(text)
            .ok_or_else(|| Failure::invalid(format!("{text:?} is no quantity such as 500m or 2Gi")))?;
        Ok(Value::library(Library::Quantity(parsed)))
    })
    .constant(),
    Function::global("isQuantity", (1, 1), "bool", |a, _| {
        let text = a[0].as_text().ok_or_else(|| no_overload("isQuantity", a))?;
        Ok(Value::Bool(Quantity::parse(text).is_some()))
    }),
    Function::member("isInteger", (1, 1), "bool", |a, _| Ok(Value::Bool(one("isInteger", a)?.integer().is_some()))),
    Function::member("asInteger", (1, 1), "int", |a, _| {
        one("asInteger", a)?
            .integer()
            .map(Value::Int)
            .ok_or_else(|| Failure::invalid("cannot convert value to integer"))
    }),
    Function::member("asApproximateFloat", (1, 1), "double", |a, _| {
        Ok(Value::Double(one("asApproximateFloat", a)?.float()))
    }),
    Function::member("sign", (1, 1), "int", |a, _| Ok(Value::Int(one("sign", a)?.billionths.signum() as i64))),
    Function::member("add", (2, 2), "kubernetes.Quantity", |a, _| sum("add", a, i128::checked_add)),
    Function::member("sub", (2, 2), "kubernetes.Quantity", |a, _| sum("sub", a, i128::checked_sub)),
    Function::member("isGreaterThan", (2, 2), "bool", |a, _| {
        super::semantic_version::order("isGreaterThan", a).map(|o| Value::Bool(o == Ordering::Greater))
    }),
    Function::member("isLessThan", (2, 2), "bool", |a, _| {
        super::semantic_version::order("isLessThan", a).map(|o| Value::Bool(o == Ordering::Less))
    }),
    Function::member("compareTo", (2, 2), "int", |a, _| {
        super::semantic_version::order("compareTo", a).map(|o| Value::Int(o as i64))
    }),
];

/// A quantity, exact to a billionth: what is finer is rounded away from zero, as Kubernetes does.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    billionths: i128,
    /// Decimal places of the form that it is kept in by Kubernetes, when that is a 64-bit number with a power of ten. Only such a
    /// quantity without places is an integer there: `1000m` is not.
    scale: Option<i32>,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.billionths == other.billionths
    }
}

const BILLION: i128 = 1_000_000_000;

/// The largest quantity that Kubernetes keeps: larger ones become this.
const MOST: i128 = i64::MAX as i128 * BILLION;

enum Suffix {
    Ten(i32),
    Two(u32),
}

fn suffix(text: &str) -> Option<Suffix> {
    Some(match text {
        "" => Suffix::Ten(0),
        "n" => Suffix::Ten(-9),
        "u" => Suffix::Ten(-6),
        "m" => Suffix::Ten(-3),
        "k" => Suffix::Ten(3),
        "M" => Suffix::Ten(6),
        "G" => Suffix::Ten(9),
        "T" => Suffix::Ten(12),
        "P" => Suffix::Ten(15),
        "E" => Suffix::Ten(18),
        "Ki" => Suffix::Two(10),
        "Mi" => Suffix::Two(20),
        "Gi" => Suffix::Two(30),
        "Ti" => Suffix::Two(40),
        "Pi" => Suffix::Two(50),
        "Ei" => Suffix::Two(60),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            // Whatever does not fit is either zero or the most there is.
            Suffix::Ten(exponent.parse::<i64>().map_or(1000, |e| e.clamp(-1000, 1000)) as i32)
        }
    })
}

impl Quantity {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, rest) = rest.split_at(digits(rest));
        let (places, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(digits(rest)),
            None => ("", rest),
        };
        if whole.is_empty() && places.is_empty() {
            return None;
        }
        let suffix = suffix(rest)?;
        let written = format!("{}{places}", whole.trim_start_matches('0'));
        let amount = scaled(&written, places.len(), &suffix);
        let billionths = amount.min(MOST);
        let scale = match suffix {
            _ if written.len() > 18 => None,
            Suffix::Ten(exponent) => Some(exponent - places.len() as i32),
            Suffix::Two(_) if places.is_empty() => Some(0),
            Suffix::Two(_) => None,
        };
        let scale = scale.filter(|s| *s >= -9 && amount <= MOST);
        Some(Self { billionths: if negative { -billionths } else { billionths }, scale })
    }

    /// As a 64-bit integer, when Kubernetes keeps it as one.
    fn integer(self) -> Option<i64> {
        let scale = self.scale?;
        if scale < 0 { None } else { i64::try_from(self.billionths / BILLION).ok() }
    }

    #[expect(clippy::cast_precision_loss, reason = "approximate by name")]
    fn float(self) -> f64 {
        let whole = (self.billionths / BILLION) as f64;
        whole + (self.billionths % BILLION) as f64 / 1e9
    }
}

/// The digits, of which so many are decimal places, times the suffix, in billionths; rounded up, and at most a little above [`MOST`].
fn scaled(digits: &str, places: usize, suffix: &Suffix) -> i128 {
    let over = MOST + 1;
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return 0;
    }
    let (ten, two) = match suffix {
        Suffix::Ten(exponent) => (*exponent, 0),
        Suffix::Two(exponent) => (0, *exponent),
    };
    let places = i32::try_from(places).unwrap_or(i32::MAX);
    // value = significant * 10^power * 2^two, in billionths.
    let power = ten.saturating_sub(places).saturating_add(9);
    let length = i32::try_from(significant.len()).unwrap_or(i32::MAX);
    if length.saturating_add(power) > 29 {
        return over;
    }
    // Digits far behind the last billionth only matter for rounding up.
    let keep = usize::try_from((length.saturating_add(power) + 20).clamp(1, 36)).unwrap_or(36).min(significant.len());
    let Ok(mut value) = significant[..keep].parse::<i128>() else { return over };
    let dropped = significant.len() - keep;
    let rest = significant[keep..].bytes().any(|b| b != b'0');
    let power = power.saturating_add(i32::try_from(dropped).unwrap_or(i32::MAX));
    let mut inexact = rest;
    let Some(times_two) = value.checked_mul(1 << two) else { return over };
    value = times_two;
    if power >= 0 {
        let Some(scaled) = 10_i128.checked_pow(power.unsigned_abs()).and_then(|p| value.checked_mul(p)) else {
            return over;
        };
        value = scaled;
    } else {
        match 10_i128.checked_pow(power.unsigned_abs()) {
            Some(divisor) => {
                inexact |= value % divisor != 0;
                value /= divisor;
            }
            None => {
                inexact = true;
                value = 0;
            }
        }
    }
    (value + i128::from(inexact)).min(over)
}

fn one(name: &str, arguments: &[Value]) -> Result<Quantity, Failure> {
    match &arguments[0] {
        Value::Library(library) => match library.as_ref() {
            Library::Quantity(quantity) => Ok(*quantity),
            _ => Err(no_overload(name, arguments)),
        },
        _ => Err(no_overload(name, arguments)),
    }
}

pub(super) fn compare(a: &Quantity, b: &Quantity) -> Ordering {
    a.billionths.cmp(&b.billionths)
}

fn sum(name: &str, arguments: &[Value], operation: fn(i128, i128) -> Option<i128>) -> Result<Value, Failure> {
    let left = one(name, arguments)?;
    let right = match &arguments[1] {
        Value::Int(int) => Quantity { billionths: i128::from(*int) * BILLION, scale: Some(0) },
        other => one(name, std::slice::from_ref(other)).map_err(|_| no_overload(name, arguments))?,
    };
    let billionths =
        operation(left.billionths, right.billionths).ok_or_else(|| Failure::invalid("the quantity is out of range"))?;
    let scale = left.scale.zip(right.scale).map(|(a, b)| match (left.billionths, right.billionths) {
        (0, _) => b,
        (_, 0) => a,
        _ => a.min(b),
    });
    Ok(Value::library(Library::Quantity(Quantity { billionths, scale })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact_to_a_billionth_and_bounded() {
        let of = |text: &str| Quantity::parse(text).map(|q| q.billionths);
        assert_eq!(of("1500m"), Some(1_500_000_000));
        assert_eq!(of("1.5"), of("1500m"));
        assert_eq!(of("1Ki"), Some(1024 * BILLION));
        assert_eq!(of("1.5Gi"), Some(1_610_612_736 * BILLION));
        assert_eq!(of("0.1n"), Some(1));
        assert_eq!(of("-0.1n"), Some(-1));
        assert_eq!(of("1e3"), of("1k"));
        assert_eq!(of("1E"), Some(1_000_000_000_000_000_000 * BILLION));
        assert_eq!(of("99999999999999999999999999999999999999G"), Some(MOST));
        assert_eq!(of("1e999999999999"), Some(MOST));
        assert_eq!(of("1e-999"), Some(1));
        assert_eq!(of("0e999"), Some(0));
        for wrong in ["", "+", ".", "1.2.3", "Ki", "1Kb", "1 Gi", "1e", "200K", "0x1", "1i"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_integer_is_what_kubernetes_keeps_as_one() {
        let integer = |text: &str| Quantity::parse(text).unwrap().integer();
        assert_eq!(integer("50k"), Some(50_000));
        assert_eq!(integer("2Gi"), Some(2_147_483_648));
        assert_eq!(integer("1500m"), None);
        assert_eq!(integer("9999999999999999999999999999999999999G"), None);
    }
}
