//! `plimsoll report`.

use anyhow::Result;

use super::Outcome;
use crate::arguments::{Arguments, ReportArguments};
use crate::configuration::Configuration;
use crate::package::{MOST_ENTRY_PAGES, PackageWriter};
use crate::writer::Writer;
use crate::{evaluation, evidence, output};

pub(super) fn run(arguments: &Arguments, own: &ReportArguments) -> Result<Outcome> {
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let window = evaluation::window(&own.window)?;
    evidence::open_reader(&arguments.store)?;
    let mut package = PackageWriter::create(&own.out)?;
    let spinner = output::spinner("sealing what is not sealed yet");
    let writer = Writer::open(&arguments.store)?;
    writer.seal()?;
    let reader = evidence::open_reader(&arguments.store)?;
    spinner.set_message("evaluating");
    let runtime = evidence::runtime()?;
    let (evaluated, material) = runtime.block_on(async {
        let catalogue = evaluation::catalogue(own.window.catalogue.as_deref()).await?;
        let evaluated = evaluation::evaluate(&reader, &configuration, catalogue, window, &own.window.controls).await?;
        let material =
            portal::gather::material(&reader, &evaluated.session, &evaluated.catalogue, &evaluated.result).await?;
        anyhow::Ok((evaluated, material))
    })?;
    // The result becomes evidence before it is handed out, so that the package can show that it was not made up later.
    writer.append(&evaluation::source(), evaluated.result.lines().collect())?;
    writer.seal()?;
    spinner.set_message("copying the evidence");
    let sealed = evidence::open_reader(&arguments.store)?;
    package.copy_evidence(&arguments.store, &sealed)?;
    package.add_inputs(&evaluated, &evaluation::settings(&configuration))?;
    spinner.set_message("rendering the pages");
    let (files, without_page) = package.render(&sealed, &material)?;
    spinner.finish_and_clear();
    println!("wrote {files} files to {}; begin with index.html, verify with VERIFY.md", own.out.display());
    if without_page > 0 {
        println!(
            "{without_page} of the entries that results rest on have no page of their own (the bound is {MOST_ENTRY_PAGES}); \
             their bytes are in the package's segments, and `plimsoll-auditor prove` prints each"
        );
    }
    Ok(Outcome::Good)
}
