//! The guard: a small program beside each control plane that ends it when this process is gone, however it went.
//! The kernel closes the guard's input with this process, which needs no cleaning up on this side.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

struct Pipes {
    input: ChildStdin,
    answers: BufReader<ChildStdout>,
}

pub(super) struct Guard {
    child: Child,
    pipes: Mutex<Option<Pipes>>,
}

impl Guard {
    /// Starts the guard. `remove` is the folder that it removes at the end.
    pub(super) fn start(program: &Path, remove: Option<&Path>) -> Result<Self> {
        let mut command = Command::new(program);
        if let Some(folder) = remove {
            command.arg("-remove").arg(folder);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal is for this process alone, which then ends the others in order.
            .process_group(0)
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let pipes = child
            .stdin
            .take()
            .zip(child.stdout.take())
            .map(|(input, answers)| Pipes { input, answers: BufReader::new(answers) });
        Ok(Self { child, pipes: Mutex::new(pipes) })
    }

    pub(super) fn watch(&self, pid: u32) -> Result<()> {
        self.tell(&format!("watch {pid}"))
    }

    pub(super) fn forget(&self, pid: u32) -> Result<()> {
        self.tell(&format!("forget {pid}"))
    }

    pub(super) fn keep(&self) -> Result<()> {
        self.tell("keep")
    }

    fn tell(&self, line: &str) -> Result<()> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let pipes = pipes.as_mut().ok_or_else(|| anyhow!("the guard has been ended"))?;
        writeln!(pipes.input, "{line}").context("failed to write to the guard")?;
        let mut answer = String::new();
        pipes.answers.read_line(&mut answer).context("failed to read the guard's answer")?;
        if answer.trim_end() != "ok" {
            bail!("the guard refused `{line}`: {}", answer.trim_end());
        }
        Ok(())
    }

    /// Closes the guard's input and waits until it has ended what is left.
    pub(super) fn end(&mut self) {
        self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // It has bounds of its own and ends in any case.
        let _ = self.child.wait();
    }
}
