//! Rules by which credentials are searched for: given on the command line or in the configuration, and kept beside the store.
//!
//! Tables are made from entries by these rules, so every command that makes or reads tables of a store must know those in force, whatever
//! configuration it is given: `plimsoll run` writes them into the store's folder when it starts, and all others read them there.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use plaintext::{GivenRules, RuleFile, Search};
use store::layout;

use crate::output;

/// Largest file of rules.
const MOST_BYTES: u64 = 4 << 20;

/// Reads files of rules. Rules that cannot be used are told on standard error; what makes a whole file useless is an error.
pub(crate) fn given(files: &[PathBuf], instead: bool) -> Result<Search> {
    let read = |path: &PathBuf| -> Result<RuleFile> {
        let name = path.display().to_string();
        let failed = || format!("failed to read the file of rules {name}");
        let size = std::fs::metadata(path).with_context(failed)?.len();
        ensure!(size <= MOST_BYTES, "the file of rules {name} is larger than {} MiB", MOST_BYTES >> 20);
        Ok(RuleFile { text: std::fs::read_to_string(path).with_context(failed)?, name })
    };
    let files = files.iter().map(read).collect::<Result<Vec<_>>>()?;
    let (search, left_out) = Search::given(GivenRules { files, instead })?;
    for rule in left_out {
        output::note(format_args!("warning: {}", output::printable(&rule.to_string())));
    }
    Ok(search)
}

/// The rules of the store in this folder: the standard ones where it keeps none.
pub(crate) fn of_store(dir: &Path) -> Result<Search> {
    // Making a search takes some tenths of a second, and the portal opens a session again and again.
    static LAST: Mutex<Option<Search>> = Mutex::new(None);
    let path = dir.join(layout::CREDENTIAL_RULES);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Search::default()),
        Err(error) => return Err(error).with_context(|| format!("failed to read {}", path.display())),
    };
    let invalid = || format!("{} is not valid; `plimsoll run` writes it anew from the configuration", path.display());
    let rules: GivenRules = serde_json::from_slice(&bytes).with_context(invalid)?;
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(search) = last.as_ref().filter(|search| search.rules() == Some(&rules)) {
        return Ok(search.clone());
    }
    let (search, _) = Search::given(rules).with_context(invalid)?;
    *last = Some(search.clone());
    Ok(search)
}

/// Writes the rules in force into the folder of the store, or takes the file away when they are the standard ones.
pub(crate) fn keep(dir: &Path, search: &Search) -> Result<()> {
    let path = dir.join(layout::CREDENTIAL_RULES);
    let failed = || format!("failed to write {}", path.display());
    let Some(rules) = search.rules() else {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_context(failed),
            _ => Ok(()),
        };
    };
    let partial = path.with_extension("json.partial");
    std::fs::write(&partial, serde_json::to_vec(rules)?).with_context(failed)?;
    std::fs::rename(&partial, &path).with_context(failed)
}

/// The number of the projection with these rules: tables that were made by others are made again.
pub(crate) fn projection_version(search: &Search) -> i64 {
    let Some(rules) = search.rules() else { return normalize::VERSION };
    let digits: String = rules.digest().chars().take(11).collect();
    let digest = i64::from_str_radix(&digits, 16).unwrap_or_default();
    // Versions of the code stay below 2^16 for good.
    (digest << 16) | normalize::VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_keeps_the_rules_that_are_in_force() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of_store(dir.path()).unwrap(), Search::default());
        let file = dir.path().join("own.toml");
        std::fs::write(&file, "[[rules]]\nid = 'acme'\nregex = 'acme_[a-z]+'\n").unwrap();
        let search = given(&[file], false).unwrap();
        keep(dir.path(), &search).unwrap();
        assert_eq!(of_store(dir.path()).unwrap(), search);
        let version = projection_version(&search);
        assert!(version > normalize::VERSION && version & 0xffff == normalize::VERSION);
        keep(dir.path(), &Search::default()).unwrap();
        keep(dir.path(), &Search::default()).unwrap();
        assert_eq!(of_store(dir.path()).unwrap(), Search::default());
        assert_eq!(projection_version(&Search::default()), normalize::VERSION);
        std::fs::write(dir.path().join(layout::CREDENTIAL_RULES), "{}").unwrap();
        assert!(format!("{:#}", of_store(dir.path()).unwrap_err()).contains("is not valid"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_told_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("own.toml");
        let told = || format!("{:#}", given(std::slice::from_ref(&file), false).unwrap_err());
        assert!(told().contains("failed to read the file of rules") && told().contains("own.toml"));
        std::fs::write(&file, "rules = 1\n").unwrap();
        assert!(
            told().contains("own.toml cannot be used: the rules are not in the form of gitleaks: line 1:"),
            "{}",
            told()
        );
    }
}
