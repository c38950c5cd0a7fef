//! Rows under a header.

use crate::csv_file::List;

/// A rectangular list of texts: what a table, a CSV file and lines of JSON have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Names of the columns, in `snake_case`.
    pub header: Vec<&'static str>,
    /// The rows; each as long as the header.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Without rows.
    #[must_use]
    pub fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push<const N: usize>(&mut self, row: [String; N]) {
        self.rows.push(row.into());
    }

    /// As CSV (RFC 4180, a header line, line feeds), texts exactly as they are: for programs, not for spreadsheets.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut list = List::new(self.header.iter().copied());
        for row in &self.rows {
            list.push(row);
        }
        String::from_utf8(list.finish()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_needs_it() {
        let mut sheet = Sheet::new(&["src", "dst"]);
        sheet.push(["a/b[Deployment]".to_owned(), "x,\"y\"\nz".to_owned()]);
        assert_eq!(sheet.csv(), "src,dst\na/b[Deployment],\"x,\"\"y\"\"\nz\"\n");
    }
}
