//! The answers of the analyses in the generic [`forms`](crate::forms): tables, CSV, graphs.

pub mod network;
