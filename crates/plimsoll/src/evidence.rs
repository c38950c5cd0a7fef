//! The store as this program opens it: with our projection, its keys, and sessions of tables over it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail, ensure};
use controls::Session;
use controls::evidence::Extent;
use plaintext::Search;
use records::{EntryView, Timestamp};
use store::{OpenError, Projection, ReadError, Store, StoreOptions, StoreReader, TableBuilders, layout};

use crate::credential_rules;

/// The present instant. This program is where the clock is; everything below is given it.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()).unwrap_or(Timestamp::MAX)
}

/// How a store in this folder is opened: under the origin that it has, or a new one of its own.
pub(crate) fn options(dir: &Path) -> Result<StoreOptions, ReadError> {
    let origin = match StoreReader::open(dir) {
        Ok(reader) => reader.origin().to_owned(),
        Err(ReadError::NoStore { .. }) => {
            let bytes: [u8; 8] = random();
            format!("plimsoll.local/{}", hex::encode(bytes))
        }
        Err(error) => return Err(error),
    };
    Ok(StoreOptions::new(dir, origin))
}

/// Opens the store for writing.
pub(crate) fn open_store(dir: &Path, search: Search) -> Result<Store, OpenError> {
    let options = match options(dir) {
        Ok(options) => options,
        // Whatever is wrong, opening says it better, and repairs what a crash left.
        Err(_) => StoreOptions::new(dir, "plimsoll.local/unreadable"),
    };
    Store::open(options, Arc::new(StoreNormaliser::new(dir, search)))
}

/// The projection of a store's own tables: that of `controls`, with the store's key, so that credentials in plain text have digests, and with the rules by which
/// they are searched for.
#[derive(Debug)]
pub(crate) struct StoreNormaliser {
    dir: PathBuf,
    search: Search,
    /// Read when the first entry is projected: a store that has just begun has no key before.
    key: OnceLock<Option<plaintext::Key>>,
}

impl StoreNormaliser {
    /// Of the store in this folder. Its key is made when it is not there.
    pub(crate) fn new(dir: &Path, search: Search) -> Self {
        Self { dir: dir.to_owned(), search, key: OnceLock::new() }
    }

    /// Of a store that is only read: when its key is not there, rows have no digests.
    pub(crate) fn reading(dir: &Path, search: Search) -> Self {
        Self { dir: dir.to_owned(), search, key: OnceLock::from(digest_key(dir)) }
    }
}

impl Projection for StoreNormaliser {
    fn version(&self) -> i64 {
        credential_rules::projection_version(&self.search)
    }

    fn project(&self, entry: &EntryView<'_>, sink: &mut TableBuilders) {
        let key = self.key.get_or_init(|| match secret(&self.dir, layout::REDACTION_KEY) {
            Ok(key) => Some(plaintext::Key::new(key)),
            Err(error) => {
                tracing::warn!("credentials in plain text get no digests: {error:#}");
                None
            }
        });
        normalize::project_searched(entry, &self.search, key.as_ref(), sink);
    }
}

/// The key of digests of the store in this folder, when it is there and can be read.
pub(crate) fn digest_key(dir: &Path) -> Option<plaintext::Key> {
    dir.join(layout::REDACTION_KEY)
        .is_file()
        .then(|| secret(dir, layout::REDACTION_KEY).ok().map(plaintext::Key::new))
        .flatten()
}

/// Refuses a folder without a store, for commands that must not begin one.
pub(crate) fn require_store(dir: &Path) -> Result<()> {
    ensure!(
        dir.join(layout::STORE).is_file(),
        "there is no store in {} (it has no {}); name it with --store, or begin one with `plimsoll run` or `plimsoll ingest`",
        dir.display(),
        layout::STORE
    );
    Ok(())
}

/// Opens the store for reading.
pub(crate) fn open_reader(dir: &Path) -> Result<StoreReader> {
    require_store(dir)?;
    StoreReader::open(dir).with_context(|| {
        format!("failed to open the store {}; `plimsoll store fsck` finds what is wrong", dir.display())
    })
}

/// 32 hexadecimal digits drawn at random.
pub(crate) fn identifier() -> String {
    hex::encode(random::<16>())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// A secret of the store, made when it is not there, readable by its owner only: it keys the digests that stand for
/// redacted values, and the canaries.
pub(crate) fn secret(dir: &Path, name: &str) -> Result<[u8; 32]> {
    let path = dir.join(name);
    match std::fs::File::open(&path) {
        Ok(file) => {
            let mut text = String::new();
            file.take(100).read_to_string(&mut text)?;
            let Ok(Ok(secret)) = hex::decode(text.trim()).map(<[u8; 32]>::try_from) else {
                bail!("{} is not 64 hexadecimal digits; restore it from a copy", path.display());
            };
            Ok(secret)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let secret: [u8; 32] = random();
            let mut options = std::fs::OpenOptions::new();
            std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create_new(true), 0o600);
            let mut file = options.open(&path).with_context(|| format!("failed to create {}", path.display()))?;
            file.write_all(hex::encode(secret).as_bytes())?;
            file.sync_all()?;
            Ok(secret)
        }
        Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
    }
}

/// The open tables over a view of the store.
pub(crate) async fn session(reader: &StoreReader, extent: Extent, mut settings: analysis::Settings) -> Result<Session> {
    settings.digest_key = digest_key(reader.dir());
    settings.credential_search = credential_rules::of_store(reader.dir())?;
    let inputs = controls::evidence::session_inputs(reader, extent, settings).context("failed to read the evidence")?;
    Session::open(inputs).await.context("failed to open the tables")
}

/// A runtime for the asynchronous parts of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("failed to start the asynchronous runtime")
}

/// A runtime of few threads, and so of little memory: one for each two processors. Each more is woken for what the first would have done by itself a moment later. Whatever
/// keeps a thread busy waits for one when all are; a long judgement of the admission webhook goes on where it is, and another thread goes on with the rest.
pub(crate) fn small_runtime() -> Result<tokio::runtime::Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads((processors / 2).max(1)).max_blocking_threads(4).enable_all();
    builder.build().context("failed to start the asynchronous runtime")
}
