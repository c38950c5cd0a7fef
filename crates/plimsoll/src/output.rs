//! What people see on the terminal: tables, CSV, JSON, errors with their causes, progress.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Format;

pub(crate) use policy::output::printable;

/// Logs go to standard error; `RUST_LOG` decides over the flag.
pub(crate) fn start_logging(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Prints an error and its causes, one a line. A cause that the line before quotes is not said again.
pub(crate) fn print_error(error: &anyhow::Error) {
    note(format_args!("error: {error}"));
    let mut before = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !before.contains(&cause) {
            note(format_args!("  because: {cause}"));
        }
        before = cause;
    }
}

/// Prints a line beside the result. Nobody is left to be told when this fails.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints a line of the result.
pub(crate) fn say(text: impl Display) -> Result<()> {
    quiet_when_closed(writeln!(std::io::stdout(), "{text}"))
}

/// Prints rows of text under a header, in the form asked for. Standard output closing early is no error.
pub(crate) fn print_rows(format: Format, header: &[&str], rows: &[Vec<String>]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let result = match format {
        Format::Table | Format::Parquet | Format::K8sAudit | Format::CloudDescription | Format::ContainerLog => {
            let mut table = comfy_table::Table::new();
            table.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
            // For a person lines are folded to the terminal's width; a program gets each row whole.
            if let Some((_, columns)) = console::Term::stdout().size_checked() {
                table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(columns);
            } else {
                table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
            }
            table.set_header(header.iter().copied());
            for row in rows {
                table.add_row(row.iter().map(|cell| printable(cell)));
            }
            writeln!(out, "{table}")
        }
        Format::Sarif | Format::Junit | Format::Dot | Format::Svg => {
            anyhow::bail!("this has no such form; give --format table, csv or json")
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(&mut out);
            writer.write_record(header)?;
            for row in rows {
                writer.write_record(row)?;
            }
            writer.flush()
        }
        Format::Json => rows.iter().try_for_each(|row| {
            let object: serde_json::Map<String, serde_json::Value> =
                header.iter().map(|h| (*h).to_owned()).zip(row.iter().map(|c| c.clone().into())).collect();
            writeln!(out, "{}", serde_json::Value::Object(object))
        }),
    };
    quiet_when_closed(result)
}

/// A reader that went away (`| head`) ends the output, not the program.
pub(crate) fn quiet_when_closed(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// A spinner on standard error for work that may take over a second; silent when nobody watches.
pub(crate) fn spinner(text: &str) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("the template is a constant"));
    bar.set_message(text.to_owned());
    bar.enable_steady_tick(std::time::Duration::from_millis(120));
    bar
}
