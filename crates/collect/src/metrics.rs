//! Reading the few numbers that the balance needs from an API server's `/metrics` (Prometheus text format 0.0.4).

use std::collections::BTreeMap;

use records::Timestamp;

/// The counters of the audit backend of one API server process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCounters {
    /// `process_start_time_seconds`.
    pub process_start: Timestamp,
    /// `apiserver_audit_event_total`.
    pub event_total: u64,
    /// `apiserver_audit_error_total` by `plugin`. The series does not exist before the first error: absent is 0.
    pub errors: BTreeMap<String, u64>,
}

impl AuditCounters {
    /// Errors of one plugin (`buffered`, `webhook`, `truncate`).
    #[must_use]
    pub fn errors_of(&self, plugin: &str) -> u64 {
        self.errors.get(plugin).copied().unwrap_or(0)
    }
}

/// Why the counters are unknown. Unknown is never taken for zero.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CountersError {
    /// A series that must be there is not.
    #[error("the API server's metrics have no {name}; is auditing on, and is this a kube-apiserver")]
    Missing {
        /// The series.
        name: &'static str,
    },
    /// A line of a series that is needed cannot be read.
    #[error("the API server's metrics have a line that cannot be read: {line:?}")]
    Unreadable {
        /// The line, cut to 200 characters.
        line: String,
    },
}

const EVENTS: &str = "apiserver_audit_event_total";
const ERRORS: &str = "apiserver_audit_error_total";
const AUTHENTICATION: &str = "apiserver_authentication_config_controller_last_config_info";
const START: &str = "process_start_time_seconds";
const BUILD: &str = "kubernetes_build_info";
const FEATURE: &str = "kubernetes_feature_enabled";
/// Feature gates that are kept at most; an API server has about 300.
const MOST_FEATURES: usize = 2_000;

/// Gathers the counters from the lines of an answer.
#[derive(Debug, Default)]
pub(crate) struct CountersReader {
    start: Option<Timestamp>,
    events: Option<u64>,
    errors: BTreeMap<String, u64>,
    authentication: Option<String>,
    server: ServerInfo,
}

/// What an API server says that it is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ServerInfo {
    /// Its version.
    pub(crate) version: Option<String>,
    /// Whether each of its feature gates is on.
    pub(crate) features: BTreeMap<String, bool>,
}

impl ServerInfo {
    /// Looks at one line; nothing else rests on it, so that one of another form says nothing.
    fn line(&mut self, line: &[u8]) {
        let Some((name, labels, value)) = std::str::from_utf8(line).ok().and_then(sample) else { return };
        let label = |wanted: &str| labels.iter().find(|(label, _)| label == wanted).map(|(_, value)| value.clone());
        match (name, label("git_version"), label("name")) {
            // A version that is longer is none.
            (BUILD, Some(version), _) if value > 0.0 && version.len() <= 100 => self.version = Some(version),
            (FEATURE, _, Some(gate)) if gate.len() <= 100 && self.features.len() < MOST_FEATURES => {
                self.features.insert(gate, value > 0.0);
            }
            _ => {}
        }
    }
}

impl CountersReader {
    /// Looks at one line.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<(), CountersError> {
        if line.starts_with(BUILD.as_bytes()) || line.starts_with(FEATURE.as_bytes()) {
            self.server.line(line);
            return Ok(());
        }
        if line.starts_with(AUTHENTICATION.as_bytes()) {
            // Nothing else rests on it: a line of another form is no report.
            self.authentication = std::str::from_utf8(line).ok().and_then(digest).or(self.authentication.take());
            return Ok(());
        }
        // Most lines of the several megabytes are of other series.
        if ![EVENTS, ERRORS, START].iter().any(|name| line.starts_with(name.as_bytes())) {
            return Ok(());
        }
        let text = std::str::from_utf8(line).map_err(|_| unreadable(&String::from_utf8_lossy(line)))?;
        let Some((name, labels, value)) = sample(text) else { return Err(unreadable(text)) };
        match name {
            EVENTS => self.events = Some(self.events.unwrap_or(0) + count(value).ok_or_else(|| unreadable(text))?),
            ERRORS => {
                let (_, plugin) =
                    labels.into_iter().find(|(label, _)| label == "plugin").ok_or_else(|| unreadable(text))?;
                *self.errors.entry(plugin).or_default() += count(value).ok_or_else(|| unreadable(text))?;
            }
            START => self.start = Some(instant(value).ok_or_else(|| unreadable(text))?),
            _ => {}
        }
        Ok(())
    }

    /// SHA-256 (hexadecimal) of the authentication configuration in force, when the API server reports it.
    pub(crate) fn authentication(&self) -> Option<&str> {
        self.authentication.as_deref()
    }

    /// What the API server says that it is.
    pub(crate) fn server(&self) -> &ServerInfo {
        &self.server
    }

    /// The counters, when all were there.
    pub(crate) fn finish(self) -> Result<AuditCounters, CountersError> {
        Ok(AuditCounters {
            process_start: self.start.ok_or(CountersError::Missing { name: START })?,
            event_total: self.events.ok_or(CountersError::Missing { name: EVENTS })?,
            errors: self.errors,
        })
    }
}

/// The label `hash` of a series whose value is 1, without the name of the algorithm.
fn digest(line: &str) -> Option<String> {
    let (name, labels, value) = sample(line)?;
    let (_, hash) = labels.into_iter().find(|(label, _)| label == "hash")?;
    let digest = hash.strip_prefix("sha256:")?;
    let fits =
        name == AUTHENTICATION && value > 0.0 && digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| digest.to_ascii_lowercase())
}

pub(crate) fn unreadable(line: &str) -> CountersError {
    CountersError::Unreadable { line: line.chars().take(200).collect() }
}

/// Name, labels and value.
pub(crate) type Sample<'a> = (&'a str, Vec<(String, String)>, f64);

/// Reads a sample; a time stamp after the value is ignored.
pub(crate) fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(|c: char| c == '{' || c.is_ascii_whitespace())?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once('=')?;
            let (value, after) = quoted(after.trim_start())?;
            labels.push((label.trim().to_owned(), value));
            let after = after.trim_start();
            rest = after.strip_prefix(',').unwrap_or(after).trim_start();
        }
        rest = &rest[1..];
    }
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some((name, labels, value))
}

/// A label's value in quotes, with `\\`, `\"` and `\n` resolved, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.strip_prefix('"')?.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 2..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

/// A counter's value: whole, not negative, and exact as the format's 64-bit float.
pub(crate) fn count(value: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole and within range")]
    ((0.0..=EXACT).contains(&value) && value.fract() == 0.0).then_some(value as u64)
}

pub(crate) fn instant(seconds: f64) -> Option<Timestamp> {
    let micros = (seconds * 1e6).round();
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within the years that a Timestamp holds")]
    (micros > 0.0 && micros < 2.5e17).then(|| Timestamp::from_micros(micros as i64).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<AuditCounters, CountersError> {
        let mut reader = CountersReader::default();
        text.lines().try_for_each(|line| reader.line(line.as_bytes()))?;
        reader.finish()
    }

    const HEALTHY: &str = "# HELP apiserver_audit_event_total [ALPHA] Counter of audit events generated and sent to the audit backend.\n\
        # TYPE apiserver_audit_event_total counter\napiserver_audit_event_total 1.2345678e+07\n\
        apiserver_audit_event_total_other 5\nprocess_start_time_seconds 1.79542591234e+09\n";

    #[test]
    fn no_error_series_means_no_error() {
        let counters = read(HEALTHY).unwrap();
        assert_eq!((counters.event_total, counters.errors_of("webhook")), (12_345_678, 0));
        assert_eq!(counters.process_start.to_string(), "2026-11-23T09:25:12.340000Z");
    }

    #[test]
    fn errors_are_told_apart_by_plugin() {
        let text = format!(
            "{HEALTHY}apiserver_audit_error_total{{plugin=\"webhook\"}} 3\napiserver_audit_error_total{{plugin=\"buffered\",}} 31 1795425912000\n"
        );
        let counters = read(&text).unwrap();
        assert_eq!(
            (counters.errors_of("webhook"), counters.errors_of("buffered"), counters.errors_of("truncate")),
            (3, 31, 0)
        );
    }

    #[test]
    fn what_is_not_there_is_unknown_and_not_zero() {
        assert_eq!(read("process_start_time_seconds 1.7e9\n"), Err(CountersError::Missing { name: EVENTS }));
        assert_eq!(read("apiserver_audit_event_total 1\n"), Err(CountersError::Missing { name: START }));
        for value in ["NaN", "-1", "1.5", "+Inf", "x", ""] {
            let text = HEALTHY.replace("1.2345678e+07", value);
            assert!(matches!(read(&text), Err(CountersError::Unreadable { .. })), "{value}");
        }
    }

    #[test]
    fn the_configuration_in_force_is_told_by_its_digest() {
        let digest = "ab".repeat(32);
        let told = |line: &str| {
            let mut reader = CountersReader::default();
            reader.line(line.as_bytes()).unwrap();
            reader.authentication().map(str::to_owned)
        };
        let line = format!("{AUTHENTICATION}{{apiserver_id_hash=\"sha256:1\",hash=\"sha256:{digest}\"}} 1");
        assert_eq!(told(&line), Some(digest.clone()));
        for other in [
            line.replace("} 1", "} 0"),
            line.replace(&digest, "ab"),
            format!("{AUTHENTICATION}_x{{hash=\"sha256:{digest}\"}} 1"),
        ] {
            assert_eq!(told(&other), None, "{other}");
        }
    }

    #[test]
    fn what_a_server_says_that_it_is() {
        let mut reader = CountersReader::default();
        for line in [
            "kubernetes_build_info{build_date=\"2026-10-01T00:00:00Z\",git_version=\"v1.35.2\",major=\"1\",minor=\"35\"} 1",
            "kubernetes_feature_enabled{name=\"ConstrainedImpersonation\",stage=\"ALPHA\"} 0",
            "kubernetes_feature_enabled{name=\"KubeletFineGrainedAuthz\",stage=\"\"} 1",
            "kubernetes_feature_enabled{stage=\"\"} 1",
            "kubernetes_build_info nonsense",
        ] {
            reader.line(line.as_bytes()).unwrap();
        }
        assert_eq!(reader.server().version.as_deref(), Some("v1.35.2"));
        let gates: Vec<_> = reader.server().features.iter().map(|(gate, on)| (gate.as_str(), *on)).collect();
        assert_eq!(gates, [("ConstrainedImpersonation", false), ("KubeletFineGrainedAuthz", true)]);
    }

    proptest! {
        #[test]
        fn any_line_does_no_harm(rest in ".{0,60}") {
            for name in [EVENTS, ERRORS, START, BUILD, FEATURE] {
                let _ = CountersReader::default().line(format!("{name}{rest}").as_bytes());
            }
        }

        #[test]
        fn label_values_are_read_back(value in ".{0,20}") {
            let written = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let line = format!("m{{a=\"1\", plugin=\"{written}\"}} 4");
            let (_, labels, number) = sample(&line).unwrap();
            prop_assert_eq!((labels[1].1.as_str(), number), (value.as_str(), 4.0));
        }
    }
}
