//! `plimsoll policy`: files and clock for the pure crate `policy`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use intake::admission::folder;
use policy::check::{self, Content};
use policy::{PolicySet, Surroundings};
use policy::{output as forms, rules, trial};
use records::Timestamp;

use super::Outcome;
use crate::arguments::{Arguments, Format, PolicyCheckArguments, PolicyCommand};
use crate::{files, output};

pub(super) fn run(arguments: &Arguments, own: &PolicyCommand) -> Result<Outcome> {
    match own {
        PolicyCommand::Check(own) => check(arguments.format, own),
        PolicyCommand::Test { policies } => test(policies.as_deref()),
        PolicyCommand::Explain { policies, rule } => explain(policies.as_deref(), rule.as_deref()),
    }
}

fn now() -> Result<Timestamp> {
    Ok(Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())?)
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    output::quiet_when_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn check(format: Format, own: &PolicyCheckArguments) -> Result<Outcome> {
    if matches!(format, Format::Csv | Format::Parquet | Format::K8sAudit) {
        bail!("`policy check` prints as table, json, sarif or junit");
    }
    let now = now()?;
    let set = policies(own, now)?;
    let content = if own.review { Content::Reviews } else { Content::Manifests };
    let mut files = Vec::new();
    let mut surroundings = Surroundings::new();
    for file in files::manifests(&own.files)? {
        let bytes = files::read(&file);
        if let Ok(bytes) = &bytes {
            surroundings.add_file(bytes);
        }
        files.push((file.display().to_string(), bytes));
    }
    let circumstances = policy::Context::at(now).within(&surroundings);
    let mut checked = Vec::new();
    for (name, bytes) in files {
        let objects = match bytes {
            Ok(bytes) => check::file(&set, &name, &bytes, content, &circumstances),
            Err(error) => vec![check::not_read(&set, &name, format!("failed to read the file: {error}"))],
        };
        if objects.is_empty() {
            eprintln!("warning: {} holds no object", output::printable(&name));
        }
        checked.extend(objects);
    }
    if checked.is_empty() {
        bail!("the files hold no object, so that nothing was checked");
    }
    let text = match format {
        Format::Json => forms::json(&checked),
        Format::Sarif => forms::sarif(&checked, env!("CARGO_PKG_VERSION")),
        Format::Junit => forms::junit(&checked),
        _ => forms::table(&checked),
    };
    print(&text)?;
    match check::outcome(&checked) {
        check::Outcome::Error => bail!("not every object could be judged"),
        // What a policy that cannot be used would have denied is not known.
        _ if !set.faults().is_empty() => bail!("not every policy could be used"),
        check::Outcome::Denied => Ok(Outcome::Findings),
        check::Outcome::Good => Ok(Outcome::Good),
    }
}

/// The policies that were asked for, with what is wrong with them said on standard error.
fn policies(own: &PolicyCheckArguments, now: Timestamp) -> Result<PolicySet> {
    let files = match &own.policies {
        Some(folder) => folder::read(folder)?,
        None => Vec::new(),
    };
    let set = PolicySet::load(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let set = match (own.pod_security, &own.policies) {
        (Some(level), _) => set.with_pod_security(level),
        (None, Some(_)) => set,
        (None, None) => set.with_pod_security(DEFAULT_POD_SECURITY),
    };
    for fault in set.faults() {
        eprintln!("error: {}", output::printable(&fault.to_string()));
    }
    for (exception, standing) in set.not_in_force(now) {
        eprintln!("warning: the exception {} is not applied: {standing}", exception.name);
    }
    for (exception, named) in set.unknown_policies() {
        let named = output::printable(named);
        eprintln!("warning: the exception {} names {named}, which is no policy here", exception.name);
    }
    if set.is_empty() {
        bail!("there is no policy to check against");
    }
    Ok(set)
}

/// What is checked against when nothing is asked for.
const DEFAULT_POD_SECURITY: policy::pod_security::LevelVersion = policy::pod_security::LevelVersion {
    level: policy::pod_security::Level::Restricted,
    version: policy::pod_security::PolicyVersion::Latest,
};

/// The examples of the rules' pages, or those beside the policies of a folder.
fn test(folder: Option<&Path>) -> Result<Outcome> {
    let now = now()?;
    let trials: Vec<_> = match folder {
        None => rules::all().iter().flat_map(|rule| trial::page(rule, now)).collect(),
        Some(folder) => {
            let mut out = Vec::new();
            for (file, text) in folder::read(folder)? {
                let (good, bad) = (beside(&file, "good")?, beside(&file, "bad")?);
                out.extend(trial::examples((&file, &text), &borrowed(&good), &borrowed(&bad), now));
            }
            out
        }
    };
    print(&forms::trials(&trials))?;
    let failed = trials.iter().any(|trial| trial.failure.is_some());
    Ok(if failed { Outcome::Findings } else { Outcome::Good })
}

/// The file of examples beside a file of policies, in either spelling of its ending; none, when there is none.
fn beside(policies: &str, kind: &str) -> Result<Vec<(String, String)>> {
    let mut out = Vec::new();
    for end in ["yaml", "yml"] {
        let file = Path::new(policies).with_extension(format!("{kind}.{end}"));
        if file.is_file() {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(&file).with_context(|| format!("failed to read {name}"))?;
            out.push((name, text));
        }
    }
    Ok(out)
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

fn explain(policies: Option<&Path>, name: Option<&str>) -> Result<Outcome> {
    let Some(name) = name else {
        print(&forms::explain_list())?;
        return Ok(Outcome::Good);
    };
    let files = policies.map(folder::read).transpose()?;
    let set = files.map(|files| PolicySet::load(borrowed(&files)));
    let unknown = || format!("there is no rule or policy {name}; `plimsoll policy explain` lists the rules");
    print(&forms::explain(set.as_ref(), name).with_context(unknown)?)?;
    Ok(Outcome::Good)
}
