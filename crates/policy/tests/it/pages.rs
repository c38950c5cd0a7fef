//! Every rule has a page, every page the same parts, and its examples come out as it says.

use std::path::Path;

use policy::rules;
use policy::trial;

use crate::now;

const PARTS: [&str; 6] = ["Why", "Criteria", "Parameters", "Policy", "Good example", "Bad example"];

#[test]
fn examples_come_out_as_their_pages_say() {
    let mut seen = 0;
    for rule in rules::all() {
        for trial in trial::page(rule, now()) {
            seen += 1;
            assert_eq!(trial.failure, None, "{} {:?} {}", trial.policies, trial.expected, trial.example);
        }
    }
    assert!(seen >= 3 * rules::all().len(), "only {seen} examples");
}

#[test]
fn the_example_of_a_users_own_policy_comes_out_as_its_page_says() {
    let trials = trial::page_text("own-policies.md", policy::user_policies::PAGE, now());
    assert_eq!(trials.len(), 6);
    for trial in trials {
        assert_eq!(trial.failure, None, "{:?} {}", trial.expected, trial.example);
    }
}

#[test]
fn the_example_of_a_template_comes_out_as_its_page_says() {
    let trials = trial::page_text("gatekeeper.md", policy::user_policies::GATEKEEPER_PAGE, now());
    assert_eq!(trials.len(), 9);
    for trial in trials {
        assert_eq!(trial.failure, None, "{:?} {}", trial.expected, trial.example);
    }
}

#[test]
fn every_page_has_the_same_parts() {
    for rule in rules::all() {
        assert_eq!(rule.page.lines().next(), Some(format!("# {}", rule.name).as_str()));
        let parts: Vec<_> = rule.page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        assert_eq!(parts, PARTS, "{}", rule.name);
        assert!(rule.summary().ends_with('.'), "{}", rule.summary());
        let criteria = rule.page.split("## Criteria\n\n").nth(1).unwrap().lines().next().unwrap();
        for criterion in criteria.split(", ") {
            criterion.parse::<records::Criterion>().unwrap_or_else(|error| panic!("{}: {error}", rule.name));
        }
    }
}

#[test]
fn no_page_is_about_a_rule_that_is_not_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/policies");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !matches!(name.as_str(), "README.md" | "own-policies.md" | "gatekeeper.md" | "signatures.md"))
        .collect();
    files.sort();
    let expected: Vec<_> = rules::all().iter().map(|rule| format!("{}.md", rule.name)).collect();
    assert_eq!(files, expected);
}

/// The canonical form of a policy writes all parameters out; the table of the page has the same names.
#[test]
fn every_parameter_is_in_the_table_of_its_page() {
    for rule in rules::all() {
        let yaml = trial::yaml_under(rule.page, "Policy").unwrap();
        let canonical: serde_json::Value = serde_json::from_str(&crate::set(&yaml).canonical()).unwrap();
        let mut known: Vec<_> =
            canonical["policies"][0]["parameters"].as_object().unwrap().keys().map(String::as_str).collect();
        known.sort_unstable();
        let table = rule.page.split("## Parameters").nth(1).unwrap().split("## ").next().unwrap();
        let mut told: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        told.sort_unstable();
        assert_eq!(told, known, "{}", rule.name);
    }
}
