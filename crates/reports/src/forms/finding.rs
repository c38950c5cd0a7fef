//! Findings: something of a known kind at a place.

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// To be known.
    Note,
    /// To be looked at.
    Warning,
    /// To be mended.
    Error,
}

impl Level {
    /// The word that SARIF has for it (SARIF 2.1.0, section 3.27.10).
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its stable identifier.
    pub id: String,
    /// What it finds, in one line.
    pub title: String,
    /// What to do about it.
    pub remedy: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Identifier of its [`Rule`].
    pub rule: String,
    /// Its weight.
    pub level: Level,
    /// What was found, in one line.
    pub message: String,
    /// What it is about, as `Kind:namespace/name` or as the analysis names its subjects.
    pub subject: String,
    /// The file, where there is one.
    pub file: Option<String>,
    /// The line in the file, from 1; 0 when it is not known.
    pub line: usize,
}
