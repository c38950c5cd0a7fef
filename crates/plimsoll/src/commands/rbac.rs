//! `plimsoll rbac`.

use anyhow::Result;

use super::Outcome;
use crate::arguments::Arguments;
use crate::configuration::Configuration;
use crate::output;

pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    use std::io::Write;
    let kinds = Configuration::load(arguments.config.as_deref())?.kinds()?;
    output::quiet_when_closed(
        std::io::stdout().write_all(collect::rbac::rbac_manifest(&kinds, "plimsoll").as_bytes()),
    )?;
    Ok(Outcome::Good)
}
