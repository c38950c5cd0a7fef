//! Secrets and how they are stored, as sheets and findings.

use records::secrets::SecretSummary;
use records::tables::encryption::EncryptionState;

use crate::forms::{Finding, Level, Rule, Sheet};

/// No manager keeps a Secret.
pub const UNMANAGED: &str = "secret-without-manager";
/// A Secret is copied once and never renewed.
pub const NEVER_RENEWED: &str = "secret-never-renewed";
/// The keeper of a Secret says that content and source do not agree.
pub const NOT_SYNCED: &str = "secret-not-synced";
/// An object is stored in the clear.
pub const STORED_IN_THE_CLEAR: &str = "stored-in-the-clear";

/// What can be found, for SARIF.
#[must_use]
pub fn rules() -> Vec<Rule> {
    let rule = |id: &str, title: &str, remedy: &str| Rule {
        id: id.to_owned(),
        title: title.to_owned(),
        remedy: remedy.to_owned(),
    };
    vec![
        rule(
            UNMANAGED,
            "Nothing that keeps the Secret was recognised",
            "Keep it in a secret manager and let that write it (External Secrets, Vault Secrets Operator, Sealed Secrets, SOPS).",
        ),
        rule(
            NEVER_RENEWED,
            "The Secret is copied from its source once and never again",
            "Give the ExternalSecret a refreshInterval and refreshPolicy Periodic, or the VaultStaticSecret a refreshAfter.",
        ),
        rule(
            NOT_SYNCED,
            "The Secret's keeper says that content and source do not agree",
            "Look at the conditions of the object that keeps it.",
        ),
        rule(
            STORED_IN_THE_CLEAR,
            "An object is stored in etcd in the clear",
            "Put an encrypting provider first in the EncryptionConfiguration and rewrite the objects (StorageVersionMigration).",
        ),
    ]
}

/// One line for each Secret.
#[must_use]
pub fn secrets(secrets: &[SecretSummary]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "namespace",
        "name",
        "type",
        "manager",
        "manager_object",
        "refresh",
        "refresh_seconds",
        "synced",
        "rotation_class",
        "certificate_not_after",
    ]);
    for secret in secrets {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        sheet.push([
            secret.namespace.clone(),
            secret.name.clone(),
            text(&secret.secret_type),
            text(&secret.manager),
            text(&secret.manager_object),
            text(&secret.refresh),
            secret.refresh_seconds.map_or_else(String::new, |seconds| seconds.to_string()),
            secret.synced.map_or_else(String::new, |synced| synced.to_string()),
            text(&secret.rotation_class),
            secret.certificate_not_after.map_or_else(String::new, |at| at.to_string()),
        ]);
    }
    sheet
}

/// What is wrong with how Secrets are kept.
#[must_use]
pub fn findings(secrets: &[SecretSummary]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for secret in secrets {
        let mut add = |rule: &str, level, message: String| {
            findings.push(Finding {
                rule: rule.to_owned(),
                level,
                message,
                subject: format!("Secret:{}/{}", secret.namespace, secret.name),
                file: Some(secret.file.clone()).filter(|file| !file.is_empty()),
                line: secret.line,
            });
        };
        let Some(manager) = &secret.manager else {
            add(UNMANAGED, Level::Warning, "nothing that keeps it was recognised".to_owned());
            continue;
        };
        let keeper = secret.manager_object.as_ref().unwrap_or(manager);
        if secret.refresh.as_deref() == Some("never") {
            add(NEVER_RENEWED, Level::Note, format!("{keeper} never renews it"));
        }
        if secret.synced == Some(false) {
            add(NOT_SYNCED, Level::Warning, format!("{keeper} says that content and source do not agree"));
        }
    }
    findings
}

/// One line for each row about encryption at rest.
#[must_use]
pub fn encryption(states: &[EncryptionState<'_>]) -> Sheet {
    let mut sheet = Sheet::new(&[
        "subject_kind",
        "subject",
        "resource",
        "valid_from",
        "valid_to",
        "encrypted",
        "provider",
        "key",
        "basis",
        "detail",
    ]);
    for state in states {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let resource = match &*state.api_group {
            "" => state.resource.to_string(),
            group => format!("{}.{group}", state.resource),
        };
        sheet.push([
            state.subject_kind.to_string(),
            state.subject.to_string(),
            resource,
            state.valid_from.to_string(),
            state.valid_to.map_or_else(String::new, |at| at.to_string()),
            state.encrypted.map_or_else(String::new, |encrypted| encrypted.to_string()),
            text(state.provider.as_deref()),
            text(state.key.as_deref()),
            state.basis.to_string(),
            state.detail.to_string(),
        ]);
    }
    sheet
}

/// Objects that are stored in the clear.
#[must_use]
pub fn stored_in_the_clear(states: &[EncryptionState<'_>]) -> Vec<Finding> {
    let clear = states.iter().filter(|state| state.subject_kind == "object" && state.encrypted == Some(false));
    clear
        .map(|state| Finding {
            rule: STORED_IN_THE_CLEAR.to_owned(),
            level: Level::Error,
            message: format!(
                "{} {} was stored in the clear at the scan of {}",
                state.resource, state.subject, state.valid_from
            ),
            subject: format!("{}:{}", state.resource, state.subject),
            file: None,
            line: 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_secrets_and_what_is_wrong_with_it() {
        let secret = |name: &str, manager: Option<&str>, refresh: Option<&str>, synced: Option<bool>| SecretSummary {
            namespace: "shop".into(),
            name: name.into(),
            file: "a,b.yaml".into(),
            document: 1,
            line: 7,
            manager: manager.map(str::to_owned),
            manager_object: manager.map(|_| "ExternalSecret:shop/own".to_owned()),
            refresh: refresh.map(str::to_owned),
            synced,
            ..SecretSummary::default()
        };
        let all = [
            secret("hand", None, None, None),
            secret("once", Some("external-secrets"), Some("never"), Some(true)),
            secret("failed", Some("external-secrets"), Some("periodic"), Some(false)),
        ];
        insta::assert_snapshot!(secrets(&all).csv());
        let found: Vec<_> = findings(&all).into_iter().map(|f| (f.rule, f.subject, f.message, f.line)).collect();
        insta::assert_debug_snapshot!(found);
        let known: Vec<String> = rules().into_iter().map(|rule| rule.id).collect();
        assert!(found.iter().all(|(rule, ..)| known.contains(rule)));
    }
}
