//! `no-automounted-token`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rule, written};
use crate::findings::{Findings, listed};
use crate::pattern::Pattern;
use crate::workload::pod::Pod;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct NoAutomountedToken {
    allowed_service_accounts: Vec<Pattern>,
}

impl Rule for NoAutomountedToken {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        let spec = &pod.spec;
        let account = if spec.service_account_name.is_empty() { "default" } else { &spec.service_account_name };
        if spec.automount_service_account_token == Some(false)
            || self.allowed_service_accounts.iter().any(|pattern| pattern.matches(account))
        {
            return;
        }
        let found = if spec.automount_service_account_token.is_some() { "is true" } else { "is not set" };
        let accounts: Vec<_> = self.allowed_service_accounts.iter().map(Pattern::as_str).collect();
        let or =
            if accounts.is_empty() { String::new() } else { format!(", or the service account {}", listed(&accounts)) };
        findings.add("spec.automountServiceAccountToken", found, format_args!("false{or}"));
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
