//! What the rules ask for, as expressions of CEL over the variables `pod`, `containers` and `windows`.

use serde_json::Value;

/// A rule in CEL.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Expressions that must hold, with what is told when one does not.
    pub(super) validations: Vec<(String, String)>,
    /// For rules about sessions: which subresources of pods.
    pub(super) subresources: Option<Vec<String>>,
}

/// The texts of a list.
pub(super) fn texts(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A literal. JSON's strings, lists, numbers and truth values are CEL's, too.
fn literal(value: impl serde::Serialize) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// That a text matches one of our patterns, in which each `*` stands for anything.
pub(super) fn matches(text: &str, patterns: &[String]) -> String {
    let one = |pattern: &String| {
        let mut expression = String::from("(?s)^");
        for c in pattern.chars() {
            match c {
                '*' => expression.push_str(".*"),
                c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | ' ') || !c.is_ascii() => {
                    expression.push(c)
                }
                c => expression.extend(['\\', c]),
            }
        }
        expression.push('$');
        format!("{text}.matches({})", literal(expression))
    };
    let all: Vec<String> = patterns.iter().map(one).collect();
    if all.is_empty() { "false".to_owned() } else { all.join(" || ") }
}

const IMAGES: &str =
    "the grammar of image references (implicit registries, ports, digests and tags together) cannot be said exactly";

/// The rule with these parameters, or why it cannot be said.
pub(super) fn say(rule: &str, parameters: &Value) -> Result<Said, &'static str> {
    let list = |name: &str| texts(parameters.get(name));
    let flag = |name: &str| parameters.get(name).and_then(Value::as_bool).unwrap_or(false);
    let mut said = Said::default();
    let mut ask = |expression: String, message: &str| said.validations.push((expression, message.to_owned()));
    match rule {
        "no-host-namespaces" => {
            let allowed = list("allowed");
            for (name, field) in [("network", "hostNetwork"), ("pid", "hostPID"), ("ipc", "hostIPC")] {
                if !allowed.iter().any(|other| other == name) {
                    ask(
                        format!("!variables.pod.?spec.?{field}.orValue(false)"),
                        &format!("spec.{field} is true; allowed: false or not set"),
                    );
                }
            }
        }
        "no-host-path" => {
            if parameters.get("allowed").and_then(Value::as_array).is_some_and(|allowed| !allowed.is_empty()) {
                return Err(
                    "a list of allowed paths is compared part by part, with the mounts of each container, which is not said yet",
                );
            }
            ask(
                "variables.pod.?spec.?volumes.orValue([]).all(v, !has(v.hostPath))".to_owned(),
                "a volume is a path of the host; allowed: no path of the host",
            );
        }
        "no-host-ports" => {
            let ranges = parameters.get("allowed").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut allowed = String::from("n == 0");
            for range in ranges {
                let bound = |name: &str| range.get(name).and_then(Value::as_u64).unwrap_or(0);
                allowed.push_str(&format!(" || (n >= {} && n <= {})", bound("from"), bound("to")));
            }
            let port = "p.?hostPort.orValue(0) != 0 ? p.hostPort : \
                        variables.pod.?spec.?hostNetwork.orValue(false) ? p.?containerPort.orValue(0) : 0";
            ask(
                format!("variables.containers.all(c, c.?ports.orValue([]).all(p, [{port}].all(n, {allowed})))"),
                "a container has a port of the host that is not allowed",
            );
        }
        "no-privileged" => {
            let none = "windowsOptions.?hostProcess.orValue(false)";
            ask(
                format!("!variables.pod.?spec.?securityContext.?{none}"),
                "spec.securityContext.windowsOptions.hostProcess is true; allowed: false or not set",
            );
            ask(
                format!(
                    "variables.containers.all(c, !c.?securityContext.?privileged.orValue(false) && !c.?securityContext.?{none})"
                ),
                "a container is privileged, or a host process; allowed: false or not set",
            );
            if flag("refuseEscalation") {
                ask(
                    "variables.windows || variables.containers.all(c, !c.?securityContext.?allowPrivilegeEscalation.orValue(true))"
                        .to_owned(),
                    "a container has no securityContext.allowPrivilegeEscalation: false",
                );
            }
        }
        "capabilities" => {
            let given = |list: &str| format!("c.?securityContext.?capabilities.?{list}.orValue([])");
            ask(
                format!(
                    "variables.windows || variables.containers.all(c, {}.all(a, a in {}))",
                    given("add"),
                    literal(list("allowedAdd"))
                ),
                "a container adds a capability that is not allowed",
            );
            let required = list("requiredDrop");
            if !required.is_empty() {
                ask(
                    format!(
                        "variables.windows || variables.containers.all(c, 'ALL' in {0} || {1}.all(r, r in {0}))",
                        given("drop"),
                        literal(required)
                    ),
                    "a container does not drop the capabilities that must be dropped",
                );
            }
        }
        "seccomp" => {
            let types = list("types");
            let mut allowed = Vec::new();
            if types.iter().any(|name| name == "RuntimeDefault") {
                allowed.push("p.?type.orValue('') == 'RuntimeDefault'".to_owned());
            }
            if types.iter().any(|name| name == "Localhost") {
                let profiles = matches("p.?localhostProfile.orValue('')", &list("localhostProfiles"));
                allowed.push(format!("(p.?type.orValue('') == 'Localhost' && ({profiles}))"));
            }
            let of_pod = "variables.pod.?spec.?securityContext.?seccompProfile.orValue({})";
            ask(
                format!(
                    "variables.windows || variables.containers.all(c, [c.?securityContext.?seccompProfile.orValue({of_pod})].all(p, {}))",
                    allowed.join(" || ")
                ),
                "a container has no allowed seccomp profile, nor has the pod",
            );
        }
        "run-as-non-root" => {
            let least = parameters.get("minimumUser").and_then(Value::as_i64).unwrap_or(1);
            let of_pod = |field: &str, default: &str| {
                format!("variables.pod.?spec.?securityContext.?{field}.orValue({default})")
            };
            let user = format!("c.?securityContext.?runAsUser.orValue({})", of_pod("runAsUser", "-1"));
            let non_root = format!("c.?securityContext.?runAsNonRoot.orValue({})", of_pod("runAsNonRoot", "false"));
            let unset = if least > 1 { "false".to_owned() } else { non_root };
            let spared =
                if flag("allowUserNamespaces") { "!variables.pod.?spec.?hostUsers.orValue(true) || " } else { "" };
            ask(
                format!("{spared}variables.containers.all(c, [{user}].all(u, u == -1 ? {unset} : u >= {least}))"),
                "a container may run as a user that is not allowed",
            );
        }
        "no-automounted-token" => {
            let mut expression = "!variables.pod.?spec.?automountServiceAccountToken.orValue(true)".to_owned();
            let accounts = list("allowedServiceAccounts");
            if !accounts.is_empty() {
                let named = matches("a", &accounts);
                let account = "variables.pod.?spec.?serviceAccountName.orValue('')";
                expression.push_str(&format!(" || [{account} == '' ? 'default' : {account}].all(a, {named})"));
            }
            ask(expression, "spec.automountServiceAccountToken is not false");
        }
        "no-pod-sessions" => {
            let (users, groups) = (literal(list("allowedUsers")), literal(list("allowedGroups")));
            ask(
                format!(
                    "request.userInfo.?username.orValue('') in {users} || request.userInfo.?groups.orValue([]).exists(g, g in {groups})"
                ),
                "a session in a pod is asked for by somebody who may not",
            );
            said.subresources = Some(list("subresources"));
        }
        "pod-security" => {
            return Err("Pod Security itself keeps it: label the namespaces with pod-security.kubernetes.io/enforce");
        }
        "require-resources" => {
            return Err("amounts that the API server takes from limits, or from the whole pod, are not said yet");
        }
        "approved-base-image" => {
            return Err("it looks at labels of images that the rule reads from annotations; that is not said yet");
        }
        "trusted-registries" | "require-digest" | "immutable-tags" => return Err(IMAGES),
        _ => return Err("there are no expressions for this rule"),
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    #[test]
    fn every_rule_is_said_or_left_out_for_a_reason() {
        for rule in rules::all() {
            match say(rule.name, &Value::Null) {
                Ok(said) => assert!(!said.validations.is_empty(), "{}", rule.name),
                Err(why) => assert_ne!(why, "there are no expressions for this rule", "{}", rule.name),
            }
        }
    }

    #[test]
    fn patterns_are_matched_as_a_whole_and_literally() {
        assert_eq!(matches("a", &["x.y*".to_owned()]), r#"a.matches("(?s)^x\\.y.*$")"#);
        assert_eq!(matches("a", &[]), "false");
    }
}
