use std::time::{Duration, Instant};

use e2e::control_plane::{ControlPlane, ControlPlaneOptions};

#[tokio::test(flavor = "multi_thread")]
async fn whole_control_plane_starts_and_goes() -> anyhow::Result<()> {
    let start = Instant::now();
    let plane = ControlPlane::start(ControlPlaneOptions {
        controller_manager: true,
        scheduler: true,
        nodes: 1,
        ..ControlPlaneOptions::default()
    })
    .await?;
    println!("ready after {:?}", start.elapsed());
    let admin = plane.admin()?;
    let version = plane.kubectl(&admin, &["version"]).await?.success()?;
    assert!(version.contains("Client Version: v1.37.2"), "{version}");
    assert!(version.contains("Server Version: v1.37.2"), "{version}");
    plane.kubectl(&admin, &["create", "deployment", "web", "--image=web", "--replicas=2"]).await?.success()?;
    plane.kubectl(&admin, &["rollout", "status", "deployment/web", "--timeout=30s"]).await?.success()?;
    let folder = plane.folder().to_owned();
    let going = Instant::now();
    drop(plane);
    println!("gone after {:?}", going.elapsed());
    assert!(!folder.exists());
    assert!(going.elapsed() < Duration::from_secs(20));
    Ok(())
}
