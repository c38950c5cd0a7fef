//! Which cluster is meant, and how it is reached.

use std::path::Path;

use anyhow::{Context, Result};

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
