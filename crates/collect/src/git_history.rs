//! All versions of all files of a local git repository, through the command `git`.
//!
//! Read only, and nothing that the repository configures is run: no hooks, no filters, no external differences, nothing is fetched.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Larger files are counted, not read: no person wrote them.
pub const LARGEST_FILE: u64 = 16 << 20;
/// Longest line of what git lists: a path may have 4,096 bytes.
const LONGEST_RECORD: u64 = 1 << 16;

/// One version of one file, when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// The first commit that has it, hexadecimal.
    pub commit: String,
    /// The path in the repository.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// How much of a history was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Commits, of all branches and tags, that brought or changed a file.
    pub commits: u64,
    /// Different contents of files.
    pub files: u64,
    /// Of these so many were too large to be read ([`LARGEST_FILE`]).
    pub too_large: u64,
}

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The command cannot be run.
    #[error("failed to run git")]
    Run(#[source] std::io::Error),
    /// The command failed.
    #[error("git says of {}: {message}", repository.display())]
    Failed {
        /// The repository.
        repository: PathBuf,
        /// The first line of its message.
        message: String,
    },
    /// The command said something that is not of its form.
    #[error("git listed something that cannot be read: {0}")]
    Form(&'static str),
}

/// Hands over every version of every file that any branch or tag of the repository has or had, each content once, with the first commit that has it,
/// oldest commits first, until `each` breaks off.
///
/// # Errors
/// [`GitError`] when git is not there or fails: the folder is no repository, or it is damaged.
pub fn git_history(
    repository: &Path,
    mut each: impl FnMut(FileVersion) -> ControlFlow<()>,
) -> Result<Extent, GitError> {
    let mut log = Running::start(
        repository,
        // With `-m` what only a merge brought is listed too; `--raw` lists contents and compares nothing.
        &[
            "log",
            "--all",
            "--reverse",
            "-m",
            "--raw",
            "-z",
            "--root",
            "--no-abbrev",
            "--no-renames",
            "--no-ext-diff",
            "--diff-filter=AMT",
            "--format=commit %H",
        ],
        Stdio::null(),
    )?;
    let mut contents = Running::start(repository, &["cat-file", "--batch"], Stdio::piped())?;
    let mut asking = contents.child.stdin.take().ok_or(GitError::Form("git has no input"))?;
    let mut extent = Extent::default();
    let mut seen: HashSet<String> = HashSet::new();
    let mut last_commit = String::new();
    while let Some(record) = log.record(0)? {
        // A commit's own record may be followed by a line break before the next colon.
        let record = record.trim_start_matches('\n');
        if let Some(commit) = record.strip_prefix("commit ") {
            let commit = commit.trim();
            if commit != last_commit {
                extent.commits += 1;
                commit.clone_into(&mut last_commit);
            }
            continue;
        }
        let Some(change) = record.strip_prefix(':') else { continue };
        let path = log.record(0)?.ok_or(GitError::Form("a change without a path"))?;
        let mut parts = change.split(' ').skip(1);
        let (Some(mode), Some(_), Some(content)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(GitError::Form("a change without its contents"));
        };
        // Regular files and symbolic links; what another repository has is not here.
        if !(mode.starts_with("100") || mode.starts_with("120")) || !seen.insert(content.to_owned()) {
            continue;
        }
        extent.files += 1;
        match contents.content(&mut asking, content)? {
            Some(bytes) => {
                if each(FileVersion { commit: last_commit.clone(), path, bytes }).is_break() {
                    return Ok(extent);
                }
            }
            None => extent.too_large += 1,
        }
    }
    log.end(repository)?;
    drop(asking);
    contents.end(repository)?;
    Ok(extent)
}

/// All branches, tags and other references, and what is checked out, each with its commit: one line for each.
///
/// # Errors
/// [`GitError`] when git is not there or fails.
pub(crate) fn tips(repository: &Path) -> Result<String, GitError> {
    // A repository without commits has none, which is no failure: only that it is one must be known.
    let mut known = Running::start(repository, &["rev-parse", "--git-dir"], Stdio::null())?;
    while known.record(b'\n')?.is_some() {}
    known.end(repository)?;
    let mut lines = String::new();
    let mut refs = Running::start(repository, &["show-ref", "--head"], Stdio::null())?;
    while let Some(line) = refs.record(b'\n')? {
        lines.push_str(&line);
        lines.push('\n');
    }
    match refs.end(repository) {
        Err(GitError::Failed { .. }) if lines.is_empty() => Ok(lines),
        ended => ended.map(|()| lines),
    }
}

/// A git that runs, with what it says.
struct Running {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Running {
    fn start(repository: &Path, arguments: &[&str], input: Stdio) -> Result<Self, GitError> {
        let mut child = Command::new("git")
            .args([
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.fsmonitor=false",
                "-c",
                "log.showSignature=false",
                "--no-replace-objects",
                "-C",
            ])
            .arg(repository)
            .args(arguments)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_PAGER", "cat")
            .env("LC_ALL", "C")
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::Run)?;
        let said = child.stdout.take().ok_or(GitError::Form("git has no output"))?;
        Ok(Self { child, said: BufReader::with_capacity(1 << 16, said) })
    }

    /// What comes before the next such byte; `None` at the end.
    fn record(&mut self, end: u8) -> Result<Option<String>, GitError> {
        let mut bytes = Vec::new();
        let read = (&mut self.said).take(LONGEST_RECORD).read_until(end, &mut bytes).map_err(GitError::Run)?;
        if read == 0 {
            return Ok(None);
        }
        if bytes.last() == Some(&end) {
            bytes.pop();
        } else if u64::try_from(read).unwrap_or(u64::MAX) >= LONGEST_RECORD {
            return Err(GitError::Form("a path that is too long"));
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// One content; `None` when it is too large.
    fn content(&mut self, asking: &mut ChildStdin, name: &str) -> Result<Option<Vec<u8>>, GitError> {
        writeln!(asking, "{name}").and_then(|()| asking.flush()).map_err(GitError::Run)?;
        let head = self.record(b'\n')?.ok_or(GitError::Form("a content that is not there"))?;
        let size: u64 = match head.rsplit_once(' ') {
            Some((before, size)) if before.ends_with(" blob") => {
                size.parse().map_err(|_| GitError::Form("a content without a size"))?
            }
            _ => return Err(GitError::Form("a content that is missing or no file")),
        };
        let mut content = (&mut self.said).take(size);
        let kept = if size <= LARGEST_FILE {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map_err(GitError::Run)?;
            Some(bytes)
        } else {
            std::io::copy(&mut content, &mut std::io::sink()).map_err(GitError::Run)?;
            None
        };
        let mut line_break = [0];
        self.said.read_exact(&mut line_break).map_err(GitError::Run)?;
        Ok(kept)
    }

    fn end(mut self, repository: &Path) -> Result<(), GitError> {
        let mut message = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = (&mut errors).take(4096).read_to_string(&mut message);
        }
        let status = self.child.wait().map_err(GitError::Run)?;
        if status.success() {
            return Ok(());
        }
        let message = message.lines().next().unwrap_or("it failed without a message").to_owned();
        Err(GitError::Failed { repository: repository.to_owned(), message })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After an error nobody reads on: git must not wait for it for ever. One that has ended cannot be stopped, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(dir: &Path, arguments: &[&str]) {
        let identity = [
            "-c",
            "user.name=n",
            "-c",
            "user.email=e@shop.test",
            "-c",
            "init.defaultBranch=main",
            "-c",
            "commit.gpgsign=false",
        ];
        let done = Command::new("git").args(identity).arg("-C").arg(dir).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    #[test]
    fn what_was_deleted_or_stands_on_another_branch_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
        git(dir, &["init", "-q"]);
        write("a.env", "A=1\n");
        write("line\nbreak é", "odd\n");
        git(dir, &["add", "."]);
        git(dir, &["commit", "-qm", "one"]);
        git(dir, &["rm", "-q", "a.env"]);
        git(dir, &["commit", "-qm", "two"]);
        git(dir, &["checkout", "-q", "-b", "side"]);
        write("b.env", "B=2\n");
        write("copy", "A=1\n");
        git(dir, &["add", "."]);
        git(dir, &["commit", "-qm", "three"]);
        git(dir, &["checkout", "-q", "main"]);
        write("large", &"x".repeat(usize::try_from(LARGEST_FILE).unwrap() + 1));
        write("empty", "");
        git(dir, &["add", "."]);
        git(dir, &["commit", "-qm", "four"]);
        let mut found = Vec::new();
        let extent = git_history(dir, |version| {
            found.push((version.path, String::from_utf8(version.bytes).unwrap()));
            ControlFlow::Continue(())
        })
        .unwrap();
        found.sort();
        let expected = [("a.env", "A=1\n"), ("b.env", "B=2\n"), ("empty", ""), ("line\nbreak é", "odd\n")];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
        assert_eq!(extent, Extent { commits: 3, files: 5, too_large: 1 });
        let mut seen = 0;
        git_history(dir, |_| {
            seen += 1;
            ControlFlow::Break(())
        })
        .unwrap();
        assert_eq!(seen, 1);
    }

    #[test]
    fn a_folder_that_is_no_repository_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = git_history(folder.path(), |_| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(error.contains("not a git repository"), "{error}");
    }
}
