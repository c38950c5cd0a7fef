//! Rules that somebody gives: files in the form of gitleaks, beside the rules of Plimsoll or instead of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Detector;
use crate::rules::{RuleError, RuleSet};

/// Files of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenRules {
    /// They, in their order.
    pub files: Vec<RuleFile>,
    /// Whether they stand instead of the rules of Plimsoll. Names that announce a credential are looked at all the same.
    pub instead: bool,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// Its name, for messages.
    pub name: String,
    /// Its text: TOML.
    pub text: String,
}

/// A rule that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file that it stands in.
    pub file: String,
    /// Its `id`.
    pub rule: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the rule {:?} is left out: {}", self.file, self.rule, self.reason)
    }
}

/// Why files of rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GivenRulesError {
    /// One of them.
    #[error("the file of rules {file} cannot be used")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: RuleError,
    },
    /// Two rules of one name: which of them is meant is not known.
    #[error("the rule {rule:?} stands in {first} and in {second}; give one of them another id")]
    Twice {
        /// The `id`.
        rule: String,
        /// The file that has it first.
        first: String,
        /// The file that has it again; it may be the same.
        second: String,
    },
    /// A file asks for what is not wanted.
    #[error(
        "{file} asks for the rules of Plimsoll (extend.useDefault), which are to be left out; take one of the two back"
    )]
    Default {
        /// The file.
        file: String,
    },
    /// No rule at all.
    #[error("none of the rules in {files} can be used")]
    Nothing {
        /// The files.
        files: String,
    },
    /// All together.
    #[error("the rules cannot be used together")]
    Together(#[source] RuleError),
}

impl GivenRules {
    /// What all rules are known by: SHA-256 over the texts and whether they stand alone, hexadecimal. Names of files do not count.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(if self.instead { "instead" } else { "beside" });
        for file in &self.files {
            hash.update(u64::try_from(file.text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(&file.text);
        }
        hex::encode(hash.finalize())
    }

    /// The rules, and those of them that are not used. A rule of a file takes the place of Plimsoll's rule of the same `id`; `extend.disabledRules` of a
    /// file takes rules of Plimsoll away.
    ///
    /// # Errors
    /// [`GivenRulesError`].
    pub fn read(&self) -> Result<(RuleSet, Vec<LeftOut>), GivenRulesError> {
        let mut set = RuleSet::default();
        let mut left_out = Vec::new();
        let mut of_file: BTreeMap<String, &str> = BTreeMap::new();
        let mut disabled = BTreeSet::new();
        for file in &self.files {
            let name = || file.name.clone();
            let (read, extend) =
                RuleSet::read(&file.text).map_err(|source| GivenRulesError::File { file: name(), source })?;
            if extend.use_default && self.instead {
                return Err(GivenRulesError::Default { file: name() });
            }
            disabled.extend(extend.disabled_rules);
            for rule in read.rules {
                if let Some(first) = of_file.insert(rule.id.clone(), &file.name) {
                    let (first, second) = (first.to_owned(), name());
                    return Err(GivenRulesError::Twice { rule: rule.id, first, second });
                }
                set.rules.push(rule);
            }
            set.allowed.extend(read.allowed);
            set.with_text_of(read.sha256);
            let left = |(rule, reason)| LeftOut { file: file.name.clone(), rule, reason };
            left_out.extend(read.left_out.into_iter().map(left));
        }
        if set.is_empty() && self.instead {
            let files: Vec<&str> = self.files.iter().map(|file| file.name.as_str()).collect();
            return Err(GivenRulesError::Nothing { files: files.join(", ") });
        }
        if !self.instead {
            let own = RuleSet::own().map_err(GivenRulesError::Together)?;
            let stays = |id: &String| !disabled.contains(id) && !of_file.contains_key(id);
            set.rules.extend(own.rules.into_iter().filter(|rule| stays(&rule.id)));
            set.allowed.extend(own.allowed);
            set.with_text_of(own.sha256);
        }
        set.within_bounds().map_err(GivenRulesError::Together)?;
        Ok((set, left_out))
    }
}

/// A detector that many share: the standard one, or one of rules that were given. Two are equal when their rules are.
#[derive(Clone, Default)]
pub struct Search(Option<Arc<(GivenRules, Detector)>>);

impl Search {
    /// With these rules; and those of them that are not used. Without a file it is the standard one.
    ///
    /// # Errors
    /// [`GivenRulesError`].
    pub fn given(rules: GivenRules) -> Result<(Self, Vec<LeftOut>), GivenRulesError> {
        if rules.files.is_empty() {
            return Ok((Self::default(), Vec::new()));
        }
        let (set, left_out) = rules.read()?;
        let detector = Detector::new(set).map_err(GivenRulesError::Together)?;
        Ok((Self(Some(Arc::new((rules, detector)))), left_out))
    }

    /// The rules that were given; `None` for the standard one.
    #[must_use]
    pub fn rules(&self) -> Option<&GivenRules> {
        self.0.as_deref().map(|(rules, _)| rules)
    }
}

impl Deref for Search {
    type Target = Detector;

    fn deref(&self) -> &Detector {
        self.0.as_deref().map_or_else(|| Detector::standard(), |(_, detector)| detector)
    }
}

impl PartialEq for Search {
    fn eq(&self, other: &Self) -> bool {
        self.rules() == other.rules()
    }
}

impl Eq for Search {}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rules() {
            None => f.write_str("Search(standard)"),
            Some(rules) => write!(f, "Search({})", rules.digest()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = "[[rules]]\nid = 'acme-token'\nregex = '''\\bacme_([a-z0-9]{10})\\b'''\nkeywords = ['acme_']\n";

    fn given(instead: bool, texts: &[&str]) -> GivenRules {
        let file =
            |(number, text): (usize, &&str)| RuleFile { name: format!("{number}.toml"), text: (*text).to_owned() };
        GivenRules { files: texts.iter().enumerate().map(file).collect(), instead }
    }

    fn kinds(search: &Search, text: &str) -> Vec<String> {
        search.file("a.txt", text.as_bytes(), None).found.into_iter().map(|found| found.kind.into_owned()).collect()
    }

    fn told(rules: &GivenRules) -> String {
        let error = Search::given(rules.clone()).unwrap_err();
        let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        format!("{error}{source}")
    }

    const TEXT: &str = "use acme_k3v8qm2zr7 here\nuse ghp_x8Kq2mVn4RtY7wZpL9sDf3GhJ6kB1cNe5uQa here\n";

    #[test]
    fn rules_stand_beside_those_of_plimsoll_or_instead() {
        let of_plimsoll = kinds(&Search::default(), TEXT);
        assert_eq!(of_plimsoll.len(), 1, "{of_plimsoll:?}");
        let (beside, left) = Search::given(given(false, &[ACME])).unwrap();
        assert!(left.is_empty());
        assert_eq!(kinds(&beside, TEXT), ["acme-token", &of_plimsoll[0]]);
        let (instead, _) = Search::given(given(true, &[ACME])).unwrap();
        assert_eq!(kinds(&instead, TEXT), ["acme-token"]);
        let without = format!("[extend]\ndisabledRules = ['{}']\n{ACME}", of_plimsoll[0]);
        assert_eq!(kinds(&Search::given(given(false, &[&without])).unwrap().0, TEXT), ["acme-token"]);
        let replaced = format!("[[rules]]\nid = '{}'\nregex = '''never'''\n", of_plimsoll[0]);
        assert!(kinds(&Search::given(given(false, &[&replaced])).unwrap().0, TEXT).is_empty());
    }

    #[test]
    fn a_rule_without_keywords_looks_at_everything() {
        let text =
            "[[rules]]\nid = 'acme'\nregex = 'acme_[a-z0-9]{10}'\n[[rules]]\nid = 'spaced'\nregex = 'zz\\s+[0-9]{4}'\n";
        let (search, _) = Search::given(given(false, &[text])).unwrap();
        assert_eq!(kinds(&search, "use acme_k3v8qm2zr7 here\n"), ["acme"]);
        assert_eq!(kinds(&search, "use zz 2047 here\n"), ["spaced"]);
        let in_json = |text: &str| search.json(text.as_bytes(), None).found.len();
        assert_eq!(in_json(r#"{"a":{"b":"use acme_k3v8qm2zr7 here"}}"#), 1);
        assert_eq!(in_json(r#"{"a":{"b":"use zz\n2047 here"}}"#), 1);
        assert_eq!(in_json(r#"{"a":{"b":"use nothing here"}}"#), 0);
        let yaml = search.file(
            "a.yaml",
            b"kind: ConfigMap\ndata:\n  x: use acme_k3v8qm2zr7 here\n  # acme_k3v8qm2zr8\n",
            None,
        );
        assert_eq!(yaml.found.len(), 2, "{yaml:?}");
    }

    #[test]
    fn what_is_wrong_is_told_with_file_rule_and_reason() {
        assert_eq!(
            told(&given(false, &[ACME, "[[rules]]\nid = 3\n"])),
            "the file of rules 1.toml cannot be used: the rules are not in the form of gitleaks: line 2: invalid type: integer `3`, expected a string"
        );
        assert_eq!(
            told(&given(false, &[ACME, ACME])),
            "the rule \"acme-token\" stands in 0.toml and in 1.toml; give one of them another id"
        );
        assert!(
            told(&given(true, &["[extend]\nuseDefault = true\n"])).starts_with("0.toml asks for the rules of Plimsoll")
        );
        assert_eq!(
            told(&given(true, &["[[rules]]\nid = 'x'\nregex = '('\n"])),
            "none of the rules in 0.toml can be used"
        );
        let (_, left) = Search::given(given(false, &["[[rules]]\nid = 'x'\nregex = '(?<!a)b'\n"])).unwrap();
        assert!(left[0].to_string().starts_with("0.toml: the rule \"x\" is left out: its expression cannot be read"));
        let many = "[[rules]]\nid = 'ID'\nregex = 'x'\n";
        let many: Vec<String> = (0..1_999).map(|number| many.replace("ID", &format!("r{number}"))).collect();
        assert!(told(&given(false, &[&many.concat()])).contains("at most 2000"));
    }

    #[test]
    fn digests_are_those_of_the_texts() {
        let digest = |instead, texts: &[&str]| given(instead, texts).digest();
        assert_eq!(digest(false, &[ACME]), digest(false, &[ACME]));
        assert_ne!(digest(false, &[ACME]), digest(true, &[ACME]));
        assert_ne!(digest(false, &["ab", "c"]), digest(false, &["a", "bc"]));
        assert_eq!(Search::given(given(true, &[])).unwrap().0, Search::default());
        assert_ne!(Search::given(given(false, &[ACME])).unwrap().0, Search::default());
    }
}
