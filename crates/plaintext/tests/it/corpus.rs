//! The labelled corpus: configuration files of every kind with invented credentials and with what is easily taken for one.
//!
//! Credentials whose form services know are put together here, so that no file of the repository holds anything that looks like one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use plaintext::{Detector, Key};

pub(crate) fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Characters that look drawn at random, always the same for a seed.
pub(crate) fn drawn(seed: u64, length: usize, alphabet: &str) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        alphabet[usize::try_from(state % alphabet.len() as u64).unwrap()]
    };
    (0..length).map(|_| next()).collect()
}

const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";

fn pem(what: &str, seed: u64) -> String {
    let body: Vec<String> = (0..4).map(|line| drawn(seed + line, 64, ALPHANUMERIC)).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----", body.join("\n"))
}

pub(crate) fn token(claims: &str) -> String {
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(claims), drawn(5, 64, ALPHANUMERIC))
}

/// What stands for `%%name%%` in the files.
pub(crate) fn fillings() -> BTreeMap<&'static str, String> {
    let of = |prefix: &[&str], seed, length, alphabet| format!("{}{}", prefix.concat(), drawn(seed, length, alphabet));
    let key = pem(&["PRIVATE", "KEY"].join(" "), 20);
    BTreeMap::from([
        ("github", of(&["gh", "p_"], 1, 36, ALPHANUMERIC)),
        ("npm", of(&["np", "m_"], 2, 36, ALPHANUMERIC)),
        ("pypi", of(&["py", "pi-AgEIcHlwaS5vcmc"], 3, 80, ALPHANUMERIC)),
        ("gitlab", of(&["gl", "pat-"], 4, 20, ALPHANUMERIC)),
        ("aws", of(&["AK", "IA"], 5, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
        ("aws40", drawn(6, 40, ALPHANUMERIC)),
        ("stripe", of(&["sk", "_live_"], 7, 24, ALPHANUMERIC)),
        ("google", of(&["AI", "za"], 8, 35, ALPHANUMERIC)),
        ("azure", format!("{}==", drawn(9, 86, ALPHANUMERIC))),
        ("hex32", drawn(10, 32, HEX)),
        ("hex64", drawn(11, 64, HEX).to_uppercase()),
        ("kubeadm", format!("{}.{}", drawn(12, 6, HEX), drawn(13, 16, HEX))),
        ("slackhook", format!("T{}/B{}/{}", drawn(14, 8, HEX), drawn(15, 8, HEX), drawn(16, 24, ALPHANUMERIC))),
        ("vault", of(&["hv", "s."], 17, 40, ALPHANUMERIC)),
        ("rand40", drawn(18, 40, ALPHANUMERIC)),
        ("b64login", base64("robot:Maul-Wurf-31")),
        ("jwt", token(r#"{"iss":"https://login.shop.test","sub":"ann"}"#)),
        ("satoken", token(r#"{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:shop:build"}"#)),
        ("certb64", base64(&pem("CERTIFICATE", 30))),
        ("pemb64", base64(&key)),
        ("peminline", key.replace('\n', "\\n")),
        ("pem", key),
    ])
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The files by name, filled.
pub(crate) fn corpus() -> BTreeMap<String, String> {
    let mut paths = Vec::new();
    files(&root(), &mut paths);
    let fillings = fillings();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (filling, value) in &fillings {
            text = text.replace(&format!("%%{filling}%%"), value);
        }
        (name, text)
    };
    paths.into_iter().map(read).filter(|(name, _)| name != "labels.csv").collect()
}

fn labels() -> BTreeSet<(String, u32)> {
    let text = std::fs::read_to_string(root().join("labels.csv")).unwrap();
    let label = |line: &str| line.rsplit_once(',').map(|(file, line)| (file.to_owned(), line.parse().unwrap()));
    text.lines().skip(1).filter_map(label).collect()
}

#[test]
fn precision_and_recall() {
    let (labels, key) = (labels(), Key::new([1; 32]));
    let mut found: BTreeMap<(String, u32), BTreeSet<String>> = BTreeMap::new();
    for (name, text) in corpus() {
        for finding in Detector::standard().file(&name, text.as_bytes(), Some(&key)).found {
            found.entry((name.clone(), finding.line)).or_default().insert(finding.kind.into_owned());
        }
    }
    let right = labels.iter().filter(|place| found.contains_key(place)).count();
    let wrong: Vec<_> = found.iter().filter(|(place, _)| !labels.contains(place)).collect();
    let mut report = format!(
        "{} files, {} lines with a credential\nfound: {right}, missed: {}, wrongly found: {}\nprecision {:.3}, recall {:.3}\n",
        corpus().len(),
        labels.len(),
        labels.len() - right,
        wrong.len(),
        right as f64 / found.len() as f64,
        right as f64 / labels.len() as f64,
    );
    for (file, line) in labels.iter().filter(|place| !found.contains_key(place)) {
        writeln!(report, "missed {file}:{line}").unwrap();
    }
    for ((file, line), kinds) in wrong {
        writeln!(report, "wrong {file}:{line} {}", kinds.iter().cloned().collect::<Vec<_>>().join(" ")).unwrap();
    }
    writeln!(report, "\nwhat was found").unwrap();
    for ((file, line), kinds) in found.iter().filter(|(place, _)| labels.contains(place)) {
        writeln!(report, "{file}:{line} {}", kinds.iter().cloned().collect::<Vec<_>>().join(" ")).unwrap();
    }
    insta::assert_snapshot!(report);
}
