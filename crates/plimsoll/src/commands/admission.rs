//! `plimsoll admission`.

use std::io::Write;

use anyhow::{Result, ensure};
use intake::admission::manifest::{Address, FailurePolicy, ManifestOptions, manifest};

use super::Outcome;
use crate::arguments::{AdmissionCommand, AdmissionManifestArguments};
use crate::{certificates, output};

pub(super) fn run(own: &AdmissionCommand) -> Result<Outcome> {
    let AdmissionCommand::Manifest(own) = own;
    let text = manifest(&options(own)?);
    output::quiet_when_closed(std::io::stdout().write_all(text.as_bytes()))?;
    Ok(Outcome::Good)
}

fn options(own: &AdmissionManifestArguments) -> Result<ManifestOptions> {
    let authority = certificates::pem(&certificates::chain(&own.authority)?).into_bytes();
    // They are put into YAML as they are.
    let plain = |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    ensure!(plain(&own.namespace, "-") && !own.namespace.is_empty(), "--namespace {:?} is no name", own.namespace);
    ensure!(plain(&own.name, "-.") && !own.name.is_empty(), "--name {:?} is no name", own.name);
    let address = match &own.url {
        Some(url) => {
            ensure!(url.starts_with("https://") && plain(url, "-._:/[]~%"), "--url {url:?} is not https://HOST:PORT");
            Address::Url(url.clone())
        }
        None => Address::Service,
    };
    Ok(ManifestOptions {
        webhook: own.name.clone(),
        namespace: own.namespace.clone(),
        address,
        authority,
        failure_policy: if own.fail_open { FailurePolicy::Ignore } else { FailurePolicy::Fail },
        timeout_seconds: own.timeout,
        all_resources: own.all_resources,
        from_disk: own.from_disk,
    })
}
