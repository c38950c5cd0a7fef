//! `plimsoll query`.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result, ensure};
use controls::evidence::Extent;

use super::Outcome;
use crate::arguments::{Arguments, Format, QueryArguments};
use crate::configuration::Configuration;
use crate::{evaluation, evidence, output};

pub(super) fn run(arguments: &Arguments, own: &QueryArguments) -> Result<Outcome> {
    ensure!(
        arguments.format != Format::Parquet || !std::io::stdout().is_terminal(),
        "Parquet is not for a terminal; send it to a file: plimsoll query --format parquet ... > rows.parquet"
    );
    let configuration = Configuration::load(arguments.config.as_deref())?;
    let reader = evidence::open_reader(&arguments.store)?;
    let spinner = output::spinner("reading the tables");
    let batches = evidence::runtime()?.block_on(async {
        let session = evidence::session(&reader, Extent::Durable, evaluation::settings(&configuration)).await?;
        session.query(&own.sql).await.context("the query failed")
    })?;
    spinner.finish_and_clear();
    let form = match arguments.format {
        Format::Table | Format::K8sAudit | Format::CloudDescription | Format::ContainerLog => {
            controls::session::Format::Text
        }
        Format::Sarif | Format::Junit | Format::Dot | Format::Svg => {
            anyhow::bail!("rows have no such form; give --format table, csv, json or parquet")
        }
        Format::Csv => controls::session::Format::Csv,
        Format::Json => controls::session::Format::Json,
        Format::Parquet => controls::session::Format::Parquet,
    };
    let mut bytes = Vec::new();
    controls::session::write(form, &batches, &mut bytes)?;
    output::quiet_when_closed(std::io::stdout().write_all(&bytes))?;
    Ok(Outcome::Good)
}
