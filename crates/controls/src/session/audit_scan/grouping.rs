//! Rows that have the same texts in some columns, brought together: a row is as many small numbers as there are columns, and each text is held once.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use ahash::HashMap;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;

use super::wanted::{another_type, column};

/// Stands for a null, and for a text that is not told apart.
const NONE: u32 = 0;

/// Texts with their numbers, which begin at 1.
#[derive(Debug, Clone, Default)]
struct Texts {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        // There are fewer groups than this by far before memory ends.
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text, number);
        number
    }

    fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(usize::try_from(number).ok()?.checked_sub(1)?).map(|text| &**text)
    }
}

/// Each text counts as it is.
pub(super) fn as_it_is(text: &str) -> Option<&str> {
    Some(text)
}

/// What is counted of a group.
pub(super) trait Counted: Clone {
    /// That of both.
    fn and(&mut self, other: &Self);
}

/// Groups by the texts of `N` columns.
#[derive(Debug, Clone)]
pub(super) struct Grouping<const N: usize, C> {
    texts: [Texts; N],
    groups: HashMap<[u32; N], C>,
}

impl<const N: usize, C> Default for Grouping<N, C> {
    fn default() -> Self {
        Self { texts: std::array::from_fn(|_| Texts::default()), groups: HashMap::default() }
    }
}

impl<const N: usize, C: Counted> Grouping<N, C> {
    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// For each of these rows of a batch the number of its text in a column; `of` tells which text counts for one that is there, or none. Texts of other
    /// rows are not held.
    ///
    /// # Errors
    /// [`ArrowError`] when the batch has no such column, or one of no texts.
    pub(super) fn numbers(
        &mut self,
        position: usize,
        batch: &RecordBatch,
        name: &str,
        rows: &[usize],
        of: impl for<'t> Fn(&'t str) -> Option<&'t str>,
    ) -> Result<Vec<u32>, ArrowError> {
        let array = column(batch, name)?;
        let texts = self.texts.get_mut(position).ok_or_else(|| another_type(name))?;
        let mut number = |text: &str| of(text).map_or(NONE, |text| texts.number(text));
        if let Some(plain) = array.as_string_opt::<i32>() {
            let of_row = |row: &usize| if plain.is_valid(*row) { number(plain.value(*row)) } else { NONE };
            return Ok(rows.iter().map(of_row).collect());
        }
        let dictionary = array.as_dictionary_opt::<Int32Type>().ok_or_else(|| another_type(name))?;
        let values = dictionary.values().as_string_opt::<i32>().ok_or_else(|| another_type(name))?;
        let mut by_key: Vec<Option<u32>> = vec![None; values.len()];
        let of_row = |row: &usize| {
            let key = dictionary.key(*row).filter(|key| values.is_valid(*key));
            let Some((known, key)) = key.and_then(|key| Some((by_key.get_mut(key)?, key))) else { return NONE };
            *known.get_or_insert_with(|| number(values.value(key)))
        };
        Ok(rows.iter().map(of_row).collect())
    }

    /// Counts one more of a group.
    pub(super) fn add(&mut self, key: [u32; N], counted: C) {
        match self.groups.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().and(&counted),
            Entry::Vacant(free) => drop(free.insert(counted)),
        }
    }

    /// Takes in all groups of another.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut translations: [Vec<u32>; N] = std::array::from_fn(|_| vec![NONE]);
        for ((own, of_other), translation) in self.texts.iter_mut().zip(&other.texts).zip(&mut translations) {
            translation.extend(of_other.texts.iter().map(|text| own.number(text)));
        }
        for (key, counted) in &other.groups {
            let mut own = [NONE; N];
            for ((own, number), translation) in own.iter_mut().zip(key).zip(&translations) {
                *own =
                    usize::try_from(*number).ok().and_then(|number| translation.get(number)).copied().unwrap_or(NONE);
            }
            self.add(own, counted.clone());
        }
    }

    /// The groups, each with its texts and what was counted, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = ([Option<&str>; N], &C)> {
        self.groups.iter().map(|(key, counted)| {
            let mut texts = [None; N];
            for ((text, number), column) in texts.iter_mut().zip(key).zip(&self.texts) {
                *text = column.text(*number);
            }
            (texts, counted)
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, DictionaryArray, StringArray};

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Rows(usize);

    impl Counted for Rows {
        fn and(&mut self, other: &Self) {
            self.0 += other.0;
        }
    }

    fn of(arrays: [ArrayRef; 2]) -> Grouping<2, Rows> {
        let batch = RecordBatch::try_from_iter(["a", "b"].into_iter().zip(arrays)).unwrap();
        let mut grouping = Grouping::default();
        let rows: Vec<usize> = (0..batch.num_rows()).collect();
        let a = grouping.numbers(0, &batch, "a", &rows, as_it_is).unwrap();
        let b = grouping.numbers(1, &batch, "b", &rows, |text| (text != "any").then_some(text)).unwrap();
        a.into_iter().zip(b).for_each(|(a, b)| grouping.add([a, b], Rows(1)));
        grouping
    }

    fn shown(grouping: &Grouping<2, Rows>) -> Vec<(Option<&str>, Option<&str>, usize)> {
        let mut all: Vec<_> = grouping.iter().map(|([a, b], rows)| (a, b, rows.0)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn rows_come_together_by_their_texts_whatever_holds_these() {
        let plain = |texts: &[Option<&str>]| -> ArrayRef { Arc::new(texts.iter().copied().collect::<StringArray>()) };
        let first = of([
            plain(&[Some("x"), None, Some("x"), Some("")]),
            Arc::new([Some("any"), Some("p"), None, Some("p")].into_iter().collect::<DictionaryArray<Int32Type>>()),
        ]);
        let expected = [(None, Some("p"), 1), (Some(""), Some("p"), 1), (Some("x"), None, 2)];
        assert_eq!(shown(&first), expected);
        let mut both = of([plain(&[Some("y"), Some("x")]), plain(&[Some("q"), None])]);
        both.merge(&first);
        let expected =
            [(None, Some("p"), 1), (Some(""), Some("p"), 1), (Some("x"), None, 3), (Some("y"), Some("q"), 1)];
        assert_eq!(shown(&both), expected);
        assert_eq!(both.len(), 4);
    }

    #[test]
    fn a_column_of_numbers_is_refused() {
        let batch = RecordBatch::try_from_iter([("a", Arc::new(arrow::array::Int64Array::from(vec![1])) as ArrayRef)]);
        let mut grouping: Grouping<1, Rows> = Grouping::default();
        assert!(grouping.numbers(0, &batch.unwrap(), "a", &[0], as_it_is).is_err());
    }
}
