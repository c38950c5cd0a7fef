//! Macros: calls whose arguments are not evaluated like those of functions (cel-spec, "Macros", and cel-go's extensions
//! `TwoVarComprehensions`, `Bindings`, `OptionalTypes` and `Lists`).

use super::bound::CALLS_OF_MACRO;
use super::environment::Dialect;
use super::resolve::{Resolved, Resolver, Result};
use super::{ASSUMED_LENGTH, Bound, Fold, FoldKind, Operation};
use crate::syntax::{Form, SyntaxError, Tree};

impl Resolver<'_> {
    /// The macro that a call is; `None` when it is none.
    pub(super) fn expand(
        &mut self,
        tree: &Tree,
        target: Option<&Tree>,
        name: &str,
        arguments: &[Tree],
    ) -> Result<Option<Resolved>> {
        use FoldKind as Kind;
        let Some(target) = target else {
            return match (name, arguments) {
                ("has", [argument]) => self.has(tree, argument).map(Some),
                _ => Ok(None),
            };
        };
        let resolved = match (name, arguments) {
            ("all", [v, c]) => self.fold(Kind::All, target, [v, v], Some(c), None)?,
            ("exists", [v, c]) => self.fold(Kind::Exists, target, [v, v], Some(c), None)?,
            ("exists_one" | "existsOne", [v, c]) => self.fold(Kind::ExistsOne, target, [v, v], Some(c), None)?,
            ("filter", [v, c]) => self.fold(Kind::Filter, target, [v, v], Some(c), None)?,
            ("map", [v, t]) => self.fold(Kind::Map, target, [v, v], None, Some(t))?,
            ("map", [v, c, t]) => self.fold(Kind::Map, target, [v, v], Some(c), Some(t))?,
            ("all", [a, b, c]) => self.fold(Kind::All, target, [a, b], Some(c), None)?,
            ("exists", [a, b, c]) => self.fold(Kind::Exists, target, [a, b], Some(c), None)?,
            ("exists_one" | "existsOne", [a, b, c]) => self.fold(Kind::ExistsOne, target, [a, b], Some(c), None)?,
            ("transformList", [a, b, t]) => self.fold(Kind::Map, target, [a, b], None, Some(t))?,
            ("transformList", [a, b, c, t]) => self.fold(Kind::Map, target, [a, b], Some(c), Some(t))?,
            ("transformMap", [a, b, t]) => self.fold(Kind::TransformMap, target, [a, b], None, Some(t))?,
            ("transformMap", [a, b, c, t]) => self.fold(Kind::TransformMap, target, [a, b], Some(c), Some(t))?,
            ("transformMapEntry", [a, b, t]) => self.fold(Kind::TransformMapEntry, target, [a, b], None, Some(t))?,
            ("transformMapEntry", [a, b, c, t]) => {
                self.fold(Kind::TransformMapEntry, target, [a, b], Some(c), Some(t))?
            }
            ("optMap", [v, t]) => self.optional_map(target, v, t, false)?,
            ("optFlatMap", [v, t]) => self.optional_map(target, v, t, true)?,
            ("sortBy", [v, key]) => self.sort_by(target, v, key)?,
            ("or", [other]) => self.or_optional(target, other)?,
            ("orValue", [other]) => self.or_value(target, other)?,
            ("bind", [v, value, body]) if is_name(target, "cel") && !self.is_value("cel") => {
                if self.environment.dialect != Dialect::Kyverno {
                    return Err(SyntaxError::new(tree.at, "cel.bind() is not a macro that Kubernetes' API server has"));
                }
                self.bind(v, value, body)?
            }
            _ => return Ok(None),
        };
        Ok(Some(resolved))
    }

    fn fold(
        &mut self,
        kind: FoldKind,
        target: &Tree,
        names: [&Tree; 2],
        condition: Option<&Tree>,
        transform: Option<&Tree>,
    ) -> Result<Resolved> {
        let two = !std::ptr::eq(names[0], names[1]);
        let (first_name, second_name) = (simple_name(names[0])?, simple_name(names[1])?);
        if two && first_name == second_name {
            return Err(SyntaxError::new(names[1].at, "the two variables have the same name"));
        }
        let range = self.resolve(target)?;
        let element = range.bound.known().of_length(ASSUMED_LENGTH);
        let body = |resolver: &mut Self| -> Result<(Option<Resolved>, Option<Resolved>)> {
            let condition = condition.map(|c| resolver.resolve(c)).transpose()?;
            let transform = transform.map(|t| resolver.resolve(t)).transpose()?;
            Ok((condition, transform))
        };
        let (first, (second, (condition, transform))) = if two {
            self.within(first_name, "dyn", element, |resolver| {
                resolver.within(second_name, "dyn", element, body).map(|(slot, parts)| (Some(slot), parts))
            })?
        } else {
            self.within(first_name, "dyn", element, |resolver| body(resolver).map(|parts| (None, parts)))?
        };
        let parts = || condition.iter().chain(&transform).map(|part| &part.bound);
        let times = range.bound.length;
        let mut bound = Bound::over(parts(), 2, times);
        bound.cost = bound.cost.saturating_mul(times).saturating_add(range.bound.cost);
        bound = bound.calls(CALLS_OF_MACRO, &range.bound);
        bound.depth = match kind {
            FoldKind::Filter => range.bound.depth,
            _ => bound.depth,
        };
        let (result, bound) = match kind {
            FoldKind::All | FoldKind::Exists | FoldKind::ExistsOne => ("bool", bound.of_length(1)),
            FoldKind::Filter | FoldKind::Map => ("list", bound.wrapped()),
            FoldKind::TransformMap | FoldKind::TransformMapEntry => ("map", bound.wrapped()),
        };
        let node = |part: Option<Resolved>| part.map(|p| p.node);
        let fold =
            Fold { kind, range: range.node, first, second, condition: node(condition), transform: node(transform) };
        Ok(Resolved::new(Operation::Fold(Box::new(fold)), result, bound))
    }

    fn optional_map(&mut self, target: &Tree, name: &Tree, transform: &Tree, flat: bool) -> Result<Resolved> {
        let name = simple_name(name)?;
        let target = self.resolve(target)?;
        let (slot, transform) =
            self.within(name, "dyn", target.bound.known(), |resolver| resolver.resolve(transform))?;
        let bound = Bound::over([&target.bound, &transform.bound], 1, transform.bound.length).wrapped();
        let parts = Box::new([target.node, transform.node]);
        Ok(Resolved::new(Operation::OptionalMap { slot, parts, flat }, "optional_type", bound))
    }

    fn sort_by(&mut self, target: &Tree, name: &Tree, key: &Tree) -> Result<Resolved> {
        let name = simple_name(name)?;
        let target = self.resolve(target)?;
        let element = target.bound.known().of_length(ASSUMED_LENGTH);
        let (slot, key) = self.within(name, "dyn", element, |resolver| resolver.resolve(key))?;
        let mut bound = Bound::over([&key.bound], 8, target.bound.length);
        bound.cost = bound.cost.saturating_mul(target.bound.length).saturating_add(target.bound.cost);
        bound = bound.calls(CALLS_OF_MACRO, &target.bound);
        bound.depth = bound.depth.max(target.bound.depth);
        Ok(Resolved::new(Operation::SortBy(slot, Box::new([target.node, key.node])), "list", bound))
    }

    fn or_optional(&mut self, target: &Tree, other: &Tree) -> Result<Resolved> {
        let (target, other) = (self.resolve(target)?, self.resolve(other)?);
        let bound = Bound::over([&target.bound, &other.bound], 1, target.bound.length.max(other.bound.length));
        Ok(Resolved::new(Operation::OrOptional(Box::new([target.node, other.node])), "optional_type", bound))
    }

    fn or_value(&mut self, target: &Tree, other: &Tree) -> Result<Resolved> {
        let (target, other) = (self.resolve(target)?, self.resolve(other)?);
        let bound = Bound::over([&target.bound, &other.bound], 1, target.bound.length.max(other.bound.length));
        let lenient = self.environment.dialect == Dialect::Kyverno;
        let parts = Box::new([target.node, other.node]);
        Ok(Resolved::new(Operation::OrValue { parts, lenient }, "dyn", bound))
    }

    fn bind(&mut self, name: &Tree, value: &Tree, body: &Tree) -> Result<Resolved> {
        let name = simple_name(name)?;
        let value = self.resolve(value)?;
        let known = value.bound.known();
        let (slot, body) = self.within(name, value.kind, known, |resolver| resolver.resolve(body))?;
        let bound = Bound::over([&value.bound, &body.bound], 1, body.bound.length);
        Ok(Resolved::new(Operation::Bind(slot, Box::new([value.node, body.node])), body.kind, bound))
    }
}

fn is_name(tree: &Tree, expected: &str) -> bool {
    matches!(&tree.form, Form::Name { name, .. } if name == expected)
}

fn simple_name(tree: &Tree) -> Result<&str> {
    match &tree.form {
        Form::Name { name, absolute: false } => Ok(name),
        _ => Err(SyntaxError::new(tree.at, "the variable of a macro is a simple name")),
    }
}
