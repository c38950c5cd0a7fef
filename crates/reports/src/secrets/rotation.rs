//! Whether the content of a Secret is as new as its class wants it.

use records::Timestamp;
use records::tables::secrets::SecretPosture;

/// How old the content of a Secret is, beside how old it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It has no rotation class of its own.
    NoClass,
    /// Its class is no word of this version.
    OtherClass,
    /// It is not known when its content was put in.
    Unknown,
    /// It is newer than its class wants it replaced.
    InTime,
    /// It is older.
    Overdue,
}

/// Days after which a content is to be replaced, by its class: as in control SE-03.
#[must_use]
pub fn days(class: &str) -> Option<i64> {
    Some(match class {
        "daily" => 1,
        "weekly" => 7,
        "monthly" => 31,
        "quarterly" => 92,
        "half-yearly" => 184,
        "yearly" => 366,
        _ => return None,
    })
}

const DAY_SECONDS: i64 = 86_400;

impl Rotation {
    /// Of a Secret at an instant, by its own annotation. Classes that parameters of SE-03 give are not looked at.
    #[must_use]
    pub fn of(posture: &SecretPosture<'_>, at: Timestamp) -> Self {
        let Some(class) = posture.rotation_class.as_deref() else { return Self::NoClass };
        let Some(days) = days(class) else { return Self::OtherClass };
        match posture.content_changed_at {
            None => Self::Unknown,
            Some(changed) if changed.plus_seconds(days * DAY_SECONDS) < at => Self::Overdue,
            Some(_) => Self::InTime,
        }
    }
}
