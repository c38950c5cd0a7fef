//! Tables of credentials in plain text: kind, place and digest, never a value.

use crate::table::table;

table! {
    /// One credential in plain text in one audit event as received, one value that Plimsoll replaced before it was first written because of where it stood, and one credential in one
    /// line of a container's log.
    Segment "plaintext_in_logs" PlaintextInLog {
        /// The event's own time; of a line the time that the container runtime gave it, and when it was read where it has none.
        event_time: time,
        /// The event's `auditID`; null when it has none, and of lines.
        audit_id: optional_text,
        /// Number of the finding within the event, or within the reading of the log, from 1.
        number: integer,
        /// The rule that found it; `replaced-before-writing` for a value that Plimsoll replaced.
        kind: text,
        /// Where in the event or line: `byte N` of a line's text, counted from 1; in JSON keys and indices, with `|json`, `|base64`, `|gzip` for each step of decoding and `|line N` for a line of a text within. Keys that hold a value that was found are shown as `***`.
        place: text,
        /// Keyed digest of the value (first 16 bytes of an HMAC-SHA-256, hexadecimal): equal values have equal digests. Null when the row was made without the store's key; of replaced values it is the digest that stands in their place.
        digest: optional_text,
        /// Findings of this event or reading beyond those that are kept; on the last row only, 0 on others.
        more: integer,
        /// What was looked through: `audit` for an event, `logs` for a line of a container's log.
        source_class: text,
        /// Of a line: the pod's namespace.
        namespace: optional_text,
        /// Of a line: the pod.
        pod: optional_text,
        /// Of a line: the container.
        container: optional_text,
        /// Of a line: `stdout` or `stderr`; null where the file does not say.
        stream: optional_text,
        /// Of a line: the file, as in `log_readings`.
        file: optional_text,
        /// Of a line: the byte of the file (not compressed) with which the line begins, from 0.
        file_byte: optional_integer,
        /// Of a line: its text, with the digest in place of each value that was found; null unless the configuration asks for lines to be kept.
        line: optional_text,
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
