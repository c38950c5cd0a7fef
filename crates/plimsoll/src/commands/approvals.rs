//! `plimsoll approvals`.

use std::collections::BTreeSet;

use anyhow::Result;
use records::SourceClass;

use super::Outcome;
use super::handed_in::{Kind, take_in};
use crate::arguments::{ApprovalsCommand, ApprovalsImportArguments, Arguments};
use crate::output;

pub(super) fn run(arguments: &Arguments, own: &ApprovalsCommand) -> Result<Outcome> {
    match own {
        ApprovalsCommand::Import(own) => import(arguments, own),
    }
}

fn import(arguments: &Arguments, own: &ApprovalsImportArguments) -> Result<Outcome> {
    let kind = Kind {
        class: SourceClass::Approvals,
        what: "list of approvals",
        format: |_| "csv",
        read: normalize::approvals::read,
    };
    let (read_at, files) = take_in(&kind, &arguments.store, &own.source, &own.files)?;
    let rows: Vec<Vec<String>> = files
        .iter()
        .map(|file| {
            let approvals: BTreeSet<&str> = file.items.iter().map(|item| item.approval.as_str()).collect();
            let over = file.items.iter().filter(|item| item.until.is_some_and(|until| until <= read_at)).count();
            vec![file.shown.clone(), approvals.len().to_string(), file.items.len().to_string(), over.to_string()]
        })
        .collect();
    output::print_rows(arguments.format, &["file", "approvals", "lines", "lines that are over"], &rows)?;
    Ok(Outcome::Good)
}
