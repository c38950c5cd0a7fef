//! The story that `cargo xtask up` plays: a real control plane, Plimsoll beside it, people who do what auditors ask about,
//! and the conclusions that follow.

mod acts;
mod deployment;
mod expectations;
mod handover;
mod stage;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// What the command line said.
#[derive(Default)]
struct Arguments {
    kubeconfig: Option<PathBuf>,
    dir: Option<PathBuf>,
    package: Option<PathBuf>,
    browser_tests: Option<PathBuf>,
    ci: bool,
}

impl Arguments {
    fn read() -> Result<Self> {
        let mut arguments = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut path = || words.next().map(PathBuf::from).with_context(|| format!("{word} needs a path"));
            match word.as_str() {
                "--kubeconfig" => arguments.kubeconfig = Some(path()?),
                "--dir" => arguments.dir = Some(path()?),
                "--package" => arguments.package = Some(path()?),
                "--browser-tests" => arguments.browser_tests = Some(path()?),
                "--ci" => arguments.ci = true,
                other => bail!("unknown argument {other}"),
            }
        }
        Ok(arguments)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let stage = stage::Stage::set(arguments.kubeconfig.as_deref()).await?;
    let mut plimsoll = deployment::Deployment::start(&stage, arguments.dir.as_deref()).await?;
    let window = acts::play(&stage, &mut plimsoll).await?;
    let results = plimsoll.evaluate(&window).await?;
    expectations::print(&results);
    let package = arguments.package.clone().unwrap_or_else(|| plimsoll.dir().join("package"));
    plimsoll.report(&window, &package).await?;
    handover::audit(&package, &results, stage.is_local())?;
    if let Some(tests) = &arguments.browser_tests {
        handover::look(tests, &package, &plimsoll).await?;
    }
    if arguments.ci {
        plimsoll.stop().await?;
        if stage.is_local() {
            expectations::check(&results)?;
            println!("the conclusions are the expected ones");
        } else {
            println!("the cluster is not the story's own: no conclusions were expected, none compared");
        }
        return Ok(());
    }
    println!("\nthe package for an auditor: {}", package.display());
    println!("the portal, open for one login: {}", plimsoll.fresh_login()?);
    println!("press Ctrl-C to end it");
    tokio::signal::ctrl_c().await?;
    plimsoll.stop().await
}
