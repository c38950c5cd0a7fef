//! Macros that walk over lists and maps.

use std::sync::Arc;

use super::{Evaluation, map_of};
use crate::compile::{Fold, FoldKind, Node};
use crate::failure::Failure;
use crate::functions::lists::sort_by_keys;
use crate::value::{Key, Map, Value};

/// What is walked over: the list or map itself, shared and not copied.
enum Range {
    List(Arc<[Value]>),
    Map(Arc<Map>),
}

impl Range {
    fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Map(map) => map.len(),
        }
    }
}

impl Evaluation<'_, '_, '_, '_> {
    pub(super) fn fold(&mut self, fold: &Fold) -> Result<Value, Failure> {
        let range = match self.evaluate(&fold.range)? {
            Value::List(list) => Range::List(list),
            Value::Map(map) => Range::Map(map),
            other => return Err(Failure::no_overload("a macro over its elements", &[other])),
        };
        match fold.kind {
            FoldKind::All => self.all_or_exists(fold, &range, false),
            FoldKind::Exists => self.all_or_exists(fold, &range, true),
            FoldKind::ExistsOne => {
                let mut found = 0_usize;
                for at in 0..range.len() {
                    self.step(fold, &range, at)?;
                    found += usize::from(self.holds(fold)?);
                }
                Ok(Value::Bool(found == 1))
            }
            FoldKind::Filter | FoldKind::Map => {
                let mut values = Vec::new();
                for at in 0..range.len() {
                    self.step(fold, &range, at)?;
                    if self.holds(fold)? {
                        let value = match &fold.transform {
                            Some(transform) => self.evaluate(transform)?,
                            None => self.local(fold.first).clone(),
                        };
                        values.push(value);
                    }
                }
                Ok(Value::list(values))
            }
            FoldKind::TransformMap | FoldKind::TransformMapEntry => self.transform_map(fold, &range),
        }
    }

    /// Puts one element into the slots.
    fn step(&mut self, fold: &Fold, range: &Range, at: usize) -> Result<(), Failure> {
        self.meter.charge(1)?;
        let (first, second) = match (range, fold.second) {
            (Range::List(list), None) => (list[at].clone(), None),
            (Range::Map(map), None) => (map.entries()[at].0.value(), None),
            #[expect(clippy::cast_possible_wrap, reason = "a list in memory has less than 2^63 elements")]
            (Range::List(list), Some(second)) => (Value::Int(at as i64), Some((second, list[at].clone()))),
            (Range::Map(map), Some(second)) => {
                let (key, value) = &map.entries()[at];
                (key.value(), Some((second, value.clone())))
            }
        };
        self.locals[fold.first] = first;
        if let Some((slot, value)) = second {
            self.locals[slot] = value;
        }
        Ok(())
    }

    fn holds(&mut self, fold: &Fold) -> Result<bool, Failure> {
        match fold.condition.as_ref().map(|c| self.evaluate(c)).transpose()? {
            None => Ok(true),
            Some(Value::Bool(bool)) => Ok(bool),
            Some(other) => Err(Failure::no_overload("the condition of a macro", &[other])),
        }
    }

    /// `exists` when `decisive`, else `all`. An element that decides does so whatever fails for others.
    fn all_or_exists(&mut self, fold: &Fold, range: &Range, decisive: bool) -> Result<Value, Failure> {
        let mut failed = None;
        for at in 0..range.len() {
            self.step(fold, range, at)?;
            match self.holds(fold) {
                Ok(holds) if holds == decisive => return Ok(Value::Bool(decisive)),
                Ok(_) => {}
                Err(failure) if failure.is_final() => return Err(failure),
                Err(failure) => {
                    failed.get_or_insert(failure);
                }
            }
        }
        failed.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn transform_map(&mut self, fold: &Fold, range: &Range) -> Result<Value, Failure> {
        let mut entries = Vec::new();
        for at in 0..range.len() {
            self.step(fold, range, at)?;
            let Some(transform) = fold.transform.as_ref().filter(|_| fold.kind == FoldKind::TransformMap) else {
                if self.holds(fold)? {
                    self.transform_entry(fold, &mut entries)?;
                }
                continue;
            };
            if self.holds(fold)? {
                let value = self.evaluate(transform)?;
                // The body may have macros of its own, but never one that writes to this slot.
                let key = Key::of(self.local(fold.first)).unwrap_or(Key::Int(0));
                entries.push((key, value));
            }
        }
        map_of(entries)
    }

    fn transform_entry(&mut self, fold: &Fold, entries: &mut Vec<(Key, Value)>) -> Result<(), Failure> {
        let Some(transform) = &fold.transform else { return Ok(()) };
        match self.evaluate(transform)? {
            Value::Map(map) => {
                self.meter.charge(map.len() as u64)?;
                entries.extend(map.entries().iter().cloned());
                Ok(())
            }
            other => Err(Failure::no_overload("transformMapEntry", &[other])),
        }
    }

    pub(super) fn sort_by(&mut self, slot: usize, list: &Node, key: &Node) -> Result<Value, Failure> {
        let list = match self.evaluate(list)? {
            Value::List(list) => list,
            other => return Err(Failure::no_overload("sortBy", &[other])),
        };
        let mut keys = Vec::with_capacity(list.len());
        for element in list.iter() {
            self.meter.charge(1)?;
            self.locals[slot] = element.clone();
            keys.push(self.evaluate(key)?);
        }
        sort_by_keys(&list, &keys, self.meter)
    }
}
