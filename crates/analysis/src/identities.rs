//! Who people and programs are: the use of credentials, and service accounts.

mod accounts;
mod certificates;
mod credentials;

pub(crate) use accounts::service_accounts;
pub(crate) use credentials::credential_use;
pub use credentials::{CredentialGroup, IssuedCredential};
