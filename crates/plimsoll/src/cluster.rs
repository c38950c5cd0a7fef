//! Which cluster is meant, and how it is reached.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// How the API server is reached: by the kubeconfig given, else the current one, else from inside a cluster.
pub(crate) async fn client_configuration(kubeconfig: Option<&Path>) -> Result<kube::Config> {
    match kubeconfig {
        Some(path) => {
            let kubeconfig = kube::config::Kubeconfig::read_from(path)
                .with_context(|| format!("failed to read the kubeconfig {}", path.display()))?;
            kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default())
                .await
                .with_context(|| format!("the kubeconfig {} cannot be used", path.display()))
        }
        None => kube::Config::infer()
            .await
            .context("found no cluster: give --kubeconfig, set KUBECONFIG, or run inside a cluster"),
    }
}

/// Makes the process's one choice of cryptography, which all TLS asks for.
pub(crate) fn install_provider() -> Result<()> {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        bail!("a cryptographic provider was installed before");
    }
    Ok(())
}
