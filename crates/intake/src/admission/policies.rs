//! The policy set in force, and its replacement when the files of its folder change.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use policy::PolicySet;
use policy::pod_security::LevelVersion;
use sha2::{Digest, Sha256};

use super::folder::{self, FolderError};

/// Where policies come from.
#[derive(Debug, Clone)]
pub(crate) struct PolicySource {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) pod_security: Option<LevelVersion>,
}

/// The set in force.
#[derive(Debug)]
pub(crate) struct Policies {
    source: PolicySource,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    in_force: Arc<PolicySet>,
    /// Of what was read last, whether it could be used or not.
    seen: [u8; 32],
}

/// What a look at the files gave.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) set: Arc<PolicySet>,
    /// Whether it decides from now on.
    pub(crate) in_force: bool,
    /// Digest of the set before.
    pub(crate) previous: Option<String>,
}

impl Policies {
    /// Reads the files for the first time. A set with faults is in force as far as it can be used: there is none that would be better.
    pub(crate) fn read(source: PolicySource) -> Result<(Self, Read), FolderError> {
        let files = source.files()?;
        let (set, seen) = (Arc::new(source.load(&files)), digest(&files));
        let state = State { in_force: Arc::clone(&set), seen };
        Ok((Self { source, state: RwLock::new(state) }, Read { set, in_force: true, previous: None }))
    }

    /// The set that decides.
    pub(crate) fn in_force(&self) -> Arc<PolicySet> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).in_force)
    }

    /// Looks at the files again; `None` when they are as they were. A set without any fault replaces the one in force. Blocks.
    pub(crate) fn look(&self) -> Result<Option<Read>, FolderError> {
        let files = self.source.files()?;
        let seen = digest(&files);
        let before = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.seen == seen {
                return Ok(None);
            }
            Arc::clone(&state.in_force)
        };
        let set = Arc::new(self.source.load(&files));
        let in_force = set.faults().is_empty();
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.seen = seen;
        if in_force {
            state.in_force = Arc::clone(&set);
        }
        Ok(Some(Read { set, in_force, previous: Some(before.digest().to_owned()) }))
    }
}

impl PolicySource {
    fn files(&self) -> Result<Vec<(String, String)>, FolderError> {
        self.folder.as_deref().map_or_else(|| Ok(Vec::new()), folder::read)
    }

    fn load(&self, files: &[(String, String)]) -> PolicySet {
        let set = PolicySet::load(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        match self.pod_security {
            Some(level) => set.with_pod_security(level),
            None => set,
        }
    }
}

fn digest(files: &[(String, String)]) -> [u8; 32] {
    let mut whole = Sha256::new();
    for (name, text) in files {
        // Each part has one length, so that no two lists of files give the same bytes.
        whole.update(Sha256::digest(name));
        whole.update(Sha256::digest(text));
    }
    whole.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "apiVersion: plimsoll.dev/v1alpha1\nkind: Policy\nmetadata: {name: a}\nspec: {rule: no-privileged}\n";

    #[test]
    fn a_set_with_faults_does_not_replace_one_without() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yaml");
        std::fs::write(&file, GOOD).unwrap();
        let source = PolicySource { folder: Some(dir.path().to_owned()), pod_security: None };
        let (policies, first) = Policies::read(source).unwrap();
        assert!(first.in_force && first.set.faults().is_empty() && policies.look().unwrap().is_none());

        std::fs::write(&file, GOOD.replace("no-privileged", "no-such-rule")).unwrap();
        let second = policies.look().unwrap().unwrap();
        assert!(!second.in_force && second.set.faults().len() == 1);
        assert_eq!(second.previous.as_deref(), Some(first.set.digest()));
        assert_eq!(policies.in_force().digest(), first.set.digest());
        assert!(policies.look().unwrap().is_none(), "the same fault is told once");

        std::fs::write(&file, GOOD.replace("no-privileged", "no-host-path")).unwrap();
        let third = policies.look().unwrap().unwrap();
        assert!(third.in_force && policies.in_force().digest() == third.set.digest());
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(policies.look(), Err(FolderError::Empty { .. })));
        assert_eq!(policies.in_force().digest(), third.set.digest());
    }
}
