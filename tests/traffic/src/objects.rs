//! Lines of watches: the lives of objects.

use crate::random::Random;
use crate::{BEGIN_MICROS, bodies, time_text};

/// The kinds, with what a line says of them.
const KINDS: [(&str, &str); 4] = [
    ("pods", r#""group":"","version":"v1","resource":"pods""#),
    ("deployments.apps", r#""group":"apps","version":"v1","resource":"deployments""#),
    ("roles.rbac.authorization.k8s.io", r#""group":"rbac.authorization.k8s.io","version":"v1","resource":"roles""#),
    (
        "rolebindings.rbac.authorization.k8s.io",
        r#""group":"rbac.authorization.k8s.io","version":"v1","resource":"rolebindings""#,
    ),
];

/// Changes of governed objects over a window, in order of time.
#[derive(Debug, Clone)]
pub struct ObjectTraffic {
    random: Random,
    micros: i64,
    step: i64,
    version: u64,
}

impl ObjectTraffic {
    /// Changes from a seed; the next follows `step_micros` after the last.
    #[must_use]
    pub fn new(seed: u64, step_micros: i64) -> Self {
        Self { random: Random::new(seed), micros: BEGIN_MICROS, step: step_micros.max(1), version: 1_000 }
    }

    /// The time of the last line, in microseconds since 1970.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.micros
    }

    /// One line with the detail of its source's name (`pods`, `roles.rbac.authorization.k8s.io` ...). Every line is a material version.
    pub fn line(&mut self) -> (&'static str, String) {
        self.micros += self.step;
        self.version += 1;
        let time = time_text(self.micros);
        let (team, version) = (self.random.below(30), self.version);
        let at = usize::try_from(match self.random.below(10) {
            0..=5 => 0,
            6..=7 => 1,
            8 => 2,
            _ => 3,
        })
        .unwrap_or(0);
        let (detail, kind) = KINDS[at];
        let mut object = String::with_capacity(3000);
        let sort = match at {
            // Pods live once: each is a new object.
            0 => {
                let uid = self.random.uuid();
                bodies::pod(&mut object, team, self.random.below(300), version, &uid, version, &time);
                "ADDED"
            }
            1 => {
                let app = self.random.below(300);
                let uid = format!("{app:08x}-0000-4000-9000-{team:012x}");
                bodies::deployment(&mut object, team, app, &uid, version, &time);
                "MODIFIED"
            }
            2 => {
                let number = self.random.below(20);
                let uid = format!("{number:08x}-0000-4000-a000-{team:012x}");
                bodies::role(&mut object, team, number, &uid, version, &time);
                "MODIFIED"
            }
            _ => {
                let number = self.random.below(60);
                let uid = format!("{number:08x}-0000-4000-b000-{team:012x}");
                bodies::role_binding(&mut object, team, number, &uid, version, &time);
                "MODIFIED"
            }
        };
        (detail, format!(r#"{{"type":"{sort}",{kind},"object":{object}}}"#))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_lines() {
        let lines = |seed| {
            let mut traffic = ObjectTraffic::new(seed, 1_000_000);
            (0..500).map(|_| traffic.line().1).collect::<Vec<_>>()
        };
        assert_eq!(lines(3), lines(3));
        assert_ne!(lines(3), lines(4));
    }
}
