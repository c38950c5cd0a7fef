//! A made-up evaluation of a quarter, with everything that pages must show: all kinds of control, all conclusions,
//! short and long deviations, gaps, a population of several pages, and names chosen to mislead.

mod access;
mod admission;
mod control;
mod entries;
mod monitoring;
mod network;
pub(crate) mod rights;
mod secrets;
mod sources;
mod workloads;

use std::borrow::Cow;

use records::table::Provenance;
use records::tables::results::{ControlItem, ControlResult, Evaluation};
use records::{Period, Timestamp, Verdict};
use reports::{ControlText, LogText, Material};

use control::Control;
pub(crate) use entries::evidence;

const EVALUATION: &str = "5f0c1f6a0c9be0f3d1a7f2f3f44c6c1be1c3b5f9a1d2c3b4e5f60718293a4b5c";
const ROOT: &str = "q5y4Uu2pLwD0mM3nN8k0ZbYwq1yV7o2p6f1z0xK9c8E=";
const CHECKPOINT: &str = "prod.example/plimsoll\n812\nq5y4Uu2pLwD0mM3nN8k0ZbYwq1yV7o2p6f1z0xK9c8E=\n\n— prod.example/plimsoll AAAAAQmXmWq5aYt2n0xQ2l6o9c3D1VbqH2s3a4b5c6d7e8f9g0h1i2j3k4l5m6n7o8p9q0r1s2t3u4v5w6x7y8z9A0B1C2D3E4F5G6H7I8J9K0L1M2N3O4P5Q6R7S8==\n";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn between(from: &str, to: &str) -> Period {
    Period::new(at(from), at(to)).unwrap()
}

pub(crate) fn window() -> Period {
    between("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z")
}

fn digest(seed: usize) -> String {
    (0..32).map(|byte| format!("{:02x}", (seed * 131 + byte * 29 + 7) % 256)).collect()
}

fn provenance(source: &str) -> Provenance<'static> {
    Provenance {
        cluster: Cow::Borrowed("prod"),
        source: Cow::Owned(source.to_owned()),
        segment: 812,
        seq: 1,
        normaliser_version: 1,
    }
}

fn controls() -> Vec<Control> {
    vec![
        access::admin(),
        access::wildcards(),
        access::sessions(),
        access::anonymous(),
        workloads::pod_security(),
        workloads::by_hand(),
        workloads::patched(),
        workloads::pinned(),
        monitoring::policy(),
        monitoring::complete(),
        monitoring::clocks(),
    ]
}

/// The whole evaluation.
pub(crate) fn material() -> Material {
    let evaluation = Evaluation {
        provenance: provenance("plimsoll/evaluation/prod"),
        evaluation_id: EVALUATION.into(),
        evaluated_at: at("2026-11-01T00:14:09.201Z"),
        window_from: window().from,
        window_to: window().to,
        checkpoint_size: 812,
        checkpoint_root: ROOT.into(),
        catalogue_digest: digest(1).into(),
        results_digest: digest(2).into(),
        version: "0.1.0".into(),
    };
    let mut material = Material {
        log: LogText {
            origin: "prod.example/plimsoll".to_owned(),
            verifier_key: "prod.example/plimsoll+00000001+AQmXmWq5aYt2n0xQ2l6o9c3D1VbqH2s3a4b5c6d7e8f9".to_owned(),
            checkpoint: CHECKPOINT.to_owned(),
        },
        window: window(),
        evaluation,
        results: Vec::new(),
        items: Vec::new(),
        sources: Vec::new(),
        coverage: Vec::new(),
        gaps: sources::gaps(),
        controls: Vec::new(),
        admission: admission::admission(),
        network: network::network(),
        secrets: secrets::material(),
        access: rights::access(),
    };
    for (n, control) in controls().into_iter().enumerate() {
        add(&mut material, control, n);
    }
    sources::add_sources(&mut material);
    material.coverage.extend(rights::coverage());
    material
}

fn add(material: &mut Material, control: Control, n: usize) {
    let items_with = |wanted: &[Verdict]| {
        let mut items: Vec<&str> =
            control.items.iter().filter(|told| wanted.contains(&told.verdict)).map(|told| told.item.as_str()).collect();
        items.sort_unstable();
        items.dedup();
        items
    };
    let deviating = items_with(&[Verdict::Deviation]);
    let undetermined =
        items_with(&[Verdict::Undetermined]).into_iter().filter(|item| !deviating.contains(item)).count();
    let count = |n: usize| i64::try_from(n).unwrap();
    let population = count(items_with(Verdict::ALL).len());
    material.results.push(ControlResult {
        provenance: provenance("plimsoll/evaluation/prod"),
        evaluation_id: EVALUATION.into(),
        control: control.id.into(),
        title: control.title.into(),
        kind: control.kind.as_str().into(),
        criteria: control.criteria.join(",").into(),
        conclusion: control.conclusion.as_str().into(),
        population,
        tested: count(items_with(&[Verdict::Effective, Verdict::Deviation]).len()),
        deviations: count(deviating.len()),
        undetermined: count(undetermined),
        covered_millionths: control.covered.micros() * 1_000 / (window().micros() / 1_000),
        longest_gap_micros: control.covered.missing_from(window()).longest().map_or(0, Period::micros),
        population_digest: digest(10 + n).into(),
        items_digest: digest(40 + n).into(),
        parameters_json: "{}".into(),
        remark: control.remark.into(),
    });
    for told in control.items {
        let (source, segment, seq) = told.evidence.map_or((None, None, None), |(a, b, c)| (Some(a), Some(b), Some(c)));
        material.items.push(ControlItem {
            provenance: provenance("plimsoll/evaluation/prod"),
            evaluation_id: EVALUATION.into(),
            control: control.id.into(),
            item: told.item.into(),
            label: told.label.into(),
            item_from: told.from,
            item_to: told.to,
            verdict: told.verdict.as_str().into(),
            reason: told.reason.into(),
            evidence_source: source.map(Cow::Borrowed),
            evidence_segment: segment,
            evidence_seq: seq,
        });
    }
    material.controls.push(ControlText {
        id: control.id.parse().unwrap(),
        title: control.title.to_owned(),
        kind: control.kind,
        criteria: control.criteria.iter().map(|criterion| criterion.parse().unwrap()).collect(),
        needs: control.needs.iter().map(|need| (*need).to_owned()).collect(),
        sources: control.sources.iter().map(|source| (*source).to_owned()).collect(),
        description: control.description.to_owned(),
        population_sql: control.population_sql.to_owned(),
        test_sql: control.test_sql.to_owned(),
        parameters: control.parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        next_step: control.next_step.to_owned(),
        covered: control.covered,
    });
}
