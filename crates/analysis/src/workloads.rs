//! What runs in a cluster, and how: the containers of pods and of the pod templates of their controllers.
//!
//! A ReplicaSet that its Deployment has scaled to zero is history, not a workload: it runs nothing and nobody can bring it
//! back but by a new version of the Deployment. Its templates are left out; those of other workloads with no replicas are not.

mod container;
mod excepted;
mod images;
mod pod_spec;
mod posture;
mod standards;
mod volume;

pub(crate) use excepted::with_exceptions;
pub(crate) use images::running_images;
pub use posture::posture;
pub(crate) use posture::workload_posture;
