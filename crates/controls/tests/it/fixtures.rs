//! The embedded catalogue gives what its fixtures expect.

use controls::{Catalogue, fixture};

#[tokio::test]
async fn every_control_gives_what_its_fixture_expects() {
    let catalogue = Catalogue::load(crate::folder()).await.unwrap_or_else(|errors| panic!("{errors}"));
    let mut told = Vec::new();
    for control in catalogue.controls() {
        let results = fixture::run_fixture(&catalogue, control).await.unwrap_or_else(|e| panic!("{}: {e}", control.id));
        assert!(results.len() >= 3, "{} has {} cases only", control.id, results.len());
        for result in results.iter().filter(|r| !r.differences.is_empty()) {
            told.push(format!("{} / {}:\n    {}", result.control, result.case, result.differences.join("\n    ")));
        }
    }
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}
