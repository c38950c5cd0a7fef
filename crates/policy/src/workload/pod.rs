//! The parts of a pod that policies judge, as Kubernetes' core/v1 has them.
//!
//! Everything else of a pod is skipped while it is read. A null is an absent value, as for the API server; a value of
//! another type than the API has is an error, because nobody can say what it would mean.

use std::collections::BTreeMap;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Null or absent is the default.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A pod, or the template of one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Pod {
    #[serde(deserialize_with = "nullable")]
    pub(crate) metadata: Metadata,
    #[serde(deserialize_with = "nullable")]
    pub(crate) spec: PodSpec,
}

/// Of any object.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) generate_name: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) namespace: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) labels: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) annotations: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    #[serde(deserialize_with = "nullable")]
    pub(crate) init_containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) ephemeral_containers: Vec<Container>,
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
    pub(crate) os: PodOs,
    pub(crate) automount_service_account_token: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) service_account_name: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) resources: Resources,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct PodOs {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
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

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Port {
    pub(crate) container_port: Option<i64>,
    pub(crate) host_port: Option<i64>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Lifecycle {
    pub(crate) post_start: Option<Handler>,
    pub(crate) pre_stop: Option<Handler>,
}

/// A probe or a handler of the lifecycle.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Handler {
    #[serde(deserialize_with = "nullable")]
    pub(crate) http_get: Hosted,
    #[serde(deserialize_with = "nullable")]
    pub(crate) tcp_socket: Hosted,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Hosted {
    #[serde(deserialize_with = "nullable")]
    pub(crate) host: String,
}

/// Of a pod or of a container: the fields of both. Those that only one of them has stay unset in the other.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SecurityContext {
    pub(crate) privileged: Option<bool>,
    pub(crate) allow_privilege_escalation: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) capabilities: Capabilities,
    pub(crate) proc_mount: Option<String>,
    pub(crate) run_as_non_root: Option<bool>,
    pub(crate) run_as_user: Option<i64>,
    pub(crate) se_linux_options: Option<SeLinuxOptions>,
    pub(crate) seccomp_profile: Option<Profile>,
    pub(crate) app_armor_profile: Option<Profile>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) windows_options: WindowsOptions,
    #[serde(deserialize_with = "nullable")]
    pub(crate) sysctls: Vec<Sysctl>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Capabilities {
    #[serde(deserialize_with = "nullable")]
    pub(crate) add: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) drop: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct SeLinuxOptions {
    #[serde(rename = "type", deserialize_with = "nullable")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) user: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) role: String,
}

/// Of seccomp or AppArmor.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Profile {
    #[serde(rename = "type", deserialize_with = "nullable")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "nullable")]
    pub(crate) localhost_profile: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WindowsOptions {
    pub(crate) host_process: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Sysctl {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    #[serde(deserialize_with = "nullable")]
    pub(crate) requests: BTreeMap<String, Quantity>,
    #[serde(deserialize_with = "nullable")]
    pub(crate) limits: BTreeMap<String, Quantity>,
}

/// An amount as written: a text, or a number, which Kubernetes takes too.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantity(pub(crate) String);

impl Quantity {
    /// Whether it is zero, which for a limit means none. A text that is no quantity is not zero: the API server refuses it.
    pub(crate) fn is_zero(&self) -> bool {
        let digits = self.0.trim_start_matches(['+', '-']);
        let number = digits.split(|c: char| !c.is_ascii_digit() && c != '.').next().unwrap_or_default();
        number.contains('0') && number.bytes().all(|b| matches!(b, b'0' | b'.'))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Ok(Self(text)),
            serde_json::Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(serde::de::Error::custom("expected a quantity, as a string or a number")),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VolumeMount {
    #[serde(deserialize_with = "nullable")]
    pub(crate) name: String,
    pub(crate) read_only: Option<bool>,
}

/// A volume: its name and the sources that are set. The API server allows one source and gives a volume without any an `emptyDir`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Volume {
    pub(crate) name: String,
    /// The names of all sources that are not null, as in the API (`hostPath`, `emptyDir`).
    pub(crate) sources: Vec<String>,
    pub(crate) host_path: Option<String>,
    /// The reference of an image that is mounted.
    pub(crate) image: Option<String>,
}

impl<'de> Deserialize<'de> for Volume {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VolumeVisitor)
    }
}

struct VolumeVisitor;

#[derive(Default, Deserialize)]
#[serde(default)]
struct HostPath {
    #[serde(deserialize_with = "nullable")]
    path: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ImageSource {
    #[serde(deserialize_with = "nullable")]
    reference: String,
}

impl<'de> Visitor<'de> for VolumeVisitor {
    type Value = Volume;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a volume")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Volume, A::Error> {
        let mut volume = Volume::default();
        while let Some(key) = map.next_key::<String>()? {
            let set = match key.as_str() {
                "name" => {
                    volume.name = map.next_value::<Option<String>>()?.unwrap_or_default();
                    false
                }
                "hostPath" => {
                    volume.host_path = map.next_value::<Option<HostPath>>()?.map(|source| source.path);
                    volume.host_path.is_some()
                }
                "image" => {
                    volume.image = map.next_value::<Option<ImageSource>>()?.map(|source| source.reference);
                    volume.image.is_some()
                }
                _ => map.next_value::<Option<IgnoredAny>>()?.is_some(),
            };
            if set {
                volume.sources.push(key);
            }
        }
        Ok(volume)
    }
}

/// In which list of a pod a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerList {
    Init,
    Main,
    Ephemeral,
}

impl ContainerList {
    /// Its field's name.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::Main => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

impl PodSpec {
    /// All containers with the list and the position in it, in the order in which Kubernetes' own checks visit them.
    pub(crate) fn all_containers(&self) -> impl Iterator<Item = (ContainerList, usize, &Container)> {
        let with = |list| move |(index, container)| (list, index, container);
        let init = self.init_containers.iter().enumerate().map(with(ContainerList::Init));
        let main = self.containers.iter().enumerate().map(with(ContainerList::Main));
        let ephemeral = self.ephemeral_containers.iter().enumerate().map(with(ContainerList::Ephemeral));
        init.chain(main).chain(ephemeral)
    }

    /// Whether the pod says that it is for Windows.
    pub(crate) fn is_windows(&self) -> bool {
        self.os.name == "windows"
    }

    /// Whether the pod has a user namespace of its own (`hostUsers: false`).
    pub(crate) fn in_user_namespace(&self) -> bool {
        self.host_users == Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_absent_and_sources_are_told() {
        let pod: Pod = serde_json::from_str(
            r#"{"metadata":null,"spec":{"containers":null,"securityContext":null,"hostPID":null,"volumes":[
                {"name":"a","hostPath":{"path":"/x"}},{"name":"b","hostPath":null,"emptyDir":{}},{"name":"c","image":{"reference":"i"}}]}}"#,
        )
        .unwrap();
        let told: Vec<_> = pod.spec.volumes.iter().map(|v| (v.sources.join(","), v.host_path.is_some())).collect();
        assert_eq!(told, [("hostPath".to_owned(), true), ("emptyDir".to_owned(), false), ("image".to_owned(), false)]);
    }

    #[test]
    fn zero_quantities_are_seen() {
        for (text, zero) in [
            ("0", true),
            ("0Mi", true),
            ("0.0", true),
            ("-0", true),
            ("10m", false),
            ("", false),
            ("Mi", false),
            ("0.5", false),
        ] {
            assert_eq!(Quantity(text.to_owned()).is_zero(), zero, "{text}");
        }
    }
}
