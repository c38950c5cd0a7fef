//! Where the pages about Secrets are.

use sha2::{Digest, Sha256};

use super::{SecretsCsv, SecretsPlace, numbered};
use crate::secrets::SecretQuery;

/// The folder of a cluster's files; that of the first one, which has no name in questions, is plain.
fn folder(query: &SecretQuery) -> String {
    if query.cluster.is_empty() { "secrets".to_owned() } else { format!("secrets/{}", digest(&query.cluster)) }
}

/// Names are whatever entries say, so that files are called by their digest.
fn digest(name: &str) -> String {
    hex::encode(&Sha256::digest(name)[..12])
}

pub(super) fn file(place: &SecretsPlace) -> String {
    match place {
        SecretsPlace::Overview(query) => format!("{}.html", folder(query)),
        SecretsPlace::List(query, page) => numbered(&format!("{}/list", folder(query)), *page),
        SecretsPlace::Secret(query) => {
            let name = digest(&format!("{}/{}", query.namespace, query.name));
            format!("{}/secrets/{name}.html", folder(query))
        }
    }
}

fn asked(path: &str, query: &str) -> String {
    format!("{path}{}{query}", if query.is_empty() { "" } else { "?" })
}

pub(super) fn path(place: &SecretsPlace) -> String {
    match place {
        SecretsPlace::Overview(query) => asked("/secrets", &query.query()),
        SecretsPlace::List(query, page) => {
            let mut query = query.query();
            if *page > 1 {
                query.push_str(&format!("{}page={page}", if query.is_empty() { "" } else { "&" }));
            }
            asked("/secrets/list", &query)
        }
        SecretsPlace::Secret(query) => asked("/secrets/secret", &query.query()),
    }
}

pub(super) fn csv_stem(list: SecretsCsv, query: &SecretQuery) -> String {
    format!("{}/{}", folder(query), list.stem())
}

pub(super) fn csv_path(list: SecretsCsv, query: &SecretQuery) -> String {
    asked(&format!("/secrets/{}.csv", list.stem()), &query.query())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_folder_or_its_place_in_an_address() {
        let query = SecretQuery { namespace: "../..".into(), name: "a/b?&#".into(), ..SecretQuery::default() };
        let place = SecretsPlace::Secret(Box::new(query));
        assert!(file(&place).starts_with("secrets/secrets/") && !file(&place).contains(".."));
        assert_eq!(path(&place), "/secrets/secret?namespace=..%2F..&name=a%2Fb%3F%26%23");
    }
}
