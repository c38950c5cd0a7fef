//! `pod-security`: the Pod Security Standards as a policy.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Rule, written};
use crate::findings::Findings;
use crate::pod_security::{self, Level, LevelVersion, PolicyVersion};
use crate::workload::pod::Pod;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PodSecurity {
    level: Level,
    #[serde(default = "latest")]
    version: PolicyVersion,
}

fn latest() -> PolicyVersion {
    PolicyVersion::Latest
}

impl From<LevelVersion> for PodSecurity {
    fn from(standard: LevelVersion) -> Self {
        Self { level: standard.level, version: standard.version }
    }
}

impl Rule for PodSecurity {
    fn judge_pod(&self, pod: &Pod, findings: &mut Findings<'_>) {
        pod_security::judge(LevelVersion { level: self.level, version: self.version }, pod, findings);
    }

    fn parameters(&self) -> Value {
        written(self)
    }
}
