//! Programs and values to a value.

mod fold;
mod operators;
mod select;

use std::borrow::Cow;
use std::sync::Arc;

use crate::compile::{Expression, Node, Operation};
use crate::failure::Failure;
use crate::functions::Function;
use crate::meter::Meter;
use crate::value::{Key, Map, Value};

pub(crate) use operators::charge_compared;

/// The variables of a policy, as far as they were evaluated.
pub(crate) struct Variables<'a> {
    expressions: &'a [Expression],
    values: Vec<Option<Result<Value, Failure>>>,
}

impl<'a> Variables<'a> {
    /// None of them evaluated yet.
    pub(crate) fn new(expressions: &'a [Expression]) -> Self {
        Self { expressions, values: vec![None; expressions.len()] }
    }
}

impl Expression {
    /// Evaluates with values for the names of the environment, in its order.
    ///
    /// # Errors
    /// [`Failure`]: CEL's error values, and the end of the budget or of the time.
    pub fn evaluate(&self, roots: &[Value], meter: &mut Meter<'_>) -> Result<Value, Failure> {
        self.evaluate_with(roots, &mut Variables::new(&[]), meter)
    }

    pub(crate) fn evaluate_with(
        &self,
        roots: &[Value],
        variables: &mut Variables<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<Value, Failure> {
        let mut evaluation = Evaluation { roots, locals: vec![Value::Null; self.slots], variables, meter };
        evaluation.evaluate(&self.root)
    }
}

/// One evaluation that is going on.
struct Evaluation<'v, 'e, 'm, 'd> {
    roots: &'v [Value],
    locals: Vec<Value>,
    variables: &'v mut Variables<'e>,
    meter: &'m mut Meter<'d>,
}

impl Evaluation<'_, '_, '_, '_> {
    fn evaluate(&mut self, node: &Node) -> Result<Value, Failure> {
        self.meter.charge(1)?;
        match &node.operation {
            Operation::Constant(value) => Ok(value.clone()),
            Operation::Root(position) => Ok(self.root(*position).clone()),
            Operation::Local(slot) => Ok(self.local(*slot).clone()),
            Operation::Variable(position) => self.variable(*position),
            Operation::Select(..) => self.read(node).map(Cow::into_owned),
            Operation::Has(target, field) => {
                let target = self.read(target)?;
                select::has(&target, field).map(Value::Bool)
            }
            Operation::OptionalSelect(target, field) => {
                let target = self.read(target)?;
                select::optional_field(&target, field)
            }
            Operation::Index(parts) => {
                let index = self.evaluate(&parts[1])?;
                let target = self.read(&parts[0])?;
                select::index(&target, &index)
            }
            Operation::OptionalIndex(parts) => {
                let index = self.evaluate(&parts[1])?;
                let target = self.read(&parts[0])?;
                select::optional_index(&target, &index)
            }
            Operation::And(operands) => self.logic(operands, false),
            Operation::Or(operands) => self.logic(operands, true),
            Operation::Not(operand) => match self.evaluate(operand)? {
                Value::Bool(bool) => Ok(Value::Bool(!bool)),
                other => Err(Failure::no_overload("!", &[other])),
            },
            Operation::Negate(operand) => {
                let operand = self.evaluate(operand)?;
                operators::negate(operand)
            }
            Operation::Conditional(parts) => match self.evaluate(&parts[0])? {
                Value::Bool(true) => self.evaluate(&parts[1]),
                Value::Bool(false) => self.evaluate(&parts[2]),
                other => Err(Failure::no_overload("?:", &[other])),
            },
            Operation::Binary(operator, operands) => {
                let left = self.evaluate(&operands[0])?;
                let right = self.evaluate(&operands[1])?;
                operators::binary(*operator, &left, &right, self.meter)
            }
            Operation::List(elements) => self.list(elements),
            Operation::Map(entries) => self.map(entries),
            Operation::Call(function, arguments) => match arguments.as_slice() {
                [only] => {
                    let arguments = [self.evaluate(only)?];
                    self.call(function, &arguments)
                }
                [first, second] => {
                    let arguments = [self.evaluate(first)?, self.evaluate(second)?];
                    self.call(function, &arguments)
                }
                more => {
                    let arguments = more.iter().map(|a| self.evaluate(a)).collect::<Result<Vec<_>, _>>()?;
                    self.call(function, &arguments)
                }
            },
            Operation::Fold(fold) => self.fold(fold),
            Operation::Bind(slot, parts) => {
                self.locals[*slot] = self.evaluate(&parts[0])?;
                self.evaluate(&parts[1])
            }
            Operation::OptionalMap { slot, parts, flat } => match self.evaluate(&parts[0])? {
                Value::Optional(None) => Ok(Value::Optional(None)),
                Value::Optional(Some(value)) => {
                    self.locals[*slot] = value.as_ref().clone();
                    let mapped = self.evaluate(&parts[1])?;
                    match (flat, mapped) {
                        (false, mapped) => Ok(Value::some(mapped)),
                        (true, mapped @ Value::Optional(_)) => Ok(mapped),
                        (true, other) => Err(Failure::no_overload("optFlatMap", &[other])),
                    }
                }
                other => Err(Failure::no_overload(if *flat { "optFlatMap" } else { "optMap" }, &[other])),
            },
            Operation::SortBy(slot, parts) => self.sort_by(*slot, &parts[0], &parts[1]),
            Operation::OrValue { parts, lenient } => match self.evaluate(&parts[0])? {
                Value::Optional(Some(value)) => Ok(value.as_ref().clone()),
                Value::Optional(None) => self.evaluate(&parts[1]),
                other if *lenient => Ok(other),
                other => Err(Failure::no_overload("orValue", &[other])),
            },
            Operation::OrOptional(parts) => match self.evaluate(&parts[0])? {
                Value::Optional(None) => match self.evaluate(&parts[1])? {
                    other @ Value::Optional(_) => Ok(other),
                    other => Err(Failure::no_overload("or", &[other])),
                },
                some @ Value::Optional(_) => Ok(some),
                other => Err(Failure::no_overload("or", &[other])),
            },
        }
    }

    /// Every function may read all of the texts it is given; what it does beyond that it pays for itself.
    fn call(&mut self, function: &Function, arguments: &[Value]) -> Result<Value, Failure> {
        for argument in arguments {
            if let Value::Text(_) | Value::Bytes(_) = argument {
                self.meter.charge(argument.weight())?;
            }
        }
        (function.run)(arguments, self.meter)
    }

    fn root(&self, position: usize) -> &Value {
        self.roots.get(position).unwrap_or(&Value::Null)
    }

    fn local(&self, slot: usize) -> &Value {
        self.locals.get(slot).unwrap_or(&Value::Null)
    }

    /// A value that is read, not kept: a path of fields is followed without taking a share of each value on it.
    fn read(&mut self, node: &Node) -> Result<Cow<'_, Value>, Failure> {
        let mut length = 0;
        if !is_path(node, &mut length) {
            return match &node.operation {
                Operation::Select(target, field) => {
                    self.meter.charge(1)?;
                    let target = self.read(target)?;
                    select::field(&target, field).map(|v| Cow::Owned(v.into_owned()))
                }
                _ => self.evaluate(node).map(Cow::Owned),
            };
        }
        self.meter.charge(length)?;
        self.follow(node)
    }

    fn follow(&self, node: &Node) -> Result<Cow<'_, Value>, Failure> {
        match &node.operation {
            Operation::Constant(value) => Ok(Cow::Owned(value.clone())),
            Operation::Root(position) => Ok(Cow::Borrowed(self.root(*position))),
            Operation::Local(slot) => Ok(Cow::Borrowed(self.local(*slot))),
            Operation::Select(target, field) => match self.follow(target)? {
                Cow::Borrowed(target) => select::field(target, field),
                Cow::Owned(target) => select::field(&target, field).map(|v| Cow::Owned(v.into_owned())),
            },
            _ => Ok(Cow::Owned(Value::Null)),
        }
    }

    fn variable(&mut self, position: usize) -> Result<Value, Failure> {
        if let Some(Some(known)) = self.variables.values.get(position) {
            return known.clone();
        }
        let expressions = self.variables.expressions;
        let Some(expression) = expressions.get(position) else { return Ok(Value::Null) };
        let result = expression.evaluate_with(self.roots, self.variables, self.meter);
        self.variables.values[position] = Some(result.clone());
        result
    }

    /// `||` when `decisive`, else `&&`: the first operand that decides does so whatever fails before or after it.
    fn logic(&mut self, operands: &[Node], decisive: bool) -> Result<Value, Failure> {
        let mut failed = None;
        for operand in operands {
            match self.evaluate(operand) {
                Ok(Value::Bool(bool)) if bool == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Ok(other) => {
                    let name = if decisive { "||" } else { "&&" };
                    failed.get_or_insert_with(|| Failure::no_overload(name, &[other]));
                }
                Err(failure) if failure.is_final() => return Err(failure),
                Err(failure) => {
                    failed.get_or_insert(failure);
                }
            }
        }
        failed.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn list(&mut self, elements: &[(Node, bool)]) -> Result<Value, Failure> {
        let mut values = Vec::with_capacity(elements.len());
        for (element, optional) in elements {
            let value = self.evaluate(element)?;
            match (optional, value) {
                (false, value) => values.push(value),
                (true, Value::Optional(None)) => {}
                (true, Value::Optional(Some(value))) => values.push(value.as_ref().clone()),
                (true, other) => return Err(Failure::no_overload("[?]", &[other])),
            }
        }
        Ok(Value::list(values))
    }

    fn map(&mut self, entries: &[(Node, Node, bool)]) -> Result<Value, Failure> {
        let mut values = Vec::with_capacity(entries.len());
        for (key, value, optional) in entries {
            let key = self.evaluate(key)?;
            let value = self.evaluate(value)?;
            let key = Key::of(&key).ok_or_else(|| Failure::no_overload("{}", &[key]))?;
            match (optional, value) {
                (false, value) => values.push((key, value)),
                (true, Value::Optional(None)) => {}
                (true, Value::Optional(Some(value))) => values.push((key, value.as_ref().clone())),
                (true, other) => return Err(Failure::no_overload("{?}", &[other])),
            }
        }
        map_of(values)
    }
}

/// A map of entries; the same key twice is an error.
pub(crate) fn map_of(entries: Vec<(Key, Value)>) -> Result<Value, Failure> {
    match Map::new(entries) {
        Ok(map) => Ok(Value::Map(Arc::new(map))),
        Err(key) => Err(Failure::invalid(format!("the map would have the key {:?} twice", key.value()))),
    }
}

/// Whether a node is a path of fields from a name, and how many nodes that is.
fn is_path(node: &Node, length: &mut u64) -> bool {
    *length += 1;
    match &node.operation {
        Operation::Root(_) | Operation::Local(_) => true,
        Operation::Select(target, _) => is_path(target, length),
        _ => false,
    }
}
