//! What a real control plane does: the facts that Plimsoll's design rests on. If one of these fails after a change of
//! Kubernetes' version, a design decision has lost its ground: look for who relies on it.

mod admission;
mod authorizer;
mod default_roles;
mod event_shapes;
mod exceptions;
mod identities;
mod impersonation;
mod loss;
mod node_restriction;
mod policies;
mod shared;
mod sign_on;
mod spoken_policies;
mod start;
mod watches;
