//! `no-pod-sessions`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rule, written};
use crate::findings::{Findings, listed, quoted};
use crate::request::Request;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct NoPodSessions {
    subresources: Vec<Session>,
    allowed_users: Vec<String>,
    allowed_groups: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Session {
    Exec,
    Attach,
    PortForward,
    Proxy,
}

impl Session {
    fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::PortForward => "portforward",
            Self::Proxy => "proxy",
        }
    }
}

impl Default for NoPodSessions {
    fn default() -> Self {
        Self {
            subresources: vec![Session::Exec, Session::Attach, Session::PortForward, Session::Proxy],
            allowed_users: Vec::new(),
            allowed_groups: Vec::new(),
        }
    }
}

impl Rule for NoPodSessions {
    fn judge_session(&self, request: &Request<'_>, findings: &mut Findings<'_>) {
        let governed = self.subresources.iter().any(|session| session.name() == request.subresource);
        let allowed = self.allowed_users.contains(&request.user)
            || request.groups.iter().any(|g| self.allowed_groups.contains(g));
        if !governed || allowed {
            return;
        }
        let mut who = Vec::new();
        if !self.allowed_users.is_empty() {
            who.push(format!("the users {}", listed(&self.allowed_users)));
        }
        if !self.allowed_groups.is_empty() {
            who.push(format!("the groups {}", listed(&self.allowed_groups)));
        }
        findings.add(
            format_args!("pods/{}", request.subresource),
            format_args!("is asked for by {}", quoted(&request.user)),
            if who.is_empty() { "nobody".to_owned() } else { who.join(" and ") },
        );
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
