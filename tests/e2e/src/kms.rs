//! A key management service (API version 2) on a Unix socket, for an API server's encryption configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A running service. Dropping it ends it; so does the end of this process.
pub struct Kms {
    folder: PathBuf,
    child: Child,
}

impl Kms {
    /// Starts it in a folder of its own, with this identifier of its key. Builds the program if need be.
    ///
    /// # Errors
    /// The program could not be built or started, or the folder's path is too long for a socket.
    pub async fn start(folder: &Path, key_id: &str) -> Result<Self> {
        let program = tokio::task::spawn_blocking(crate::build::kms).await??;
        let socket = folder.join("kms.sock");
        ensure!(socket.as_os_str().len() < 100, "{} is too long for a socket", socket.display());
        fs::write(folder.join("key"), key_id)?;
        let child = Command::new(&program)
            .arg(&socket)
            .arg(folder.join("key"))
            // Its end is this process's end: the kernel closes the pipe.
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", program.display()))?;
        let kms = Self { folder: folder.to_owned(), child };
        crate::wait::until("the key management service listens", std::time::Duration::from_secs(30), || async {
            Ok(socket.exists().then_some(()))
        })
        .await?;
        Ok(kms)
    }

    /// The endpoint for an encryption configuration.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("unix://{}", self.folder.join("kms.sock").display())
    }

    /// From now on encrypts with the key of this identifier. API servers see it within a minute.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn rotate(&self, key_id: &str) -> Result<()> {
        // In one step: the service reads the file at any time.
        let new = self.folder.join("key.new");
        fs::write(&new, key_id)?;
        fs::rename(&new, self.folder.join("key"))?;
        Ok(())
    }
}

impl Drop for Kms {
    fn drop(&mut self) {
        // It is gone already, or goes now; both is well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
