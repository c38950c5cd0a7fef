//! What is due, step by step.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_util::sync::CancellationToken;

use crate::bundle::{certificates, merged};
use crate::configuration::{ConfigurationError, WebhookConfiguration};
use crate::folder::{Folder, FolderError, Kept};
use crate::issue::{Authority, Facts, IssueError, certificates_pem, normalised};
use crate::timing::{Timing, nears};

/// How often a bundle that others change at the same time is read again before the next look.
const TRIES: u32 = 5;

/// Why certificates are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The disk.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Making one.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The cluster.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// Nothing is made by a clock that must be wrong: it would replace an authority that is trusted by one that is not.
    #[error("the clock is behind the time at which the authority was made ({0}); nothing is renewed until it is right")]
    Clock(Timestamp),
}

/// What a look changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There was no authority that could be used: a new one was made, and the certificate is served before it can be trusted.
    AuthorityMade,
    /// The successor of the authority was made.
    SuccessorMade,
    /// The server has a new certificate, by the same authority.
    ServerRenewed,
    /// The bundle in the cluster was changed.
    BundleReplaced,
    /// The successor took over: the server has a certificate of its own.
    SuccessorTookOver,
    /// The authority that signed before is no longer trusted.
    Retired,
}

/// Keeps one webhook's certificates.
pub struct Keeper {
    folder: Folder,
    names: Vec<String>,
    timing: Timing,
    authority: Authority,
    next: Option<Authority>,
    retired: Vec<CertificateDer<'static>>,
    server: Option<Facts>,
    /// Since when the bundle in the cluster holds the successor. Not on disk: after a restart it is waited anew.
    trusted_since: Option<Timestamp>,
    /// Since when the successor signs, while its predecessor is still trusted; likewise.
    took_over: Option<Timestamp>,
}

impl Keeper {
    /// Reads what is in the folder, and makes what is missing, so that [`Keeper::file`] can be served. Nothing is sent.
    ///
    /// `names` are the host names and addresses at which the API server finds the webhook.
    ///
    /// # Errors
    /// All of [`KeeperError`] but those of the cluster.
    pub fn open(folder: &Path, names: &[String], timing: Timing, now: Timestamp) -> Result<Self, KeeperError> {
        let folder = Folder::open(folder)?;
        // What cannot be used is as good as what is not there: nothing in this folder is of any other use.
        let authority = |kept| -> Result<Option<Authority>, FolderError> {
            let bytes = folder.read(kept)?;
            let read = bytes.as_deref().and_then(Authority::read);
            if bytes.is_some() && read.is_none() {
                tracing::warn!("{} is no authority and is replaced", folder.path(kept).display());
            }
            Ok(read)
        };
        let (next, known) = (authority(Kept::Next)?, authority(Kept::Authority)?);
        let first = known.is_none();
        let authority = match known {
            Some(known) => known,
            None => made(&folder, &timing, now)?,
        };
        let retired = certificates(&folder.read(Kept::Retired)?.unwrap_or_default());
        let server = folder.read(Kept::Server)?.and_then(|pem| {
            let certificate = CertificateDer::from_pem_slice(&pem).ok()?;
            rustls_pki_types::PrivateKeyDer::from_pem_slice(&pem).ok()?;
            Facts::read(&certificate)
        });
        let server = server.filter(|_| !first);
        let names = normalised(names);
        let mut own =
            Self { folder, names, timing, authority, next, retired, server, trusted_since: None, took_over: None };
        match own.renew(now) {
            // A wrong clock is no reason not to serve what is there.
            Err(KeeperError::Clock(_)) if own.server.is_some() => {}
            renewed => drop(renewed?),
        }
        Ok(own)
    }

    /// The file of the server's certificate and key (PEM).
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path(Kept::Server)
    }

    /// Does what is due, at most one step of a change of authorities. Gives what it changed.
    ///
    /// # Errors
    /// [`KeeperError`]. What was served is served on, and the next look tries again.
    pub async fn look(&mut self, cluster: &WebhookConfiguration, now: Timestamp) -> Result<Vec<Change>, KeeperError> {
        let mut changes = self.renew(now)?;
        let settled = |since: Timestamp| now.duration_since(since) >= self.timing.settle;
        let leaves = !self.retired.is_empty() && settled(*self.took_over.get_or_insert(now));
        let gone = if leaves { self.retired.clone() } else { Vec::new() };
        if self.enter(cluster, &gone, now).await? {
            changes.push(Change::BundleReplaced);
            // Whatever was known of the bundle, it was not so: every API server has to read this one first.
            self.trusted_since = None;
        }
        if leaves {
            self.folder.remove(Kept::Retired)?;
            self.retired.clear();
            self.took_over = None;
            changes.push(Change::Retired);
        }
        if self.next.is_some() && settled(*self.trusted_since.get_or_insert(now)) {
            self.succeed(now)?;
            changes.push(Change::SuccessorTookOver);
        }
        Ok(changes)
    }

    /// Looks again and again until it is told to stop.
    pub async fn run(
        mut self,
        cluster: WebhookConfiguration,
        clock: impl Fn() -> Timestamp + Send,
        cancel: CancellationToken,
    ) {
        // What was told last, so that a fault that lasts is told once.
        let mut told = String::new();
        loop {
            // Given up at any moment, what is on disk is whole.
            let looked = tokio::select! {
                looked = self.look(&cluster, clock()) => looked,
                () = cancel.cancelled() => return,
            };
            let pause = match looked {
                Ok(changes) => {
                    for change in changes {
                        tracing::info!(?change, "certificates of the admission webhook");
                    }
                    told.clear();
                    self.timing.look
                }
                Err(error) => {
                    let fault = chain(&error);
                    if fault != told {
                        tracing::error!("certificates of the admission webhook: what is served stays: {fault}");
                        told = fault;
                    }
                    self.timing.retry
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => return,
            }
        }
    }

    /// What needs no cluster.
    fn renew(&mut self, now: Timestamp) -> Result<Vec<Change>, KeeperError> {
        let mut changes = Vec::new();
        if now < self.authority.facts.not_before {
            return Err(KeeperError::Clock(self.authority.facts.not_before));
        }
        let lapses = |authority: &Authority| nears(authority.facts.not_after, now, self.timing.server_renewed);
        if self.next.as_ref().is_some_and(&lapses) {
            // Both stood still for too long.
            self.folder.remove(Kept::Next)?;
            self.next = None;
        }
        if lapses(&self.authority) {
            // Nothing was renewed for months. The successor may be trusted already; a new one surely is not yet.
            match &self.next {
                Some(_) => {
                    self.succeed(now)?;
                    changes.push(Change::SuccessorTookOver);
                }
                None => {
                    self.authority = made(&self.folder, &self.timing, now)?;
                    changes.push(Change::AuthorityMade);
                }
            }
        }
        let serves = self.server.as_ref().is_some_and(|server| {
            server.issuer == self.authority.facts.subject
                && server.names == self.names
                && !nears(server.not_after, now, self.timing.server_renewed)
        });
        if !serves {
            self.serve(now, false)?;
            changes.push(Change::ServerRenewed);
        }
        if self.next.is_none() && nears(self.authority.facts.not_after, now, self.timing.authority_renewed) {
            let next = Authority::new(&self.timing, now)?;
            self.folder.write(Kept::Next, next.pem().as_bytes())?;
            self.next = Some(next);
            self.trusted_since = None;
            changes.push(Change::SuccessorMade);
        }
        Ok(changes)
    }

    /// Makes and writes a certificate of the server, by the authority or its successor.
    fn serve(&mut self, now: Timestamp, by_next: bool) -> Result<(), KeeperError> {
        let by = if by_next { self.next.as_ref().unwrap_or(&self.authority) } else { &self.authority };
        let pem = by.server(&self.names, &self.timing, now)?;
        self.folder.write(Kept::Server, pem.as_bytes())?;
        self.server = CertificateDer::from_pem_slice(pem.as_bytes()).ok().and_then(|made| Facts::read(&made));
        Ok(())
    }

    /// The successor takes over. A crash after any step ends with a certificate of one of two authorities that are both trusted.
    fn succeed(&mut self, now: Timestamp) -> Result<(), KeeperError> {
        self.serve(now, true)?;
        if !self.retired.contains(&self.authority.certificate) {
            self.retired.push(self.authority.certificate.clone());
        }
        self.folder.write(Kept::Retired, certificates_pem(&self.retired).as_bytes())?;
        self.folder.promote()?;
        if let Some(next) = self.next.take() {
            self.authority = next;
        }
        (self.trusted_since, self.took_over) = (None, Some(now));
        Ok(())
    }

    /// Sees to it that the bundle in the cluster holds all of ours; gives whether it had to be changed.
    async fn enter(
        &self,
        cluster: &WebhookConfiguration,
        gone: &[CertificateDer<'static>],
        now: Timestamp,
    ) -> Result<bool, KeeperError> {
        let mut own = vec![self.authority.certificate.clone()];
        own.extend(self.next.iter().map(|next| next.certificate.clone()));
        own.extend(self.retired.iter().filter(|retired| !gone.contains(retired)).cloned());
        for _ in 0..TRIES {
            let present = cluster.read().await?;
            let Some(bundle) = merged(&present.bundle, &own, gone, now) else { return Ok(false) };
            match cluster.replace(&present, &bundle).await {
                Ok(()) => return Ok(true),
                // Another of us, or whoever applies the manifest.
                Err(ConfigurationError::Changed) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ConfigurationError::Changed.into())
    }
}

/// A new authority, on disk.
fn made(folder: &Folder, timing: &Timing, now: Timestamp) -> Result<Authority, KeeperError> {
    let authority = Authority::new(timing, now)?;
    folder.write(Kept::Authority, authority.pem().as_bytes())?;
    Ok(authority)
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
