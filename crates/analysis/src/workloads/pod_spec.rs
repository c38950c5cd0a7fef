//! The parts of workloads that the analysis looks at, as Kubernetes' APIs have them.
//!
//! Everything else is skipped while it is read. A null is an absent value, as for the API server. A value of another type than the API has makes
//! the whole workload unreadable: nobody can say what it would mean, and no API server stores one.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::volume::Volume;

/// A null as the default.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A pod, or anything that has a template of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Workload {
    #[serde(deserialize_with = "nullable")]
    metadata: Metadata,
    #[serde(deserialize_with = "nullable")]
    spec: PodSpec,
    /// Of a PodTemplate.
    template: Option<Box<Template>>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    #[serde(deserialize_with = "nullable")]
    owner_references: Vec<Owner>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) labels: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) annotations: BTreeMap<String, Option<String>>,
    /// Given by the API server: what has one was admitted.
    pub(crate) uid: Option<String>,
}

#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
#[serde(default)]
struct Owner {
    #[serde(deserialize_with = "nullable")]
    kind: String,
    #[serde(deserialize_with = "nullable")]
    name: String,
    controller: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Template {
    #[serde(deserialize_with = "nullable")]
    metadata: Metadata,
    #[serde(deserialize_with = "nullable")]
    spec: PodSpec,
}

/// The spec of a pod; of anything that has a template of one, too: no field of one has another meaning in the other.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    replicas: Option<i64>,
    template: Option<Box<Template>>,
    job_template: Option<Box<Template>>,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    ephemeral_containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) volumes: Vec<Volume>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) security_context: SecurityContext,
    pub(crate) host_network: Option<bool>,
    #[serde(rename = "hostPID")]
    pub(crate) host_pid: Option<bool>,
    #[serde(rename = "hostIPC")]
    pub(crate) host_ipc: Option<bool>,
    pub(crate) host_users: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    os: OperatingSystem,
    pub(crate) automount_service_account_token: Option<bool>,
    pub(crate) service_account_name: Option<String>,
    /// The old name of the same, which the API server keeps in step.
    service_account: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OperatingSystem {
    #[serde(deserialize_with = "nullable")]
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) image: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) security_context: SecurityContext,
    #[serde(deserialize_with = "nullable")]
    pub(crate) ports: Vec<Port>,
    pub(crate) liveness_probe: Option<Handler>,
    pub(crate) readiness_probe: Option<Handler>,
    pub(crate) startup_probe: Option<Handler>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) lifecycle: Lifecycle,
    #[serde(deserialize_with = "nullable")]
    pub(crate) resources: Resources,
    #[serde(deserialize_with = "nullable")]
    pub(crate) volume_mounts: Vec<VolumeMount>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub(crate) container_port: Option<i64>,
    pub(crate) host_port: Option<i64>,
    pub(crate) protocol: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Lifecycle {
    pub(crate) post_start: Option<Handler>,
    pub(crate) pre_stop: Option<Handler>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Handler {
    http_get: Option<Asked>,
    tcp_socket: Option<Asked>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    #[serde(deserialize_with = "nullable")]
    host: String,
}

impl Handler {
    /// Whether another host than the pod itself is named.
    pub(crate) fn names_a_host(&self) -> bool {
        self.http_get.iter().chain(&self.tcp_socket).any(|asked| !asked.host.is_empty())
    }
}

/// Of a pod or of a container; each has some fields that the other has not.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SecurityContext {
    pub(crate) privileged: Option<bool>,
    pub(crate) allow_privilege_escalation: Option<bool>,
    pub(crate) read_only_root_filesystem: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) capabilities: Capabilities,
    pub(crate) proc_mount: Option<String>,
    pub(crate) run_as_non_root: Option<bool>,
    pub(crate) run_as_user: Option<i64>,
    pub(crate) run_as_group: Option<i64>,
    pub(crate) se_linux_options: Option<SeLinuxOptions>,
    pub(crate) seccomp_profile: Option<Profile>,
    pub(crate) app_armor_profile: Option<Profile>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) windows_options: WindowsOptions,
    #[serde(deserialize_with = "nullable")]
    pub(crate) sysctls: Vec<Sysctl>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Capabilities {
    #[serde(deserialize_with = "nullable")]
    pub(crate) add: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) drop: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SeLinuxOptions {
    #[serde(deserialize_with = "nullable")]
    pub(crate) user: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) role: String,
    #[serde(rename = "type", deserialize_with = "nullable")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) level: String,
}

/// A profile of seccomp or AppArmor.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Profile {
    #[serde(rename = "type", deserialize_with = "nullable")]
    kind: String,
    #[serde(deserialize_with = "nullable")]
    localhost_profile: String,
}

impl Profile {
    /// Whether it confines: `RuntimeDefault` and `Localhost` do.
    pub(crate) fn confines(&self) -> bool {
        matches!(self.kind.as_str(), "RuntimeDefault" | "Localhost")
    }

    /// Its type, with the name of a profile on the host: `Localhost:name`.
    pub(crate) fn shown(&self) -> String {
        if self.localhost_profile.is_empty() {
            self.kind.clone()
        } else {
            format!("{}:{}", self.kind, self.localhost_profile)
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WindowsOptions {
    pub(crate) host_process: Option<bool>,
    pub(crate) run_as_user_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Sysctl {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    #[serde(deserialize_with = "nullable")]
    pub(crate) requests: BTreeMap<String, Quantity>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) limits: BTreeMap<String, Quantity>,
}

/// A quantity as written; manifests may have a number for it.
#[derive(Debug)]
pub(crate) struct Quantity(pub(crate) String);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(serde::de::Error::custom("expected a quantity, as a string or a number")),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VolumeMount {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) mount_path: String,
    pub(crate) read_only: Option<bool>,
}

/// A pod as it is or as it would be made: its own metadata and spec, or those of the template.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) metadata: Metadata,
    pub(crate) spec: PodSpec,
    /// Kind and name of the controller that owns the object that it was read from.
    pub(crate) controller: Option<(String, String)>,
    /// Whether it is a pod that an API server has admitted: what admission adds to a pod is in it.
    pub(crate) admitted: bool,
    /// Whether nobody runs it: a ReplicaSet that its Deployment has scaled to zero is history. It can come back only by a new version of
    /// the Deployment.
    pub(crate) retired: bool,
}

impl Workload {
    /// The pod of a workload of this resource; `None` when it has no template.
    pub(crate) fn pod(self, resource: &str) -> Option<Pod> {
        let Self { metadata, spec, template } = self;
        let controller = metadata.owner_references.iter().find(|owner| owner.controller == Some(true));
        let controller = controller.map(|owner| (owner.kind.clone(), owner.name.clone()));
        let retired = resource == "replicasets" && controller.is_some() && spec.replicas == Some(0);
        if resource == "pods" {
            let admitted = metadata.uid.is_some();
            return Some(Pod { metadata, spec, controller, admitted, retired });
        }
        let template = match resource {
            "cronjobs" => spec.job_template?.spec.template?,
            "podtemplates" => template?,
            _ => spec.template?,
        };
        let Template { metadata, spec } = *template;
        Some(Pod { metadata, spec, controller, admitted: false, retired })
    }
}

impl PodSpec {
    /// All containers with what they are: `container`, `init_container` or `ephemeral_container`.
    pub(crate) fn all_containers(&self) -> impl Iterator<Item = (&'static str, &Container)> {
        let containers = self.containers.iter().map(|c| ("container", c));
        let init = self.init_containers.iter().map(|c| ("init_container", c));
        let ephemeral = self.ephemeral_containers.iter().map(|c| ("ephemeral_container", c));
        containers.chain(init).chain(ephemeral)
    }

    /// Whether it says that it is for Windows.
    pub(crate) fn is_windows(&self) -> bool {
        self.os.name == "windows"
    }

    /// Whether it has a user namespace of its own, so that root in it is not root on its host.
    pub(crate) fn has_user_namespace(&self) -> bool {
        self.host_users == Some(false)
    }

    /// Name of the service account; `default` when it names none.
    pub(crate) fn account(&self) -> &str {
        let named = self.service_account_name.as_deref().filter(|name| !name.is_empty());
        named.or(self.service_account.as_deref().filter(|name| !name.is_empty())).unwrap_or("default")
    }
}

/// Whether objects of this resource run containers. A PodTemplate runs none: nothing makes pods of it by itself.
pub(crate) fn is_workload(group: &str, resource: &str) -> bool {
    matches!(
        (group, resource),
        ("", "pods" | "replicationcontrollers")
            | ("apps", "deployments" | "statefulsets" | "daemonsets" | "replicasets")
            | ("batch", "jobs" | "cronjobs")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(resource: &str, json: &str) -> Option<Pod> {
        serde_json::from_str::<Workload>(json).unwrap().pod(resource)
    }

    #[test]
    fn templates_are_found_where_each_resource_has_them() {
        for (resource, json) in [
            ("pods", r#"{"spec":{"hostPID":true}}"#),
            ("deployments", r#"{"spec":{"replicas":1,"template":{"spec":{"hostPID":true}}}}"#),
            ("jobs", r#"{"spec":{"template":{"metadata":null,"spec":{"hostPID":true}}}}"#),
            ("cronjobs", r#"{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"hostPID":true}}}}}}"#),
            ("podtemplates", r#"{"template":{"spec":{"hostPID":true}}}"#),
        ] {
            assert_eq!(read(resource, json).unwrap().spec.host_pid, Some(true), "{resource}");
        }
        assert!(read("replicationcontrollers", r#"{"spec":{"replicas":1}}"#).is_none());
    }

    #[test]
    fn nulls_are_absent_and_other_types_are_refused() {
        let pod =
            read("pods", r#"{"metadata":null,"spec":{"containers":null,"volumes":[{"name":"a","emptyDir":null}]}}"#);
        assert!(pod.unwrap().spec.volumes[0].sources.is_empty());
        for json in [r#"{"spec":{"hostPID":"yes"}}"#, r#"{"spec":{"containers":{}}}"#, "3"] {
            assert!(serde_json::from_str::<Workload>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_value_in_memory_is_read_as_its_text_is() {
        let text =
            r#"{"spec":{"volumes":[{"name":"t","projected":{"sources":[{"serviceAccountToken":{"path":"x"}}]}}]}}"#;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let pod = Workload::deserialize(&value).unwrap().pod("pods").unwrap();
        assert!(pod.spec.volumes[0].token);
        assert_eq!(pod.spec.volumes[0].sources, ["projected"]);
    }
}
