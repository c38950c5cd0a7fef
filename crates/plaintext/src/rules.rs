//! Rules as data, in the TOML form of gitleaks and betterleaks.
//!
//! Of a rule these fields count: `id`, `regex`, `secretGroup`, `entropy`, `keywords`, `path`, `allowlists` (and the older `allowlist`) with
//! `condition`, `paths`, `regexes`, `regexTarget` and `stopwords`. Of a file also the global `allowlist` and `allowlists` (with
//! `targetRules`) and `extend.useDefault` and `extend.disabledRules`. A rule that needs another rule beside it (`required`), asks a
//! service, or has an expression this engine does not read is left out and listed in [`RuleSet::left_out`]: half a rule finds
//! something else than its author meant. Allowed commits do not count: a value that was committed once is known.
//!
//! Expressions are RE2's, as Go and the crate `regex` read them: their time is linear in the text.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The rules that come with Plimsoll.
const OWN: &str = include_str!("rules/own.toml");

/// Largest program of one expression, bytes.
const EXPRESSION_BYTES: usize = 8 << 20;
/// Most rules of one set.
const MOST_RULES: usize = 2_000;

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The text is no TOML of this form.
    #[error("the rules are not in the form of gitleaks: {0}")]
    Form(String),
    /// An expression of an allow list.
    #[error("the expression of an allow list cannot be read: {0}")]
    AllowList(String),
    /// Too many.
    #[error("there are {0} rules; at most {MOST_RULES} are taken")]
    TooMany(usize),
    /// The keywords make no automaton.
    #[error("the keywords of the rules cannot be searched for: {0}")]
    Keywords(String),
}

/// Rules and what they allow.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) allowed: Vec<Allowed>,
    /// Rules that are not used, each with the reason.
    pub left_out: Vec<(String, String)>,
    /// SHA-256 of the texts that the rules were read from.
    pub(crate) sha256: [u8; 32],
}

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) regex: Option<Regex>,
    pub(crate) group: Option<usize>,
    pub(crate) entropy: f64,
    pub(crate) keywords: Vec<String>,
    pub(crate) path: Option<Regex>,
    pub(crate) allowed: Vec<Allowed>,
}

/// What an allow list lets pass.
#[derive(Debug, Clone)]
pub(crate) struct Allowed {
    rules: Vec<String>,
    all: bool,
    paths: Vec<Regex>,
    regexes: Vec<Regex>,
    target: Target,
    stopwords: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Secret,
    Match,
    Line,
}

/// A match, as allow lists look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matched<'a> {
    pub(crate) rule: &'a str,
    pub(crate) file: &'a str,
    pub(crate) secret: &'a [u8],
    pub(crate) whole: &'a [u8],
    pub(crate) line: &'a [u8],
}

impl Allowed {
    pub(crate) fn allows(&self, matched: &Matched<'_>) -> bool {
        if !self.rules.is_empty() && !self.rules.iter().any(|rule| rule == matched.rule) {
            return false;
        }
        let text = match self.target {
            Target::Secret => matched.secret,
            Target::Match => matched.whole,
            Target::Line => matched.line,
        };
        let mut checks = Vec::new();
        if !self.paths.is_empty() {
            checks.push(self.paths.iter().any(|path| path.is_match(matched.file.as_bytes())));
        }
        if !self.regexes.is_empty() {
            checks.push(self.regexes.iter().any(|regex| regex.is_match(text)));
        }
        if !self.stopwords.is_empty() {
            let secret = matched.secret.to_ascii_lowercase();
            checks.push(self.stopwords.iter().any(|word| memchr::memmem::find(&secret, word.as_bytes()).is_some()));
        }
        if self.all { !checks.is_empty() && checks.iter().all(|check| *check) } else { checks.contains(&true) }
    }
}

#[derive(Debug, Deserialize)]
struct FileForm {
    #[serde(default)]
    rules: Vec<RuleForm>,
    allowlist: Option<AllowedForm>,
    #[serde(default)]
    allowlists: Vec<AllowedForm>,
    #[serde(default)]
    extend: ExtendForm,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ExtendForm {
    pub(crate) use_default: bool,
    pub(crate) disabled_rules: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleForm {
    id: String,
    regex: Option<String>,
    path: Option<String>,
    secret_group: Option<usize>,
    entropy: Option<f64>,
    #[serde(default)]
    keywords: Vec<String>,
    allowlist: Option<AllowedForm>,
    #[serde(default)]
    allowlists: Vec<AllowedForm>,
    required: Option<toml::Value>,
    validate: Option<toml::Value>,
    filter: Option<toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AllowedForm {
    condition: Option<String>,
    paths: Vec<String>,
    regexes: Vec<String>,
    regex_target: Option<String>,
    stopwords: Vec<String>,
    target_rules: Vec<String>,
}

impl RuleSet {
    /// The rules that come with Plimsoll.
    ///
    /// # Errors
    /// None as long as the embedded file is sound, which a test checks.
    pub fn own() -> Result<Self, RuleError> {
        Self::from_toml(OWN)
    }

    /// Rules of a file in the form of gitleaks. With `extend.useDefault` the rules of Plimsoll stand beside them, but for those of
    /// `extend.disabledRules`.
    ///
    /// # Errors
    /// [`RuleError`]. A single rule that cannot be used is no error; see [`RuleSet::left_out`].
    pub fn from_toml(text: &str) -> Result<Self, RuleError> {
        let (mut set, extend) = Self::read(text)?;
        if extend.use_default {
            let own = Self::own()?;
            set.rules.extend(own.rules.into_iter().filter(|rule| !extend.disabled_rules.contains(&rule.id)));
            set.allowed.extend(own.allowed);
            set.with_text_of(own.sha256);
        }
        Ok(set)
    }

    /// The rules of a file alone, and which others it asks for.
    pub(crate) fn read(text: &str) -> Result<(Self, ExtendForm), RuleError> {
        let file: FileForm = toml::from_str(text).map_err(|error| {
            let line =
                |span: std::ops::Range<usize>| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
            let place = error.span().map(|span| format!("line {}: ", line(span))).unwrap_or_default();
            RuleError::Form(format!("{place}{}", error.message()))
        })?;
        if file.rules.len() > MOST_RULES {
            return Err(RuleError::TooMany(file.rules.len()));
        }
        let mut set = Self { sha256: Sha256::digest(text).into(), ..Self::default() };
        for form in file.allowlists.into_iter().chain(file.allowlist) {
            set.allowed.push(allowed(form)?);
        }
        for form in file.rules {
            set.take(form)?;
        }
        Ok((set, file.extend))
    }

    /// It rests on the text of another set, too.
    pub(crate) fn with_text_of(&mut self, sha256: [u8; 32]) {
        self.sha256 = Sha256::new().chain_update(self.sha256).chain_update(sha256).finalize().into();
    }

    /// Refuses more rules than one set may have.
    pub(crate) fn within_bounds(&self) -> Result<(), RuleError> {
        if self.rules.len() > MOST_RULES { Err(RuleError::TooMany(self.rules.len())) } else { Ok(()) }
    }

    /// How many rules are used.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    fn take(&mut self, form: RuleForm) -> Result<(), RuleError> {
        let mut leave = |reason: String| self.left_out.push((form.id.clone(), reason));
        for (given, what) in [
            (form.required.is_some(), "it needs other rules beside it (required)"),
            (form.filter.is_some(), "it has a filter that is an expression (filter)"),
        ] {
            if given {
                leave(what.to_owned());
                return Ok(());
            }
        }
        // Validation asks the service that the credential is for; without it the rule finds as much, unvalidated.
        let _ = form.validate;
        let read = |text: &Option<String>| text.as_deref().map(expression).transpose();
        let (regex, path) = match (read(&form.regex), read(&form.path)) {
            (Ok(regex), Ok(path)) => (regex, path),
            (Err(error), _) | (_, Err(error)) => {
                leave(format!("its expression cannot be read: {error}"));
                return Ok(());
            }
        };
        if regex.is_none() && path.is_none() {
            leave("it has neither an expression nor a path".to_owned());
            return Ok(());
        }
        let mut lists = Vec::new();
        for list in form.allowlists.into_iter().chain(form.allowlist) {
            lists.push(allowed(list)?);
        }
        self.rules.push(Rule {
            id: form.id,
            regex,
            group: form.secret_group.filter(|group| *group > 0),
            entropy: form.entropy.unwrap_or(0.0),
            keywords: form
                .keywords
                .iter()
                .map(|word| word.to_ascii_lowercase())
                .filter(|word| !word.is_empty())
                .collect(),
            path,
            allowed: lists,
        });
        Ok(())
    }
}

fn allowed(form: AllowedForm) -> Result<Allowed, RuleError> {
    let read = |texts: &[String]| -> Result<Vec<Regex>, RuleError> {
        texts.iter().map(|text| expression(text).map_err(RuleError::AllowList)).collect()
    };
    Ok(Allowed {
        all: form.condition.as_deref().is_some_and(|condition| condition.eq_ignore_ascii_case("and")),
        paths: read(&form.paths)?,
        regexes: read(&form.regexes)?,
        target: match form.regex_target.as_deref() {
            Some("match") => Target::Match,
            Some("line") => Target::Line,
            _ => Target::Secret,
        },
        stopwords: form.stopwords.iter().map(|word| word.to_ascii_lowercase()).collect(),
        rules: form.target_rules,
    })
}

fn expression(text: &str) -> Result<Regex, String> {
    // Go's `\z` is ours; its classes `\w`, `\d`, `\s` are those of ASCII.
    RegexBuilder::new(text).unicode(false).size_limit(EXPRESSION_BYTES).build().map_err(|error| {
        let text = error.to_string();
        text.lines().last().unwrap_or_default().trim().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_rules_are_all_used() {
        let own = RuleSet::own().unwrap();
        assert!(own.left_out.is_empty(), "{:?}", own.left_out);
        assert!(own.len() > 50);
        let mut names: Vec<&str> = own.rules.iter().map(|rule| rule.id.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), own.len(), "each rule has its own name");
        assert!(own.rules.iter().all(|rule| !rule.keywords.is_empty() || rule.regex.is_none()), "each has keywords");
    }

    #[test]
    fn rules_in_the_form_of_others_are_read_and_what_is_not_is_told() {
        let text = r#"
            title = "others"
            [extend]
            useDefault = true
            disabledRules = ["slack-token"]
            [allowlist]
            paths = ['''go\.sum$''']
            [[rules]]
            id = "acme-token"
            description = "A token of acme"
            regex = '''\bacme_([a-z0-9]{10})\b'''
            secretGroup = 1
            entropy = 2.0
            keywords = ["acme_"]
            [[rules.allowlists]]
            stopwords = ["abcdef"]
            [[rules]]
            id = "beside"
            regex = '''x'''
            [[rules.required]]
            id = "acme-token"
            [[rules]]
            id = "backwards"
            regex = '''(?<!a)b'''
            [[rules]]
            id = "nothing"
        "#;
        let set = RuleSet::from_toml(text).unwrap();
        let left: Vec<&str> = set.left_out.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(left, ["beside", "backwards", "nothing"]);
        assert_eq!(set.rules.iter().filter(|rule| rule.id == "acme-token").count(), 1);
        assert!(set.rules.iter().all(|rule| rule.id != "slack-token"));
        assert!(RuleSet::from_toml("rules = 1").is_err());
        assert!(RuleSet::from_toml("[allowlist]\nregexes = ['(']").is_err());
    }
}
