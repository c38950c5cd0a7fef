//! The table of logs of containers that were looked through.

use crate::table::table;

table! {
    /// One stretch of the log file of one container that was looked through for credentials. The lines are not kept. Stretches of one file (`file` and `file_begun_at`) follow each
    /// other: each begins with the byte that the one before ended with, or bytes are missing; whoever has the file can compare `head -c TO_BYTE | sha256sum` with the digest.
    Segment "log_readings" LogReading {
        /// The pod's namespace.
        namespace: text,
        /// The pod.
        pod: text,
        /// The pod's UID; of a static pod the hash that the kubelet names its folder by.
        pod_uid: text,
        /// The container.
        container: text,
        /// How often the container had been restarted before: the number in the file's name.
        restart: integer,
        /// The file as the kubelet names it: `NAMESPACE_POD_UID/CONTAINER/RESTART.log`, also after it was rotated.
        file: text,
        /// When the first stretch of this file was read: tells the files apart that had the name one after the other.
        file_begun_at: time,
        /// When the stretch was read.
        read_at: time,
        /// The first byte of the stretch in the file (not compressed), from 0.
        from_byte: integer,
        /// The byte after its last.
        to_byte: integer,
        /// SHA-256 (hexadecimal) of the file from its beginning to the end of the stretch.
        sha256: text,
        /// Lines as they stand in the file.
        lines: integer,
        /// Time of the first line; null when no line has one.
        first_line_at: optional_time,
        /// Time of the last line; null when no line has one.
        last_line_at: optional_time,
        /// Lines that are not in the form of the kubelet's log files; they were looked through as they are.
        other_form: integer,
        /// Lines that were looked through in pieces, because they are too long or never ended: a credential that lies across two pieces is not found.
        cut: integer,
        /// Whether a bound of decoding was reached, so that something encoded was not looked through.
        bounded: boolean,
        /// SHA-256 (hexadecimal) of what decided what is found: the version of the detector and its rules.
        rules_sha256: text,
        /// Credentials that were found and are rows of `plaintext_in_logs`.
        credentials: integer,
        /// Credentials beyond those.
        more: integer,
    }
}
