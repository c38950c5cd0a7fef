//! Tables of credentials in plain text: kind, place and digest, never a value.

use crate::table::table;

table! {
    /// One credential in plain text in one audit event as received, and one value that Plimsoll replaced before it was first written because of where it stood.
    Segment "plaintext_in_logs" PlaintextInLog {
        /// The event's own time.
        event_time: time,
        /// The event's `auditID`; null when it has none.
        audit_id: optional_text,
        /// Number of the finding within the event, from 1.
        number: integer,
        /// The rule that found it; `replaced-before-writing` for a value that Plimsoll replaced.
        kind: text,
        /// Where in the event: keys and indices, with `|json`, `|base64`, `|gzip` for each step of decoding and `|line N` for a line of a text within. Keys that hold a value that was found are shown as `***`.
        place: text,
        /// Keyed digest of the value (first 16 bytes of an HMAC-SHA-256, hexadecimal): equal values have equal digests. Null when the row was made without the store's key; of replaced values it is the digest that stands in their place.
        digest: optional_text,
        /// Findings of this event beyond those that are kept; on the last row only, 0 on others.
        more: integer,
    }
}

table! {
    /// One credential in plain text in one object of the cluster over one interval: in ConfigMaps, variables, arguments, annotations and values of charts.
    Derived "plaintext_findings" PlaintextFinding {
        /// A stable identifier: object, place and kind. Another value at the same place goes on as the same finding.
        finding_id: text,
        /// From when it stood there.
        valid_from: time,
        /// Until when; null while it does.
        valid_to: optional_time,
        /// The object: `Kind:namespace/name`.
        object: text,
        /// Its API group (empty for core).
        api_group: text,
        /// Its resource.
        resource: text,
        /// Its `metadata.uid`.
        uid: text,
        /// Its namespace; null for cluster-scoped objects.
        namespace: optional_text,
        /// The controller that owns it, as `Kind:namespace/name`; null for others.
        controlled_by: optional_text,
        /// The rule that found it; `replaced-before-writing` for a value that Plimsoll replaced before the first write.
        kind: text,
        /// Where in the object, as in `plaintext_in_logs`.
        place: text,
        /// Whether its controller's template has a finding of this kind at this place, so that this one tells nothing new.
        of_template: boolean,
        /// Keyed digest of the value at `valid_from`, as in `plaintext_in_logs`; null when the table was computed without the store's key.
        digest: optional_text,
    }
}
