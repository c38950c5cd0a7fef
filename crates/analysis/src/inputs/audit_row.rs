//! Rows of `audit_events` with no more columns than are looked at: there may be millions of them.

/// Defines a struct of some columns of `audit_events`: its fields are named as the columns, where they are documented, and it reads them in the
/// order of its `COLUMNS`.
///
/// Kinds: `text`, `optional_text`, `time`, `optional_time`, `optional_integer`, `optional_boolean`, as the table has them.
macro_rules! audit_row {
    ($(#[doc = $doc:literal])+ $name:ident { $($column:ident: $kind:ident),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name<'r> {
            /// Where the event's evidence is.
            pub provenance: records::table::Provenance<'r>,
            $(
                #[doc = concat!("`", stringify!($column), "`.")]
                pub $column: $crate::inputs::audit_row::audit_row!(@type 'r $kind),
            )+
        }

        impl<'r> $name<'r> {
            /// The columns of `audit_events` that it is made of, in the order in which [`Self::read`] expects them.
            pub const COLUMNS: &'static [&'static str] =
                &["cluster", "source", "segment", "seq", "normaliser_version", $(stringify!($column)),+];

            /// Reads a row that has the columns of [`Self::COLUMNS`].
            ///
            /// # Errors
            /// [`records::ReadRowError`] when a column that may not be null is.
            pub fn read(reader: &impl records::RowReader<'r>) -> Result<Self, records::ReadRowError> {
                let missing = |column: usize| records::ReadRowError {
                    table: "audit_events",
                    column: Self::COLUMNS.get(column).copied().unwrap_or_default(),
                };
                let text = |column: usize| reader.text(column).map(std::borrow::Cow::Borrowed);
                let integer = |column: usize| reader.integer(column).ok_or_else(|| missing(column));
                let provenance = records::table::Provenance {
                    cluster: text(0).ok_or_else(|| missing(0))?,
                    source: text(1).ok_or_else(|| missing(1))?,
                    segment: integer(2)?,
                    seq: integer(3)?,
                    normaliser_version: integer(4)?,
                };
                let mut next = 5..;
                Ok(Self {
                    provenance,
                    $($column: {
                        let column = next.next().unwrap_or_default();
                        $crate::inputs::audit_row::audit_row!(@read reader, missing, column, $kind)
                    },)+
                })
            }
        }

        impl<'r> From<records::tables::audit::AuditEvent<'r>> for $name<'r> {
            fn from(event: records::tables::audit::AuditEvent<'r>) -> Self {
                Self { provenance: event.provenance, $($column: event.$column,)+ }
            }
        }
    };
    (@type $r:lifetime text) => { std::borrow::Cow<$r, str> };
    (@type $r:lifetime optional_text) => { Option<std::borrow::Cow<$r, str>> };
    (@type $r:lifetime time) => { records::Timestamp };
    (@type $r:lifetime optional_time) => { Option<records::Timestamp> };
    (@type $r:lifetime optional_integer) => { Option<i64> };
    (@type $r:lifetime optional_boolean) => { Option<bool> };
    (@read $reader:ident, $missing:ident, $column:ident, text) => {
        $reader.text($column).map(std::borrow::Cow::Borrowed).ok_or_else(|| $missing($column))?
    };
    (@read $reader:ident, $missing:ident, $column:ident, optional_text) => {
        $reader.text($column).map(std::borrow::Cow::Borrowed)
    };
    (@read $reader:ident, $missing:ident, $column:ident, time) => {
        $reader.time($column).ok_or_else(|| $missing($column))?
    };
    (@read $reader:ident, $missing:ident, $column:ident, optional_time) => { $reader.time($column) };
    (@read $reader:ident, $missing:ident, $column:ident, optional_integer) => { $reader.integer($column) };
    (@read $reader:ident, $missing:ident, $column:ident, optional_boolean) => { $reader.boolean($column) };
}
pub(crate) use audit_row;

#[cfg(test)]
mod tests {
    use records::tables::audit::AuditEvent;
    use records::{Row as _, RowReader, Timestamp};

    use crate::{GuardedEvent, WriteEvent};

    /// A row whose value in each column tells the column's name.
    struct Named {
        columns: Vec<&'static str>,
    }

    impl RowReader<'static> for Named {
        fn text(&self, column: usize) -> Option<&'static str> {
            Some(self.columns[column])
        }

        fn integer(&self, column: usize) -> Option<i64> {
            i64::try_from(self.columns[column].len()).ok()
        }

        fn boolean(&self, column: usize) -> Option<bool> {
            Some(self.columns[column] == "dry_run")
        }

        fn time(&self, column: usize) -> Option<Timestamp> {
            Timestamp::from_micros(i64::try_from(self.columns[column].len()).ok()?).ok()
        }
    }

    #[test]
    fn rows_are_the_columns_of_the_same_names() {
        let all = Named { columns: AuditEvent::TABLE.columns.iter().map(|column| column.name).collect() };
        let whole = AuditEvent::read(&all).unwrap();
        let write = Named { columns: WriteEvent::COLUMNS.to_vec() };
        assert_eq!(WriteEvent::read(&write).unwrap(), whole.clone().into());
        let guarded = Named { columns: GuardedEvent::COLUMNS.to_vec() };
        assert_eq!(GuardedEvent::read(&guarded).unwrap(), whole.into());
    }
}
