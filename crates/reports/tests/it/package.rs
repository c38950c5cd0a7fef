//! The package as a whole: its links, what it asks for, its digests, and that it is the same each time.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use reports::package::{CopiedFile, render};
use sha2::{Digest, Sha256};

use crate::sample;

fn files() -> BTreeMap<String, Vec<u8>> {
    render(&sample::material(), &sample::evidence(), &[]).unwrap().into_iter().collect()
}

/// The values of an attribute in a page that is known to quote all of them.
pub(crate) fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    let opening = format!(" {name}=\"");
    html.split(opening.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn resolved(page: &str, href: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    for part in folder.join(href).components() {
        match part {
            Component::ParentDir => assert!(parts.pop().is_some(), "{page}: {href} leaves the package"),
            Component::Normal(name) => parts.push(name.to_str().unwrap().to_owned()),
            other => panic!("{page}: {href} holds {other:?}"),
        }
    }
    parts.iter().collect::<PathBuf>().to_str().unwrap().to_owned()
}

#[test]
fn every_link_leads_to_a_file_and_a_place_in_it() {
    let files = files();
    let pages: BTreeMap<&String, &str> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".html"))
        .map(|(p, b)| (p, std::str::from_utf8(b).unwrap()))
        .collect();
    let mut links = 0;
    for (page, html) in &pages {
        for href in attributes(html, "href") {
            let (path, fragment) = href.split_once('#').unwrap_or((href, ""));
            let target = if path.is_empty() { (*page).clone() } else { resolved(page, path) };
            assert!(files.contains_key(&target), "{page}: {href} leads to {target}");
            if !fragment.is_empty() {
                assert!(attributes(pages[&target], "id").contains(&fragment), "{page}: {href} has no such place");
            }
            links += 1;
        }
    }
    assert!(links > 900, "{links}");
}

#[test]
fn nothing_is_asked_for_from_elsewhere_and_nothing_runs() {
    for (path, bytes) in files().iter().filter(|(path, _)| path.ends_with(".html") || path.ends_with(".css")) {
        let text = std::str::from_utf8(bytes).unwrap();
        for forbidden in [
            "<script",
            "src=\"",
            "srcset",
            "@import",
            "url(http",
            "url(//",
            " style=\"",
            "javascript:",
            "<iframe",
            "<form",
        ] {
            assert!(!text.contains(forbidden), "{path} holds {forbidden}");
        }
        for href in attributes(text, "href") {
            assert!(!href.contains(':') && !href.starts_with("//"), "{path} refers to {href}");
        }
    }
}

#[test]
fn two_renders_are_equal_whatever_the_order_of_the_rows() {
    let mut shuffled = sample::material();
    shuffled.items.reverse();
    shuffled.results.reverse();
    shuffled.controls.reverse();
    shuffled.gaps.reverse();
    shuffled.sources.reverse();
    shuffled.coverage.reverse();
    let mut evidence = sample::evidence();
    evidence.reverse();
    let first = render(&sample::material(), &sample::evidence(), &[]).unwrap();
    let second = render(&shuffled, &evidence, &[]).unwrap();
    assert_eq!(first.len(), second.len());
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.0, b.0);
        assert!(a.1 == b.1, "{} differs", a.0);
    }
}

#[test]
fn the_manifest_holds_the_digest_of_every_other_file() {
    let copied = CopiedFile { path: "store/store.json".to_owned(), sha256: "ab".repeat(32), bytes: 7 };
    let files: BTreeMap<String, Vec<u8>> =
        render(&sample::material(), &sample::evidence(), &[copied]).unwrap().into_iter().collect();
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(listed.len(), files.len());
    for file in listed.iter().filter(|file| file["path"] != "store/store.json") {
        let bytes = &files[file["path"].as_str().unwrap()];
        assert_eq!(file["sha256"], hex::encode(Sha256::digest(bytes)));
        assert_eq!(file["bytes"], bytes.len());
    }
}

#[test]
fn a_copied_path_cannot_leave_the_package_or_take_anothers_place() {
    for path in ["../x", "/etc/x", "a//b", "index.html", "manifest.json", "a\\b", "a/./b", ""] {
        let copied = CopiedFile { path: path.to_owned(), sha256: String::new(), bytes: 0 };
        assert!(render(&sample::material(), &[], &[copied]).is_err(), "{path:?}");
    }
}

#[test]
fn each_page_names_its_checkpoint_and_claims_no_more_than_evidence_can() {
    for (path, bytes) in files().iter().filter(|(path, _)| path.ends_with(".html")) {
        let text = std::str::from_utf8(bytes).unwrap().to_lowercase();
        assert!(text.contains("as of checkpoint 812"), "{path}");
        assert!(!text.contains("compliant") && !text.contains("certified"), "{path}");
    }
}
