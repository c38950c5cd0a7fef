//! Objects that keep Secrets: which Secrets they name, how they renew the content, and the state that they tell.
//!
//! | object | renews |
//! |---|---|
//! | ExternalSecret | `periodic` by `refreshInterval` (default one hour); `never` with `refreshPolicy: CreatedOnce` or an interval of 0; `on_change` with `OnChange` |
//! | VaultStaticSecret | `periodic` with `refreshAfter`, else `never` |
//! | VaultDynamicSecret, VaultPKISecret, Certificate | `before_expiry` |
//! | HCPVaultSecretsApp | `periodic` by `refreshAfter` (default ten minutes) |
//! | SealedSecret, Kustomization with SOPS | `on_change` |
//! | SecretProviderClass | not known: whether the driver renews is a flag of the driver |

use std::collections::{BTreeMap, BTreeSet};

use records::Timestamp;
use serde_json::Value;

use super::duration;
use super::marks::Marks;

/// One object that keeps Secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// The object, as `Kind:namespace/name`.
    pub object: String,
    /// What it belongs to, as in `secrets_posture`.
    pub manager: &'static str,
    /// Whether it marks the Secrets that it has written, so that one without marks is not its.
    pub marks_its_secrets: bool,
    /// When it looks for new content, as in `secrets_posture`.
    pub refresh: Option<&'static str>,
    /// Seconds between two looks, for `periodic`.
    pub refresh_seconds: Option<i64>,
    /// Whether it says that content and source agree.
    pub synced: Option<bool>,
    /// When it says that it last looked.
    pub refreshed_at: Option<Timestamp>,
    /// End of the certificate.
    pub certificate_not_after: Option<Timestamp>,
}

/// Namespace and name of a Secret.
type Target = (String, String);

/// The objects that keep Secrets, by the Secrets that they name and by their own names.
#[derive(Debug, Clone, Default)]
pub struct Keepers {
    by_target: BTreeMap<Target, BTreeSet<String>>,
    by_object: BTreeMap<String, (Keeper, Vec<Target>)>,
    /// Secrets that were marked as those of an object that names no targets (a Kustomization).
    marked: BTreeMap<String, BTreeSet<Target>>,
}

/// Whether objects of this kind keep Secrets.
#[must_use]
pub fn is_keeper(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("external-secrets.io", "ExternalSecret")
            | (
                "secrets.hashicorp.com",
                "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret" | "HCPVaultSecretsApp"
            )
            | ("bitnami.com", "SealedSecret")
            | ("cert-manager.io", "Certificate")
            | ("secrets-store.csi.x-k8s.io", "SecretProviderClass")
            | ("kustomize.toolkit.fluxcd.io", "Kustomization")
    )
}

fn text<'v>(body: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(body, |value, key| value.get(key))?.as_str()
}

/// The status of the first of these conditions that there is.
fn condition(body: &Value, kinds: &[&str]) -> Option<bool> {
    let conditions = body.get("status")?.get("conditions")?.as_array()?;
    let found = kinds.iter().find_map(|kind| conditions.iter().find(|c| text(c, &["type"]) == Some(kind)))?;
    match text(found, &["status"])? {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

fn name_of(kind: &str, namespace: Option<&str>, name: &str) -> String {
    format!("{kind}:{}/{name}", namespace.unwrap_or_default())
}

impl Keepers {
    /// Takes in an object, in place of an earlier version of it; gives the Secrets (namespace and name) of which this may change something. An
    /// object of another kind changes nothing.
    pub fn put(
        &mut self,
        group: &str,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        body: &Value,
        refreshed_at: Option<Timestamp>,
    ) -> Vec<(String, String)> {
        if !is_keeper(group, kind) {
            return Vec::new();
        }
        let object = name_of(kind, namespace, name);
        let mut touched = self.take(kind, namespace, name);
        touched.extend(self.marked.get(&object).into_iter().flatten().cloned());
        let Some((keeper, names)) = read(kind, &object, name, body, refreshed_at) else { return touched };
        let targets: Vec<Target> =
            names.into_iter().map(|name| (namespace.unwrap_or_default().to_owned(), name)).collect();
        for target in &targets {
            self.by_target.entry(target.clone()).or_default().insert(object.clone());
        }
        touched.extend(targets.iter().cloned());
        self.by_object.insert(object, (keeper, targets));
        touched
    }

    /// Takes an object out; gives the Secrets (namespace and name) of which this may change something.
    pub fn take(&mut self, kind: &str, namespace: Option<&str>, name: &str) -> Vec<(String, String)> {
        let object = name_of(kind, namespace, name);
        let Some((_, mut targets)) = self.by_object.remove(&object) else { return Vec::new() };
        for target in &targets {
            if let Some(objects) = self.by_target.get_mut(target) {
                objects.remove(&object);
                if objects.is_empty() {
                    self.by_target.remove(target);
                }
            }
        }
        targets.extend(self.marked.get(&object).into_iter().flatten().cloned());
        targets
    }

    /// Remembers that a Secret is marked as that of an object.
    pub(super) fn mark(&mut self, object: &str, namespace: &str, name: &str) {
        let target = (namespace.to_owned(), name.to_owned());
        self.marked.entry(object.to_owned()).or_default().insert(target);
    }

    /// The object that keeps a Secret: the one that its marks name, else the first that names it.
    #[must_use]
    pub fn of(&self, namespace: &str, name: &str, marks: &Marks) -> Option<&Keeper> {
        let named = marks.manager_object.as_ref().and_then(|object| self.by_object.get(object));
        if let Some((keeper, _)) = named {
            return Some(keeper);
        }
        let objects = self.by_target.get(&(namespace.to_owned(), name.to_owned()))?;
        let keepers = objects.iter().filter_map(|object| self.by_object.get(object)).map(|(keeper, _)| keeper);
        let mut fitting = keepers.filter(|keeper| marks.manager.is_none_or(|manager| manager == keeper.manager));
        fitting.next()
    }
}

/// What an object says, and the names of the Secrets in its namespace that it writes.
fn read(
    kind: &str,
    object: &str,
    name: &str,
    body: &Value,
    refreshed_at: Option<Timestamp>,
) -> Option<(Keeper, Vec<String>)> {
    let spec = |path: &[&str]| body.get("spec").and_then(|spec| text(spec, path));
    let every = |key: &str, default: Option<i64>| match spec(&[key]) {
        Some(text) => duration::seconds(text),
        None => default,
    };
    let periodic = |seconds: Option<i64>| match seconds {
        Some(0) => (Some("never"), None),
        Some(seconds) => (Some("periodic"), Some(seconds)),
        None => (None, None),
    };
    let mut targets = Vec::new();
    let (manager, marks_its_secrets, (refresh, refresh_seconds), conditions): (_, _, _, &[&str]) = match kind {
        "ExternalSecret" => {
            targets.push(spec(&["target", "name"]).unwrap_or(name).to_owned());
            let refresh = match spec(&["refreshPolicy"]) {
                Some("CreatedOnce") => (Some("never"), None),
                Some("OnChange") => (Some("on_change"), None),
                Some("Periodic") | None => periodic(every("refreshInterval", Some(3600))),
                Some(_) => (None, None),
            };
            ("external-secrets", true, refresh, &["Ready"])
        }
        "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret" | "HCPVaultSecretsApp" => {
            targets.extend(spec(&["destination", "name"]).map(str::to_owned));
            let refresh = match kind {
                "VaultStaticSecret" => periodic(every("refreshAfter", Some(0))),
                "HCPVaultSecretsApp" => periodic(every("refreshAfter", Some(600))),
                _ => (Some("before_expiry"), None),
            };
            ("vault-secrets-operator", true, refresh, &["Ready", "SecretSynced", "Healthy"])
        }
        "SealedSecret" => {
            targets.push(name.to_owned());
            ("sealed-secrets", true, (Some("on_change"), None), &["Synced"])
        }
        "Certificate" => {
            targets.extend(spec(&["secretName"]).map(str::to_owned));
            ("cert-manager", true, (Some("before_expiry"), None), &["Ready"])
        }
        "SecretProviderClass" => {
            let objects = body.get("spec").and_then(|spec| spec.get("secretObjects")).and_then(Value::as_array);
            targets.extend(objects.into_iter().flatten().filter_map(|o| text(o, &["secretName"])).map(str::to_owned));
            ("secrets-store-csi", true, (None, None), &[])
        }
        "Kustomization" if spec(&["decryption", "provider"]) == Some("sops") => {
            ("sops", true, (Some("on_change"), None), &[])
        }
        _ => return None,
    };
    let keeper = Keeper {
        object: object.to_owned(),
        manager,
        marks_its_secrets,
        refresh,
        refresh_seconds,
        synced: condition(body, conditions),
        refreshed_at,
        certificate_not_after: text(body, &["status", "notAfter"]).and_then(|at| at.parse().ok()),
    };
    Some((keeper, targets))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(kind: &str, group: &str, body: Value) -> String {
        let mut keepers = Keepers::default();
        let targets = keepers.put(group, kind, Some("shop"), "own", &body, None);
        let Some((keeper, _)) = keepers.by_object.values().next() else { return "-".into() };
        let targets: Vec<String> = targets.iter().map(|(namespace, name)| format!("{namespace}/{name}")).collect();
        format!(
            "{} {} {:?} {} {:?} {:?}",
            targets.join(","),
            keeper.refresh.unwrap_or("?"),
            keeper.refresh_seconds,
            keeper.manager,
            keeper.synced,
            keeper.certificate_not_after.map(|at| at.to_string())
        )
    }

    #[test]
    fn how_content_is_renewed() {
        let external = |spec: Value| shown("ExternalSecret", "external-secrets.io", json!({ "spec": spec }));
        let vault = |kind: &str, spec: Value| shown(kind, "secrets.hashicorp.com", json!({ "spec": spec }));
        let shown = [
            external(json!({})),
            external(json!({"target": {"name": "db"}, "refreshInterval": "15m"})),
            external(json!({"refreshPolicy": "CreatedOnce", "refreshInterval": "15m"})),
            external(json!({"refreshInterval": "0"})),
            external(json!({"refreshPolicy": "OnChange"})),
            external(json!({"refreshPolicy": "Later"})),
            external(json!({"refreshInterval": "soon"})),
            vault("VaultStaticSecret", json!({"destination": {"name": "db"}, "refreshAfter": "30s"})),
            vault("VaultStaticSecret", json!({"destination": {"name": "db"}})),
            vault("VaultDynamicSecret", json!({"destination": {"name": "db"}})),
            shown(
                "Certificate",
                "cert-manager.io",
                json!({"spec": {"secretName": "tls"}, "status": {"notAfter": "2027-01-01T00:00:00Z", "conditions": [{"type": "Ready", "status": "False"}]}}),
            ),
            shown(
                "SealedSecret",
                "bitnami.com",
                json!({"status": {"conditions": [{"type": "Synced", "status": "True"}]}}),
            ),
            shown(
                "SecretProviderClass",
                "secrets-store.csi.x-k8s.io",
                json!({"spec": {"secretObjects": [{"secretName": "a"}, {"secretName": "b"}, 7]}}),
            ),
            shown(
                "Kustomization",
                "kustomize.toolkit.fluxcd.io",
                json!({"spec": {"decryption": {"provider": "sops"}}}),
            ),
            shown("Kustomization", "kustomize.toolkit.fluxcd.io", json!({"spec": {}})),
            shown("Kustomization", "kustomize.config.k8s.io", json!({"spec": {"decryption": {"provider": "sops"}}})),
        ];
        insta::assert_snapshot!(shown.join("\n"));
    }
}
