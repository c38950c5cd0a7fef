//! Who is let in: for now whoever opens the one-time login link.
//!
//! Only hashes of tokens are held, and only in memory: a restart signs everybody out. Tokens are 32 random bytes, compared
//! in constant time. Another way to sign in (OIDC) adds a variant to [`SignedInBy`] and calls [`Sessions::begin`].

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How long a session lasts.
pub const SESSION: Duration = Duration::from_secs(12 * 60 * 60);
/// The most sessions at once; a further one ends the oldest.
pub const MOST_SESSIONS: usize = 32;

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// How they signed in.
    pub by: SignedInBy,
}

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedInBy {
    /// The one-time link that the program printed: somebody who can read its output.
    LoginLink,
}

/// The system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("failed to get random bytes from the system: {0}")]
pub struct NoRandomness(getrandom::Error);

/// The login link and the sessions that exist.
#[derive(Default)]
pub struct Sessions {
    links: Mutex<Vec<[u8; 32]>>,
    sessions: Mutex<Vec<Session>>,
}

struct Session {
    token: [u8; 32],
    identity: Identity,
    ends: Instant,
}

impl Sessions {
    /// Makes a token for one login; links made before and not used stop working.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new_link(&self) -> Result<String, NoRandomness> {
        let token = random()?;
        *self.links.lock().unwrap_or_else(PoisonError::into_inner) = vec![hash(&token)];
        Ok(token)
    }

    /// Uses a login link up and begins a session; `None` when the token is not that of the link or was used.
    ///
    /// # Errors
    /// [`NoRandomness`]; the link is then not used up.
    pub fn use_link(&self, token: &str, now: Instant) -> Result<Option<String>, NoRandomness> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = hash(token);
        let Some(found) = links.iter().position(|link| bool::from(link.ct_eq(&wanted))) else { return Ok(None) };
        let session = self.begin(Identity { by: SignedInBy::LoginLink }, now)?;
        links.remove(found);
        Ok(Some(session))
    }

    /// Begins a session and gives its token.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn begin(&self, identity: Identity, now: Instant) -> Result<String, NoRandomness> {
        let token = random()?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.ends > now);
        if sessions.len() >= MOST_SESSIONS {
            sessions.remove(0);
        }
        sessions.push(Session { token: hash(&token), identity, ends: now + SESSION });
        Ok(token)
    }

    /// Who holds the session with this token.
    #[must_use]
    pub fn identity(&self, token: &str, now: Instant) -> Option<Identity> {
        let wanted = hash(token);
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions
            .iter()
            .find(|session| bool::from(session.token.ct_eq(&wanted)) && session.ends > now)
            .map(|session| session.identity.clone())
    }
}

fn random() -> Result<String, NoRandomness> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(hex::encode(bytes))
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_works_once_and_a_newer_one_replaces_it() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let first = sessions.new_link().unwrap();
        let second = sessions.new_link().unwrap();
        assert_eq!(sessions.use_link(&first, now).unwrap(), None);
        let session = sessions.use_link(&second, now).unwrap().unwrap();
        assert_eq!(sessions.use_link(&second, now).unwrap(), None);
        assert_eq!(sessions.identity(&session, now), Some(Identity { by: SignedInBy::LoginLink }));
        assert_eq!(sessions.identity(&second, now), None);
        assert_eq!(sessions.identity(&session, now + SESSION), None);
    }

    #[test]
    fn sessions_are_bounded() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let identity = Identity { by: SignedInBy::LoginLink };
        let tokens: Vec<String> = (0..=MOST_SESSIONS).map(|_| sessions.begin(identity.clone(), now).unwrap()).collect();
        assert_eq!(sessions.identity(&tokens[0], now), None);
        assert!(sessions.identity(&tokens[1], now).is_some());
    }
}
