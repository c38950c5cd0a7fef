//! `plimsoll rbac`.

use anyhow::Result;

use super::Outcome;
use crate::output;

pub(super) fn run() -> Result<Outcome> {
    use std::io::Write;
    output::quiet_when_closed(
        std::io::stdout()
            .write_all(collect::rbac::rbac_manifest(&collect::kinds::default_kinds(), "plimsoll").as_bytes()),
    )?;
    Ok(Outcome::Good)
}
