//! `plimsoll admission`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use intake::admission::manifest::{Address, FailurePolicy, ManifestOptions, manifest};

use super::{Outcome, probe};
use crate::arguments::{AdmissionCommand, AdmissionManifestArguments, Arguments};
use crate::{certificates, output};

pub(super) fn run(arguments: &Arguments, own: &AdmissionCommand) -> Result<Outcome> {
    match own {
        AdmissionCommand::Manifest(own) => print_manifest(own),
        AdmissionCommand::Probe(own) => probe::run(arguments, own),
    }
}

fn print_manifest(own: &AdmissionManifestArguments) -> Result<Outcome> {
    let text = if own.exceptions_definition {
        policy::exception::DEFINITION.to_owned()
    } else if let Some(place) = &own.as_policies {
        as_policies(place, &own.namespace)?
    } else {
        manifest(&options(own)?)
    };
    output::quiet_when_closed(std::io::stdout().write_all(text.as_bytes()))?;
    Ok(Outcome::Good)
}

fn options(own: &AdmissionManifestArguments) -> Result<ManifestOptions> {
    let authority = match (&own.authority, own.self_managed) {
        (Some(file), false) => Some(certificates::pem(&certificates::chain(file)?).into_bytes()),
        (None, true) => None,
        _ => bail!("give either --authority or --self-managed"),
    };
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

/// The policies there in Kubernetes' form, YAML, with what is left out as comments and as notes.
fn as_policies(place: &Path, namespace: &str) -> Result<String> {
    let files = intake::admission::folder::read(place)?;
    let set = policy::PolicySet::load(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    if let Some(fault) = set.faults().first() {
        bail!("{fault}; nothing is printed of a set with faults");
    }
    let spoken = policy::admission_policies::of_set(&set, &[namespace.to_owned(), "kube-system".to_owned()]);
    let mut text = String::new();
    for (name, why) in &spoken.left_out {
        output::note(format_args!("left out: {name}: {why}"));
        text.push_str(&format!("# left out: {name}: {why}\n"));
    }
    if set.policy_count() > set.policies().len() {
        output::note("policies that are in Kubernetes' or others' form are not printed again");
    }
    for object in &spoken.objects {
        text.push_str("---\n");
        text.push_str(&serde_yaml_ng::to_string(object).context("failed to write YAML")?);
    }
    Ok(text)
}
