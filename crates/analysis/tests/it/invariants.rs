//! What holds of every history.

use proptest::prelude::*;
use serde_json::json;

use crate::story::{RBAC, Story, history};

/// One thing that happens to one of few objects: (object, what, body, seconds since the last, seconds of managedFields before it,
/// whether an audit event comes, incarnation).
type Step = (usize, usize, u8, u8, Option<u8>, bool, bool);

const SORTS: [&str; 4] = ["listed", "added", "modified", "deleted"];
const MAPS: (&str, &str) = ("", "configmaps");

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        (0usize..3, 0usize..7, 0u8..3, 0u8..4, prop::option::of(0u8..5), any::<bool>(), prop::bool::weighted(0.2));
    prop::collection::vec(step, 0..60)
}

fn play(steps: &[Step]) -> Story {
    let mut story = history();
    let mut now = 0.0;
    let mut incarnation = [0; 3];
    for (object, what, body, pause, fields, audited, reborn) in steps {
        now += f64::from(*pause) * 0.4;
        match what {
            4 => {
                story.list_begins(now, MAPS, "l");
            }
            5 => {
                story.list_ends(now, MAPS, "l", i64::from(*body));
            }
            6 => {
                story.write(now, "delete", MAPS, &format!("a/{object}"), |e| e.dry_run = None);
            }
            sort => {
                incarnation[*object] += i32::from(*reborn);
                if *audited {
                    story.write(now - 0.1, "patch", MAPS, &format!("a/{object}"), |_| {});
                }
                let name = format!("a/{object}");
                let mut seen = story.sees(now, SORTS[*sort], MAPS, &name, json!({"x": body}));
                seen = seen.uid(&format!("{object}-{}", incarnation[*object]));
                if let Some(back) = fields {
                    seen = seen.fields((now - f64::from(*back)).floor());
                }
                seen.end();
            }
        }
    }
    story
}

proptest! {
    #[test]
    fn versions_of_a_name_follow_one_another(steps in steps()) {
        let told = play(&steps).told();
        for name in ["0", "1", "2"] {
            let versions: Vec<_> = told.object_versions.iter().filter(|v| v.name == name).collect();
            for version in &versions {
                prop_assert!(version.valid_to.is_none_or(|to| version.valid_from < to), "an empty interval: {version:?}");
                prop_assert_eq!(version.valid_to.is_some(), version.ended_by.is_some());
            }
            for pair in versions.windows(2) {
                let end = pair[0].valid_to;
                prop_assert!(end.is_some_and(|end| end <= pair[1].valid_from), "{:?} then {:?}", pair[0], pair[1]);
            }
        }
    }

    #[test]
    fn the_order_of_rows_in_the_inputs_means_nothing(steps in steps(), seed in any::<u64>()) {
        let mut story = play(&steps);
        story.alive("prod/watch/configmaps", 0.0, 7.0).counters(1.0, 0.0, 5, 0, 5).counters(2.0, 0.0, 9, 0, 8);
        let told = story.told();
        let mut seed = seed;
        let mut shuffle = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % n.max(1)
        };
        for i in (1..story.inputs.observations.len()).rev() {
            let j = shuffle(i + 1);
            story.inputs.observations.swap(i, j);
        }
        for i in (1..story.inputs.audit_writes.len()).rev() {
            let j = shuffle(i + 1);
            story.inputs.audit_writes.swap(i, j);
        }
        story.inputs.statements.reverse();
        prop_assert_eq!(story.told(), told);
    }

    #[test]
    fn a_further_binding_takes_no_grant_away(
        bindings in prop::collection::vec((0u8..4, 0u8..4, 0u8..3, any::<bool>()), 1..12),
        roles in prop::collection::vec((0u8..3, 0u8..3), 0..8),
    ) {
        let play = |count: usize| {
            let mut story = history();
            story.lists_none(0.0, (RBAC, "clusterroles"));
            for (i, (role, rules)) in roles.iter().enumerate() {
                let verbs = ["get", "*", "list"][usize::from(*rules)];
                let rules = json!([{"verbs": [verbs], "apiGroups": ["*"], "resources": ["*"]}]);
                story.role(1.0 + i as f64, "modified", &format!("role-{role}"), rules);
            }
            for (i, (name, user, role, deleted)) in bindings[..count].iter().enumerate() {
                let sort = if *deleted { "deleted" } else { "modified" };
                let subjects = json!([{"kind": "User", "name": format!("user-{user}")}]);
                story.binding(2.5 + i as f64, sort, &format!("b-{name}-{i}"), &format!("role-{role}"), subjects);
            }
            story.told().rbac_grants
        };
        let with = play(bindings.len());
        for grant in play(bindings.len() - 1) {
            prop_assert!(with.contains(&grant), "{grant:?}");
        }
        for grant in &with {
            let overlapping = with.iter().filter(|g| {
                g.grant_id == grant.grant_id
                    && g.valid_from < grant.valid_to.unwrap_or(records::Timestamp::MAX)
                    && grant.valid_from < g.valid_to.unwrap_or(records::Timestamp::MAX)
            });
            prop_assert_eq!(overlapping.count(), 1);
        }
    }
}
