//! Secrets of one cluster at one instant: how they are stored, what keeps them, who read them, and credentials in plain text.

mod list;
mod one;
mod overview;

pub use list::secret_list;
pub use one::secret;
pub use overview::secrets;

use crate::admission::FilterProblem;
use crate::figures::{Mark, Moment, Shape};
use crate::links::{Links, Place, SecretsPlace};
use crate::report::Report;
use crate::secrets::SecretQuery;
use crate::secrets::rotation::Rotation;
use crate::shown::Shown;

/// What stands above every page about Secrets; the templates of the network's pages show it.
#[derive(Debug)]
struct Head {
    tabs: [(&'static str, &'static str, String); 2],
    current: &'static str,
    /// The address that the form asks; `None` where pages are not live.
    action: Option<String>,
    clusters: Vec<(Shown, String, bool)>,
    others: Vec<(Shown, String)>,
    cluster: Shown,
    cluster_problem: Option<&'static str>,
    at: String,
    at_problem: Option<&'static str>,
    understood: bool,
    instant: Moment,
    end_of_window: bool,
    /// Whether Secrets were observed at that time.
    observed: bool,
}

impl Head {
    fn new(
        report: &Report,
        links: &Links<'_>,
        current: &'static str,
        query: &SecretQuery,
        problems: &[FilterProblem],
        (clusters, cluster): (&[String], &str),
    ) -> Self {
        let material = report.material();
        let place = query.place();
        let to = |place: SecretsPlace| links.to(&Place::Secrets(place));
        let problem = |field: &str| problems.iter().find(|one| one.field == field);
        let of_cluster = |name: &str| {
            let first = clusters.first().is_some_and(|first| first == name);
            SecretQuery { cluster: if first { String::new() } else { name.to_owned() }, ..place.clone() }
        };
        let instant = crate::network::instant(query.at, material.window);
        let source = format!("{cluster}/watch/secrets");
        let observed = material
            .coverage
            .iter()
            .any(|row| row.name == source && row.covered_from <= instant && instant < row.covered_to);
        Self {
            tabs: [
                ("overview", "Overview", to(SecretsPlace::Overview(Box::new(place.clone())))),
                ("list", "All Secrets", to(SecretsPlace::List(Box::new(place.clone()), 1))),
            ],
            current,
            action: links.live().then(|| match current {
                "list" => to(SecretsPlace::List(Box::default(), 1)),
                _ => to(SecretsPlace::Overview(Box::default())),
            }),
            clusters: clusters.iter().map(|name| (Shown::line(name), name.clone(), name == cluster)).collect(),
            others: clusters
                .iter()
                .filter(|name| *name != cluster)
                .map(|name| (Shown::line(name), to(SecretsPlace::Overview(Box::new(of_cluster(name))))))
                .collect(),
            cluster: Shown::line(cluster),
            cluster_problem: problem("cluster").map(|one| one.what),
            at: problem("at")
                .map_or_else(|| query.at.map(|at| at.to_string()).unwrap_or_default(), |one| one.given.clone()),
            at_problem: problem("at").map(|one| one.what),
            understood: problems.is_empty(),
            instant: Moment::new(if query.at.is_none() { material.window.to } else { instant }),
            end_of_window: query.at.is_none(),
            observed,
        }
    }
}

fn encrypted_mark(encrypted: Option<bool>) -> Mark {
    match encrypted {
        Some(true) => Mark::new(Shape::Filled, "encrypted"),
        Some(false) => Mark::new(Shape::Broken, "in the clear"),
        None => Mark::new(Shape::Hatched, "not known"),
    }
}

fn rotation_mark(rotation: Rotation) -> Mark {
    match rotation {
        Rotation::NoClass => Mark::new(Shape::Thin, "no class"),
        Rotation::OtherClass => Mark::new(Shape::Hatched, "class not known"),
        Rotation::Unknown => Mark::new(Shape::Hatched, "age not known"),
        Rotation::InTime => Mark::new(Shape::Filled, "in time"),
        Rotation::Overdue => Mark::new(Shape::Broken, "overdue"),
    }
}
