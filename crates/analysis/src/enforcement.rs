//! What refused privileged pods in each namespace, and when.
//!
//! Three things count. The namespace's label `pod-security.kubernetes.io/enforce` at `baseline` or `restricted` (both refuse privileged
//! pods at each of their versions; an invalid level counts as none). A ValidatingAdmissionPolicy that is *known* to refuse
//! privileged pods, bound with `Deny`, failing closed, and covering the creation of every pod of the namespace. And a validating webhook that is
//! known to refuse them, failing closed, and asked about the creation of every pod of the namespace. Whether a webhook answers does not matter
//! here: with `failurePolicy: Fail` a pod that it gives no answer about is refused, too.
//!
//! **What the expressions of a policy refuse, or a webhook, is not worked out.** One counts only when the policy, or the webhook's configuration, carries
//! the annotation `plimsoll.dev/refuses` with `privileged-pods` in its list, or its name is in [`crate::Settings::enforcing_policies`]: that is
//! the statement of whoever wrote it, and is to be examined like any other policy document.
//!
//! Partial cover does not count: match conditions, object selectors, resource names, rules that exclude pods, and parameters that may be missing.
//! The fields that make a pod privileged cannot be changed by an update, so covering `CREATE` is enough. Not
//! seen here because the API does not show them: exemptions in the API server's own configuration of Pod Security, and policies loaded from files.

use std::collections::BTreeMap;

use records::Timestamp;
use records::tables::objects::ObjectVersion;
use records::tables::workloads::NamespaceEnforcement;
use serde::Deserialize;

use crate::Settings;
use crate::selector::{LabelSelector, Labels};
use crate::timeline::Interval;

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const ENFORCE_VERSION: &str = "pod-security.kubernetes.io/enforce-version";
const REFUSES: &str = "plimsoll.dev/refuses";
const ADMISSION: &str = "admissionregistration.k8s.io";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body<S: Default> {
    metadata: Metadata,
    spec: S,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WebhookConfiguration {
    metadata: Metadata,
    webhooks: Option<Vec<WebhookSpec>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WebhookSpec {
    name: String,
    failure_policy: Option<String>,
    match_conditions: Option<Vec<serde_json::Value>>,
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    rules: Option<Vec<ResourceRule>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    labels: Option<Labels>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PolicySpec {
    failure_policy: Option<String>,
    match_constraints: Option<MatchResources>,
    match_conditions: Option<Vec<serde_json::Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BindingSpec {
    policy_name: String,
    validation_actions: Option<Vec<String>>,
    match_resources: Option<MatchResources>,
    param_ref: Option<ParameterReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ParameterReference {
    parameter_not_found_action: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MatchResources {
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    resource_rules: Option<Vec<ResourceRule>>,
    exclude_resource_rules: Option<Vec<ResourceRule>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResourceRule {
    api_groups: Option<Vec<String>>,
    api_versions: Option<Vec<String>>,
    operations: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    resource_names: Option<Vec<String>>,
    scope: Option<String>,
}

impl ResourceRule {
    /// Whether it is about the creation of pods, of some at least.
    fn touches_pods(&self) -> bool {
        let has = |list: &Option<Vec<String>>, any: &[&str]| list.iter().flatten().any(|t| any.contains(&t.as_str()));
        has(&self.api_groups, &["", "*"])
            && has(&self.api_versions, &["v1", "*"])
            && has(&self.operations, &["CREATE", "*"])
            && has(&self.resources, &["pods", "*", "*/*"])
            && self.scope.as_deref().is_none_or(|scope| matches!(scope, "*" | "Namespaced"))
    }

    fn covers_pods(&self) -> bool {
        self.touches_pods() && self.resource_names.as_ref().is_none_or(Vec::is_empty)
    }
}

impl Metadata {
    fn declares_refusal(&self) -> bool {
        let refuses = |value: &str| value.split(',').any(|what| what.trim() == "privileged-pods");
        self.annotations.iter().flatten().any(|(key, value)| key == REFUSES && refuses(value))
    }
}

impl MatchResources {
    /// Whether the creation of every pod in a namespace that the selector takes is covered. `without_rules`: what it means to
    /// have no resource rules.
    fn covers_pods(&self, without_rules: bool) -> bool {
        let covered = match self.resource_rules.as_deref() {
            None | Some([]) => without_rules,
            Some(rules) => rules.iter().any(ResourceRule::covers_pods),
        };
        covered
            && self.object_selector.as_ref().is_none_or(LabelSelector::is_empty)
            && !self.exclude_resource_rules.iter().flatten().any(ResourceRule::touches_pods)
    }

    fn takes(&self, labels: &Labels) -> bool {
        self.namespace_selector.as_ref().is_none_or(|selector| selector.selects(labels))
    }
}

/// One version of a policy that refuses privileged pods wherever it is bound.
struct Policy<'a> {
    cluster: &'a str,
    name: &'a str,
    interval: Interval,
    constraints: MatchResources,
}

/// One version of a binding that denies.
struct Binding<'a> {
    cluster: &'a str,
    name: &'a str,
    policy: String,
    interval: Interval,
    resources: MatchResources,
}

/// One webhook that refuses privileged pods, over one version of its configuration.
struct Webhook<'a> {
    cluster: &'a str,
    configuration: &'a str,
    name: String,
    interval: Interval,
    resources: MatchResources,
}

fn of_kind<'a, 'r>(versions: &'a [ObjectVersion<'r>], group: &str, resource: &str) -> Vec<&'a ObjectVersion<'r>> {
    versions.iter().filter(|v| v.api_group == group && v.resource == resource).collect()
}

fn policy<'a>(version: &'a ObjectVersion<'_>, settings: &Settings) -> Option<Policy<'a>> {
    // A body of another form proves no enforcement; the normaliser lists it as a fault.
    let body: Body<PolicySpec> = serde_json::from_str(&version.body_json).ok()?;
    let declared = body.metadata.declares_refusal();
    let constraints = body.spec.match_constraints?;
    let counts = (declared || settings.enforcing_policies.iter().any(|name| *name == version.name))
        && body.spec.failure_policy.as_deref().is_none_or(|policy| policy == "Fail")
        && body.spec.match_conditions.as_ref().is_none_or(Vec::is_empty)
        && constraints.covers_pods(false);
    let interval = Interval::new(version.valid_from, version.valid_to)?;
    counts.then(|| Policy { cluster: &version.provenance.cluster, name: &version.name, interval, constraints })
}

fn binding<'a>(version: &'a ObjectVersion<'_>) -> Option<Binding<'a>> {
    let body: Body<BindingSpec> = serde_json::from_str(&version.body_json).ok()?;
    let resources = body.spec.match_resources.unwrap_or_default();
    let parameters_ensured =
        body.spec.param_ref.is_none_or(|reference| reference.parameter_not_found_action.as_deref() == Some("Deny"));
    let counts = body.spec.validation_actions.iter().flatten().any(|action| action == "Deny")
        && parameters_ensured
        && resources.covers_pods(true);
    let interval = Interval::new(version.valid_from, version.valid_to)?;
    counts.then(|| Binding {
        cluster: &version.provenance.cluster,
        name: &version.name,
        policy: body.spec.policy_name,
        interval,
        resources,
    })
}

fn webhooks<'a>(version: &'a ObjectVersion<'_>, settings: &Settings) -> Vec<Webhook<'a>> {
    let Ok(body) = serde_json::from_str::<WebhookConfiguration>(&version.body_json) else { return Vec::new() };
    let Some(interval) = Interval::new(version.valid_from, version.valid_to) else { return Vec::new() };
    let declared = body.metadata.declares_refusal();
    let mut found = Vec::new();
    for webhook in body.webhooks.unwrap_or_default() {
        let resources = MatchResources {
            namespace_selector: webhook.namespace_selector,
            object_selector: webhook.object_selector,
            resource_rules: webhook.rules,
            exclude_resource_rules: None,
        };
        let counts = (declared || settings.enforcing_policies.contains(&webhook.name))
            && webhook.failure_policy.as_deref().is_none_or(|policy| policy == "Fail")
            && webhook.match_conditions.as_ref().is_none_or(Vec::is_empty)
            && resources.covers_pods(false);
        if counts {
            let (cluster, configuration) = (&*version.provenance.cluster, &*version.name);
            found.push(Webhook { cluster, configuration, name: webhook.name, interval, resources });
        }
    }
    found
}

/// The rows of `namespace_enforcement`.
pub(crate) fn namespace_enforcement<'r>(
    versions: &[ObjectVersion<'r>],
    settings: &Settings,
) -> Vec<NamespaceEnforcement<'r>> {
    let policies = of_kind(versions, ADMISSION, "validatingadmissionpolicies");
    let policies: Vec<Policy<'_>> = policies.into_iter().filter_map(|v| policy(v, settings)).collect();
    let bindings = of_kind(versions, ADMISSION, "validatingadmissionpolicybindings");
    let bindings: Vec<Binding<'_>> = bindings
        .into_iter()
        .filter_map(binding)
        .filter(|b| policies.iter().any(|p| (p.cluster, p.name) == (b.cluster, b.policy.as_str())))
        .collect();
    let webhooks: Vec<Webhook<'_>> = of_kind(versions, ADMISSION, "validatingwebhookconfigurations")
        .into_iter()
        .flat_map(|version| webhooks(version, settings))
        .collect();
    let cuts: Vec<Timestamp> = policies
        .iter()
        .flat_map(|p| p.interval.bounds())
        .chain(bindings.iter().flat_map(|b| b.interval.bounds()))
        .chain(webhooks.iter().flat_map(|w| w.interval.bounds()))
        .collect();

    let mut rows: Vec<NamespaceEnforcement<'r>> = Vec::new();
    // The newest row of each namespace, by UID.
    let mut newest: BTreeMap<&str, usize> = BTreeMap::new();
    for version in of_kind(versions, "", "namespaces") {
        let Some(interval) = Interval::new(version.valid_from, version.valid_to) else { continue };
        let body: Body<serde_json::Value> = serde_json::from_str(&version.body_json).unwrap_or_default();
        let labels = body.metadata.labels.unwrap_or_default();
        for piece in interval.cut(cuts.iter().copied()) {
            let level = labels.get(ENFORCE);
            let guards = Guards { policies: &policies, bindings: &bindings, webhooks: &webhooks };
            let enforced_by = guards.enforcers(&version.provenance.cluster, &labels, piece.from);
            if let Some(row) = newest.get(&*version.uid).map(|row| &mut rows[*row])
                && row.valid_to == Some(piece.from)
                && row.enforced_by == enforced_by
                && row.pod_security_level.as_deref() == level.map(String::as_str)
            {
                row.valid_to = piece.to;
                continue;
            }
            newest.insert(&version.uid, rows.len());
            rows.push(NamespaceEnforcement {
                provenance: version.provenance.clone(),
                namespace: version.name.clone(),
                valid_from: piece.from,
                valid_to: piece.to,
                enforced: !enforced_by.is_empty(),
                enforced_by: enforced_by.into(),
                pod_security_level: level.cloned().map(Into::into),
            });
        }
    }
    rows
}

/// All that may refuse privileged pods.
struct Guards<'g, 'a> {
    policies: &'g [Policy<'a>],
    bindings: &'g [Binding<'a>],
    webhooks: &'g [Webhook<'a>],
}

impl Guards<'_, '_> {
    /// What refuses privileged pods in a namespace with these labels at an instant, joined by `, `.
    fn enforcers(&self, cluster: &str, labels: &Labels, at: Timestamp) -> String {
        let mut found = Vec::new();
        if let Some(level) = labels.get(ENFORCE).filter(|level| matches!(level.as_str(), "baseline" | "restricted")) {
            found.push(match labels.get(ENFORCE_VERSION).filter(|version| *version != "latest") {
                Some(version) => format!("pod-security:{level}:{version}"),
                None => format!("pod-security:{level}"),
            });
        }
        for binding in self.bindings.iter().filter(|b| b.cluster == cluster && b.interval.contains(at)) {
            let bound = self.policies.iter().any(|p| {
                (p.cluster, p.name) == (cluster, binding.policy.as_str())
                    && p.interval.contains(at)
                    && p.constraints.takes(labels)
            });
            if bound && binding.resources.takes(labels) {
                found.push(format!("validating-admission-policy:{}/{}", binding.policy, binding.name));
            }
        }
        for webhook in self.webhooks.iter().filter(|w| w.cluster == cluster && w.interval.contains(at)) {
            if webhook.resources.takes(labels) {
                found.push(format!("validating-webhook:{}/{}", webhook.configuration, webhook.name));
            }
        }
        found.sort();
        found.join(", ")
    }
}
