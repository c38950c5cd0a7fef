//! `plimsoll analyze workloads`.

use analysis::workloads::posture;
use anyhow::Result;
use reports::analysis::workloads as forms;

use super::{Answer, Outcome, print, source};
use crate::arguments::{Arguments, WorkloadsArguments};
use crate::evidence;

pub(super) fn run(arguments: &Arguments, own: &WorkloadsArguments) -> Result<Outcome> {
    let snapshot = source::read(arguments, &own.source)?.snapshot;
    let rows = posture(&snapshot, own.source.at.unwrap_or_else(evidence::now));
    let answer =
        Answer { sheet: forms::sheet(&rows), findings: Some((forms::rules(), forms::findings(&rows))), graph: None };
    print(arguments.format, &answer, own.fail)
}
