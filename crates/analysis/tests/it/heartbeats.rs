//! Merged heartbeats say what the statements said one by one, in whatever order they come.

use analysis::{Heartbeats, Inputs, derive};
use proptest::prelude::*;
use records::Statement;
use records::table::Provenance;
use records::tables::monitoring::StatementRow;

use crate::story::t;

const PODS: &str = "prod/watch/pods";
const NODES: &str = "prod/watch/nodes";
const COMPONENTS: [&str; 2] = ["prod/statements/collect", "prod/statements/second"];

/// One statement: subject, component, beginning and length in seconds, segment.
#[derive(Debug, Clone)]
struct Said {
    subject: &'static str,
    from: i32,
    to: i32,
    entry: Provenance<'static>,
}

fn said() -> impl Strategy<Value = Vec<Said>> {
    // Few instants and segments, so that beginnings, ends and places coincide.
    let one = (any::<bool>(), 0usize..2, 0i32..60, -1i32..12, 1i64..4);
    prop::collection::vec(one, 0..40).prop_map(|all| {
        let mut seqs = [0; 2];
        let all = all.into_iter().map(|(pods, component, from, length, segment)| {
            seqs[component] += 1;
            let entry = Provenance {
                cluster: "prod".into(),
                source: COMPONENTS[component].into(),
                segment,
                seq: seqs[component],
                normaliser_version: 1,
            };
            Said { subject: if pods { PODS } else { NODES }, from, to: from + length, entry }
        });
        all.collect()
    })
}

/// Runs found the plain way: beginning, end, first entry, last entry.
fn plainly(said: &[Said], subject: &str) -> Vec<(i32, i32, Provenance<'static>, Provenance<'static>)> {
    let mut said: Vec<&Said> = said.iter().filter(|s| s.subject == subject && s.from < s.to).collect();
    said.sort_by_key(|s| (s.from, s.to, s.entry.segment, s.entry.seq, s.entry.source.clone()));
    let mut runs: Vec<Vec<&Said>> = Vec::new();
    for next in said {
        match runs.last_mut() {
            Some(run) if run.iter().any(|before| next.from <= before.to) => run.push(next),
            _ => runs.push(vec![next]),
        }
    }
    let ends = |run: &Vec<&Said>| {
        // The last of those that end last.
        let last = run.iter().max_by_key(|s| s.to).unwrap();
        (run[0].from, last.to, run[0].entry.clone(), last.entry.clone())
    };
    runs.iter().map(ends).collect()
}

fn merged(said: &[Said]) -> Heartbeats {
    let mut heartbeats = Heartbeats::default();
    for s in said {
        heartbeats.push(s.subject, t(s.from.into()), t(s.to.into()), s.entry.clone());
    }
    heartbeats
}

fn rows(said: &[Said]) -> Vec<StatementRow<'static>> {
    let row = |s: &Said| StatementRow {
        provenance: s.entry.clone(),
        statement: "alive".into(),
        subject: Some(s.subject.into()),
        at: t(s.from.into()),
        until: Some(t(s.to.into())),
        statement_json: serde_json::to_string(&Statement::Alive {
            subject: s.subject.parse().unwrap(),
            from: t(s.from.into()),
            to: t(s.to.into()),
        })
        .unwrap()
        .into(),
    };
    said.iter().map(row).collect()
}

proptest! {
    #[test]
    fn runs_are_those_found_by_sorting(said in said()) {
        let heartbeats = merged(&said);
        let mut count = 0;
        for subject in [PODS, NODES] {
            let expected = plainly(&said, subject);
            count += expected.len();
            let runs = heartbeats.subjects().find(|(name, _)| *name == subject).map(|(_, runs)| runs);
            let found = runs.into_iter().flat_map(|runs| runs.iter());
            let found: Vec<_> = found.map(|run| (run.period(), run.first().clone(), run.last().clone())).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(from, to, first, last)| {
                    (records::Period::new(t(from.into()), t(to.into())).unwrap(), first, last)
                })
                .collect();
            prop_assert_eq!(found, expected);
            let earliest = said.iter().filter(|s| s.subject == subject).map(|s| &s.entry)
                .min_by_key(|entry| (entry.source.to_string(), entry.segment, entry.seq));
            prop_assert_eq!(runs.map(|runs| runs.earliest()), earliest);
        }
        prop_assert_eq!(heartbeats.len(), count);
    }

    #[test]
    fn coverage_gaps_and_sources_are_the_same_merged_and_unmerged(
        said in said(),
        resumed in prop::collection::vec((0i32..60, 1i32..40), 0..4),
        order in any::<u64>(),
    ) {
        let mut one_by_one = Inputs::empty(t(200.0));
        let mut others: Vec<StatementRow<'static>> = Vec::new();
        for (at, (from, length)) in (1..).zip(&resumed) {
            let statement = Statement::Resumed {
                subject: PODS.parse().unwrap(),
                from: t((*from).into()),
                to: t((from + length).into()),
                proof: "resourceVersion 7 accepted".into(),
            };
            others.push(StatementRow {
                provenance: Provenance {
                    cluster: "prod".into(),
                    source: "prod/statements/third".into(),
                    segment: 1,
                    seq: at,
                    normaliser_version: 1,
                },
                statement: "resumed".into(),
                subject: Some(PODS.into()),
                at: t((*from).into()),
                until: None,
                statement_json: serde_json::to_string(&statement).unwrap().into(),
            });
        }
        let mut shuffled = said.clone();
        let mut order = order;
        for at in (1..shuffled.len()).rev() {
            order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, (order >> 33) as usize % (at + 1));
        }
        let mut at_once = one_by_one.clone();
        one_by_one.statements = rows(&said);
        one_by_one.statements.extend(others.iter().cloned());
        at_once.heartbeats = merged(&shuffled);
        at_once.statements = others;
        let mut halves = at_once.clone();
        let half = shuffled.len() / 2;
        halves.heartbeats = merged(&shuffled[..half]);
        halves.statements.extend(rows(&shuffled[half..]));
        let expected = derive(one_by_one);
        prop_assert_eq!(&derive(at_once), &expected);
        prop_assert_eq!(&derive(halves), &expected);
    }
}
