//! `plimsoll report`.

use anyhow::Result;

use super::Outcome;
use crate::arguments::{Arguments, ReportArguments};
use crate::configuration::Configuration;
use crate::evaluation::{self, Evaluated, Keep, Performed};
use crate::package::{MOST_ENTRY_PAGES, PackageWriter};
use crate::{credential_rules, evidence, guides, output};

pub(super) fn run(arguments: &Arguments, own: &ReportArguments) -> Result<Outcome> {
    let configuration = Configuration::load(arguments.config.as_deref())?;
    // Before the evaluation, which takes its time: a folder that cannot be used is said at once.
    evidence::require_store(&arguments.store)?;
    let mut package = PackageWriter::create(&own.out)?;
    let spinner = output::spinner("opening the store");
    let Performed { evaluated, reader } =
        evaluation::perform(arguments, &own.window, &configuration, Keep::AsEvidence, &spinner)?;
    spinner.set_message("gathering what the pages show");
    let Evaluated { result, session, catalogue } = &evaluated;
    let mut material = evidence::runtime()?.block_on(async {
        let mut material = portal::gather::material(&reader, session, catalogue, result).await?;
        portal::admission::add_decisions(session, result.window, &mut material.admission).await?;
        let declared = reports::network::Declared::of(&material.controls);
        for network in &mut material.network {
            portal::network::add_flows(session, result.window, &declared, network).await?;
        }
        for secrets in &mut material.secrets {
            portal::secrets::add_secrets(session, result.window, secrets).await?;
        }
        material.access = portal::access::material(session, &material).await?;
        anyhow::Ok(material)
    })?;
    material.admission.guides = guides::guides();
    spinner.set_message("copying the evidence");
    let sealed = evidence::open_reader(&arguments.store)?;
    package.copy_evidence(&arguments.store, &sealed)?;
    let settings = analysis::Settings {
        credential_search: credential_rules::of_store(&arguments.store)?,
        ..evaluation::settings(&configuration)
    };
    package.add_inputs(&evaluated, &settings)?;
    spinner.set_message("rendering the pages");
    let (files, without_page) = package.render(&sealed, &material)?;
    spinner.finish_and_clear();
    output::say(format_args!(
        "wrote {files} files to {}; begin with index.html, verify with VERIFY.md",
        own.out.display()
    ))?;
    if without_page > 0 {
        output::say(format_args!(
            "{without_page} of the entries that results rest on have no page of their own (the bound is {MOST_ENTRY_PAGES}); \
             their bytes are in the package's segments, and `plimsoll-auditor prove` prints each"
        ))?;
    }
    Ok(Outcome::Good)
}
