//! Levels and versions, in the form of Kubernetes' namespace labels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::NEWEST_MINOR;

/// A level of the Pod Security Standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything is allowed.
    Privileged,
    /// Known ways from a container to its host are refused.
    Baseline,
    /// Hardening of pods is required as well.
    Restricted,
}

/// The version of Kubernetes whose rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyVersion {
    /// The newest rules that are known.
    Latest,
    /// Those of `v1.<minor>`. A minor version newer than [`NEWEST_MINOR`] has the newest rules.
    Minor(u32),
}

/// A level at a version, written `restricted:v1.37`; without a version, the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelVersion {
    /// Which checks.
    pub level: Level,
    /// Whose rules.
    pub version: PolicyVersion,
}

/// Why a text names no level or version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelVersionError {
    /// No such level.
    #[error("{0:?} is not a level: expected privileged, baseline or restricted")]
    Level(String),
    /// No such version.
    #[error("{0:?} is not a version: expected latest or v1.<minor>, for example v1.37")]
    Version(String),
}

impl PolicyVersion {
    /// The minor version whose rules hold.
    #[must_use]
    pub fn minor(self) -> u32 {
        match self {
            Self::Latest => NEWEST_MINOR,
            Self::Minor(minor) => minor.min(NEWEST_MINOR),
        }
    }
}

impl FromStr for Level {
    type Err = LevelVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "privileged" => Ok(Self::Privileged),
            "baseline" => Ok(Self::Baseline),
            "restricted" => Ok(Self::Restricted),
            other => Err(LevelVersionError::Level(other.chars().take(64).collect())),
        }
    }
}

impl FromStr for PolicyVersion {
    type Err = LevelVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let minor = text.strip_prefix("v1.").or_else(|| text.strip_prefix("1."));
        minor
            .filter(|minor| minor.len() <= 6 && (*minor == "0" || !minor.starts_with('0')))
            .filter(|minor| minor.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|minor| minor.parse().ok())
            .map(Self::Minor)
            .ok_or_else(|| LevelVersionError::Version(text.chars().take(64).collect()))
    }
}

impl FromStr for LevelVersion {
    type Err = LevelVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (level, version) = match text.split_once(':') {
            Some((level, version)) => (level, version.parse()?),
            None => (text, PolicyVersion::Latest),
        };
        Ok(Self { level: level.parse()?, version })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}

impl fmt::Display for PolicyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Minor(minor) => write!(f, "v1.{minor}"),
        }
    }
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.version)
    }
}

impl Serialize for PolicyVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PolicyVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_the_labels_of_namespaces_are() {
        for (text, shown) in [
            ("restricted", "restricted:latest"),
            ("baseline:v1.25", "baseline:v1.25"),
            ("baseline:1.25", "baseline:v1.25"),
            ("privileged:latest", "privileged:latest"),
        ] {
            assert_eq!(text.parse::<LevelVersion>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "Restricted",
            "restricted:",
            "restricted:v2.1",
            "restricted:v1.01",
            "restricted:v1.x",
            "baseline:v1.9999999",
        ] {
            assert!(text.parse::<LevelVersion>().is_err(), "{text}");
        }
        assert_eq!("v1.99".parse::<PolicyVersion>().unwrap().minor(), NEWEST_MINOR);
    }
}
