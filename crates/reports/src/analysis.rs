//! What the analyses of one instant find, in the forms of [`crate::forms`].

pub mod secrets;
