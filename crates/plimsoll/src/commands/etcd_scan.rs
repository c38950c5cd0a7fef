//! `plimsoll etcd-scan`.

use anyhow::{Context, Result, bail};
use collect::{Clock, EtcdAddress, EtcdScan, EtcdScanner, StoredResource};
use records::{SourceClass, SourceName};

use super::Outcome;
use crate::arguments::{Arguments, EtcdScanArguments, Format};
use crate::configuration::Configuration;
use crate::writer::Writer;
use crate::{evidence, output};

pub(super) fn run(arguments: &Arguments, own: &EtcdScanArguments) -> Result<Outcome> {
    if !matches!(arguments.format, Format::Table | Format::Csv | Format::Json) {
        bail!("`etcd-scan` prints as table, csv or json");
    }
    let url = own.endpoint.parse().with_context(|| format!("{:?} is not the address of an etcd", own.endpoint))?;
    let address = EtcdAddress {
        url,
        authority: own.authority.clone(),
        certificate: own.certificate.clone(),
        private_key: own.private_key.clone(),
    };
    let resources: Vec<StoredResource> =
        own.resources.iter().map(|text| text.parse()).collect::<Result<_, collect::kinds::GovernedKindError>>()?;
    // Before anything is read that is then put nowhere.
    let appending = own.append.then(|| source(arguments, own)).transpose()?;
    let spinner = output::spinner("reading how values begin");
    let scans = evidence::runtime()?.block_on(async {
        let scanner = EtcdScanner::new(&address, &own.prefix, Clock::new(evidence::now))?;
        let mut scans = Vec::new();
        for resource in &resources {
            scans.push(scanner.scan(resource).await.with_context(|| format!("failed to scan {}", resource.resource))?);
        }
        anyhow::Ok(scans)
    })?;
    if let Some((writer, source)) = appending {
        let entries = scans.iter().flat_map(EtcdScan::entries);
        let lines = entries.map(String::from_utf8).collect::<Result<Vec<_>, _>>()?;
        writer.append(&source, lines)?;
    }
    spinner.finish_and_clear();
    print(arguments.format, &scans)?;
    let clear = scans.iter().flat_map(|scan| &scan.objects).any(|o| o.form.provider.encrypted() != Some(true));
    Ok(if own.fail_on_findings && clear { Outcome::Findings } else { Outcome::Good })
}

/// The writer of the store, and the source that scans of this cluster go to.
fn source(arguments: &Arguments, own: &EtcdScanArguments) -> Result<(Writer, SourceName)> {
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let cluster = own.cluster.clone().or(configuration.cluster).unwrap_or_else(|| "cluster".to_owned());
    Ok((Writer::open(&arguments.store)?, SourceName::new(&cluster, SourceClass::Encryption, "etcd")?))
}

fn print(format: Format, scans: &[EtcdScan]) -> Result<()> {
    let header = ["resource", "namespace", "name", "provider", "encrypted", "key", "key id", "modified revision"];
    let mut rows = Vec::new();
    for scan in scans {
        for object in &scan.objects {
            let form = &object.form;
            let encrypted = match form.provider.encrypted() {
                Some(true) => "yes",
                Some(false) => "no",
                None => "unknown",
            };
            rows.push(vec![
                scan.resource.to_string(),
                object.namespace.clone().unwrap_or_default(),
                object.name.clone(),
                form.provider.as_str().to_owned(),
                encrypted.to_owned(),
                form.key_name.clone().unwrap_or_default(),
                form.key_id.clone().unwrap_or_default(),
                object.modified_revision.to_string(),
            ]);
        }
    }
    output::print_rows(format, &header, &rows)?;
    for scan in scans {
        let count = |wanted: Option<bool>| {
            scan.objects.iter().filter(|object| object.form.provider.encrypted() == wanted).count()
        };
        output::note(format_args!(
            "{}: {} objects at revision {}; {} encrypted, {} in the clear, {} of unknown form",
            scan.resource,
            scan.objects.len(),
            scan.revision,
            count(Some(true)),
            count(Some(false)),
            count(None)
        ));
    }
    Ok(())
}
