//! Whose log a file is. The kubelet writes `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTART.log`, renames it to `RESTART.log.TIME` when it has grown, and
//! compresses that to `RESTART.log.TIME.gz` when it rotates the next time (`pkg/kubelet/logs` of Kubernetes).

/// Longest part of a path: that of a name of a Kubernetes object.
const LONGEST: usize = 253;

/// The log of one run of a container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// Its UID.
    pub pod_uid: String,
    /// The container.
    pub container: String,
    /// How often it had been restarted.
    pub restart: u32,
}

/// A file of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The log.
    pub place: LogPlace,
    /// When it was rotated, as its name has it (`20161006-001709`), which sorts as the times do; `None`: it is the one that is written to.
    pub rotated: Option<String>,
    /// Whether it was compressed.
    pub compressed: bool,
}

impl LogPlace {
    /// By the names of the pod's folder and the container's, and a number of restarts.
    #[must_use]
    pub fn new(pod_folder: &str, container: &str, restart: u32) -> Option<Self> {
        let mut parts = pod_folder.split('_');
        let (namespace, pod, pod_uid) = (parts.next()?, parts.next()?, parts.next()?);
        let names = [namespace, pod, pod_uid, container];
        let named = |name: &str| {
            let of_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
            (1..=LONGEST).contains(&name.len()) && name.bytes().all(of_name) && name.bytes().any(|b| b != b'.')
        };
        if parts.next().is_some() || !names.into_iter().all(named) {
            return None;
        }
        let [namespace, pod, pod_uid, container] = names.map(str::to_owned);
        Some(Self { namespace, pod, pod_uid, container, restart })
    }

    /// The path below the folder of all logs, as the table has it.
    #[must_use]
    pub fn file(&self) -> String {
        let Self { namespace, pod, pod_uid, container, restart } = self;
        format!("{namespace}_{pod}_{pod_uid}/{container}/{restart}.log")
    }
}

impl LogFile {
    /// By the names of the pod's folder, the container's and the file's; `None` when they are not named as the kubelet names them.
    #[must_use]
    pub fn new(pod_folder: &str, container: &str, file: &str) -> Option<Self> {
        let (restart, rest) = file.split_once(".log")?;
        if restart.is_empty() || !restart.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let place = LogPlace::new(pod_folder, container, restart.parse().ok()?)?;
        if rest.is_empty() {
            return Some(Self { place, rotated: None, compressed: false });
        }
        let rest = rest.strip_prefix('.')?;
        let (time, compressed) = rest.strip_suffix(".gz").map_or((rest, false), |time| (time, true));
        let of_time = |b: u8| b.is_ascii_digit() || b == b'-';
        if time.is_empty() || time.len() > 32 || !time.bytes().all(of_time) {
            return None;
        }
        Some(Self { place, rotated: Some(time.to_owned()), compressed })
    }

    /// By a path whose last three parts are those names.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
        let (file, container, pod_folder) = (parts.next()?, parts.next()?, parts.next()?);
        Self::new(pod_folder, container, file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_kubelet_are_read() {
        let path = "/var/log/pods/shop_web-7d9c_0a1b2c3d-0000-4000-8000-000000000001/app/3.log";
        let live = LogFile::of_path(path).unwrap();
        assert_eq!(
            (live.place.namespace.as_str(), live.place.pod.as_str(), live.place.restart),
            ("shop", "web-7d9c", 3)
        );
        assert!(path.ends_with(&live.place.file()) && live.rotated.is_none());
        let rotated = LogFile::of_path(&format!("{path}.20161006-001709.gz")).unwrap();
        assert_eq!((rotated.rotated.as_deref(), rotated.compressed), (Some("20161006-001709"), true));
        assert!(!LogFile::of_path(&format!("{path}.20161006-001709")).unwrap().compressed);
        for other in [
            "",
            "3.log",
            "app/3.log",
            "shop_web/app/3.log",
            "a_b_c_d/app/3.log",
            "a_b_c/app/x.log",
            "a_b_c/app/.log",
            "a_b_c/app/3.log.tmp",
            "a_b_c/app/3.log.20161006-001709.tmp",
            "a_b_c/../3.log",
            "a_b_c/app/99999999999.log",
            "a_b_c/app/3.logs",
            "a_b_c/a b/3.log",
        ] {
            assert_eq!(LogFile::of_path(other), None, "{other}");
        }
    }
}
