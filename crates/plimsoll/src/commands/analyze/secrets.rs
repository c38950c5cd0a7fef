//! `plimsoll analyze secrets`.

use std::ops::ControlFlow;

use analysis::plaintext::in_snapshot;
use analysis::secrets::of_snapshot;
use anyhow::{Context, Result, bail, ensure};
use collect::git_history::git_history;
use plaintext::{Findings, Key};
use reports::analysis::plaintext::{self as forms, Credential};
use reports::analysis::secrets as kept_forms;
use store::layout;

use super::{Answer, Outcome, print, source};
use crate::arguments::{Arguments, SecretsArguments, SecretsView};
use crate::{credential_rules, evidence, files, output};

pub(super) fn run(arguments: &Arguments, own: &SecretsArguments) -> Result<Outcome> {
    if own.view == SecretsView::Kept {
        ensure!(own.git.is_empty() && own.rules.is_empty(), "--git and --rules are of --view plaintext");
        let kept = of_snapshot(&source::read(arguments, &own.source)?.snapshot);
        let findings = Some((kept_forms::rules(), kept_forms::findings(&kept)));
        return print(arguments.format, &Answer { sheet: kept_forms::secrets(&kept), findings, graph: None }, own.fail);
    }
    let key = key(arguments)?;
    let search = if own.rules.is_empty() {
        // Without rules of its own, a question about what a store holds is asked by the rules of that store.
        credential_rules::of_store(&arguments.store)?
    } else {
        credential_rules::given(&own.rules, own.only_these_rules)?
    };
    let mut found = Found::default();
    if !own.source.manifests.is_empty() {
        // Text is looked through as it stands, so that a file need not be a manifest.
        for path in files::all(&own.source.manifests)? {
            let name = path.display().to_string();
            let bytes = files::read(&path).with_context(|| format!("failed to read {name}"))?;
            ensure!(
                bytes.len() <= policy::manifest::MAX_FILE_BYTES,
                "{name} is larger than {} MiB; leave it out, or look through parts of it",
                policy::manifest::MAX_FILE_BYTES >> 20
            );
            found.add(&name, search.file(&name, &bytes, Some(&key)));
        }
    } else if own.git.is_empty() || own.source.kubeconfig.is_some() || own.source.at.is_some() {
        for one in in_snapshot(&source::read(arguments, &own.source)?.snapshot, &search, Some(&key)) {
            found.add(&one.object, one.findings);
        }
    }
    for repository in &own.git {
        let spinner = output::spinner("reading the history of the repository");
        let extent = git_history(repository, |version| {
            let name = format!("{}@{}", version.path, version.commit);
            found.add(&name, search.file(&version.path, &version.bytes, Some(&key)));
            ControlFlow::Continue(())
        })
        .context("the history of the repository cannot be read")?;
        spinner.finish_and_clear();
        output::note(format_args!(
            "{}: {} commits, {} versions of files, {} of them too large to be looked through",
            repository.display(),
            extent.commits,
            extent.files,
            extent.too_large
        ));
    }
    found.print(arguments, own.fail)
}

/// The key of the digests: the store's own where there is one, so that they compare with those in its tables; else one that is made for this
/// answer, within which equal digests mean equal values.
fn key(arguments: &Arguments) -> Result<Key> {
    if arguments.store.join(layout::REDACTION_KEY).is_file() {
        return Ok(Key::new(evidence::secret(&arguments.store, layout::REDACTION_KEY)?));
    }
    let mut bytes = [0; 32];
    if getrandom::fill(&mut bytes).is_err() {
        bail!("the operating system gives no randomness");
    }
    Ok(Key::new(bytes))
}

/// What was found so far.
#[derive(Default)]
struct Found {
    credentials: Vec<Credential>,
    more: u64,
    bounded: usize,
}

impl Found {
    fn add(&mut self, file: &str, findings: Findings) {
        self.more += findings.more;
        self.bounded += usize::from(findings.bounded);
        self.credentials.extend(findings.found.into_iter().map(|finding| Credential {
            file: file.to_owned(),
            document: finding.document,
            line: finding.line,
            path: finding.path,
            kind: finding.kind.into_owned(),
            digest: finding.digest.map(|digest| digest.to_string()),
        }));
    }

    fn print(self, arguments: &Arguments, fail: bool) -> Result<Outcome> {
        if self.more > 0 {
            output::note(format_args!("warning: {} more were found than are told", self.more));
        }
        if self.bounded > 0 {
            output::note(format_args!("warning: parts of {} inputs nest too deep to be looked through", self.bounded));
        }
        let findings = Some((forms::rules(&self.credentials), forms::findings(&self.credentials)));
        let answer = Answer { sheet: forms::sheet(&self.credentials), findings, graph: None };
        print(arguments.format, &answer, fail)
    }
}
