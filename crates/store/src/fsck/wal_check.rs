//! The write-ahead log against what is sealed.

use std::collections::HashMap;

use super::{FsckReport, whole};
use crate::files::Files;
use crate::frame::{self, Decompressor};
use crate::layout;
use crate::line;
use crate::wal::{self, WalError};

/// Checks every log file beyond the sealed segments; `last` is the last sealed number of each source.
pub(super) fn check(files: &dyn Files, sealed: u64, mut last: HashMap<String, u64>, report: &mut FsckReport) {
    let listed = match files.list(layout::WAL) {
        Ok(listed) => listed,
        Err(error) => return report.problem(layout::WAL, error),
    };
    let numbers: Vec<u64> = listed.iter().filter_map(|l| layout::number(&l.name, ".wal")).collect();
    let mut next = sealed + 1;
    for number in &numbers {
        if *number <= sealed {
            report.remark(layout::wal(*number), "its segment is sealed; the next opening removes it");
            continue;
        }
        while next < *number {
            report.problem(layout::wal(next), "it is missing: its entries are in no segment");
            next += 1;
        }
        next = number + 1;
        check_file(files, *number, Some(number) == numbers.last(), &mut last, report);
    }
}

fn check_file(files: &dyn Files, number: u64, is_last: bool, last: &mut HashMap<String, u64>, report: &mut FsckReport) {
    let file = layout::wal(number);
    let content = match wal::read(files, &file, number) {
        Ok(Some(content)) => content,
        // Sealed in the meantime.
        Ok(None) => return,
        Err(error) => return report.problem(file, error),
    };
    let scan = match wal::scan(&file, number, &content) {
        Ok(scan) => scan,
        Err(WalError::Damaged { offset, what, .. }) => {
            return report.problem_at(file, format_args!("byte {offset}"), what);
        }
        Err(error @ WalError::Head { .. }) => return report.problem_at(file, "byte 0", error),
    };
    if scan.torn && is_last {
        report.remark(&file, format!("torn from byte {}: never acknowledged, cut at the next opening", scan.end));
    } else if !is_last && content.len() as u64 > scan.end {
        report.problem_at(&file, format_args!("byte {}", scan.end), "it is cut off, and a later file was begun");
    }
    let mut decompressor = match Decompressor::new() {
        Ok(decompressor) => decompressor,
        Err(error) => return report.problem(file, error),
    };
    for record in scan.records {
        let place = format!("byte {}", record.offset);
        let lines = match decompressor.lines(record.frame, u64::from(record.bytes), u64::from(record.lines)) {
            Ok(lines) => lines,
            Err(error) => return report.problem_at(file, place, whole(&error)),
        };
        for (count, bytes) in (1..).zip(frame::lines(&lines)) {
            let line = match line::parse(bytes) {
                Ok(line) => line,
                Err(error) => return report.problem_at(file, format_args!("{place}, line {count}"), error),
            };
            report.unsealed_entries += 1;
            let before = last.get(line.source).copied().unwrap_or(0);
            if line.seq != before + 1 {
                let what = format!("{} goes on with number {} after {before}", line.source, line.seq);
                report.problem_at(&file, format_args!("{place}, line {count}"), what);
            }
            match last.get_mut(line.source) {
                Some(seq) => *seq = line.seq,
                None => drop(last.insert(line.source.to_owned(), line.seq)),
            }
        }
    }
}
