//! Events of the API server's audit log (`audit.k8s.io/v1` and `v1beta1`), in whatever they were delivered in.
//!
//! | module | what it is |
//! |---|---|
//! | [`split`] | a delivered body or line to its events, as raw slices |
//! | [`identity`] | what tells one event from another |
//! | [`actor`] | who acts, and how the request was authenticated |
//! | `fields`, `envelope`, `gke`, `aks` | which part of the bytes is which field |
//! | `request` | what the request's URI tells |
//! | `event` | the row |
//! | `plaintext` | rows of credentials that stand in it |
//! | `guards` | rows of what it tells of guards |

pub mod actor;
pub(crate) mod aks;
pub(crate) mod envelope;
pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod gke;
pub(crate) mod guards;
pub mod identity;
pub(crate) mod plaintext;
pub(crate) mod request;
pub mod split;

pub use identity::{Identity, event_digest, identity};
