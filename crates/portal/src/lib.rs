//! The web pages for people: the pages of `reports`, live, on loopback.
//!
//! The portal shows one evaluation and the evidence behind it. It writes nothing, answers GET and HEAD only, and lets in whoever
//! holds the one-time login link. Read [`Portal::start`] first.
//!
//! - [`gather`]: what pages are made from, taken from a store, a session and an evaluation; `plimsoll report` uses it too
//! - [`admission`]: the same for the pages about admission control, with the questions that they ask between evaluations
//! - [`network`]: the same for the pages about the network
//! - [`secrets`]: the same for the pages about Secrets
//! - [`access`]: the same for the pages about who holds what, and with which credentials people came
//! - [`data`]: what the portal shows now, replaced as a whole after each evaluation
//! - [`sign_in`]: who is let in
//! - [`guard`]: what every request and answer must be
//! - [`routes`]: which page is where
//! - [`server`]: start and stop

pub mod access;
pub mod admission;
pub mod data;
pub mod gather;
pub mod guard;
pub mod network;
mod place;
pub mod routes;
pub mod secrets;
pub mod server;
pub mod sign_in;

pub use access::AccessData;
pub use data::{Live, PortalData};
pub use gather::GatherError;
pub use server::{Portal, PortalOptions, StartError};
