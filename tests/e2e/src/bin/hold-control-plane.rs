//! Starts a control plane whose API server is paused, prints its folder and the ids of its processes, and waits to be
//! killed: the test of what happens then needs a process that it may kill.

use std::io::Read;

use e2e::control_plane::{Component, ControlPlane, ControlPlaneOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let paused = plane.pause(Component::Apiserver(0))?;
    println!("{}", plane.folder().display());
    for component in [Component::Etcd, Component::Apiserver(0)] {
        println!("{}", plane.pid(component).unwrap_or_default());
    }
    // The end of the input is the ordinary way out.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(paused);
    Ok(())
}
