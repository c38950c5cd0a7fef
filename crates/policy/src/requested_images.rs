//! The images that a request would run.

use std::collections::HashSet;

use crate::evaluate::{ReadRequest, Subject};
use crate::workload::pod::Pod;

/// One image of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedImage {
    /// Path of the field, in the coordinates of the object that was sent.
    pub path: String,
    /// The reference as written.
    pub image: String,
}

/// Images with their paths below the pod: of containers, and of volumes that mount an image.
pub(crate) fn of_pod(pod: &Pod) -> impl Iterator<Item = (String, &str)> {
    let of_containers = crate::pod_security::containers(pod)
        .map(|(place, container)| (format!("{place}.image"), container.image.as_str()));
    let of_volumes = pod.spec.volumes.iter().enumerate().filter_map(|(index, volume)| {
        volume.image.as_deref().map(|image| (format!("spec.volumes[{index}].image.reference"), image))
    });
    of_containers.chain(of_volumes)
}

impl ReadRequest<'_> {
    /// The images that the request brings in: all of a pod, or of the pods that an object would make; of an update, those that the object did not
    /// have before. Empty for requests that bring in none, and for those whose object cannot be read.
    #[must_use]
    pub fn images(&self) -> Vec<RequestedImage> {
        let Ok(Some(Subject::Workload { new, old })) = &self.subject else { return Vec::new() };
        let Some(pod) = &new.pod else { return Vec::new() };
        let before = old.as_ref().and_then(|old| old.pod.as_ref()).into_iter().flat_map(of_pod);
        let before: HashSet<&str> = before.map(|(_, image)| image).collect();
        let brought = of_pod(pod).filter(|(_, image)| !before.contains(image));
        brought
            .map(|(path, image)| RequestedImage { path: format!("{}{path}", new.prefix), image: image.to_owned() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    fn review(kind: &str, operation: &str, object: &str, old: &str) -> String {
        format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","kind":{{"group":"{}","version":"v1","kind":"{kind}"}},
            "operation":"{operation}","object":{object},"oldObject":{old}}}}}"#,
            if kind == "Deployment" { "apps" } else { "" }
        )
    }

    fn images(review: &str) -> Vec<String> {
        let request = Request::from_review(review.as_bytes()).unwrap();
        let images = ReadRequest::new(&request).images();
        images.into_iter().map(|image| format!("{}={}", image.path, image.image)).collect()
    }

    #[test]
    fn of_pods_templates_and_updates() {
        let pod = r#"{"spec":{"containers":[{"name":"a","image":"x:1"}],"initContainers":[{"name":"b","image":"y"}],"volumes":[{"name":"v","image":{"reference":"z"}}]}}"#;
        let of_pod = images(&review("Pod", "CREATE", pod, "null"));
        assert_eq!(of_pod.len(), 3, "{of_pod:?}");
        assert!(of_pod.contains(&"spec.volumes[0].image.reference=z".to_owned()), "{of_pod:?}");
        let deployment = format!(r#"{{"spec":{{"template":{pod}}}}}"#);
        let of_template = images(&review("Deployment", "CREATE", &deployment, "null"));
        assert!(of_template.contains(&"spec.template.spec.containers[0].image=x:1".to_owned()), "{of_template:?}");
        let changed = pod.replace("x:1", "x:2");
        assert_eq!(images(&review("Pod", "UPDATE", &changed, pod)), ["spec.containers[0].image=x:2"]);
        assert!(images(&review("Pod", "DELETE", "null", pod)).is_empty());
        assert!(images(&review("ConfigMap", "CREATE", "{}", "null")).is_empty());
    }
}
