//! Dispatch on the class of an entry's source.

use plaintext::Detector;
use records::{EntryView, SourceClass, TableSink};

use crate::fault::Faults;
use crate::{
    admission, approvals, audit, configuration, encryption, evaluation, identities, logs, repositories, statements,
    watch,
};

/// Appends the rows that an entry gives, in a fixed order. Never panics; faults become rows of `faults`. Credentials in plain text have no digest.
pub fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    project_searched(entry, Detector::standard(), None, sink);
}

/// As [`project`], with the rules by which credentials in plain text are searched for, and with the store's key of digests: equal ones are seen to be equal. All
/// else is the same.
pub fn project_searched(
    entry: &EntryView<'_>,
    detector: &Detector,
    key: Option<&plaintext::Key>,
    sink: &mut impl TableSink,
) {
    match entry.source.split('/').nth(1).and_then(SourceClass::parse) {
        Some(SourceClass::Audit) => audit::event::project(entry, detector, key, sink),
        Some(SourceClass::Watch) => watch::project(entry, sink),
        Some(SourceClass::Statements) => statements::project(entry, sink),
        Some(SourceClass::Configuration) => configuration::project(entry, sink),
        Some(SourceClass::Evaluation) => evaluation::project(entry, sink),
        Some(SourceClass::Admission) => admission::project(entry, sink),
        Some(SourceClass::Encryption) => encryption::project(entry, sink),
        Some(SourceClass::Identities) => identities::project(entry, sink),
        Some(SourceClass::Repositories) => repositories::project(entry, sink),
        Some(SourceClass::Logs) => logs::project(entry, sink),
        Some(SourceClass::Approvals) => approvals::project(entry, sink),
        // Decisions of people have no table yet; their entries are kept.
        Some(SourceClass::People) => {}
        None => {
            let mut faults = Faults::of(entry);
            faults.add("unreadable", "the source's class is unknown to this version");
            faults.append_to(sink);
        }
    }
}
