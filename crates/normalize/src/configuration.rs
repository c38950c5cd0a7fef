//! Files that configure the control plane, as read by a collector.

use std::borrow::Cow;

use records::table::{Provenance, TableSink};
use records::tables::monitoring::{ConfigurationRead, ConfigurationReport};
use records::{EntryView, Timestamp};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::VERSION;
use crate::fault::Faults;
use crate::json::{MAX_DEPTH, check};

/// An entry of a `configuration` source.
#[derive(Debug, Deserialize)]
struct Reading<'a> {
    #[serde(borrow)]
    configures: Cow<'a, str>,
    #[serde(borrow)]
    api_server: Cow<'a, str>,
    read_at: Timestamp,
    #[serde(flatten, borrow)]
    what: What<'a>,
}

/// The file, or what the API server reports about the one that it has loaded.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum What<'a> {
    File {
        #[serde(borrow)]
        sha256: Cow<'a, str>,
        #[serde(borrow)]
        content: Cow<'a, str>,
    },
    Report {
        #[serde(borrow)]
        reported_sha256: Cow<'a, str>,
    },
}

/// Makes the row of a reading.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    let mut faults = Faults::of(entry);
    if let Err(malformed) = check(entry.raw, MAX_DEPTH) {
        faults.malformed("configuration", malformed);
    } else {
        match serde_json::from_slice::<Reading<'_>>(entry.raw) {
            Ok(Reading { configures, api_server, read_at, what }) => match what {
                What::File { sha256, content } => {
                    let digest = hex::encode(Sha256::digest(content.as_bytes()));
                    if !digest.eq_ignore_ascii_case(&sha256) {
                        faults.add("digest_mismatch", format!("sha256 says {sha256}, the content has {digest}"));
                    }
                    sink.append(&ConfigurationRead {
                        provenance: Provenance::of(entry, VERSION),
                        read_at,
                        configures,
                        api_server,
                        digest: Cow::Owned(digest),
                        content,
                    });
                }
                What::Report { reported_sha256 } => sink.append(&ConfigurationReport {
                    provenance: Provenance::of(entry, VERSION),
                    read_at,
                    configures,
                    api_server,
                    digest: Cow::Owned(reported_sha256.to_ascii_lowercase()),
                }),
            },
            Err(error) => faults.add("wrong_type", format!("not a reading of a configuration: {error}")),
        }
    }
    faults.append_to(sink);
}
