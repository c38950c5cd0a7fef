//! Memory under a steady rate of reviews.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::control_plane::{ControlPlane, ControlPlaneOptions};
use serde_json::Value;

use crate::role::Role;

/// Reviews that may be without an answer at a time; more wait.
const AT_A_TIME: usize = 64;
/// Memory of its own that the program may take more at the end than after its beginning, MiB.
const MAY_GROW_MIB: f64 = 8.0;
/// Shorter runs tell nothing of growth.
const LONG: Duration = Duration::from_secs(600);

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

pub(crate) async fn measure(time: Duration, rate: u64) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let plane = ControlPlane::start(ControlPlaneOptions::default()).await?;
    let role = Role::start(dir.path(), &plane, &policy::trial::many_policies()).await?;
    let http = e2e::request::client(role.authority.pem(), &plane.admin()?)?;
    let before = Memory::of(role.child())?;
    let Pressed { mut waits, seen } = press(&http, &role.url, time, rate, role.child()).await?;
    let answered = waits.len() as u64;
    let recorded = role.end().await?;
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
