//! The words of control testing: identifiers, kinds, verdicts and conclusions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $vdoc])* $variant,)+ }

        impl $name {
            /// All values.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The text used in tables, files and pages.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value with this text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    serde::de::Error::custom(format!("{text:?} is not one of {}", known.join(", ")))
                })
            }
        }
    };
}

words! {
    /// What a test says of one item (for a state test: of one item over one interval).
    Verdict {
        /// The control operated.
        Effective = "effective",
        /// The control did not operate as described.
        Deviation = "deviation",
        /// The evidence does not tell; never counted as effective.
        Undetermined = "undetermined",
    }
}

words! {
    /// What a control's test says of the whole window, in the words of the trade.
    Conclusion {
        /// Every item was tested, the sources were covered, no deviation.
        NoDeviations = "no deviations noted",
        /// At least one item deviated.
        Deviations = "deviations noted",
        /// Sources missing, uncovered time beyond the tolerance, or items undetermined; no deviation seen.
        NotDeterminable = "not determinable",
        /// The population is empty and the sources were covered.
        DidNotOccur = "did not occur in the period",
    }
}

words! {
    /// How a control is tested.
    ControlKind {
        /// Something must hold continuously; items are intervals.
        State = "state",
        /// Something must hold for each occurrence; items are instants.
        Event = "event",
        /// Something must happen in each period; items are due periods.
        Cadence = "cadence",
    }
}

/// A control's identifier: two capital letters for its family, a hyphen, two digits (`AC-01`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ControlId(String);

/// A criterion's number in the AICPA's 2017 Trust Services Criteria (`CC6.1`, `A1.2`, `C1.1`); its text is licensed and never held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Criterion(String);

/// Why a text is no identifier of a control or criterion.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not {expected}")]
pub struct IdentifierError {
    text: String,
    expected: &'static str,
}

impl ControlId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Criterion {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ControlId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = matches!(text.as_bytes(), [b'A'..=b'Z', b'A'..=b'Z', b'-', b'0'..=b'9', b'0'..=b'9']);
        form.then(|| Self(text.to_owned())).ok_or_else(|| IdentifierError {
            text: text.chars().take(64).collect(),
            expected: "a control's identifier (two capital letters, a hyphen, two digits: AC-01)",
        })
    }
}

impl FromStr for Criterion {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |t: &str| (1..=2).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
        let form = ["CC", "PI", "A", "C", "P"].iter().any(|series| {
            text.strip_prefix(series).and_then(|rest| rest.split_once('.')).is_some_and(|(a, b)| digits(a) && digits(b))
        });
        form.then(|| Self(text.to_owned())).ok_or_else(|| IdentifierError {
            text: text.chars().take(64).collect(),
            expected: "a criterion's number (CC6.1, A1.2, C1.1, PI1.1, P1.1)",
        })
    }
}

macro_rules! identifier {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
identifier!(ControlId);
identifier!(Criterion);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_one_form() {
        assert!("AC-01".parse::<ControlId>().is_ok());
        assert!(["ac-01", "AC01", "AC-1", "AC-001", ""].iter().all(|t| t.parse::<ControlId>().is_err()));
        assert!(["CC6.1", "A1.2", "C1.1", "CC8.1"].iter().all(|t| t.parse::<Criterion>().is_ok()));
        assert!(["CC6", "CC6.1.2", "6.1", "cc6.1", "CC.1"].iter().all(|t| t.parse::<Criterion>().is_err()));
    }
}
