//! Who acts, and how the request was authenticated.
//!
//! An audit event has no field that names the authenticator; these rules are what can be told from the user, its groups, its
//! extras and the annotations (kubernetes/kubernetes#82295). The user agent is chosen by the caller and never looked at.

use crate::json::{Json, Shape};

/// What the classification rests on.
#[derive(Debug, Default, Clone, Copy)]
pub struct Evidence<'a> {
    /// `user.username`; `None` when the event has none.
    pub user_name: Option<&'a str>,
    /// `user.groups`, a JSON array.
    pub groups: Option<Json<'a>>,
    /// `user.extra["authentication.kubernetes.io/credential-id"]`, first value.
    pub credential_id: Option<&'a str>,
    /// Whether `user.extra` names the pod that the credential was issued for.
    pub pod_bound: bool,
    /// Whether an annotation says that a token without expiry was used.
    pub legacy_token: bool,
    /// Whether uid, extras or the envelope are those of a cloud's access management.
    pub cloud: bool,
    /// The response's code.
    pub code: Option<i64>,
    /// Whether the envelope lost groups and extras.
    pub lost: bool,
}

/// User names of control plane components, as kubeadm and the API server itself set them.
const CONTROL_PLANE: [&str; 8] = [
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
    "system:cloud-controller-manager",
    "system:aggregator",
    "system:kube-aggregator",
    "system:volume-scheduler",
];

impl Evidence<'_> {
    fn name(&self) -> &str {
        self.user_name.unwrap_or_default()
    }

    fn in_group(&self, group: &str) -> bool {
        self.groups.is_some_and(|groups| {
            groups.elements().any(|g| g.shape() == Shape::Text && g.text().is_some_and(|text| text == group))
        })
    }

    /// The column `actor_class`.
    ///
    /// A name that is not one of the system's own counts as a person's: an outside robot with a certificate cannot be told
    /// from one, and is held to the same rules.
    #[must_use]
    pub fn actor_class(&self) -> &'static str {
        let name = self.name();
        if name.is_empty() {
            "unknown"
        } else if name == "system:anonymous" || self.in_group("system:unauthenticated") {
            "anonymous"
        } else if name.starts_with("system:serviceaccount:") || name.ends_with(".gserviceaccount.com") {
            "service_account"
        } else if name.starts_with("system:node:") {
            "node"
        } else if CONTROL_PLANE.contains(&name) {
            "control_plane"
        } else if name == "system:admin" {
            // The administrator's certificate of several distributions; people hold it.
            "human"
        } else if name.starts_with("system:") {
            "unknown"
        } else {
            "human"
        }
    }

    /// The column `authentication`.
    #[must_use]
    pub fn authentication(&self) -> &'static str {
        let name = self.name();
        let credential = self.credential_id.unwrap_or_default();
        if name.is_empty() {
            return if self.code == Some(401) { "none" } else { "unknown" };
        }
        if name == "system:anonymous" {
            return "anonymous";
        }
        // What begins so is the control plane's own, whatever cloud it runs in.
        if self.cloud && !name.starts_with("system:serviceaccount:") && !credential.starts_with("X509SHA256=") {
            return "cloud_iam";
        }
        if self.lost {
            return "unknown";
        }
        // A front proxy or a webhook authenticator can set any extra: this is what the event says, not what is proven.
        if credential.starts_with("X509SHA256=") {
            return "client_certificate";
        }
        if name.starts_with("system:serviceaccount:") {
            return if self.legacy_token {
                "legacy_token"
            } else if self.pod_bound {
                "pod_token"
            } else if credential.starts_with("JTI=") {
                "service_account_token"
            } else {
                "unknown"
            };
        }
        if name.starts_with("system:bootstrap:") && self.in_group("system:bootstrappers") {
            return "bootstrap_token";
        }
        if credential.starts_with("JTI=") {
            "jwt"
        } else if credential.is_empty() {
            "unknown"
        } else {
            // The API server gives an identifier to certificates and tokens only, and lets no issuer set one; a webhook and a front proxy may set any.
            "delegated"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_as_the_rules_say() {
        let who = |name, credential, pod_bound, legacy_token, code| {
            let evidence = Evidence {
                user_name: name,
                credential_id: credential,
                pod_bound,
                legacy_token,
                code: Some(code),
                ..Evidence::default()
            };
            (evidence.actor_class(), evidence.authentication())
        };
        let account = Some("system:serviceaccount:a:b");
        assert_eq!(who(None, None, false, false, 401), ("unknown", "none"));
        assert_eq!(who(None, None, false, false, 200), ("unknown", "unknown"));
        assert_eq!(who(Some("system:anonymous"), None, false, false, 403), ("anonymous", "anonymous"));
        assert_eq!(who(account, Some("JTI=1"), true, false, 200), ("service_account", "pod_token"));
        assert_eq!(who(account, Some("JTI=1"), false, false, 200), ("service_account", "service_account_token"));
        assert_eq!(who(account, None, false, true, 200), ("service_account", "legacy_token"));
        assert_eq!(who(account, Some("X509SHA256=ab"), false, false, 200), ("service_account", "client_certificate"));
        assert_eq!(
            who(Some("system:node:n"), Some("X509SHA256=ab"), false, false, 200),
            ("node", "client_certificate")
        );
        assert_eq!(who(Some("system:kube-scheduler"), None, false, false, 200), ("control_plane", "unknown"));
        assert_eq!(who(Some("idp:carol"), Some("JTI=2"), false, false, 200), ("human", "jwt"));
        assert_eq!(who(Some("bob"), None, false, false, 200), ("human", "unknown"));
        assert_eq!(who(Some("system:other"), None, false, false, 200), ("unknown", "unknown"));
        assert_eq!(who(Some("whoever"), Some("FORGED"), false, false, 200), ("human", "delegated"));
    }

    #[test]
    fn the_access_management_of_a_cloud_is_told_by_what_it_sets() {
        let of =
            |name, credential_id| Evidence { user_name: Some(name), credential_id, cloud: true, ..Evidence::default() };
        assert_eq!(of("arn:aws:iam::1:user/bob", None).authentication(), "cloud_iam");
        assert_eq!(of("bob@example.test", Some("X509SHA256=ab")).authentication(), "client_certificate");
        assert_eq!(of("system:serviceaccount:a:b", Some("JTI=1")).authentication(), "service_account_token");
        assert_eq!(Evidence { lost: true, ..of("bob@example.test", None) }.authentication(), "cloud_iam");
    }

    #[test]
    fn bootstrap_tokens_need_their_group() {
        let groups = Json::of(br#"["system:bootstrappers","system:authenticated"]"#);
        let mut evidence =
            Evidence { user_name: Some("system:bootstrap:abcdef"), groups: Some(groups), ..Evidence::default() };
        assert_eq!(evidence.authentication(), "bootstrap_token");
        evidence.groups = None;
        assert_eq!(evidence.authentication(), "unknown");
    }
}
