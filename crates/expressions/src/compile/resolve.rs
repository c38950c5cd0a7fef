//! Names, operators and literals to nodes.

use std::cell::Cell;
use std::sync::Arc;

use super::bound::CALLS_OF_MACRO;
use super::environment::{Environment, Shape};
use super::{Bound, Node, Operation};
use crate::syntax::{BinaryOperator, Form, SyntaxError, Tree};
use crate::value::{Key, Map, TYPE_NAMES, Value};

/// A node with what is known of its value.
pub(super) struct Resolved {
    pub(super) node: Node,
    /// The name of its type, or `dyn`.
    pub(super) kind: &'static str,
    pub(super) shape: Shape,
    pub(super) bound: Bound,
}

impl Resolved {
    pub(super) fn new(operation: Operation, kind: &'static str, bound: Bound) -> Self {
        Self { node: operation.into(), kind, shape: Shape::Open, bound }
    }

    pub(super) fn constant(value: Value) -> Self {
        let length = match &value {
            Value::List(list) => list.len() as u64,
            Value::Map(map) => map.len() as u64,
            _ => 1,
        };
        let depth = u16::from(matches!(value, Value::List(_) | Value::Map(_)));
        let kind = value.type_name();
        Self::new(Operation::Constant(value), kind, Bound { cost: 1, length, depth, stack: 1 })
    }
}

/// A variable of a macro that is in scope.
struct Local {
    name: String,
    kind: &'static str,
    bound: Bound,
}

/// Resolves one expression.
pub(super) struct Resolver<'e> {
    pub(super) environment: &'e Environment,
    locals: Vec<Local>,
    slots: usize,
    /// Bit by position: the values handed in that are named.
    roots: Cell<u32>,
}

pub(super) type Result<T> = std::result::Result<T, SyntaxError>;

impl<'e> Resolver<'e> {
    pub(super) fn new(environment: &'e Environment) -> Self {
        Self { environment, locals: Vec::new(), slots: 0, roots: Cell::new(0) }
    }

    /// Bit by position: the values handed in that are named.
    pub(super) fn roots(&self) -> u32 {
        self.roots.get()
    }

    /// How many slots the variables of macros need.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// Resolves with one more variable in scope; gives its slot too.
    pub(super) fn within<T>(
        &mut self,
        name: &str,
        kind: &'static str,
        bound: Bound,
        inner: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<(usize, T)> {
        let slot = self.locals.len();
        self.slots = self.slots.max(slot + 1);
        self.locals.push(Local { name: name.to_owned(), kind, bound });
        let result = inner(self);
        self.locals.pop();
        result.map(|result| (slot, result))
    }

    /// Whether the name is a value here, so that it cannot be the namespace of a function.
    pub(super) fn is_value(&self, name: &str) -> bool {
        self.locals.iter().any(|l| l.name == name) || self.environment.roots.iter().any(|r| r.name == name)
    }

    pub(super) fn resolve(&mut self, tree: &Tree) -> Result<Resolved> {
        let constant = |value: Value| Ok(Resolved::constant(value));
        match &tree.form {
            Form::Null => constant(Value::Null),
            Form::Bool(bool) => constant(Value::Bool(*bool)),
            Form::Int(int) => constant(Value::Int(*int)),
            Form::Uint(uint) => constant(Value::Uint(*uint)),
            Form::Double(double) => constant(Value::Double(*double)),
            Form::Text(text) => constant(Value::Text(Arc::clone(text))),
            Form::Bytes(bytes) => constant(Value::Bytes(Arc::clone(bytes))),
            Form::Name { name, absolute } => self.name(tree, name, *absolute),
            Form::Select { target, field, optional } => self.select(tree, target, field, *optional),
            Form::Index { target, index, optional } => self.index(target, index, *optional),
            Form::Call { target, function, arguments } => self.call(tree, target.as_deref(), function, arguments),
            Form::List(elements) => self.list(elements),
            Form::Map(entries) => self.map(tree, entries),
            Form::And(operands) => self.logic(operands, Operation::And),
            Form::Or(operands) => self.logic(operands, Operation::Or),
            Form::Not(operand) => {
                let operand = self.resolve(operand)?;
                let bound = Bound::over([&operand.bound], 1, 1);
                Ok(Resolved::new(Operation::Not(Box::new(operand.node)), "bool", bound))
            }
            Form::Negate(operand) => {
                let operand = self.resolve(operand)?;
                let bound = Bound::over([&operand.bound], 1, 1);
                Ok(Resolved::new(Operation::Negate(Box::new(operand.node)), operand.kind, bound))
            }
            Form::Conditional(parts) => {
                let [condition, yes, no] = parts.as_ref();
                let (condition, yes, no) = (self.resolve(condition)?, self.resolve(yes)?, self.resolve(no)?);
                let kind = if yes.kind == no.kind { yes.kind } else { "dyn" };
                let mut bound = Bound::over([&yes.bound, &no.bound], 0, yes.bound.length.max(no.bound.length));
                // Only one of the two is evaluated.
                bound.cost = condition.bound.cost.saturating_add(yes.bound.cost.max(no.bound.cost)).saturating_add(1);
                let bound = bound.calls(0, &condition.bound);
                Ok(Resolved::new(Operation::Conditional(Box::new([condition.node, yes.node, no.node])), kind, bound))
            }
            Form::Binary(operator, operands) => {
                let [left, right] = operands.as_ref();
                let (left, right) = (self.resolve(left)?, self.resolve(right)?);
                Ok(binary(*operator, left, right))
            }
        }
    }

    fn name(&self, tree: &Tree, name: &str, absolute: bool) -> Result<Resolved> {
        if let Some(slot) = self.locals.iter().rposition(|l| !absolute && l.name == name) {
            let local = &self.locals[slot];
            return Ok(Resolved::new(Operation::Local(slot), local.kind, local.bound));
        }
        if let Some(position) = self.environment.roots.iter().position(|r| r.name == name) {
            self.roots.set(self.roots.get() | 1 << position.min(31));
            let mut resolved = Resolved::new(Operation::Root(position), "dyn", Bound::OUTSIDE);
            resolved.shape = self.environment.roots[position].shape;
            return Ok(resolved);
        }
        if let Some(found) = TYPE_NAMES.iter().find(|t| **t == name) {
            return Ok(Resolved::constant(Value::Type(found)));
        }
        if name == "variables" && self.environment.variables.is_some() {
            return Err(SyntaxError::new(tree.at, "variables can only be used as variables.<name>"));
        }
        Err(self.unknown_name(tree.at, name))
    }

    fn unknown_name(&self, at: u32, name: &str) -> SyntaxError {
        match self.environment.reason_to_refuse(name) {
            Some(reason) => SyntaxError::new(at, format!("{name}: {reason}")),
            None => {
                let known: Vec<_> = self.environment.roots.iter().map(|r| r.name).collect();
                let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
                SyntaxError::new(at, format!("{name:?} is not known here; what can be named is {known}"))
            }
        }
    }

    /// `a.b.c` as one name, when it is written so.
    pub(super) fn qualified(tree: &Tree) -> Option<String> {
        match &tree.form {
            Form::Name { name, .. } => Some(name.clone()),
            Form::Select { target, field, optional: false } => Some(format!("{}.{field}", Self::qualified(target)?)),
            _ => None,
        }
    }

    /// The first name of `a.b.c`.
    pub(super) fn first_name(tree: &Tree) -> Option<&str> {
        match &tree.form {
            Form::Name { name, .. } => Some(name),
            Form::Select { target, optional: false, .. } => Self::first_name(target),
            _ => None,
        }
    }

    fn select(&mut self, tree: &Tree, target: &Tree, field: &Arc<str>, optional: bool) -> Result<Resolved> {
        if is_variables(target) && !self.is_value("variables") && !optional && self.environment.variables.is_some() {
            return self.variable(tree, field);
        }
        let is_name = !optional && Self::first_name(target).is_some_and(|first| !self.is_value(first));
        let name = if is_name { Self::qualified(tree) } else { None };
        if let Some(found) = TYPE_NAMES.iter().find(|t| name.as_deref() == Some(**t)) {
            return Ok(Resolved::constant(Value::Type(found)));
        }
        let target = self.resolve(target)?;
        let shape = field_of(target.shape, field).map_err(|message| SyntaxError::new(tree.at, message))?;
        let bound = Bound { cost: target.bound.cost.saturating_add(1), ..Bound::OUTSIDE };
        let bound = Bound { depth: target.bound.depth, ..bound }.calls(0, &target.bound);
        let inner = Box::new(target.node);
        if optional {
            let operation = Operation::OptionalSelect(inner, Arc::clone(field));
            return Ok(Resolved::new(operation, "optional_type", bound.wrapped()));
        }
        let kind = match shape {
            Shape::Leaf(kind) => kind,
            _ => "dyn",
        };
        let mut resolved = Resolved::new(Operation::Select(inner, Arc::clone(field)), kind, bound);
        resolved.shape = shape;
        Ok(resolved)
    }

    /// `variables.name`.
    fn variable(&self, tree: &Tree, name: &str) -> Result<Resolved> {
        let variables = self.environment.variables.as_deref().unwrap_or_default();
        let Some(position) = variables.iter().rposition(|v| v.name == name) else {
            return Err(SyntaxError::new(tree.at, format!("there is no variable {name:?} before this expression")));
        };
        let variable = &variables[position];
        // Evaluated once however often it is used; counted as if each use were the first.
        let bound = variable.bound.calls(CALLS_OF_MACRO, &Bound::OUTSIDE);
        Ok(Resolved::new(Operation::Variable(position), variable.kind, bound))
    }

    /// `has(target.field)`.
    pub(super) fn has(&mut self, tree: &Tree, argument: &Tree) -> Result<Resolved> {
        let Form::Select { target, field, optional: false } = &argument.form else {
            return Err(SyntaxError::new(tree.at, "has() takes a selection of a field, such as has(object.spec)"));
        };
        let target = self.resolve(target)?;
        field_of(target.shape, field).map_err(|message| SyntaxError::new(argument.at, message))?;
        let bound = Bound::over([&target.bound], 1, 1);
        Ok(Resolved::new(Operation::Has(Box::new(target.node), Arc::clone(field)), "bool", bound))
    }

    fn index(&mut self, target: &Tree, index: &Tree, optional: bool) -> Result<Resolved> {
        let (target, index) = (self.resolve(target)?, self.resolve(index)?);
        let bound = Bound::over([&target.bound, &index.bound], 1, super::ASSUMED_LENGTH);
        let parts = Box::new([target.node, index.node]);
        Ok(if optional {
            Resolved::new(Operation::OptionalIndex(parts), "optional_type", bound.wrapped())
        } else {
            Resolved::new(Operation::Index(parts), "dyn", bound)
        })
    }

    fn logic(&mut self, operands: &[Tree], operation: impl Fn(Vec<Node>) -> Operation) -> Result<Resolved> {
        let operands = operands.iter().map(|o| self.resolve(o)).collect::<Result<Vec<_>>>()?;
        let bound = Bound::over(operands.iter().map(|o| &o.bound), operands.len() as u64, 1);
        Ok(Resolved::new(operation(operands.into_iter().map(|o| o.node).collect()), "bool", bound))
    }

    fn list(&mut self, elements: &[(Tree, bool)]) -> Result<Resolved> {
        let mut nodes = Vec::with_capacity(elements.len());
        let mut bounds = Vec::with_capacity(elements.len());
        for (element, optional) in elements {
            let element = self.resolve(element)?;
            bounds.push(element.bound);
            nodes.push((element.node, *optional));
        }
        if nodes.iter().all(|(node, optional)| node.constant().is_some() && !optional) {
            let depth = bounds.iter().map(|b| b.depth).max().unwrap_or(0) + 1;
            let values = nodes.iter().filter_map(|(node, _)| node.constant().cloned()).collect();
            let mut constant = Resolved::constant(Value::list(values));
            constant.bound.depth = depth;
            return Ok(constant);
        }
        let bound = Bound::over(&bounds, 1 + nodes.len() as u64, nodes.len() as u64).wrapped();
        Ok(Resolved::new(Operation::List(nodes), "list", bound))
    }

    fn map(&mut self, tree: &Tree, entries: &[(Tree, Tree, bool)]) -> Result<Resolved> {
        let mut nodes = Vec::with_capacity(entries.len());
        let mut bounds = Vec::with_capacity(entries.len());
        for (key, value, optional) in entries {
            let (key, value) = (self.resolve(key)?, self.resolve(value)?);
            bounds.push(key.bound);
            bounds.push(value.bound);
            nodes.push((key.node, value.node, *optional));
        }
        let constants = nodes.iter().map(|(key, value, optional)| match (key.constant(), value.constant(), optional) {
            (Some(key), Some(value), false) => Some((Key::of(key)?, value.clone())),
            _ => None,
        });
        if let Some(constants) = constants.collect::<Option<Vec<_>>>() {
            let depth = bounds.iter().map(|b| b.depth).max().unwrap_or(0) + 1;
            let map = Map::new(constants)
                .map_err(|key| SyntaxError::new(tree.at, format!("the map has the key {:?} twice", key.value())))?;
            let mut constant = Resolved::constant(Value::Map(Arc::new(map)));
            constant.bound.depth = depth;
            return Ok(constant);
        }
        let bound = Bound::over(&bounds, 1 + nodes.len() as u64, nodes.len() as u64).wrapped();
        Ok(Resolved::new(Operation::Map(nodes), "map", bound))
    }
}

fn is_variables(tree: &Tree) -> bool {
    matches!(&tree.form, Form::Name { name, .. } if name == "variables")
}

fn field_of(shape: Shape, field: &str) -> std::result::Result<Shape, String> {
    match shape {
        Shape::Open => Ok(Shape::Open),
        Shape::Leaf(kind) => Err(format!("there is no field {field:?} in a value of type {kind}")),
        Shape::Fields(fields) => {
            fields.iter().find(|(name, _)| *name == field).map(|(_, shape)| *shape).ok_or_else(|| {
                let known: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
                format!("there is no field {field:?}; there are {}", known.join(", "))
            })
        }
    }
}

fn binary(operator: BinaryOperator, left: Resolved, right: Resolved) -> Resolved {
    use BinaryOperator as Operator;
    let kind = match operator {
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
            let plain = |kind: &str| matches!(kind, "int" | "uint" | "double" | "string" | "bytes" | "list");
            if left.kind == right.kind && plain(left.kind) { left.kind } else { "dyn" }
        }
        _ => "bool",
    };
    let (length, own) = match operator {
        Operator::Add => {
            let length = left.bound.length.saturating_add(right.bound.length);
            (length, if kind == "list" { length } else { 1 })
        }
        Operator::In => (1, right.bound.length),
        _ => (1, 1),
    };
    let bound = Bound::over([&left.bound, &right.bound], own, length);
    Resolved::new(Operation::Binary(operator, Box::new([left.node, right.node])), kind, bound)
}
