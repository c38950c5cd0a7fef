use super::*;

const PAGE: &str = include_str!("../../../../docs/policies/signatures.md");

/// The example of the page, without what it leaves out.
fn page() -> String {
    let (_, after) = PAGE.split_once("```yaml\n").unwrap();
    let (example, _) = after.split_once("```").unwrap();
    let (example, _) = example.split_once("  registries:").unwrap();
    example.to_owned()
}

fn fault(text: &str) -> String {
    Rules::parse(text).unwrap_err().to_string()
}

#[test]
fn the_example_of_the_page_is_a_set_of_rules() {
    let rules = Rules::parse(&page()).unwrap();
    assert_eq!(rules.name(), "production");
    assert_eq!(
        rules.rules().iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(),
        ["ours", "kubernetes", "cache"]
    );
    assert_eq!(rules.unmatched(), Unmatched::Refuse);
    let ours = &rules.rules()[0];
    assert_eq!(ours.requirements.len(), 2);
    assert!(
        matches!(&ours.requirements[0].by[0], Authority::Key(key) if key.transparency_log == TransparencyLog::Ignored)
    );
    for (image, names) in [
        ("registry.example/shop/web:1", vec!["ours"]),
        ("registry.k8s.io/pause:3.10", vec!["kubernetes"]),
        ("redis", vec!["cache"]),
        ("nginx", vec![]),
    ] {
        let reference = ImageReference::parse(image).unwrap();
        let applying = rules.applying(&reference);
        assert_eq!(applying.rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>(), names, "{image}");
    }
}

#[test]
fn the_hash_names_what_is_asked_for() {
    let page = page();
    let hash = |text: &str| Rules::parse(text).unwrap().hash();
    let same = hash(&page);
    assert_eq!(hash(&page.replace("  name: production", "  name: other")), same);
    assert_eq!(hash(&format!("# said\n{page}")), same);
    for (from, to) in [
        ("unmatched: Refuse", "unmatched: Allow"),
        ("transparencyLog: Ignored", "transparencyLog: Required"),
        ("refs/tags/*", "refs/heads/main"),
        ("provenance/v1", "provenance/v2"),
        ("registry.k8s.io/**", "registry.k8s.io/*"),
    ] {
        assert!(page.contains(from), "{from}");
        assert_ne!(hash(&page.replace(from, to)), same, "{from}");
    }
}

/// An answer about one image outlives changes to rules that are not for it.
#[test]
fn other_rules_do_not_count() {
    let page = page();
    let applying = |text: &str, image: &str| {
        let rules = Rules::parse(text).unwrap();
        let applying = rules.applying(&ImageReference::parse(image).unwrap());
        (applying.hash, applying.trust_roots)
    };
    let changed = page.replace("krel-trust", "somebody");
    let (ours, theirs) = ("registry.example/shop/web", "registry.k8s.io/pause");
    assert_eq!(applying(&page, ours), applying(&changed, ours));
    assert_ne!(applying(&page, theirs), applying(&changed, theirs));
    let staging = page.replace(
        "        issuer: https://accounts",
        "        trustRoot: sigstore-staging\n        issuer: https://accounts",
    );
    assert_ne!(applying(&page, theirs).1, applying(&staging, theirs).1);
}

#[test]
fn what_does_not_do_is_told_with_its_place() {
    let page = page();
    let mut told = String::new();
    for (from, to) in [
        ("kind: ImageSignatures", "kind: Signatures"),
        ("plimsoll.dev/v1alpha1", "plimsoll.dev/v2"),
        ("  unmatched: Refuse", "  unmatched: Perhaps"),
        ("  unmatched: Refuse", "  unmatchd: Refuse"),
        ("  - name: cache", "  - name: ours"),
        ("registry.example/shop/**", "shop/**"),
        ("    unsigned: nobody signs them; scanned and copied by hand, see the runbook\n", ""),
        ("    unsigned: nobody", "    signedBy: []\n    unsigned: nobody"),
        ("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", "MFkw"),
        ("-----BEGIN PUBLIC KEY-----", "-----BEGIN PRIVATE KEY-----"),
        ("identity: krel-trust@k8s-releng-prod.iam.gserviceaccount.com", "identity: \"**\""),
        ("issuer: https://accounts.google.com", "issuer: https://*"),
        ("issuer: https://accounts.google.com", "trustRoot: other\n        issuer: https://accounts.google.com"),
        ("https://slsa.dev/provenance/v1", "https://sigstore.dev/cosign/sign/v1"),
        ("      by:\n      - keyless:", "      by: []\n      x:\n      - keyless:"),
        ("spec:\n", "spec:\n  trustRoots: [{name: a, trustedRoot: '{}'}]\n"),
        ("spec:\n", "spec:\n  registries: [{host: a/b}]\n"),
        ("spec:\n", "spec:\n  registries: [{host: 'a:1'}, {host: 'A:1'}]\n"),
    ] {
        assert!(page.contains(from), "{from}");
        told.push_str(&format!("{} -> {}\n    {}\n", from.trim(), to.trim(), fault(&page.replacen(from, to, 1))));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn any_text_is_read_or_refused() {
    for text in
        ["", "{}", "[]", "a: b: c", "\u{0}", "&a [*a]", &"[".repeat(10_000), &" ".repeat(MAX_DOCUMENT_BYTES + 1)]
    {
        assert!(Rules::parse(text).is_err());
    }
}
