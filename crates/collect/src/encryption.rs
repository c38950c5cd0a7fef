//! What an API server counts of encryption at rest, from the same answer as the counters of its audit backend.

use std::collections::BTreeMap;

use records::Timestamp;
use serde::Serialize;

use crate::metrics::{CountersError, count, instant, sample, unreadable};

const OPERATIONS: &str = "apiserver_storage_transformation_operations_total";
const KEY_IDS: &str = "apiserver_envelope_encryption_key_id_hash_total";
const CONFIGURATION: &str = "apiserver_encryption_config_controller_last_config_info";
const RELOADS: &str = "apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds";
const START: &str = "process_start_time_seconds";

/// Series of one sort that are kept at most; an API server has some dozens.
const MOST: usize = 2_000;

/// Resource, direction, prefix of the transformer, status.
type Operation = (Option<String>, String, String, String);
/// Provider, direction, hash of the key's identifier.
type KeyId = (String, String, String);

/// One reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EncryptionCounters {
    process_start: Option<Timestamp>,
    config_hash: Option<String>,
    reloaded_at: Option<Timestamp>,
    reload_failed_at: Option<Timestamp>,
    operations: BTreeMap<Operation, u64>,
    key_ids: BTreeMap<KeyId, u64>,
}

/// Gathers a reading from the lines of an answer.
#[derive(Debug, Default)]
pub(crate) struct EncryptionReader {
    found: EncryptionCounters,
}

impl EncryptionReader {
    /// Looks at one line.
    pub(crate) fn line(&mut self, line: &[u8]) -> Result<(), CountersError> {
        let names = [OPERATIONS, KEY_IDS, CONFIGURATION, RELOADS, START];
        if !names.iter().any(|name| line.starts_with(name.as_bytes())) {
            return Ok(());
        }
        let text = std::str::from_utf8(line).map_err(|_| unreadable(&String::from_utf8_lossy(line)))?;
        let Some((name, labels, value)) = sample(text) else { return Err(unreadable(text)) };
        let label = |wanted: &str| labels.iter().find(|(label, _)| label == wanted).map(|(_, value)| value.clone());
        let needed = |wanted: &str| label(wanted).ok_or_else(|| unreadable(text));
        let number = || count(value).ok_or_else(|| unreadable(text));
        let found = &mut self.found;
        match name {
            OPERATIONS if found.operations.len() < MOST => {
                // The status came with 1.13, the resource with 1.32.
                let status = label("status").unwrap_or_else(|| "OK".to_owned());
                let key = (label("resource"), needed("transformation_type")?, needed("transformer_prefix")?, status);
                *found.operations.entry(key).or_default() += number()?;
            }
            KEY_IDS if found.key_ids.len() < MOST => {
                let key = (needed("provider_name")?, needed("transformation_type")?, needed("key_id_hash")?);
                *found.key_ids.entry(key).or_default() += number()?;
            }
            // One series for each configuration that was ever in force; that in force has the value 1.
            CONFIGURATION if value > 0.0 => found.config_hash = Some(needed("hash")?),
            RELOADS => match needed("status")?.as_str() {
                "success" => found.reloaded_at = found.reloaded_at.max(instant(value)),
                _ => found.reload_failed_at = found.reload_failed_at.max(instant(value)),
            },
            START => found.process_start = Some(instant(value).ok_or_else(|| unreadable(text))?),
            _ => {}
        }
        Ok(())
    }

    /// The reading.
    pub(crate) fn finish(self) -> EncryptionCounters {
        self.found
    }
}

impl EncryptionCounters {
    /// Whether it says something else than an earlier one: counts that only grow do not, but for writes in the clear.
    pub(crate) fn differs(&self, earlier: &Self) -> bool {
        fn shape(counters: &EncryptionCounters) -> impl PartialEq + '_ {
            let operations: Vec<_> = counters
                .operations
                .iter()
                .filter(|(_, count)| **count > 0)
                .map(|(operation, count)| {
                    let in_the_clear = operation.1 == "to_storage" && matches!(operation.2.as_str(), "" | "identity");
                    (operation, if in_the_clear { *count } else { 0 })
                })
                .collect();
            let keys: Vec<_> = counters.key_ids.iter().filter(|(_, count)| **count > 0).map(|(key, _)| key).collect();
            let reloads = (counters.reloaded_at, counters.reload_failed_at);
            (counters.process_start, counters.config_hash.as_deref(), reloads, operations, keys)
        }
        shape(self) != shape(earlier)
    }

    /// The entry of an `encryption` source.
    pub(crate) fn entry(&self, api_server: &str, read_at: Timestamp) -> Vec<u8> {
        #[derive(Serialize)]
        struct Entry<'a> {
            record: &'static str,
            read_at: Timestamp,
            api_server: &'a str,
            process_start: Option<Timestamp>,
            config_hash: Option<&'a str>,
            reloaded_at: Option<Timestamp>,
            reload_failed_at: Option<Timestamp>,
            operations_json: String,
            key_ids_json: String,
        }
        let operations: Vec<_> = self.operations.iter().map(|((r, d, p, s), count)| (r, d, p, s, count)).collect();
        let key_ids: Vec<_> = self.key_ids.iter().map(|((p, d, hash), count)| (p, d, hash, count)).collect();
        let entry = Entry {
            record: "encryption_reading",
            read_at,
            api_server,
            process_start: self.process_start,
            config_hash: self.config_hash.as_deref(),
            reloaded_at: self.reloaded_at,
            reload_failed_at: self.reload_failed_at,
            operations_json: serde_json::to_string(&operations).expect("texts and numbers are always JSON"),
            key_ids_json: serde_json::to_string(&key_ids).expect("texts and numbers are always JSON"),
        };
        serde_json::to_vec(&entry).expect("texts are always JSON")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<EncryptionCounters, CountersError> {
        let mut reader = EncryptionReader::default();
        text.lines().try_for_each(|line| reader.line(line.as_bytes()))?;
        Ok(reader.finish())
    }

    const TEXT: &str = r#"# TYPE apiserver_storage_transformation_operations_total counter
apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="to_storage",transformer_prefix="k8s:enc:aescbc:v1:"} 4
apiserver_storage_transformation_operations_total{resource="secrets",status="OK",transformation_type="to_storage",transformer_prefix=""} 2
apiserver_envelope_encryption_key_id_hash_total{apiserver_id_hash="sha256:1",key_id_hash="sha256:2",provider_name="mock",transformation_type="to_storage"} 7
apiserver_encryption_config_controller_last_config_info{apiserver_id_hash="sha256:1",hash="sha256:3"} 1
apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds{apiserver_id_hash="sha256:1",status="success"} 1.79542591234e+09
process_start_time_seconds 1.7954e+09
"#;

    #[test]
    fn a_reading_becomes_an_entry() {
        let counters = read(TEXT).unwrap();
        let entry = counters.entry("a1", "2026-11-23T10:00:00Z".parse().unwrap());
        insta::assert_snapshot!(String::from_utf8(entry).unwrap());
    }

    #[test]
    fn only_what_matters_makes_another_reading() {
        let counters = read(TEXT).unwrap();
        let changed = |from: &str, to: &str| {
            assert!(TEXT.contains(from));
            read(&TEXT.replace(from, to)).unwrap().differs(&counters)
        };
        assert!(!counters.differs(&counters));
        assert!(!changed("aescbc:v1:\"} 4", "aescbc:v1:\"} 9"));
        assert!(changed("prefix=\"\"} 2", "prefix=\"\"} 3"));
        assert!(changed("sha256:3", "sha256:4"));
        assert!(changed("sha256:2", "sha256:5"));
        assert!(changed("1.7954e+09", "1.7955e+09"));
    }

    proptest! {
        #[test]
        fn any_line_does_no_harm(rest in ".{0,80}") {
            for name in [OPERATIONS, KEY_IDS, CONFIGURATION, RELOADS, START] {
                let _ = EncryptionReader::default().line(format!("{name}{rest}").as_bytes());
            }
        }
    }
}
