//! What the analyses of one instant find, in the generic [`forms`](crate::forms).

pub mod access;
pub mod network;
pub mod plaintext;
pub mod rbac_risks;
pub mod secrets;
pub mod workloads;
