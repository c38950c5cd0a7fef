//! Control planes start, hold together and go, whatever becomes of who started them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::request;

use crate::shared::{SOON, namespace};

#[tokio::test(flavor = "multi_thread")]
async fn whole_control_plane_starts_and_goes() -> Result<()> {
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
    let deployment = ["create", "deployment", "web", "--image=web", "--replicas=2"];
    plane.kubectl(&admin, &deployment).await?.success()?;
    let rollout = ["rollout", "status", "deployment/web", "--timeout=30s"];
    plane.kubectl(&admin, &rollout).await?.success()?;
    let folder = plane.folder().to_owned();
    let going = Instant::now();
    drop(plane);
    println!("gone after {:?}", going.elapsed());
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_api_servers_share_one_etcd_and_two_control_planes_nothing() -> Result<()> {
    let two = ControlPlane::start(ControlPlaneOptions { apiservers: 2, ..ControlPlaneOptions::default() }).await?;
    let other = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let name = namespace(&two, "shared").await?;
    let path = format!("/api/v1/namespaces/{name}");
    let client = request::client(two.authority_pem(), &two.admin()?)?;
    let second = request::send(&client, "GET", &format!("{}{path}", two.url(1)), &[], None).await?;
    assert_eq!(second.status, 200);
    let elsewhere = other.request(&other.admin()?, "GET", &path, &[], None).await?;
    assert_eq!(elsewhere.status, 404);
    // The administrator of one is nobody to the other: its authority is not known there.
    let stranger = other.request(&two.admin()?, "GET", &path, &[], None).await?;
    assert_eq!(stranger.status, 401);
    // Each API server writes of its own requests.
    let asked = |number: usize| -> Result<usize> {
        Ok(two
            .audit_events(number)?
            .iter()
            .filter(|event| event["verb"] == "get" && event["requestURI"] == *path)
            .count())
    };
    assert_eq!((asked(0)?, asked(1)?), (0, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_configuration_is_reported_with_the_programs_own_words() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let started = ControlPlane::start(ControlPlaneOptions {
        folder: Some(folder.path().join("plane")),
        audit_policy: "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Everything}]\n".into(),
        ..ControlPlaneOptions::default()
    })
    .await;
    let error = started.err().context("it started all the same")?;
    let text = format!("{error:#}");
    assert!(text.contains("kube-apiserver-0 ended with"), "{text}");
    assert!(text.contains("Unsupported value"), "{text}");
    assert!(folder.path().join("plane/log/kube-apiserver-0.log").is_file());
    Ok(())
}

/// Whether a process of this id runs and is one of ours.
fn runs(pid: &str) -> bool {
    std::fs::read_to_string(Path::new("/proc").join(pid).join("cmdline"))
        .is_ok_and(|line| line.contains("plimsoll-cluster"))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_harness_takes_its_control_plane_along_even_a_paused_one() -> Result<()> {
    let mut harness =
        Command::new(env!("CARGO_BIN_EXE_hold-control-plane")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = harness.stdout.take().context("its output")?;
    let lines = BufReader::new(output).lines().take(3).collect::<Result<Vec<_>, _>>()?;
    let [folder, etcd, apiserver] =
        <[String; 3]>::try_from(lines).map_err(|lines| anyhow::anyhow!("expected three lines, got {lines:?}"))?;
    let folder = PathBuf::from(folder);
    assert!(runs(&etcd) && runs(&apiserver) && folder.is_dir());
    harness.kill()?;
    harness.wait()?;
    e2e::wait::until("programs and folder are gone", SOON, || async {
        Ok((!runs(&etcd) && !runs(&apiserver) && !folder.exists()).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_stay_when_a_test_fails() -> Result<()> {
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let folder = plane.folder().to_owned();
    let failed = std::thread::spawn(move || {
        let _plane = plane;
        panic!("as a failing test does");
    })
    .join();
    assert!(failed.is_err());
    assert!(folder.join("log/kube-apiserver-0.log").is_file());
    assert!(!runs_in(&folder)?, "the programs have ended all the same");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Whether any program of a control plane has this folder as its own.
fn runs_in(folder: &Path) -> Result<bool> {
    for entry in std::fs::read_dir("/proc")? {
        if std::fs::read_link(entry?.path().join("cwd")).is_ok_and(|cwd| cwd == folder) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn guard_refuses_what_it_does_not_know() -> Result<()> {
    let programs = tokio::task::spawn_blocking(e2e::build::programs).await??;
    let mut guard = Command::new(programs.guard).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    {
        use std::io::Write;
        let mut input = guard.stdin.take().context("its input")?;
        writeln!(input, "watch somebody\ndance\nkeep")?;
    }
    let output = guard.stdout.take().context("its output")?;
    let answers = BufReader::new(output).lines().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(answers.len(), 3);
    assert!(answers[0].starts_with("error: ") && answers[1].starts_with("error: "));
    assert_eq!(answers[2], "ok");
    assert!(e2e::wait::until_blocking("it ends", Duration::from_secs(10), || Ok(guard.try_wait()?))?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_verifier_of_the_log_is_built() -> Result<()> {
    let fsck = tokio::task::spawn_blocking(e2e::build::fsck).await??;
    let help = Command::new(fsck).arg("--help").output()?;
    let text = String::from_utf8_lossy(&help.stderr);
    assert!(text.contains("storage_url") && text.contains("public_key"), "{text}");
    Ok(())
}
