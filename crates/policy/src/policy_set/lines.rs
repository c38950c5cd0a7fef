//! The text of one document among those of a file.

use crate::manifest::Object;

/// The lines of a file.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Where each line begins.
    begins: Vec<usize>,
    /// A carriage return alone ends a line, too; a file with one has other numbers of lines than are counted here.
    counted_otherwise: bool,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let counted_otherwise = text.split('\r').skip(1).any(|rest| !rest.starts_with('\n'));
        Self { text, begins: std::iter::once(0).chain(after_breaks).collect(), counted_otherwise }
    }

    /// The text of an object from its first line to the end of its document, if it is a document of its own: not an item of a list, not
    /// JSON of which several can stand on a line, not on the line of the marker before it.
    pub(super) fn document(&self, object: &Object) -> Option<String> {
        if object.item || object.tree.column == 0 || self.counted_otherwise {
            return None;
        }
        let first = object.line.checked_sub(1)?;
        let begin = *self.begins.get(first)?;
        let line = |number: usize| {
            let end = self.begins.get(number + 1).copied().unwrap_or(self.text.len());
            self.begins.get(number).and_then(|begin| self.text.get(*begin..end))
        };
        if line(first)?.starts_with("---") {
            return None;
        }
        let is_marker = |text: &str| {
            let rest = text.strip_prefix("---").or_else(|| text.strip_prefix("..."));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        };
        let after = (first + 1..self.begins.len()).find(|number| line(*number).is_some_and(is_marker));
        let end = after.and_then(|number| self.begins.get(number)).copied().unwrap_or(self.text.len());
        self.text.get(begin..end).map(str::to_owned)
    }
}
