//! Whether the watching works: audit policy, completeness, clocks.

use records::{Conclusion, ControlKind, Verdict};

use super::control::{Control, told};
use super::sources::{AUDIT_1, AUDIT_2, CONFIGURATION, STATEMENTS, full, with_gaps};
use super::{at, window};

pub(super) fn policy() -> Control {
    Control {
        id: "MO-01",
        title: "The audit policy records what matters",
        kind: ControlKind::State,
        criteria: &["CC7.2"],
        needs: &["configuration"],
        sources: &[CONFIGURATION],
        description: "The audit policy of each API server gives the required level to each required request.",
        population_sql: "SELECT requirement_id AS item, requirement AS label, valid_from, valid_to, source, segment, seq\nFROM audit_policy_requirements\n",
        test_sql: "SELECT item, valid_from, valid_to,\n       CASE WHEN met IS NULL THEN 'undetermined' WHEN met THEN 'effective' ELSE 'deviation' END AS verdict,\n       detail AS reason\nFROM population\n",
        parameters: &[("required", "[\"secrets: Metadata\", \"rbac writes: Request\"]")],
        next_step: "Let Plimsoll read the policy file of apiserver-2.",
        remark: "the policy of apiserver-2 could not be read from 2026-10-05; 2 requirements are undetermined.",
        conclusion: Conclusion::NotDeterminable,
        covered: full(),
        items: vec![
            told(
                "apiserver-1: secrets at Metadata",
                "2026-08-01T00:00:00Z",
                "2026-11-01T00:00:00Z",
                Verdict::Effective,
                "rule 4 gives Metadata",
                (CONFIGURATION, 1, 1),
            ),
            told(
                "apiserver-2: secrets at Metadata",
                "2026-08-01T00:00:00Z",
                "2026-10-05T12:00:00Z",
                Verdict::Effective,
                "rule 4 gives Metadata",
                (CONFIGURATION, 1, 2),
            ),
            told(
                "apiserver-2: secrets at Metadata",
                "2026-10-05T12:00:00Z",
                "2026-11-01T00:00:00Z",
                Verdict::Undetermined,
                "the policy could not be read",
                (CONFIGURATION, 580, 31),
            ),
            told(
                "apiserver-2: rbac writes at Request",
                "2026-10-05T12:00:00Z",
                "2026-11-01T00:00:00Z",
                Verdict::Undetermined,
                "the policy could not be read",
                (CONFIGURATION, 580, 31),
            ),
        ],
    }
}

pub(super) fn complete() -> Control {
    let (from, to) = ("2026-08-01T00:00:00Z", "2026-11-01T00:00:00Z");
    Control {
        id: "MO-02",
        title: "The audit log is complete",
        kind: ControlKind::State,
        criteria: &["CC7.2"],
        needs: &["statements", "audit"],
        sources: &[AUDIT_1, AUDIT_2, STATEMENTS],
        description: "What each API server counts as audited is what was received from it; sequenced canaries arrive.",
        population_sql: "SELECT name AS item, name AS label, balance_from AS valid_from, balance_to AS valid_to, source, segment, seq\nFROM audit_balance\n",
        test_sql: "SELECT item, valid_from, valid_to,\n       CASE state WHEN 'balanced' THEN 'effective' WHEN 'in_flight' THEN 'undetermined' ELSE 'deviation' END AS verdict,\n       detail AS reason\nFROM population\n",
        parameters: &[("tolerance_events", "0")],
        next_step: "Find out why the webhook's buffer overflowed; raise its size or the receiver's.",
        remark: "apiserver-2 admits that it lost 41 events.",
        conclusion: Conclusion::Deviations,
        covered: with_gaps(),
        items: vec![
            told(AUDIT_1, from, to, Verdict::Effective, "counted 4 182 003, received 4 182 003", (STATEMENTS, 1, 2)),
            told(AUDIT_2, from, "2026-09-03T03:00:00Z", Verdict::Effective, "balanced", (STATEMENTS, 1, 3)),
            told(
                AUDIT_2,
                "2026-09-03T03:00:00Z",
                "2026-09-03T03:00:30Z",
                Verdict::Deviation,
                "counted 1 212, received 1 171, admitted loss 41",
                (STATEMENTS, 300, 20_011),
            ),
            told(AUDIT_2, "2026-09-03T03:00:30Z", to, Verdict::Effective, "balanced", (STATEMENTS, 300, 20_012)),
        ],
    }
}

pub(super) fn clocks() -> Control {
    let week = |n: i64| {
        let from = at("2026-08-01T00:00:00Z").plus_seconds(n * 604_800);
        let to = from.plus_seconds(604_800).min(window().to);
        let (verdict, reason) = if n == 6 {
            (Verdict::Deviation, "no comparison in the period")
        } else {
            (Verdict::Effective, "largest skew 12 ms")
        };
        told(
            &format!("week {}", n + 1),
            &from.to_string(),
            &to.to_string(),
            verdict,
            reason,
            (STATEMENTS, 1 + n * 60, 40 + n),
        )
    };
    Control {
        id: "MO-08",
        title: "Clocks agree",
        kind: ControlKind::Cadence,
        criteria: &["CC7.2", "A1.2"],
        needs: &["statements"],
        sources: &[STATEMENTS],
        description: "In each week the clock of every source is compared with ours and differs by less than a second.",
        population_sql: "SELECT due AS item, due AS label, due_from, due_to, source, segment, seq FROM weeks\n",
        test_sql: "SELECT item,\n       CASE WHEN compared THEN 'effective' ELSE 'deviation' END AS verdict, reason FROM population\n",
        parameters: &[("largest_skew_ms", "1000")],
        next_step: "Start the comparison again.",
        remark: "1 of 14 weeks has no comparison.",
        conclusion: Conclusion::Deviations,
        covered: full(),
        items: (0..14).map(week).collect(),
    }
}
