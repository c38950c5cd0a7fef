//! Any text as an image reference and as a pattern of repositories: no panic, and what a reference is read as is read the same again.

#![no_main]

use records::image::ImageReference;
use records::repository::RepositoryPattern;

libfuzzer_sys::fuzz_target!(|texts: (&str, &str)| {
    let reference = ImageReference::parse(texts.0);
    if let Some(reference) = &reference {
        let name = format!("{}/{}", reference.registry, reference.repository);
        let again = ImageReference::parse(&name).expect("the full name of a reference is a reference");
        assert_eq!((again.registry, &again.repository), (reference.registry, &reference.repository));
    }
    if let (Some(reference), Ok(pattern)) = (&reference, RepositoryPattern::parse(texts.1)) {
        let _ = pattern.covers(reference);
    }
});
