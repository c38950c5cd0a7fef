//! `plimsoll images`: files and flags for the crate `signatures`.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;
use signatures::{Outcome as Answer, Settings, Verifier};
use tokio::time::Instant;

use super::Outcome;
use crate::arguments::{Format, ImagesCommand, ImagesVerifyArguments};
use crate::{output, signing};

pub(super) fn run(format: Format, own: &ImagesCommand) -> Result<Outcome> {
    match own {
        ImagesCommand::Verify(own) => verify(format, own),
    }
}

/// One image with its answer, as JSON has it.
#[derive(Serialize)]
struct Line<'a> {
    image: &'a str,
    rules: String,
    #[serde(flatten)]
    answer: &'a Answer,
    message: String,
}

fn verify(format: Format, own: &ImagesVerifyArguments) -> Result<Outcome> {
    if !matches!(format, Format::Table | Format::Csv | Format::Json) {
        bail!("`images verify` prints as table, csv or json");
    }
    let rules = signing::rules(&own.rules)?;
    let hash = rules.hash();
    let credentials = signing::credentials(&own.credentials)?;
    let limit = Duration::from_secs(own.timeout);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let answers = runtime.block_on(async {
        let verifier = Verifier::new(rules, Settings { budget: limit, ..Settings::default() })?;
        let mut answers = Vec::new();
        // One after the other: a list of images is no reason to press a registry.
        for image in &own.images {
            answers.push(verifier.verify(image, &credentials, Instant::now() + limit).await);
        }
        anyhow::Ok(answers)
    })?;
    if format == Format::Json {
        for (image, answer) in own.images.iter().zip(&answers) {
            let line = Line { image, rules: hash.to_string(), answer, message: answer.to_string() };
            output::say(serde_json::to_string(&line)?)?;
        }
    } else {
        let row = |(image, answer): (&String, &Answer)| {
            let (word, digest) = match answer {
                Answer::Verified(verified) => ("verified", Some(verified.digest)),
                Answer::NotRequired { .. } => ("not required", None),
                Answer::Refused(refused) => ("refused", refused.digest),
                Answer::Unknown(unknown) => ("unknown", unknown.digest),
            };
            let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
            vec![image.clone(), word.to_owned(), digest, answer.details()]
        };
        let rows: Vec<_> = own.images.iter().zip(&answers).map(row).collect();
        output::print_rows(format, &["image", "signatures", "digest", "details"], &rows)?;
    }
    if answers.iter().any(|answer| matches!(answer, Answer::Unknown(_))) {
        bail!("not every image could be looked up");
    }
    let refused = answers.iter().any(|answer| matches!(answer, Answer::Refused(_)));
    Ok(if refused { Outcome::Findings } else { Outcome::Good })
}
