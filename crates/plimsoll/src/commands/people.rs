//! `plimsoll people`.

use anyhow::Result;
use records::SourceClass;

use super::Outcome;
use super::handed_in::{Kind, take_in};
use crate::arguments::{Arguments, PeopleCommand, PeopleImportArguments};
use crate::output;

pub(super) fn run(arguments: &Arguments, own: &PeopleCommand) -> Result<Outcome> {
    match own {
        PeopleCommand::Import(own) => import(arguments, own),
    }
}

fn import(arguments: &Arguments, own: &PeopleImportArguments) -> Result<Outcome> {
    let kind = Kind {
        class: SourceClass::Identities,
        what: "list of people",
        format: |content| if content.trim_start().starts_with('{') { "scim" } else { "csv" },
        read: normalize::identities::read,
    };
    let (read_at, files) = take_in(&kind, &arguments.store, &own.source, &own.files)?;
    let rows: Vec<Vec<String>> = files
        .iter()
        .map(|file| {
            let left = file.items.iter().filter(|person| !person.works_at(read_at)).count();
            vec![file.shown.clone(), file.format.to_owned(), file.items.len().to_string(), left.to_string()]
        })
        .collect();
    output::print_rows(arguments.format, &["file", "format", "people", "who left"], &rows)?;
    Ok(Outcome::Good)
}
