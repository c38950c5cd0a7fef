//! The identity, the keys, and files that nothing accounts for.

use ledger::{SignerKey, TilePath, VerifierKey};
use records::{Origin, tables};

use super::{FsckReport, whole};
use crate::files::Files;
use crate::identity::{self, Identity};
use crate::layout;
use crate::log;

/// The origin and the public key; `None` when nothing can be looked at without them.
pub(super) fn check(files: &dyn Files, report: &mut FsckReport) -> Option<(String, Option<VerifierKey>)> {
    let identity = match Identity::read(files) {
        Ok(Some(identity)) => identity,
        Ok(None) => {
            report.problem(layout::STORE, "it is missing: this is not a store, or not a whole one");
            return None;
        }
        Err(error) => {
            report.problem(layout::STORE, whole(&error));
            return None;
        }
    };
    match files.read(layout::LOCK) {
        Ok(Some(content)) => match lock_state(&content, identity.generation) {
            Some(true) => {}
            Some(false) => report.remark(layout::LOCK, "a crash cut it off; the next opening writes it again"),
            None => report.problem(layout::LOCK, "it does not hold a generation of this store"),
        },
        // Its name need not be durable, and a copy has no use for it.
        Ok(None) => report.remark(layout::LOCK, "it is not there; the next opening makes it"),
        Err(error) => report.problem(layout::LOCK, error),
    }
    let public = log::public_key(files).unwrap_or_else(|error| {
        report.problem(layout::PUBLIC_KEY, whole(&error));
        None
    });
    if let Some(public) = &public
        && (public.name() != identity.origin
            || files.read(layout::PUBLIC_KEY).ok().flatten() != Some(format!("{public}\n").into_bytes()))
    {
        report.problem(layout::PUBLIC_KEY, "it is not in its one spelling, or of another origin");
    }
    let begun = files.read(layout::CHECKPOINT).ok().flatten().is_some();
    if public.is_none() && begun {
        report.problem(layout::PUBLIC_KEY, "it is missing or damaged, and the log cannot be verified without it");
    }
    // A copy of a store for an auditor has no private key; that it is right matters only where it is.
    if let Ok(Some(bytes)) = files.read(layout::PRIVATE_KEY) {
        let text = String::from_utf8_lossy(&bytes);
        match text.strip_suffix('\n').map(SignerKey::from_skey) {
            Some(Ok(private)) if public.as_ref().is_none_or(|public| public == private.verifier()) => {}
            Some(Ok(_)) => report.problem(layout::PRIVATE_KEY, "it does not belong to log/log.vkey"),
            _ => report.problem(layout::PRIVATE_KEY, "it does not hold a key"),
        }
    }
    Some((identity.origin, public))
}

/// Whether `LOCK` is whole, or the beginning that a crash may leave of it; `None` when it is neither.
fn lock_state(content: &[u8], newest: u64) -> Option<bool> {
    let text = std::str::from_utf8(content).ok()?;
    let Some(rest) = text.strip_prefix("generation ") else { return "generation ".starts_with(text).then_some(false) };
    let digits = rest.split(' ').next().unwrap_or(rest);
    if digits.is_empty() {
        return rest.is_empty().then_some(false);
    }
    let generation = digits.parse().ok().filter(|generation| *generation <= newest)?;
    let right = identity::lock_content(generation);
    if right == text { Some(true) } else { right.starts_with(text).then_some(false) }
}

/// Files that are no part of a store, and those that a crash left.
pub(super) fn unaccounted(files: &dyn Files, size: u64, report: &mut FsckReport) {
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let listed = match files.list(&folder) {
            Ok(listed) => listed,
            Err(error) => {
                report.problem(folder, format!("it cannot be listed: {error}"));
                continue;
            }
        };
        for entry in listed {
            let path = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
            if entry.folder {
                folders.push(path);
                continue;
            }
            match account(&path, size) {
                Account::Known => {}
                Account::Left => {
                    report.remark(path, "left by an interrupted step; the next opening or sealing deals with it")
                }
                Account::Unknown => report.problem(path, "it is no part of a store"),
            }
        }
    }
}

enum Account {
    Known,
    Left,
    Unknown,
}

fn account(path: &str, size: u64) -> Account {
    let known = |known| if known { Account::Known } else { Account::Unknown };
    let by_number = |number: Option<u64>| match number {
        Some(0) | None => Account::Unknown,
        Some(number) if number > size => Account::Left,
        Some(_) => Account::Known,
    };
    let Some((folder, name)) = path.split_once('/') else {
        return known([layout::LOCK, layout::STORE, layout::CREDENTIAL_RULES, layout::CONTROL_SOCKET].contains(&path));
    };
    match folder {
        "keys" => known([layout::PRIVATE_KEY, layout::REDACTION_KEY, layout::CANARY_KEY].contains(&path)),
        layout::TEMPORARY => Account::Left,
        layout::WAL => known(layout::number(name, ".wal").is_some_and(|number| number > 0)),
        layout::SEGMENTS => {
            let endings = [".ndjson.zst", ".index.json", ".manifest.json", ".dropped.json"];
            by_number(endings.iter().find_map(|ending| layout::number(name, ending)))
        }
        layout::TABLES => match name.split_once('/') {
            None => by_number(layout::number(name, ".json")),
            Some((table, name)) => {
                let ours = tables::by_name(table).is_some_and(|table| table.origin == Origin::Segment);
                by_number(layout::number(name, ".parquet").filter(|_| ours))
            }
        },
        layout::LOG => {
            if path == layout::PUBLIC_KEY || path == layout::CHECKPOINT {
                return Account::Known;
            }
            if let Some(of) = name.strip_prefix("checkpoints/") {
                let number: Option<u64> = of.parse().ok().filter(|number: &u64| number.to_string() == of);
                return match number {
                    Some(number) if (1..=size).contains(&number) => Account::Known,
                    _ => Account::Unknown,
                };
            }
            match name.parse::<TilePath>() {
                Ok(tile) if tile.is_within(size) => Account::Known,
                Ok(_) => Account::Left,
                Err(_) => Account::Unknown,
            }
        }
        _ => Account::Unknown,
    }
}
