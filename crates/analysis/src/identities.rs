//! Who people and programs are: the use of credentials, service accounts, and how an API server is told to authenticate.

mod accounts;
mod authentication;
mod certificates;
mod credentials;
mod parts;

pub(crate) use accounts::service_accounts;
pub(crate) use authentication::authentication_settings;
pub(crate) use credentials::credential_use;
pub use credentials::{CredentialGroup, IssuedCredential};
pub use parts::{CredentialPart, credential_groups};
