//! The pages of documentation that refusals lead to.

use policy::{rules, user_policies};
use reports::admission::Guide;

/// The page of each rule, of policies in others' forms, and of signatures.
pub(crate) fn guides() -> Vec<Guide> {
    let guide = |name: &str, page: &str| Guide { name: name.to_owned(), page: page.to_owned() };
    let mut guides: Vec<Guide> = rules::all().iter().map(|rule| guide(rule.name, rule.page)).collect();
    guides.push(guide("own-policies", user_policies::PAGE));
    guides.push(guide("gatekeeper", user_policies::GATEKEEPER_PAGE));
    guides.push(guide("signatures", include_str!("../../../docs/policies/signatures.md")));
    guides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guide_has_an_address() {
        for guide in guides() {
            assert!(reports::admission::is_plain_name(&guide.name), "{}", guide.name);
            assert!(guide.page.starts_with("# "), "{}", guide.name);
        }
    }
}
