//! How much memory the program takes that is nothing but an admission webhook, and whether it stays at that: `cargo bench --bench admission_role`.
//!
//! The program runs with `--roles admission` beside a real control plane, whose namespaces it follows, and is sent reviews of 8.6 KB over TLS under 31
//! policies, each decision durable before its answer. `PLIMSOLL_BENCH_SECONDS` (default 60) tells for how long, `PLIMSOLL_BENCH_RATE` (default 100) how many
//! a second. From ten minutes on it fails when its own memory has grown.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use e2e::pki::Authority;
use serde_json::{Value, json};

/// Reviews that may be without an answer at a time; more wait.
const AT_A_TIME: usize = 64;
/// Memory of its own that the program may take more at the end than after its beginning, MiB.
const MAY_GROW_MIB: f64 = 8.0;
/// Shorter runs tell nothing of growth.
const LONG: Duration = Duration::from_secs(600);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> Result<()> {
    let (seconds, rate) = (setting("PLIMSOLL_BENCH_SECONDS", 60), setting("PLIMSOLL_BENCH_RATE", 100));
    ensure!(seconds > 0 && rate > 0, "seconds and rate are above zero");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(Duration::from_secs(seconds), rate))
}

/// A running program, which ends with the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // After an orderly end there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Resident memory, MiB: of its own, and pages of files such as the program's.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Memory {
    own: f64,
    files: f64,
}

impl Memory {
    fn of(child: &Child) -> Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()))
            .context("the operating system does not tell the memory of a process; this measurement is for Linux")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
            kib.map(|kib| kib / 1024.0).with_context(|| format!("no {name} in {status}"))
        };
        Ok(Self { own: field("RssAnon")?, files: field("RssFile")? + field("RssShmem")? })
    }

    fn all(self) -> f64 {
        self.own + self.files
    }
}

async fn printed(arguments: &[&str]) -> Result<String> {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).output().await?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What the program is told: a certificate of this authority, 31 policies, and the control plane.
async fn configuration(dir: &Path, plane: &ControlPlane, authority: &Authority) -> Result<Value> {
    let admin = plane.admin()?;
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl_with_input(&admin, &apply, &printed(&["rbac"]).await?).await?.success()?;
    let collector = plane.service_account("plimsoll", "plimsoll-collector").await?;
    std::fs::create_dir_all(dir.join("policies"))?;
    std::fs::write(dir.join("policies/all.yaml"), policy::trial::many_policies())?;
    let certified = authority.server(&["127.0.0.1"])?;
    std::fs::write(dir.join("tls.crt"), &certified.certificate_pem)?;
    std::fs::write(dir.join("tls.key"), &certified.key_pem)?;
    Ok(json!({
        "cluster": "bench", "kubeconfig": plane.kubeconfig(&collector)?,
        "admission": {
            "listen": "127.0.0.1:0", "drain_seconds": 0, "policies": dir.join("policies"),
            "certificate": dir.join("tls.crt"), "private_key": dir.join("tls.key"),
        },
    }))
}

async fn measure(time: Duration, rate: u64) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let authority = Authority::new("webhook-ca")?;
    let file = dir.path().join("plimsoll.yaml");
    std::fs::write(&file, configuration(dir.path(), &plane, &authority).await?.to_string())?;
    let store = dir.path().join("store");
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.arg("--store").arg(&store).arg("--config").arg(&file).args(["run", "--roles", "admission"]);
    let mut running = Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
    let mut lines = BufReader::new(running.0.stdout.take().context("standard output is piped")?).lines();
    let line = lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("admission webhook: ")));
    let url = line.context("the webhook was not started")??.trim_start_matches("admission webhook: ").to_owned();
    // Whatever more it prints has to go somewhere.
    std::thread::spawn(move || lines.for_each(drop));

    let http = e2e::request::client(authority.pem(), &plane.admin()?)?;
    let ready = url.replace("/admission", "/readyz");
    e2e::wait::until("the webhook to be ready", Duration::from_secs(60), || async {
        Ok(http.get(&ready).send().await.ok().filter(|answer| answer.status().is_success()).map(drop))
    })
    .await?;
    let before = Memory::of(&running.0)?;
    let Pressed { mut waits, seen } = press(&http, &url, time, rate, &running.0).await?;
    let answered = waits.len() as u64;
    rustix::process::kill_process(rustix::process::Pid::from_child(&running.0), rustix::process::Signal::TERM)?;
    let ended = running.0.wait()?;
    ensure!(ended.success(), "the program ended with {ended}");
    let query = "SELECT count(*) AS n FROM admission_decisions";
    let store = store.to_str().context("a path of Unicode")?;
    let recorded = printed(&["--store", store, "--format", "csv", "query", query]).await?;
    let recorded: u64 = recorded.lines().nth(1).context("the query gives a row")?.parse()?;
    ensure!(recorded == answered, "{recorded} decisions are recorded of {answered} that were answered");

    waits.sort_by(f32::total_cmp);
    let within = |share: f64| waits.get(((waits.len() - 1) as f64 * share) as usize).copied().unwrap_or(f32::NAN);
    println!(
        "admission role, {rate} reviews a second: answered after {:.2} ms (median), {:.2} ms (99 of 100), the client's part included",
        within(0.5),
        within(0.99)
    );
    let peak = seen.iter().copied().max_by(|a, b| a.all().total_cmp(&b.all())).context("memory was looked at")?;
    println!(
        "admission role, {answered} reviews in {} s, all recorded: peak {:.1} MiB resident (to reach: 64), of which {:.1} MiB of its own and {:.1} MiB of pages of files; {:.1} MiB before the first review",
        time.as_secs(),
        peak.all(),
        peak.own,
        peak.files,
        before.all(),
    );
    if time >= LONG {
        flat(&seen)?;
    }
    Ok(())
}

/// Whether memory of its own stayed what it was once the program was warm.
fn flat(seen: &[Memory]) -> Result<()> {
    let middle = |part: &[Memory]| {
        let mut own: Vec<f64> = part.iter().map(|memory| memory.own).collect();
        own.sort_by(f64::total_cmp);
        own.get(own.len() / 2).copied().context("memory was looked at")
    };
    let tenth = seen.len() / 10;
    let (early, late) = (middle(&seen[tenth..2 * tenth])?, middle(&seen[seen.len() - tenth..])?);
    println!(
        "admission role, memory of its own: {early:.1} MiB in the second tenth of the time, {late:.1} MiB in the last"
    );
    ensure!(late <= early + MAY_GROW_MIB, "its own memory has grown by {:.1} MiB", late - early);
    Ok(())
}

/// What was seen while reviews were sent.
struct Pressed {
    /// Milliseconds to each answer.
    waits: Vec<f32>,
    /// Memory of the program, every half second.
    seen: Vec<Memory>,
}

/// Sends reviews at a rate.
async fn press(http: &reqwest::Client, url: &str, time: Duration, rate: u64, child: &Child) -> Result<Pressed> {
    let reviews = [false, true].map(|privileged| bytes::Bytes::from(traffic::admission::review(privileged)));
    let pace = Duration::from_secs(1) / u32::try_from(rate)?;
    let (began, mut looked, mut sent) = (Instant::now(), Instant::now(), 0_u32);
    let (mut waits, mut seen) = (Vec::new(), Vec::new());
    let mut asking = tokio::task::JoinSet::new();
    let mut told = began;
    loop {
        let due = began + pace * sent;
        if due >= began + time {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        while asking.len() >= AT_A_TIME {
            waits.push(asking.join_next().await.context("some are being asked")???);
        }
        let (http, url, body) = (http.clone(), url.to_owned(), reviews[sent as usize % 2].clone());
        asking.spawn(async move {
            let asked = Instant::now();
            let answer = http.post(&url).header("content-type", "application/json").body(body).send().await?;
            ensure!(answer.status() == 200, "answered {}", answer.status());
            let answer: Value = serde_json::from_slice(&answer.bytes().await?)?;
            ensure!(answer["response"]["allowed"].is_boolean(), "no answer to a review: {answer}");
            anyhow::Ok(asked.elapsed().as_secs_f32() * 1e3)
        });
        sent += 1;
        while let Some(one) = asking.try_join_next() {
            waits.push(one??);
        }
        if looked.elapsed() >= Duration::from_millis(500) {
            seen.push(Memory::of(child)?);
            looked = Instant::now();
        }
        if told.elapsed() >= Duration::from_secs(60) {
            let memory = Memory::of(child)?;
            println!(
                "  after {} s: {:.1} MiB of its own, {:.1} MiB of files",
                began.elapsed().as_secs(),
                memory.own,
                memory.files
            );
            told = Instant::now();
        }
    }
    while let Some(one) = asking.join_next().await {
        waits.push(one??);
    }
    seen.push(Memory::of(child)?);
    Ok(Pressed { waits, seen })
}
