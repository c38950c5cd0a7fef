//! The volumes of a pod, as far as the analysis looks at them.

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::pod_spec::nullable;

/// A volume: its name, which sources it has, and what matters of them.
#[derive(Debug, Default)]
pub(crate) struct Volume {
    pub(crate) name: String,
    /// Names of all sources that are set: one, or the API server refuses the pod.
    pub(crate) sources: Vec<String>,
    /// Path of a `hostPath`.
    pub(crate) host_path: Option<String>,
    /// Whether a `projected` volume holds a token of the service account.
    pub(crate) token: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HostPath {
    #[serde(deserialize_with = "nullable")]
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Projected {
    #[serde(deserialize_with = "nullable")]
    sources: Vec<Projection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Projection {
    service_account_token: Option<IgnoredAny>,
}

struct VolumeVisitor;

impl<'de> Deserialize<'de> for Volume {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VolumeVisitor)
    }
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
                    continue;
                }
                "hostPath" => {
                    volume.host_path = map.next_value::<Option<HostPath>>()?.map(|source| source.path);
                    volume.host_path.is_some()
                }
                "projected" => {
                    let projected = map.next_value::<Option<Projected>>()?;
                    let sources = projected.iter().flat_map(|projected| &projected.sources);
                    volume.token = sources.into_iter().any(|source| source.service_account_token.is_some());
                    projected.is_some()
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
