//! The pages about Secrets, as files: of each cluster those of the end of the window.

use std::collections::BTreeSet;

use records::EntryReference;

use super::{Files, PackageError};
use crate::csv_file;
use crate::links::{self, CsvFile, Links, Place, SecretsCsv, SecretsPlace};
use crate::pages::{self, PageError};
use crate::report::Report;
use crate::secrets::{SecretList, SecretQuery, SecretsMaterial};

/// Secrets on one page.
const SECRETS_PER_PAGE: usize = 500;

pub(super) fn render(report: &Report, known: &BTreeSet<EntryReference>, files: &mut Files) -> Result<(), PackageError> {
    let all = &report.material().secrets;
    if all.is_empty() {
        let nothing = SecretsMaterial::empty(Vec::new(), String::new(), None, report.material().window.to);
        return of_cluster(report, known, files, &nothing, SecretQuery::default());
    }
    for (place, material) in all.iter().enumerate() {
        // The first one has no name in questions.
        let cluster = if place == 0 { String::new() } else { material.cluster.clone() };
        of_cluster(report, known, files, material, SecretQuery { cluster, ..SecretQuery::default() })?;
    }
    Ok(())
}

fn of_cluster(
    report: &Report,
    known: &BTreeSet<EntryReference>,
    files: &mut Files,
    material: &SecretsMaterial,
    query: SecretQuery,
) -> Result<(), PackageError> {
    let mut add = |place: SecretsPlace, make: &dyn Fn(&Links<'_>) -> Result<String, PageError>| {
        let place = Place::Secrets(place);
        files.page(&place, make(&Links::relative_from(&place, known))?)
    };
    let asked = || Box::new(query.clone());
    add(SecretsPlace::Overview(asked()), &|links| pages::secrets(report, links, &query, &[], material))?;
    for page in 1..=material.secrets.len().div_ceil(SECRETS_PER_PAGE).max(1) {
        let list = SecretList {
            query: query.clone(),
            clusters: material.clusters.clone(),
            rows: material.secrets.iter().skip((page - 1) * SECRETS_PER_PAGE).take(SECRETS_PER_PAGE).cloned().collect(),
            total: material.secrets.len() as u64,
            page,
            per_page: SECRETS_PER_PAGE,
            last_page: usize::MAX,
        };
        add(SecretsPlace::List(asked(), page), &|links| pages::secret_list(report, links, &query, &[], &list))?;
    }
    let mut names = BTreeSet::new();
    for secret in &material.secrets {
        let (namespace, name) = (secret.posture.namespace.to_string(), secret.posture.name.to_string());
        if names.insert((namespace.clone(), name.clone())) {
            let query = SecretQuery { namespace, name, ..query.clone() };
            let place = SecretsPlace::Secret(Box::new(query.clone()));
            add(place, &|links| pages::secret(report, links, &query, secret))?;
        }
    }
    for list in SecretsCsv::ALL {
        let bytes = csv_file::secrets(material, list);
        files.add(links::file(&Place::Csv(CsvFile::Secrets(list, asked()))), bytes)?;
    }
    Ok(())
}
