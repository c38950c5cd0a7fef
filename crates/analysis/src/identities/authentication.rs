//! The rows of `authentication_settings`: how API servers are told to authenticate, and whether they say that they do so.

use std::collections::BTreeMap;

use records::Timestamp;
use records::tables::identities::AuthenticationSettings;
use records::tables::monitoring::{ConfigurationRead, ConfigurationReport};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::timeline::Interval;

/// What is configured, as readings and reports name it.
const AUTHENTICATION: &str = "authentication";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Configuration {
    api_version: String,
    kind: String,
    jwt: Option<Vec<Authenticator>>,
    anonymous: Option<Anonymous>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Authenticator {
    issuer: Issuer,
    claim_validation_rules: Option<Vec<Rule>>,
    claim_mappings: Mappings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Issuer {
    url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    expression: Option<String>,
    claim: Option<String>,
    required_value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mappings {
    username: Username,
    extra: Option<Vec<Extra>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Username {
    prefix: Option<String>,
    expression: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extra {
    key: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Anonymous {
    enabled: bool,
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    path: String,
}

impl Configuration {
    /// `None` when the file has not the form.
    fn read(content: &str) -> Option<Self> {
        let read: Self = serde_yaml_ng::from_str(content).ok()?;
        let group = read.api_version.strip_prefix("apiserver.config.k8s.io/")?;
        (read.kind == "AuthenticationConfiguration" && matches!(group, "v1" | "v1beta1" | "v1alpha1")).then_some(read)
    }

    fn rules(&self) -> Value {
        let of = |authenticator: &Authenticator| -> Vec<String> {
            let rules = authenticator.claim_validation_rules.iter().flatten();
            rules
                .filter_map(|rule| match (&rule.expression, &rule.claim) {
                    (Some(expression), _) => Some(expression.clone()),
                    (None, Some(claim)) => {
                        Some(format!("{claim} == {:?}", rule.required_value.as_deref().unwrap_or_default()))
                    }
                    (None, None) => None,
                })
                .collect()
        };
        json!(self.jwt.iter().flatten().map(of).collect::<Vec<_>>())
    }

    /// The column `anonymous`, and the paths.
    fn anonymous(&self) -> (&'static str, String) {
        match &self.anonymous {
            None => ("unset", String::new()),
            Some(anonymous) if !anonymous.enabled => ("refused", String::new()),
            Some(anonymous) => {
                let paths: Vec<&str> = anonymous.conditions.iter().flatten().map(|c| c.path.as_str()).collect();
                (if paths.is_empty() { "all_paths" } else { "some_paths" }, paths.join(","))
            }
        }
    }

    fn fill(&self, row: &mut AuthenticationSettings<'_>) {
        let each =
            |text: fn(&Authenticator) -> String| self.jwt.iter().flatten().map(text).collect::<Vec<_>>().join(",");
        let mut extras: Vec<&str> = self
            .jwt
            .iter()
            .flatten()
            .flat_map(|a| a.claim_mappings.extra.iter().flatten())
            .map(|e| e.key.as_str())
            .collect();
        extras.sort_unstable();
        extras.dedup();
        let (anonymous, paths) = self.anonymous();
        row.readable = true;
        row.issuers = each(|authenticator| authenticator.issuer.url.clone()).into();
        row.user_prefixes = each(|authenticator| match &authenticator.claim_mappings.username {
            Username { expression: Some(_), .. } => "(expression)".to_owned(),
            Username { prefix, .. } => prefix.clone().unwrap_or_default(),
        })
        .into();
        row.claim_rules_json = self.rules().to_string().into();
        row.extras = extras.join(",").into();
        row.anonymous = anonymous.into();
        row.anonymous_paths = paths.into();
    }
}

/// Cluster and API server.
type Key<'a> = (&'a str, &'a str);

/// Over all readings and reports.
pub(crate) fn authentication_settings<'r>(
    reads: &[ConfigurationRead<'r>],
    reports: &[ConfigurationReport<'r>],
) -> Vec<AuthenticationSettings<'r>> {
    let mut by_server: BTreeMap<Key<'_>, Vec<&ConfigurationRead<'r>>> = BTreeMap::new();
    for read in reads.iter().filter(|read| read.configures == AUTHENTICATION) {
        by_server.entry((&read.provenance.cluster, &read.api_server)).or_default().push(read);
    }
    let mut reported: BTreeMap<Key<'_>, Vec<(Timestamp, &str)>> = BTreeMap::new();
    for report in reports.iter().filter(|report| report.configures == AUTHENTICATION) {
        let of_server = reported.entry((&report.provenance.cluster, &report.api_server)).or_default();
        of_server.push((report.read_at, &report.digest));
    }
    let mut rows = Vec::new();
    for (server, mut reads) in by_server {
        reads.sort_by_key(|read| (read.read_at, read.provenance.segment, read.provenance.seq));
        reads.dedup_by(|later, earlier| later.digest == earlier.digest);
        let mut reports = reported.remove(&server).unwrap_or_default();
        reports.sort_unstable();
        for (number, read) in reads.iter().enumerate() {
            // Two contents at one instant: the later entry speaks.
            let until = reads.get(number + 1).map(|next| next.read_at);
            if let Some(interval) = Interval::new(read.read_at, until) {
                rows.extend(rows_of(read, interval, &reports));
            }
        }
    }
    rows
}

/// One row for as long as the API server reports the same about the file.
fn rows_of<'r>(
    read: &ConfigurationRead<'r>,
    interval: Interval,
    reports: &[(Timestamp, &str)],
) -> Vec<AuthenticationSettings<'r>> {
    let configuration = Configuration::read(&read.content);
    let mut rows: Vec<AuthenticationSettings<'r>> = Vec::new();
    for piece in interval.cut(reports.iter().map(|(at, _)| *at)) {
        let last = reports[..reports.partition_point(|(at, _)| *at <= piece.from)].last();
        let in_force = last.map(|(_, digest)| *digest == read.digest);
        if let Some(row) = rows.last_mut().filter(|row| row.in_force == in_force) {
            row.valid_to = piece.to;
            continue;
        }
        let mut row = AuthenticationSettings {
            provenance: read.provenance.clone(),
            api_server: read.api_server.clone(),
            valid_from: piece.from,
            valid_to: piece.to,
            digest: read.digest.clone(),
            in_force,
            readable: false,
            issuers: "".into(),
            user_prefixes: "".into(),
            claim_rules_json: "[]".into(),
            extras: "".into(),
            anonymous: "unknown".into(),
            anonymous_paths: "".into(),
        };
        if let Some(configuration) = &configuration {
            configuration.fill(&mut row);
        }
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use records::table::Provenance;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    fn read(micros: i64, content: &str) -> ConfigurationRead<'static> {
        ConfigurationRead {
            provenance: Provenance::default(),
            read_at: at(micros),
            configures: AUTHENTICATION.into(),
            api_server: "a".into(),
            digest: format!("digest of {content}").into(),
            content: content.to_owned().into(),
        }
    }

    fn report(micros: i64, content: &str) -> ConfigurationReport<'static> {
        ConfigurationReport {
            provenance: Provenance::default(),
            read_at: at(micros),
            configures: AUTHENTICATION.into(),
            api_server: "a".into(),
            digest: format!("digest of {content}").into(),
        }
    }

    #[test]
    fn the_example_of_the_documentation_is_read() {
        let example = include_str!("../../../../docs/authentication-configuration.yaml");
        let rows = authentication_settings(&[read(1, example)], &[]);
        insta::assert_debug_snapshot!(rows);
    }

    #[test]
    fn a_file_is_in_force_while_the_api_server_says_so() {
        let rows = authentication_settings(
            &[read(1, "one"), read(10, "two"), read(10, "three"), read(20, "three")],
            &[report(3, "one"), report(5, "one"), report(12, "one"), report(15, "three")],
        );
        let shown: Vec<_> = rows
            .iter()
            .map(|r| {
                (r.valid_from.micros(), r.valid_to.map(Timestamp::micros), r.digest.to_string(), r.in_force, r.readable)
            })
            .collect();
        let row =
            |from: i64, to: Option<i64>, of: &str, in_force| (from, to, format!("digest of {of}"), in_force, false);
        assert_eq!(
            shown,
            [
                row(1, Some(3), "one", None),
                row(3, Some(10), "one", Some(true)),
                row(10, Some(15), "three", Some(false)),
                row(15, None, "three", Some(true)),
            ]
        );
    }

    #[test]
    fn anonymous_requests_are_told_apart() {
        let anonymous = |block: &str| {
            let text = format!("apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n{block}");
            Configuration::read(&text).map(|read| read.anonymous())
        };
        let told = |what, paths: &str| Some((what, paths.to_owned()));
        assert_eq!(anonymous(""), told("unset", ""));
        assert_eq!(anonymous("anonymous: {enabled: false}"), told("refused", ""));
        assert_eq!(anonymous("anonymous: {enabled: true}"), told("all_paths", ""));
        assert_eq!(
            anonymous("anonymous: {enabled: true, conditions: [{path: /a}, {path: /b}]}"),
            told("some_paths", "/a,/b")
        );
        assert_eq!(anonymous("jwt: 3"), None);
        assert!(Configuration::read("kind: Policy").is_none());
    }
}
