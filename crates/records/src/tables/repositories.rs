//! Tables of git repositories: what was read of them, and the credentials in plain text that were found.

use crate::table::table;

table! {
    /// One reading of a git repository: of every version of every file that any branch or tag has or had.
    Segment "repository_readings" RepositoryReading {
        /// The repository: its URL without user and password, or its path.
        repository: text,
        /// When the reading began.
        read_at: time,
        /// After how many seconds the next is due. A reading speaks for three times as long.
        every_seconds: integer,
        /// When the reading began whose credentials hold for this one: its own when branches and tags had changed, else that of an earlier one.
        list_read_at: time,
        /// SHA-256 (hexadecimal) of the names of branches and tags with their commits.
        tips_digest: text,
        /// Branches and tags.
        tips: integer,
        /// Commits that brought or changed a file.
        commits: integer,
        /// Different contents of files.
        files: integer,
        /// Of these so many were too large to be looked through (more than 16 MiB).
        too_large: integer,
        /// Credentials that were found, one for each path, kind and value.
        credentials: integer,
        /// Credentials beyond those that are kept.
        more: integer,
    }
}

table! {
    /// One credential in plain text in the history of a git repository, as one reading found it: one for each path, kind and value.
    Segment "repository_credentials" RepositoryCredential {
        /// The repository, as in `repository_readings`.
        repository: text,
        /// When the reading began.
        read_at: time,
        /// The file's path.
        path: text,
        /// The first commit whose content of the file has it.
        commit_id: text,
        /// The line of that content, from 1; null where the form of the file has none.
        line: optional_integer,
        /// Where in the file, as in `plaintext_in_logs`; empty in a text without structure.
        place: text,
        /// The rule that found it.
        kind: text,
        /// Keyed digest of the value, as in `plaintext_in_logs`.
        digest: text,
    }
}
