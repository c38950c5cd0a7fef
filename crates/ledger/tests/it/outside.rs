//! Programs of others verify a log that we wrote, and refuse each tampering that we refuse, but for a few bytes too many or
//! too few around what is signed, which are listed one by one: Tessera's `fsck` (Go) and
//! `aics-tlog` (Python). They are installed here into the user's cache directory, once; without Go 1.26 or Python
//! 3.12 these tests fail and say so.

use crate::sample::{Log, ORIGIN, entry, key};
use ledger::{CHECKPOINT_PATH, MemoryTiles, SignedCheckpoint, SignerKey, TreeHead};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A log in a folder of its own, beside its public key.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &MemoryTiles, vkey: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let file = folder.path().join("log").join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
        fs::write(folder.path().join("log.vkey"), vkey).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Runs Tessera's `fsck`; the error is what it said.
fn tessera(fsck: &Path, folder: &Folder, origin: &str) -> Result<(), String> {
    let mut child = Command::new(fsck)
        .arg("--ui=false")
        // With fewer workers than files it waits for ever once each of them has met a bad file.
        .arg("--N=32")
        .arg(format!("--storage_url=file://{}/", folder.path("log").display()))
        .arg(format!("--public_key={}", folder.path("log.vkey").display()))
        .arg(format!("--origin={origin}"))
        .stdout(Stdio::null())
        .stderr(File::create(folder.path("said")).unwrap())
        .spawn()
        .unwrap();
    // Generous, and only so that a program that hangs fails the test.
    let deadline = Instant::now() + Duration::from_secs(120);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("Tessera's fsck hangs: {}", fs::read_to_string(folder.path("said")).unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = fs::read_to_string(folder.path("said")).unwrap();
    // It ends with 0 even when it refuses, and a hostile bundle may make it panic: only its own word counts.
    let refused = said.contains("fsck failed") || !status.success();
    match (said.contains("Successfully fsck'd log"), refused) {
        (true, false) => Ok(()),
        (false, true) => Err(said),
        _ => panic!("neither accepted nor refused: {said}"),
    }
}

/// Runs `tests/python/verify_log.py`; the error is what it said.
fn aics(python: &Path, folder: &Folder, origin: &str, old: Option<&[u8]>) -> Result<(), String> {
    let mut command = Command::new(python);
    command.arg(repository("tests/python/verify_log.py"));
    command.args([folder.path("log"), folder.path("log.vkey")]).arg(origin);
    if let Some(old) = old {
        fs::write(folder.path("old"), old).unwrap();
        command.arg(folder.path("old"));
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) if said.starts_with("verified") => Ok(()),
        Some(1) if said.starts_with("refused") => Err(said),
        _ => panic!("neither accepted nor refused: {said}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn logs() -> [Log; 5] {
    [Log::grown(&[1]), Log::grown(&[3]), Log::grown(&[256]), Log::grown(&[100, 300]), Log::grown(&[500, 513])]
}

/// Every file of some logs changed in several places, shortened, lengthened and removed; forged logs; others' keys and names.
/// Each case is refused by us.
fn tampered() -> Vec<(String, MemoryTiles, String)> {
    let vkey = key().verifier().to_string();
    let mut cases = Vec::new();
    for sizes in [&[3][..], &[300]] {
        let log = Log::grown(sizes);
        for (path, bytes) in &log.files {
            let mut add = |what: String, changed: Option<Vec<u8>>| {
                let mut files = log.files.clone();
                match changed {
                    Some(bytes) => files.insert(path.clone(), bytes),
                    None => files.remove(path),
                };
                cases.push((format!("log of {sizes:?}: {path}: {what}"), files, vkey.clone()));
            };
            for at in [0, 1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                add(format!("byte {at}"), Some(changed));
            }
            add("the last byte gone".to_owned(), Some(bytes[..bytes.len() - 1].to_vec()));
            add("half of it".to_owned(), Some(bytes[..bytes.len() / 2].to_vec()));
            add("a byte more".to_owned(), Some([bytes.as_slice(), b"\0"].concat()));
            add("empty".to_owned(), Some(Vec::new()));
            add("removed".to_owned(), None);
        }
        let size = log.head.size;
        let mut entries: Vec<Vec<u8>> = (0..size).map(entry).collect();
        entries[1] = b"forged".to_vec();
        let mut forged = Log::empty();
        forged.append(&entries);
        forged.files.insert(CHECKPOINT_PATH.to_owned(), log.checkpoint().to_bytes());
        cases.push((format!("log of {sizes:?}: an entry forged, and all tiles with it"), forged.files, vkey.clone()));
        for (what, head) in [
            ("a root of its own", TreeHead { size, root: ledger::Hash([1; 32]) }),
            ("one entry more", TreeHead { size: size + 1, root: log.head.root }),
            ("one entry less", TreeHead { size: size - 1, root: log.head.root }),
        ] {
            let mut files = log.files.clone();
            files.insert(CHECKPOINT_PATH.to_owned(), SignedCheckpoint::sign(head, &key()).unwrap().to_bytes());
            cases.push((format!("log of {sizes:?}: signed with {what}"), files, vkey.clone()));
        }
        let other_key = SignerKey::from_seed(ORIGIN, &[8; 32]).unwrap();
        cases.push((format!("log of {sizes:?}: another key"), log.files, other_key.verifier().to_string()));
    }
    for (what, files, vkey) in &cases {
        let result = ledger::verify_log(files, &vkey.parse().unwrap(), ORIGIN, None);
        assert!(result.is_err(), "{what}: we do not refuse it");
    }
    cases
}

/// A log under its earlier checkpoint: outside programs look at partial files of the checkpoint's size only.
fn under_earlier_checkpoint() -> (Log, MemoryTiles) {
    let earlier = Log::grown(&[100]);
    let mut files = Log::grown(&[100, 300]).files;
    files.insert(CHECKPOINT_PATH.to_owned(), earlier.checkpoint().to_bytes());
    (earlier, files)
}

#[test]
fn tessera_verifies_our_logs_and_refuses_each_tampering_that_we_refuse() {
    let fsck = build_fsck();
    let vkey = key().verifier().to_string();
    for log in logs() {
        let folder = Folder::new(&log.files, &vkey);
        tessera(&fsck, &folder, ORIGIN).unwrap_or_else(|said| panic!("log of {}: {said}", log.head.size));
        tessera(&fsck, &folder, "plimsoll.example/other").unwrap_err();
    }
    let accepted: Vec<String> = tampered()
        .into_iter()
        .filter(|(_, files, vkey)| tessera(&fsck, &Folder::new(files, vkey), ORIGIN).is_ok())
        .map(|(what, ..)| what)
        .collect();
    // It cuts a partial tile to its width before it compares; what is cut off is in no tree.
    let lenient = ["log of [3]: tile/0/000.p/3", "log of [300]: tile/0/001.p/44", "log of [300]: tile/1/000.p/1"];
    assert_eq!(accepted, lenient.map(|file| format!("{file}: a byte more")), "what Tessera accepts and we refuse");

    let (earlier, files) = under_earlier_checkpoint();
    tessera(&fsck, &Folder::new(&files, &vkey), ORIGIN).unwrap();
    for path in earlier.files.keys() {
        let mut files = files.clone();
        files.get_mut(path).unwrap()[5] ^= 1;
        crate::sample::verify(&files).unwrap_err();
        tessera(&fsck, &Folder::new(&files, &vkey), ORIGIN).unwrap_err();
    }
}

#[test]
fn aics_tlog_verifies_our_logs_and_refuses_each_tampering_that_we_refuse() {
    let python = install_python();
    let vkey = key().verifier().to_string();
    for log in logs() {
        let folder = Folder::new(&log.files, &vkey);
        aics(&python, &folder, ORIGIN, None).unwrap_or_else(|said| panic!("log of {}: {said}", log.head.size));
        aics(&python, &folder, "plimsoll.example/other", None).unwrap_err();
    }
    let accepted: Vec<String> = tampered()
        .into_iter()
        .filter(|(_, files, vkey)| aics(&python, &Folder::new(files, vkey), ORIGIN, None).is_ok())
        .map(|(what, ..)| what)
        .collect();
    // It takes a note without its last newline, and cuts a partial tile to its width.
    let lenient = [
        "log of [3]: checkpoint: the last byte gone",
        "log of [300]: checkpoint: the last byte gone",
        "log of [300]: tile/1/000.p/1: a byte more",
    ];
    assert_eq!(accepted, lenient, "what aics-tlog accepts and we refuse");

    let (earlier, files) = under_earlier_checkpoint();
    aics(&python, &Folder::new(&files, &vkey), ORIGIN, None).unwrap();
    for path in earlier.files.keys() {
        let mut files = files.clone();
        files.get_mut(path).unwrap()[5] ^= 1;
        aics(&python, &Folder::new(&files, &vkey), ORIGIN, None).unwrap_err();
    }

    // Two checkpoints of one log, and of a log that its owner rewrote.
    let log = Log::grown(&[100, 300]);
    let old = Log::grown(&[100]).checkpoint().to_bytes();
    let folder = Folder::new(&log.files, &vkey);
    aics(&python, &folder, ORIGIN, Some(&old)).unwrap();
    let mut rewritten = Log::empty();
    let mut entries: Vec<Vec<u8>> = (0..300).map(entry).collect();
    entries[99] = b"forged".to_vec();
    rewritten.append(&entries);
    let folder = Folder::new(&rewritten.files, &vkey);
    aics(&python, &folder, ORIGIN, None).unwrap();
    aics(&python, &folder, ORIGIN, Some(&old)).unwrap_err();
    ledger::verify_log(&rewritten.files, key().verifier(), ORIGIN, Some(&old)).unwrap_err();
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Written to the stream itself: the test harness swallows what the print macros write.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "ledger: {line}");
}

/// A folder in the user's cache for what is made out of `inputs`; `make` fills it when it is not there yet. It appears under
/// its name only when it is whole, and one process at a time makes it.
fn cached(name: &str, inputs: &[&[u8]], make: impl FnOnce(&Path)) -> PathBuf {
    let mut digest = Sha256::new();
    for input in inputs {
        digest.update((input.len() as u64).to_le_bytes());
        digest.update(input);
    }
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let home =
                std::env::var_os("HOME").expect("neither XDG_CACHE_HOME nor HOME is set: no place for the cache");
            PathBuf::from(home).join(".cache")
        }
    };
    let parent = base.join("plimsoll").join(name);
    let folder = parent.join(hex::encode(&digest.finalize()[..16]));
    fs::create_dir_all(&parent).unwrap();
    // Let go of when it is dropped, and by the kernel when this process dies.
    let lock = File::create(parent.join("lock")).unwrap();
    lock.lock().unwrap();
    let done = folder.join("done");
    if !done.exists() {
        // What an interrupted run left. A Python environment cannot be renamed into place, hence the mark.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        make(&folder);
        File::create(done).unwrap();
    }
    folder
}

fn build_fsck() -> PathBuf {
    let module = repository("tests/cluster/fsck");
    let read =
        |name: &str| fs::read(module.join(name)).unwrap_or_else(|error| panic!("tests/cluster/fsck/{name}: {error}"));
    let go = |arguments: &[&str]| -> Output {
        Command::new("go")
            .args(arguments)
            .current_dir(&module)
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0")
            .env_remove("GOFLAGS")
            .output()
            .expect("failed to run go: install Go 1.26 or later and put it on the PATH")
    };
    let version = go(&["version"]).stdout;
    let folder = cached("ledger-fsck", &[&version, &read("go.mod"), &read("go.sum")], |folder| {
        say("building Tessera's fsck with Go (about half a minute, once) ...");
        let program = folder.join("fsck");
        let program = program.to_str().expect("the cache folder's name is text");
        let tool = "github.com/transparency-dev/tessera/cmd/fsck";
        let output = go(&["build", "-trimpath", "-buildvcs=false", "-o", program, tool]);
        assert!(output.status.success(), "failed to build Tessera's fsck: {}", String::from_utf8_lossy(&output.stderr));
    });
    folder.join("fsck")
}

/// The interpreter of an environment with the packages of `tests/python/requirements.txt`.
fn install_python() -> PathBuf {
    let requirements = repository("tests/python/requirements.txt");
    let pinned = fs::read(&requirements).expect("tests/python/requirements.txt is part of the checkout");
    let (python, version) = find_python();
    let folder = cached("ledger-python", &[version.as_bytes(), &pinned], |folder| {
        say("installing the Python packages of tests/python/requirements.txt (once) ...");
        run(Command::new(&python).args(["-m", "venv"]).arg(folder));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "-r"];
        run(Command::new(folder.join("bin/python")).args(pip).arg(&requirements));
    });
    folder.join("bin/python")
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
}

/// A Python of at least 3.12: the one that `PLIMSOLL_PYTHON` names, one on the PATH, or one that pyenv keeps.
fn find_python() -> (PathBuf, String) {
    let mut candidates: Vec<PathBuf> = std::env::var_os("PLIMSOLL_PYTHON").map(PathBuf::from).into_iter().collect();
    candidates.extend(["python3", "python3.14", "python3.13", "python3.12"].map(PathBuf::from));
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv")));
    if let Some(versions) = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok()) {
        candidates.extend(versions.flatten().map(|version| version.path().join("bin/python3")));
    }
    let ask = "import sys, venv; assert sys.version_info >= (3, 12); print(sys.executable, sys.version)";
    for candidate in candidates {
        if let Ok(output) = Command::new(&candidate).args(["-c", ask]).output()
            && output.status.success()
        {
            return (candidate, String::from_utf8_lossy(&output.stdout).into_owned());
        }
    }
    panic!("no Python 3.12 or later with venv: install one, or name it in PLIMSOLL_PYTHON");
}
