//! Tables of what people approved outside the cluster.

use crate::table::table;

table! {
    /// One reading of a list of approvals, or one page of it.
    Segment "approval_readings" ApprovalReading {
        /// When it was read. All pages of one reading have one time.
        read_at: time,
        /// Number of the page, from 1.
        page: integer,
        /// How many pages the reading has.
        pages: integer,
        /// SHA-256 (hexadecimal) of the content.
        digest: text,
        /// How many lines the page has.
        approvals: integer,
        /// Whether every line of it could be read, and the digest is that of the content.
        whole: boolean,
    }
}

table! {
    /// One thing that an approval is for: one line of one reading. An approval of several things has several lines.
    Segment "approvals" Approval {
        /// When the list was read.
        read_at: time,
        /// The approval: number of the ticket, address of the pull request. Its lines in a later reading take the place of those in an earlier one.
        approval: text,
        /// Who approved it.
        approver: text,
        /// When it was approved.
        approved_at: time,
        /// Who asked for it; null when that is not told.
        requested_by: optional_text,
        /// From when on it may be done: not before it was approved.
        approved_from: time,
        /// Until when it may be done; null for an approval without end. A date is the end of that day.
        approved_until: optional_time,
        /// The user who may do it, with a trailing `*` for anything that begins so; null for anybody.
        user_name: optional_text,
        /// The verbs that it is for, sorted, each between commas (`,create,patch,`); null for all.
        verbs: optional_text,
        /// API group of the objects, `*` for any, empty for the core group.
        api_group: text,
        /// Resource of the objects, `*` for any.
        resource: text,
        /// Their namespace, with a trailing `*` for anything that begins so; null for any, and for objects of the cluster.
        namespace: optional_text,
        /// Their name, with a trailing `*` for anything that begins so; null for any.
        name: optional_text,
        /// Why; null when that is not told.
        reason: optional_text,
    }
}
