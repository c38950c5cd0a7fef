//! Credentials in plain text, as a sheet and as findings. Neither has a value: only kind, place and keyed digest.

use crate::forms::{Finding, Level, Rule, Sheet};

/// Columns of the list.
pub const COLUMNS: [&str; 5] = ["file", "document", "path", "kind", "digest"];

/// One credential in one file, object or log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Credential {
    /// The file; of a commit as `path@commit`, of an object of a cluster as `Kind:namespace/name`.
    pub file: String,
    /// Number of the document in the file, from 1.
    pub document: u32,
    /// Line in the file, from 1; 0 when it is not known.
    pub line: u32,
    /// Where in the document; empty in a text without structure, where the line is the place.
    pub path: String,
    /// The rule that found it.
    pub kind: String,
    /// Keyed digest of the value; `None` when there was no key.
    pub digest: Option<String>,
}

impl Credential {
    /// Where in the document: the path, or `line N` where there is none.
    #[must_use]
    pub fn place(&self) -> String {
        if self.path.is_empty() { format!("line {}", self.line) } else { self.path.clone() }
    }
}

/// One row for each.
#[must_use]
pub fn sheet(credentials: &[Credential]) -> Sheet {
    let mut sheet = Sheet::new(&COLUMNS);
    for one in credentials {
        let digest = one.digest.clone().unwrap_or_default();
        sheet.push([one.file.clone(), one.document.to_string(), one.place(), one.kind.clone(), digest]);
    }
    sheet
}

/// The kinds among these, for reports that explain them.
#[must_use]
pub fn rules(credentials: &[Credential]) -> Vec<Rule> {
    let mut kinds: Vec<&str> = credentials.iter().map(|one| one.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let rule = |kind: &str| {
        Rule {
        id: kind.to_owned(),
        title: format!("A credential in plain text ({})", kind.replace('-', " ")),
        remedy: "Rotate the credential, for whoever could read this place has it. Then keep it in a secret manager and refer to it.".to_owned(),
    }
    };
    kinds.into_iter().map(rule).collect()
}

/// One finding for each.
#[must_use]
pub fn findings(credentials: &[Credential]) -> Vec<Finding> {
    let finding = |one: &Credential| Finding {
        rule: one.kind.clone(),
        level: Level::Error,
        message: match &one.digest {
            Some(digest) => format!("{} in plain text at {} (digest {digest})", one.kind, one.place()),
            None => format!("{} in plain text at {}", one.kind, one.place()),
        },
        subject: format!("{} {}", one.file, one.place()),
        file: Some(one.file.clone()),
        line: usize::try_from(one.line).unwrap_or(0),
    };
    credentials.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_columns_that_are_promised_and_no_value() {
        let one = |path: &str, digest: Option<&str>| Credential {
            file: "k8s/web.yaml".to_owned(),
            document: 2,
            line: 7,
            path: path.to_owned(),
            kind: "named-password".to_owned(),
            digest: digest.map(str::to_owned),
        };
        let all = [one("data.DB_PASSWORD", Some("00112233445566778899aabbccddeeff")), one("", None)];
        assert_eq!(
            sheet(&all).csv(),
            "file,document,path,kind,digest\nk8s/web.yaml,2,data.DB_PASSWORD,named-password,00112233445566778899aabbccddeeff\nk8s/web.yaml,2,line 7,named-password,\n"
        );
        assert_eq!(rules(&all).len(), 1);
        assert_eq!(findings(&all)[1].message, "named-password in plain text at line 7");
        assert_eq!(findings(&all)[0].line, 7);
    }
}
