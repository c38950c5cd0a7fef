//! Where the pages about the network are.

use sha2::{Digest, Sha256};

use super::{NetworkCsv, NetworkPlace, numbered};
use crate::network::NetworkQuery;

/// The folder of a cluster's files; that of the first one, which has no name in questions, is plain.
fn folder(query: &NetworkQuery) -> String {
    if query.cluster.is_empty() { "network".to_owned() } else { format!("network/{}", digest(&query.cluster)) }
}

/// Names of clusters and workloads are whatever entries say, so that files are called by their digest.
fn digest(name: &str) -> String {
    hex::encode(&Sha256::digest(name)[..12])
}

pub(super) fn file(place: &NetworkPlace) -> String {
    match place {
        NetworkPlace::Summary(query) => format!("{}.html", folder(query)),
        NetworkPlace::Flows(query, page) => numbered(&format!("{}/flows", folder(query)), *page),
        NetworkPlace::Workload(query) if query.workload.is_empty() => format!("{}/workloads.html", folder(query)),
        NetworkPlace::Workload(query) => format!("{}/workloads/{}.html", folder(query), digest(&query.workload)),
    }
}

fn asked(path: &str, query: &str) -> String {
    format!("{path}{}{query}", if query.is_empty() { "" } else { "?" })
}

pub(super) fn path(place: &NetworkPlace) -> String {
    match place {
        NetworkPlace::Summary(query) => asked("/network", &query.query()),
        NetworkPlace::Flows(query, page) => {
            let mut query = query.query();
            if *page > 1 {
                query.push_str(&format!("{}page={page}", if query.is_empty() { "" } else { "&" }));
            }
            asked("/network/flows", &query)
        }
        NetworkPlace::Workload(query) => asked("/network/workload", &query.query()),
    }
}

pub(super) fn csv_stem(list: NetworkCsv, query: &NetworkQuery) -> String {
    match list {
        NetworkCsv::Reach => format!("{}/workloads/{}", folder(query), digest(&query.workload)),
        list => format!("{}/{}", folder(query), list.stem()),
    }
}

pub(super) fn csv_path(list: NetworkCsv, query: &NetworkQuery) -> String {
    asked(&format!("/network/{}.csv", list.stem()), &query.query())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_folder_or_its_place_in_an_address() {
        let query = NetworkQuery {
            cluster: "../../etc".to_owned(),
            workload: "a/../b[\"?&#]".to_owned(),
            ..NetworkQuery::default()
        };
        let place = NetworkPlace::Workload(Box::new(query));
        assert_eq!(file(&place).matches('/').count(), 3);
        assert!(!file(&place).contains(".."));
        assert_eq!(path(&place), "/network/workload?cluster=..%2F..%2Fetc&workload=a%2F..%2Fb%5B%22%3F%26%23%5D");
        assert_eq!(file(&NetworkPlace::Summary(Box::default())), "network.html");
        assert_eq!(path(&NetworkPlace::Flows(Box::default(), 2)), "/network/flows?page=2");
    }
}
