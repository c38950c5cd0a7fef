//! `plimsoll network-probe`.

use std::io::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context as _, Result};
use collect::network_probe::{
    ALLOWED_PORT, EGRESS_DENIED_PORT, INGRESS_DENIED_PORT, Patience, TERMINATION_MESSAGE, checks, leave_message,
    manifest, run as try_out, serve, simulated,
};

use super::Outcome;
use crate::arguments::NetworkProbeCommand;
use crate::output;

pub(super) fn run(command: &NetworkProbeCommand) -> Result<Outcome> {
    match command {
        NetworkProbeCommand::Manifest { namespace, image } => {
            output::quiet_when_closed(std::io::stdout().write_all(manifest(namespace, image).as_bytes()))?;
        }
        NetworkProbeCommand::Run { host, simulate } => {
            let checks = checks(host);
            let result = if *simulate { simulated(&checks) } else { try_out(&checks, Patience::default()) };
            leave_message(&result, Path::new(TERMINATION_MESSAGE))
                .context("failed to leave the result as termination message")?;
            output::quiet_when_closed(writeln!(std::io::stdout(), "{}", result.line()))?;
            if !result.is_good() {
                return Ok(Outcome::Findings);
            }
        }
        NetworkProbeCommand::Serve => {
            // The unspecified address of IPv6 takes connections of both families.
            let ports = [ALLOWED_PORT, INGRESS_DENIED_PORT, EGRESS_DENIED_PORT];
            serve(IpAddr::V6(Ipv6Addr::UNSPECIFIED), &ports).context("failed to listen")?;
        }
    }
    Ok(Outcome::Good)
}
