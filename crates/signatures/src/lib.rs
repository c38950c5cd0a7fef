//! Signatures and attestations of images, as cosign makes them, looked up in the image's registry and judged by rules.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use signatures::{Credentials, Outcome, Rules, Settings, Verifier};
//! use tokio::time::{Duration, Instant};
//!
//! let rules = Rules::parse(&std::fs::read_to_string("signatures.yaml")?)?;
//! let verifier = Verifier::new(rules, Settings::default())?;       // one for all requests; cheap to clone
//! let credentials = Credentials::from_docker_config(b"{}")?;       // of an imagePullSecret
//! let deadline = Instant::now() + Duration::from_secs(3);
//! match verifier.verify("registry.example/shop/web:1", &credentials, deadline).await {
//!     Outcome::Verified(verified) => println!("{} by {:?}", verified.digest, verified.by),
//!     Outcome::NotRequired { rules } => println!("no signature is asked for: {rules:?}"),
//!     Outcome::Refused(refused) => println!("no: {}", refused.reason),
//!     Outcome::Unknown(unknown) => println!("nobody knows: {}", unknown.cause),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`rules`] | which images need which signatures, and whose |
//! | [`trust`] | roots that certificates and logs come from: built in, or one's own |
//! | [`verifier`] | from a reference to an answer: tag to digest, cache, single flight |
//! | [`outcome`] | the answers |
//! | [`credentials`] | imagePullSecrets |
//! | `registry` | manifests, blobs and referrers, with what a registry must not make us do |
//! | `gather` | what is attached to an image, within bounds |
//! | [`candidate`] | what was fetched, as something that can be checked: bundles, and the form before them |
//! | `authority`, `provider` | one candidate against one signer; the cryptography under it |
//! | `examine` | all requirements of an image |
//! | `cache`, `flight` | what is known and what is being found out |
//!
//! The crate asks registries and nobody else: trust roots are data, so that a verification needs no service of Sigstore's. It writes
//! nothing. The cryptography of bundles, certificates and logs is `sigstore-verify`'s; what is here decides what is fetched, what a
//! signature is about, and whose counts.

#![cfg_attr(not(test), deny(clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice))]

mod authority;
mod cache;
pub mod candidate;
pub mod credentials;
mod digest;
mod examine;
mod flight;
mod gather;
pub mod key;
mod oci;
pub mod outcome;
mod provider;
mod registry;
pub mod rules;
mod stars;
pub mod trust;
pub mod verifier;

pub use credentials::{Credentials, CredentialsError};
pub use digest::Digest;
pub use outcome::{Cause, Form, Outcome, Proof, Reason, Refused, Requirement, Signer, Unknown, Verified};
pub use rules::{Rules, RulesError};
pub use verifier::{Settings, Verifier, VerifierError};
