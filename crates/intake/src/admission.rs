//! Our admission webhook: one endpoint, one pass over all policies, and a durable record of each decision before its answer leaves.
//!
//! | path | what it is |
//! |---|---|
//! | `POST /admission` | an `AdmissionReview` of `admission.k8s.io/v1` |
//! | `GET /readyz` | 200 when policies are loaded, the namespaces are known and the store could be written lately; else 503 with the reasons |
//! | `GET /livez` | 200 |
//!
//! | answer to a review | when |
//! |---|---|
//! | 200, allowed or denied | decided; or the store could not be written in time, and then what was set for that case |
//! | 400 | the body is no review that could be answered, or did not arrive |
//! | 401 | the client certificate is missing or not the API server's |
//! | 413 | the body is longer than any review |
//! | 503 | too much at once, until the deadline of the request |
//!
//! Everything but 200 is for the API server's failure policy to decide; what was refused is stated. A review that could not be read is
//! recorded like any other, with the verdict `error`.
//!
//! | module | what it is |
//! |---|---|
//! | [`options`] | how it is set up |
//! | [`server`] | start, drain and stop |
//! | [`service`] | one review: from the request to the answer |
//! | [`judging`] | from its bytes to the decision |
//! | [`deadline`] | until when the API server waits |
//! | [`record`] | decisions and policy sets as entries |
//! | [`signed_images`] | signatures of the images of a request |
//! | [`late`] | records that wait for the store |
//! | [`policies`] | the policy set in force, and its replacement |
//! | [`resume`] | the time between two runs |
//! | [`folder`] | a folder of policies |
//! | [`mod@manifest`] | what an administrator applies |
//! | [`certificates`] | the server's certificate, swapped when its files change |

pub(crate) mod certificates;
pub(crate) mod deadline;
pub mod folder;
pub(crate) mod judging;
pub(crate) mod late;
pub mod manifest;
pub mod options;
pub(crate) mod policies;
pub(crate) mod record;
pub(crate) mod resume;
pub mod server;
pub(crate) mod service;
pub mod signed_images;

pub use options::{AdmissionOptions, CertificateFiles, WithoutRecord};
pub use server::{Admission, AdmissionStartError};
pub use signed_images::SignatureCheck;
