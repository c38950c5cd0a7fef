//! What the auditor sees: lines on standard output, and what is being done on standard error while that is a terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The terminal.
pub(crate) struct Console {
    spinner: ProgressBar,
}

impl Console {
    pub(crate) fn new() -> Self {
        let spinner = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        spinner.set_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})").expect("it is a constant"));
        spinner.enable_steady_tick(Duration::from_millis(120));
        Self { spinner }
    }

    /// Says what is being done.
    pub(crate) fn doing(&self, what: impl Display) {
        self.spinner.set_message(what.to_string());
    }

    /// Prints a line. A reader that went away (`| head`) ends the output, not the check: its exit code still tells.
    pub(crate) fn line(&self, text: impl Display) -> io::Result<()> {
        let printed = self.spinner.suspend(|| writeln!(io::stdout(), "{text}"));
        match printed {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Takes the spinner away.
    pub(crate) fn end(&self) {
        self.spinner.finish_and_clear();
    }
}
