//! Who asks an API server.

use crate::pki::Certified;

/// What an identity shows to prove itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A client certificate: user and groups stand in it.
    Certificate(Certified),
    /// A bearer token: static, of a service account, or of an OIDC issuer.
    Token(String),
    /// Nothing.
    Anonymous,
}

/// A named caller. The name is for files and messages; who it is to the API server stands in the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// A name for files and messages.
    pub name: String,
    /// What it shows.
    pub credential: Credential,
}

impl Identity {
    /// A caller with a bearer token.
    #[must_use]
    pub fn bearer(name: impl Into<String>, token: impl Into<String>) -> Self {
        Self { name: name.into(), credential: Credential::Token(token.into()) }
    }

    /// A caller with a client certificate.
    #[must_use]
    pub fn certified(name: impl Into<String>, certified: Certified) -> Self {
        Self { name: name.into(), credential: Credential::Certificate(certified) }
    }

    /// A caller who shows nothing.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: "anonymous".to_owned(), credential: Credential::Anonymous }
    }

    /// The client certificate, if that is what it shows.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certified> {
        match &self.credential {
            Credential::Certificate(certified) => Some(certified),
            _ => None,
        }
    }

    /// The bearer token, if that is what it shows.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        match &self.credential {
            Credential::Token(token) => Some(token),
            _ => None,
        }
    }
}
