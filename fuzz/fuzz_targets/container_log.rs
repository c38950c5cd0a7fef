//! Any bytes as a log file of a container: read once wherever they are parted, looked through, hidden once and for all; and as an entry of a `logs` source.

#![no_main]

use normalize::logs::cri::{self, Rest};
use normalize::logs::place::LogFile;
use plaintext::{Detector, Key};

include!("rows.rs");

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    project("prod/logs/node-1", bytes);
    if let Some(file) = std::str::from_utf8(bytes).ok().and_then(LogFile::of_path) {
        assert_eq!(LogFile::of_path(&file.place.file()).map(|again| again.place), Some(file.place));
    }
    let whole = cri::read(bytes, Rest::End);
    assert_eq!(whole.end, bytes.len());
    let closed = cri::read(bytes, Rest::Leave);
    assert!(whole.text.starts_with(&closed.text) && closed.end <= bytes.len() && closed.cut == 0);
    let rest = cri::read(&bytes[closed.end..], Rest::End);
    assert_eq!([closed.text, rest.text].concat(), whole.text);
    assert_eq!(closed.raw_lines + rest.raw_lines, whole.raw_lines);
    let (detector, key) = (Detector::standard(), Key::new([7; 32]));
    for finding in detector.lines(&whole.text, Some(&key)).found {
        let at = finding.at.expect("lines tell where values stand");
        assert!(at.from < at.to && at.to <= whole.text.len());
    }
    let hidden = detector.hidden(&whole.text, &key).write(&whole.text, 0..whole.text.len(), &key);
    assert!(detector.hidden(&hidden, &key).spans().is_empty());
});
