//! Starts a local control plane and leaves it running until it is interrupted.

use anyhow::{Result, bail};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--build-only"] => {
            e2e::build::programs()?;
            return Ok(());
        }
        [] => {}
        other => bail!("unknown arguments {other:?}; the only one is --build-only"),
    }
    eprintln!("starting etcd, kube-apiserver, controllers, scheduler and two fake nodes");
    let plane = ControlPlane::start(ControlPlaneOptions {
        controller_manager: true,
        scheduler: true,
        nodes: 2,
        ..ControlPlaneOptions::default()
    })
    .await?;
    let kubeconfig = plane.kubeconfig(&plane.admin()?)?;
    println!("export KUBECONFIG={}", kubeconfig.display());
    eprintln!("ready; press Ctrl-C to end it");
    tokio::signal::ctrl_c().await?;
    eprintln!("ending the control plane");
    Ok(())
}
