//! Lists of what people approved outside the cluster: in tickets, in pull requests. As CSV.
//!
//! An entry is one page of one reading ([`crate::handed_in`]). `approval`, `approver`, `approved_at` and `resource` are needed; `requested_by`, `from`, `until`,
//! `user`, `verbs`, `namespace`, `name` and `reason` may be there. A line without one of them is for any of it; a line that is for everything has to say
//! so (`*` as resource). Times are RFC 3339. `until` may be a date, which is its end; the others may not, because a date does not tell what was first.

use std::borrow::Cow;
use std::collections::BTreeSet;

use records::table::{Provenance, TableSink};
use records::tables::approvals::{Approval, ApprovalReading};
use records::{EntryView, Timestamp};

use crate::VERSION;
use crate::handed_in::{self, Read, Sheet, Told, quoted, until};

/// One thing that an approval is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The approval: number of the ticket, address of the pull request.
    pub approval: String,
    /// Who approved it.
    pub approver: String,
    /// When.
    pub approved_at: Timestamp,
    /// Who asked for it.
    pub requested_by: Option<String>,
    /// From when on it may be done.
    pub from: Timestamp,
    /// Until when.
    pub until: Option<Timestamp>,
    /// Who may do it.
    pub user: Option<String>,
    /// The verbs.
    pub verbs: Option<BTreeSet<String>>,
    /// API group, `*` for any.
    pub api_group: String,
    /// Resource, `*` for any.
    pub resource: String,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Approved {
    fn verbs_between_commas(&self) -> Option<String> {
        let verbs = self.verbs.as_ref()?;
        Some(verbs.iter().fold(",".to_owned(), |text, verb| text + verb + ","))
    }
}

/// Reads the content of a page.
///
/// # Errors
/// The format is not known, or nothing of the content can be read: in one line.
pub fn read(format: &str, content: &str) -> Result<Read<Approved>, String> {
    if format != "csv" {
        return Err(format!("{} is no form of a list of approvals: csv", quoted(format)));
    }
    let sheet = Sheet::new(content)?;
    let (approval, approver) = (sheet.needed("approval")?, sheet.needed("approver")?);
    let (approved_at, resource) = (sheet.needed("approved_at")?, sheet.needed("resource")?);
    let column = |name| sheet.column(name);
    let (requested_by, from, end, user) = (column("requested_by"), column("from"), column("until"), column("user"));
    let (verbs, namespace, name, reason) = (column("verbs"), column("namespace"), column("name"), column("reason"));
    Ok(sheet.read(|line| {
        let text = |column| line.cell(column).map(str::to_owned);
        let needed = |column, what: &str| text(column).ok_or_else(|| format!("it has no {what}"));
        let at = instant(&needed(approved_at, "approved_at")?)?;
        let (api_group, resource) = of_objects(&needed(resource, "resource (* is all)")?)?;
        let from = line.cell(from).map(instant).transpose()?.map_or(at, |from| from.max(at));
        let end = line.cell(end).map(until).transpose()?;
        if end.is_some_and(|end| end <= from) {
            return Err("until is not after it was approved and begins".to_owned());
        }
        Ok(Approved {
            approval: needed(approval, "approval")?,
            approver: needed(approver, "approver")?,
            approved_at: at,
            requested_by: text(requested_by),
            from,
            until: end,
            user: text(user),
            verbs: line.cell(verbs).map(of_verbs).transpose()?,
            api_group,
            resource,
            namespace: text(namespace),
            name: text(name),
            reason: text(reason),
        })
    }))
}

fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| format!("{} is no time with its offset (RFC 3339)", quoted(text)))
}

/// `resource`, `resource.group`, `*` or `*.group`.
fn of_objects(text: &str) -> Result<(String, String), String> {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
    };
    let (resource, group) = match text.split_once('.') {
        Some((resource, group)) => (resource, group),
        None if text == "*" => ("*", "*"),
        None => (text, ""),
    };
    if (resource == "*" || plain(resource)) && (group == "*" || group.is_empty() || plain(group)) {
        Ok((group.to_owned(), resource.to_owned()))
    } else {
        Err(format!("{} is no resource: secrets, roles.rbac.authorization.k8s.io, *.<group> or *", quoted(text)))
    }
}

/// Words between blanks, commas or semicolons.
fn of_verbs(text: &str) -> Result<BTreeSet<String>, String> {
    let words = text.split([' ', ',', ';']).filter(|word| !word.is_empty());
    let verbs: BTreeSet<String> = words.map(str::to_ascii_lowercase).collect();
    match verbs.iter().find(|verb| !verb.bytes().all(|byte| byte.is_ascii_lowercase())) {
        Some(wrong) => Err(format!("{} is no verb (get, list, create ...)", quoted(wrong))),
        None if verbs.is_empty() => Err(format!("{} names no verb", quoted(text))),
        None => Ok(verbs),
    }
}

/// Makes the rows of a page.
pub(crate) fn project(entry: &EntryView<'_>, sink: &mut impl TableSink) {
    handed_in::project(entry, sink, read, |told, sink| rows(entry, told, sink));
}

fn rows(entry: &EntryView<'_>, told: &Told<'_, Approved>, sink: &mut impl TableSink) {
    let Told { page, digest, whole, items } = told;
    sink.append(&ApprovalReading {
        provenance: Provenance::of(entry, VERSION),
        read_at: page.read_at,
        page: page.page,
        pages: page.pages,
        digest: Cow::Borrowed(digest),
        approvals: i64::try_from(items.len()).unwrap_or(i64::MAX),
        whole: *whole,
    });
    let borrowed = |text: &'_ Option<String>| text.clone().map(Cow::Owned);
    for approved in items {
        sink.append(&Approval {
            provenance: Provenance::of(entry, VERSION),
            read_at: page.read_at,
            approval: Cow::Borrowed(&approved.approval),
            approver: Cow::Borrowed(&approved.approver),
            approved_at: approved.approved_at,
            requested_by: borrowed(&approved.requested_by),
            approved_from: approved.from,
            approved_until: approved.until,
            user_name: borrowed(&approved.user),
            verbs: approved.verbs_between_commas().map(Cow::Owned),
            api_group: Cow::Borrowed(&approved.api_group),
            resource: Cow::Borrowed(&approved.resource),
            namespace: borrowed(&approved.namespace),
            name: borrowed(&approved.name),
            reason: borrowed(&approved.reason),
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_approvals_and_what_cannot_be_read_is_told_with_its_line() {
        let content = "approval,approver,approved_at,requested_by,from,until,user,verbs,resource,namespace,name,reason,cost\n\
            CHG-1,ann,2026-03-01T09:00:00Z,bob,,2026-03-01,idp:bob,\"patch, create\",validatingadmissionpolicies.admissionregistration.k8s.io,,own-registry,tighter,7\n\
            CHG-2,ann,2026-03-01T09:00:00Z,,2026-03-01T08:00:00+01:00,,,get;list,secrets,shop,db-*,,\n\
            CHG-3,ann,2026-03-01T09:00:00Z,,2026-03-02T09:00:00Z,,,,*.constraints.gatekeeper.sh,,,,\n\
            CHG-4,ann,2026-03-01T09:00:00Z,,,,,,*,,,,\n\
            CHG-5,ann,2026-03-01,,,,,,*,,,,\n\
            CHG-6,,2026-03-01T09:00:00Z,,,,,,*,,,,\n\
            CHG-7,ann,2026-03-01T09:00:00Z,,,2026-02-27,,,*,,,,\n\
            CHG-8,ann,2026-03-01T09:00:00Z,,,,,all of them!,*,,,,\n\
            CHG-9,ann,2026-03-01T09:00:00Z,,,,,,Secrets,,,,\n\
            CHG-10,ann,2026-03-01T09:00:00Z,,,,,,,,,,\n";
        insta::assert_debug_snapshot!(read("csv", content).unwrap());
    }

    #[test]
    fn without_what_is_needed_it_is_no_list() {
        assert_eq!(read("csv", "").unwrap_err(), "the header has no column approval");
        assert_eq!(read("csv", "approval;approver;approved_at\n").unwrap_err(), "the header has no column resource");
        assert_eq!(read("xlsx", "PK").unwrap_err(), "\"xlsx\" is no form of a list of approvals: csv");
    }

    proptest! {
        #[test]
        fn any_content_does_no_harm(lines in prop::collection::vec(".{0,80}", 0..6)) {
            let header = "approval,approver,approved_at,resource,verbs,until\n";
            let _ = read("csv", &lines.join("\n"));
            let read = read("csv", &format!("{header}{}", lines.join("\n"))).unwrap();
            prop_assert!(read.items.iter().all(|approved| approved.from >= approved.approved_at));
            prop_assert!(read.items.iter().all(|approved| approved.until.is_none_or(|until| until > approved.from)));
        }
    }
}
