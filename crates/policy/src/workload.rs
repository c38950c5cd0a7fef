//! The kinds that run containers, and where in each the pod is.
//!
//! Kinds are told by group and kind, not by version: a `CronJob` of `batch/v1beta1` is judged as one of `batch/v1`, and the groups
//! that workloads once had (`extensions`) are still known, because files outlive API versions.

pub(crate) mod pod;

use serde::Deserialize;

use pod::{Metadata, Pod};

/// Where the pod is in an object of this group and kind, as the prefix of its field paths (`spec.template.`; empty for a
/// Pod itself). `None` when objects of this kind have none.
pub(crate) fn template_prefix(group: &str, kind: &str) -> Option<&'static str> {
    match (group, kind) {
        ("", "Pod") => Some(""),
        ("", "PodTemplate") => Some("template."),
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "ReplicaSet" | "DaemonSet")
        | ("apps", "StatefulSet")
        | ("batch", "Job") => Some("spec.template."),
        ("batch", "CronJob") => Some("spec.jobTemplate.spec.template."),
        _ => None,
    }
}

/// What policies judge of one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Workload {
    pub(crate) metadata: Metadata,
    /// Prefix of the field paths of the pod.
    pub(crate) prefix: &'static str,
    /// `None` when the object has no template (a ReplicationController may have none).
    pub(crate) pod: Option<Pod>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Templated {
    metadata: Option<Metadata>,
    template: Option<Pod>,
    spec: Option<TemplatedSpec>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TemplatedSpec {
    template: Option<Pod>,
    job_template: Option<JobTemplate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JobTemplate {
    spec: Option<JobSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JobSpec {
    template: Option<Pod>,
}

impl Workload {
    /// Reads the JSON of an object whose kind has the prefix.
    ///
    /// # Errors
    /// The field path and what is wrong with it, when a field that is judged has another type than the API gives it.
    pub(crate) fn read(prefix: &'static str, json: &str) -> Result<Self, String> {
        if prefix.is_empty() {
            let pod: Pod = read(json)?;
            return Ok(Self { metadata: pod.metadata.clone(), prefix, pod: Some(pod) });
        }
        let object: Templated = read(json)?;
        let spec = object.spec.unwrap_or_default();
        let pod = match prefix {
            "template." => object.template,
            "spec.template." => spec.template,
            _ => spec.job_template.and_then(|job| job.spec).and_then(|spec| spec.template),
        };
        Ok(Self { metadata: object.metadata.unwrap_or_default(), prefix, pod })
    }
}

/// Reads JSON into the form; the path of a misfit is looked for only when there is one, because keeping it costs time.
fn read<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|plain| {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            Err(error) if error.path().iter().next().is_some() => {
                format!("{}: {}", error.path(), without_place(&error.inner().to_string()))
            }
            _ => without_place(&plain.to_string()),
        }
    })
}

/// The message without the line and column of JSON that nobody wrote that way.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_found_where_each_kind_has_them() {
        for (group, kind, json) in [
            ("", "Pod", r#"{"spec":{"hostPID":true}}"#),
            ("", "PodTemplate", r#"{"template":{"spec":{"hostPID":true}}}"#),
            ("", "ReplicationController", r#"{"spec":{"template":{"spec":{"hostPID":true}}}}"#),
            ("apps", "Deployment", r#"{"spec":{"template":{"spec":{"hostPID":true}}}}"#),
            ("batch", "Job", r#"{"spec":{"template":{"spec":{"hostPID":true}}}}"#),
            ("batch", "CronJob", r#"{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"hostPID":true}}}}}}"#),
        ] {
            let workload = Workload::read(template_prefix(group, kind).unwrap(), json).unwrap();
            assert_eq!(workload.pod.unwrap().spec.host_pid, Some(true), "{kind}");
        }
        assert_eq!(template_prefix("apps", "Pod"), None);
        assert_eq!(template_prefix("example.com", "Deployment"), None);
    }

    #[test]
    fn a_field_of_another_type_is_named() {
        let json = r#"{"spec":{"containers":[{},{"securityContext":{"privileged":"true"}}]}}"#;
        let error = Workload::read("", json).unwrap_err();
        assert_eq!(
            error,
            r#"spec.containers[1].securityContext.privileged: invalid type: string "true", expected a boolean"#
        );
    }
}
