//! Tables of sources, their coverage, gaps and faults, and of what the controls of monitoring rest on.

use crate::table::table;

table! {
    /// One statement of a component of Plimsoll about itself or a source.
    Segment "statements" StatementRow {
        /// The kind of statement (`alive`, `resumed`, `gap`, `balance` ...).
        statement: text,
        /// The source that it is about; null for statements about the component or cluster.
        subject: optional_text,
        /// The instant, or the beginning of the period, that it is about.
        at: time,
        /// The end of the period.
        until: optional_time,
        /// The whole statement as JSON.
        statement_json: text,
    }
}

table! {
    /// One reading of a file that configures the control plane.
    Segment "configuration_reads" ConfigurationRead {
        /// When it was read.
        read_at: time,
        /// What it configures: `audit-policy` or `authentication`.
        configures: text,
        /// The API server that it belongs to (last part of the name of its audit source).
        api_server: text,
        /// SHA-256 (hexadecimal) of the content.
        digest: text,
        /// The content.
        content: text,
    }
}

table! {
    /// One report of an API server about the configuration that it runs with.
    Segment "configuration_reports" ConfigurationReport {
        /// When it was read.
        read_at: time,
        /// What is configured: `authentication`.
        configures: text,
        /// The API server (last part of the name of its audit source).
        api_server: text,
        /// SHA-256 (hexadecimal) of the file that it has loaded.
        digest: text,
    }
}

table! {
    /// One thing that was wrong with one received entry. The entry is kept raw.
    Segment "faults" Fault {
        /// When the entry was received.
        at: time,
        /// What is wrong: `unreadable`, `wrong_type`, `too_deep`, `duplicate_key`, `missing_field`, `number_out_of_range`, `secret_value_redacted`, `audit_id_reuse` ...
        fault: text,
        /// In one line, with the place.
        detail: text,
    }
}

table! {
    /// One source and what is known of it.
    Derived "sources" Source {
        /// The source's name.
        name: text,
        /// Its class.
        class: text,
        /// When its first entry was received; null when it never sent one.
        first_received_at: optional_time,
        /// When its last entry was received.
        last_received_at: optional_time,
        /// How many entries it has in the store.
        entries: integer,
        /// First instant that is covered.
        covered_from: optional_time,
        /// End of the last covered period.
        covered_to: optional_time,
    }
}

table! {
    /// One period in which a source was observed without loss.
    Derived "coverage" Coverage {
        /// The source's name.
        name: text,
        /// Beginning.
        covered_from: time,
        /// End.
        covered_to: time,
        /// What proves it: `watch`, `not_served` (there was nothing to be seen), `resumed`, `balance`, `canary`, `file` (also logs of containers) or `reading` (of a list of people or a git repository).
        basis: text,
    }
}

table! {
    /// One gap: a period or an entry for which evidence of a source is missing or unreadable.
    Derived "gaps" Gap {
        /// The source's name.
        name: text,
        /// Beginning.
        gap_from: time,
        /// End; equal to the beginning for one unreadable entry.
        gap_to: time,
        /// Its kind: `not_observed`, `relisted`, `admitted_loss`, `unexplained_loss`, `canary_missing`, `unverified_restart`, `unreadable_entry`, `refused`, `audit_id_reuse`.
        gap_kind: text,
        /// In one line.
        reason: text,
        /// How many events are missing at most; null when unknown.
        at_most: optional_integer,
        /// Whether later evidence closed it (a watch resumed without loss).
        closed: boolean,
        /// What closed it.
        closed_by: optional_text,
    }
}

table! {
    /// One requirement on the audit policy of one API server over one interval.
    Derived "audit_policy_requirements" AuditPolicyRequirement {
        /// The API server.
        api_server: text,
        /// Identifier of the requirement: what must be recorded.
        requirement: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// Whether the policy meets it; null when the policy could not be read.
        met: optional_boolean,
        /// Level required.
        required_level: text,
        /// Level that the policy gives; null when unknown.
        actual_level: optional_text,
        /// Number of the first rule that decides (from 1); null when none does.
        rule: optional_integer,
        /// In one line.
        detail: text,
    }
}

table! {
    /// The balance of one audit source between two readings of the API server's counters.
    Derived "audit_balance" AuditBalance {
        /// The audit source.
        name: text,
        /// Time of the earlier reading.
        balance_from: time,
        /// Time of the later reading.
        balance_to: time,
        /// Events that the API server counted between them.
        counted: optional_integer,
        /// Events that it says it lost.
        admitted_loss: optional_integer,
        /// Events stored between them.
        received: optional_integer,
        /// `balanced`, `admitted_loss`, `unexplained_loss`, `in_flight` (too recent to tell), `restarted` (counters of two processes) or `surplus`.
        state: text,
        /// In one line.
        detail: text,
    }
}

table! {
    /// One comparison of the clock of a source with Plimsoll's own.
    Derived "clock_skew" ClockSkew {
        /// The source.
        name: text,
        /// From when the comparison speaks (the instant of reading).
        valid_from: time,
        /// Until the next reading, or null for the last.
        valid_to: optional_time,
        /// Their clock minus ours, microseconds.
        skew_micros: integer,
        /// Half the width of the interval that the skew is in, microseconds.
        uncertainty_micros: integer,
    }
}
