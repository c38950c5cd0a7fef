//! What this crate can send is what its documentation says.

#[test]
fn one_get_and_one_patch_are_all_that_can_be_sent() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut counts = [0; 4];
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for word in [
            "Request::put",
            "Request::post",
            "Request::delete",
            "Request::builder",
            "Request::new",
            "Method::",
            "kube::Api",
            "hyper::client",
        ] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
        for (count, word) in counts.iter_mut().zip(["Request::get(", "Request::patch(", ".send(", "{\"op\": \"add\""]) {
            *count += text.matches(word).count();
        }
        assert!(path.ends_with("configuration.rs") || !text.contains("Request::"), "{}", path.display());
        assert!(!text.contains("\"op\": \"replace\"") && !text.contains("\"op\": \"remove\""), "{}", path.display());
    }
    assert_eq!(counts, [1; 4], "one place for each");
}
