//! The catalogue of risky permissions as a page for people, kept true.

use analysis::rbac::risks::catalogue::{Pattern, Way, all};
use analysis::rbac::risks::need::{Ask, Names, Need, Place};

fn need(need: &Need) -> String {
    let place = match need.place {
        Place::Namespaced => "",
        Place::Cluster => " (over the cluster)",
        Place::NamespaceObject => " (of the namespace itself)",
        Place::In(namespace) => return format!("{} in `{namespace}`{}", ask(need), names(need)),
    };
    format!("{}{}{place}", ask(need), names(need))
}

fn ask(need: &Need) -> String {
    let code = |list: &[&str]| list.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ");
    match need.ask {
        Ask::Request { verbs, group, resources } => {
            let verbs: Vec<String> =
                verbs.iter().map(|v| if v.ends_with(':') { format!("`{v}`...") } else { format!("`{v}`") }).collect();
            let resources = match resources {
                ["**"] => "any resource".to_owned(),
                resources => code(resources).replace("userextras/`", "userextras/`<key>"),
            };
            let group = match group {
                "" => String::new(),
                "**" => " of any group".to_owned(),
                group => format!(" of `{group}`"),
            };
            format!("{} on {resources}{group}", verbs.join(", "))
        }
        Ask::Total => "`*` on `*` of `*`".to_owned(),
        Ask::CoreTotal => "`*` on `*` of the core group".to_owned(),
        Ask::Wildcard => "`*` in verbs, resources (also `*/subresource`) or groups".to_owned(),
        Ask::Path(paths) => format!("`get` on the paths {}", code(paths)),
    }
}

fn names(need: &Need) -> String {
    match need.names {
        Names::Any => String::new(),
        Names::OneOf(names) => format!(" named `{}`", names.join("`, `")),
        Names::Signers(names) => format!(" named `{}` or by its domain", names.join("`, `")),
        Names::Unlimited => " of any name".to_owned(),
    }
}

fn way(pattern: &Pattern, way: &Way) -> String {
    let needs: Vec<String> = way.needs.iter().map(need).collect();
    let effect =
        way.effect.filter(|effect| *effect != pattern.effect).map(|effect| format!("becomes {}", effect.words()));
    let severity =
        way.severity.filter(|severity| *severity != pattern.severity).map(|severity| severity.word().to_owned());
    let from = way.versions.from.map(|minor| format!("from 1.{minor} on"));
    let before = way.versions.before.map(|minor| format!("before 1.{minor}"));
    let notes: Vec<String> = [effect, severity, from, before].into_iter().flatten().collect();
    let notes = if notes.is_empty() { String::new() } else { format!(": {}", notes.join(", ")) };
    format!("- {}{notes}\n", needs.join(" **and** "))
}

fn markdown() -> String {
    let mut page = String::from(
        "# Risky permissions\n\n\
         Made from `crates/analysis/src/rbac/risks/catalogue`; do not edit by hand (`PLIMSOLL_UPDATE=1 cargo test -p analysis` writes it anew).\n\n\
         The table `rbac_risks` and control AC-03 tell who holds which of these patterns, in which scope, from when to when, and where it leads. Their cases, of \
         what is one and of what only looks like one, stand in `crates/analysis/tests/rbac-risks`.\n\n\
         How permissions are read, as the API server reads them:\n\n\
         - What all bindings of a subject give counts together, with those of the groups that it is in by what it is (a service account is in \
         `system:serviceaccounts`, `system:serviceaccounts:<namespace>` and `system:authenticated`). What groups give by themselves is told of the groups.\n\
         - There is no `pods/*`: a resource is `*`, `pods`, `pods/exec` or `*/exec`.\n\
         - A rule that is limited to names gives nothing to requests that carry none (`create` of a whole object, `deletecollection`), and its names to all \
         others. Limited to names, a pattern is one step less severe.\n\
         - A RoleBinding reaches objects of its namespace, and the Namespace itself; nothing else that is of no namespace.\n\
         - While the version of the API server is not known, what is open in some version counts, and the row says so (`remark`).\n\n\
         The severity is that of the pattern in the cluster or in one namespace. It is `critical` when the path ends at cluster-admin, and at least `high` \
         when it ends at a node.\n\n\
         Paths go on from what a permission opens: from pods to their service accounts and nodes, from nodes to the accounts of all their pods, from \
         service accounts to what they hold and to the cloud identity that they name, from roles that may be bound to what they give. They stop where the \
         API server stops them: bindings need `bind`, roles need `escalate` and lead on only where their writer holds them, privileged pods need a \
         namespace that does not enforce `baseline` (or the right to change it). What other admission policies refuse is not known to them.\n\n\
         | pattern | title | cluster | namespace | becomes |\n|---|---|---|---|---|\n",
    );
    for pattern in all() {
        page.push_str(&format!(
            "| [{}](#{}) | {} | {} | {} | {} |\n",
            pattern.id,
            pattern.id.to_lowercase(),
            pattern.title,
            pattern.severity.word(),
            pattern.in_namespace.word(),
            pattern.effect.words()
        ));
    }
    for pattern in all() {
        page.push_str(&format!("\n## {}\n\n**{}.** {}\n", pattern.id, pattern.title, pattern.why));
        if !pattern.ways.is_empty() {
            page.push_str("\nHeld by any of:\n\n");
            for one in pattern.ways {
                page.push_str(&way(pattern, one));
            }
        }
        if !pattern.versions.is_empty() {
            page.push_str(&format!("\nVersions: {}\n", pattern.versions));
        }
        page.push_str(&format!("\nWhat to do: {}\n", pattern.remediation));
    }
    page
}

#[test]
fn the_page_is_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rbac-patterns.md");
    if std::env::var_os("PLIMSOLL_UPDATE").is_some() {
        std::fs::write(path, markdown()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == markdown(), "docs/rbac-patterns.md is old: run PLIMSOLL_UPDATE=1 cargo test -p analysis");
}
