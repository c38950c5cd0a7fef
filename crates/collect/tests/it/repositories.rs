//! Git repositories, in a folder and over HTTPS, with the real `git`.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use collect::clock::Clock;
use collect::{Collector, Location, Remote, Repositories, Repository};
use plaintext::Key;
use records::Statement;
use serde_json::Value;

use crate::evidence::{Evidence, SOON, options, redactor};
use crate::scripted::ScriptedServer;

const SOURCE: &str = "test/repositories/shop";
/// Invented for this test.
const PASSWORD: &str = "Elster9GlanzWolke";

fn git(folder: &Path, arguments: &[&str]) {
    let identity = [
        "-c",
        "user.name=n",
        "-c",
        "user.email=e@shop.test",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "commit.gpgsign=false",
    ];
    let done = Command::new("git").args(identity).arg("-C").arg(folder).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn commit(folder: &Path, file: &str, text: &str) {
    std::fs::write(folder.join(file), text).unwrap();
    git(folder, &["add", "."]);
    git(folder, &["commit", "-qm", "change"]);
}

/// A repository in which a password was committed and taken out again.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    commit(folder.path(), "values.yaml", &format!("db:\n  user: shop\n  password: {PASSWORD}\n"));
    commit(folder.path(), "values.yaml", "db:\n  user: shop\n");
    folder
}

async fn collect(evidence: &Evidence, server: &ScriptedServer, location: Location) -> Collector {
    let repository = Repository { name: "shop".to_owned(), location, every: Duration::from_millis(200) };
    let mut options = options(&[]);
    options.repositories =
        Some(Repositories { all: vec![repository], key: Key::new([3; 32]), search: plaintext::Search::default() });
    Collector::start(options, server.client(), vec![], evidence.store.clone(), redactor(), Clock::system())
        .await
        .unwrap()
}

fn records(evidence: &Evidence, record: &str) -> Vec<Value> {
    let entries = evidence.of(SOURCE).into_iter().map(|entry| entry.json());
    entries.filter(|entry| entry["record"] == record).collect()
}

async fn readings(evidence: &Evidence, what: &str, look: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    e2e::wait::until(what, SOON, || async {
        let found = records(evidence, "repository_reading");
        Ok(look(&found).then_some(found))
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_looked_through_when_it_changed_and_read_all_the_same() {
    let server = ScriptedServer::start().await;
    let evidence = Evidence::new();
    let folder = repository();
    let collector = collect(&evidence, &server, Location::Folder(folder.path().to_owned())).await;
    let three = readings(&evidence, "three readings", |found| found.len() >= 3).await;
    assert_eq!((&three[0]["credentials"], &three[0]["commits"], &three[0]["files"]), (&1.into(), &2.into(), &2.into()));
    assert_eq!(three[0]["list_read_at"], three[0]["read_at"]);
    assert_eq!(three[2]["list_read_at"], three[0]["read_at"]);
    let lists = records(&evidence, "repository_credentials");
    assert_eq!(lists.len(), 1);
    let found = &lists[0]["credentials"][0];
    assert_eq!((&found["path"], &found["line"]), (&"values.yaml".into(), &3.into()));
    assert_eq!(found["digest"], Key::new([3; 32]).digest(PASSWORD.as_bytes()).to_string());

    // Another branch is a change, and what was found before is told again with it.
    git(folder.path(), &["checkout", "-q", "-b", "side"]);
    commit(folder.path(), "b.env", "API_TOKEN=k3Vx8Qm2Zr7Lw1Tb\n");
    readings(&evidence, "the new branch", |found| found.iter().any(|reading| reading["credentials"] == 2)).await;
    let lists = records(&evidence, "repository_credentials");
    assert_eq!((lists.len(), lists[1]["credentials"].as_array().map(Vec::len)), (2, Some(2)));

    // A repository that is gone says so once, and stays what it was until it is too old.
    drop(folder);
    evidence
        .statement("that it is gone", |s| matches!(s, Statement::Gap { subject, .. } if subject.as_str() == SOURCE))
        .await;
    assert!(collector.status().repositories[0].error.is_some());
    collector.stop().await;
    evidence.store.seal().unwrap();
    let held = |entry: &crate::evidence::Entry| entry.raw.windows(PASSWORD.len()).any(|w| w == PASSWORD.as_bytes());
    assert!(!evidence.entries().iter().any(held), "a value is in the store");
}

/// A folder that is served, and what was asked for.
type Served = (Arc<tempfile::TempDir>, Arc<Mutex<Vec<String>>>);

/// Serves the files of a folder to those who have the token, and keeps what it was asked.
async fn serve(State((folder, asked)): State<Served>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').to_owned();
    asked.lock().unwrap().push(path.clone());
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    // x-access-token:forge-token
    if header != Some("Basic eC1hY2Nlc3MtdG9rZW46Zm9yZ2UtdG9rZW4=") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match std::fs::read(folder.path().join(path)) {
        Ok(bytes) => bytes.into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A repository that a forge serves, and a token that it may be read with.
struct Forge {
    server: e2e::server::HttpsServer,
    origin: tempfile::TempDir,
    served: Arc<tempfile::TempDir>,
    asked: Arc<Mutex<Vec<String>>>,
    files: tempfile::TempDir,
}

impl Forge {
    fn start() -> Self {
        let served = Arc::new(tempfile::tempdir().unwrap());
        git(served.path(), &["init", "-q", "--bare", "shop.git"]);
        let asked = Arc::default();
        let router = Router::new().fallback(serve).with_state((Arc::clone(&served), Arc::clone(&asked)));
        let server = e2e::server::HttpsServer::start(router, "forge", None, None).unwrap();
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("ca.crt"), server.authority_pem()).unwrap();
        std::fs::write(files.path().join("token"), "forge-token\n").unwrap();
        let forge = Self { server, origin: repository(), served, asked, files };
        forge.publish();
        forge
    }

    fn publish(&self) {
        let bare = self.served.path().join("shop.git");
        git(self.origin.path(), &["push", "-q", "--all", bare.to_str().unwrap()]);
        git(&bare, &["update-server-info"]);
    }

    fn token(&self) -> std::path::PathBuf {
        self.files.path().join("token")
    }

    fn remote(&self) -> Remote {
        let mut remote = Remote::new(&format!("{}/shop.git", self.server.url())).unwrap();
        remote.token_file = Some(self.token());
        remote.authority = Some(self.files.path().join("ca.crt"));
        remote
    }

    /// How many objects were asked for.
    fn objects(&self) -> usize {
        self.asked.lock().unwrap().iter().filter(|path| path.contains("/objects/")).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_elsewhere_is_cloned_when_it_changed() {
    let server = ScriptedServer::start().await;
    let evidence = Evidence::new();
    let forge = Forge::start();
    std::fs::write(forge.token(), "wrong\n").unwrap();
    let collector = collect(&evidence, &server, Location::Remote(forge.remote())).await;
    let refused = evidence.statement("refusal", |s| matches!(s, Statement::Gap { .. })).await;
    assert!(!format!("{refused:?}").contains("wrong"), "{refused:?}");
    std::fs::write(forge.token(), "forge-token\n").unwrap();
    let two = readings(&evidence, "two readings", |found| found.len() >= 2).await;
    assert_eq!((&two[1]["credentials"], &two[1]["tips"]), (&1.into(), &1.into()));
    assert_eq!(two[1]["list_read_at"], two[0]["read_at"]);
    // Only the first was a clone.
    let cloned = forge.objects();
    let known = records(&evidence, "repository_reading").len();
    readings(&evidence, "two more", |found| found.len() >= known + 2).await;
    assert_eq!(forge.objects(), cloned);
    commit(forge.origin.path(), "b.env", "API_TOKEN=k3Vx8Qm2Zr7Lw1Tb\n");
    forge.publish();
    readings(&evidence, "the push", |found| found.iter().any(|reading| reading["credentials"] == 2)).await;
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_is_too_long_is_given_up_and_told() {
    let server = ScriptedServer::start().await;
    let evidence = Evidence::new();
    let forge = Forge::start();
    let mut remote = forge.remote();
    remote.most_bytes = 100;
    let collector = collect(&evidence, &server, Location::Remote(remote)).await;
    let gap = evidence.statement("the gap", |s| matches!(s, Statement::Gap { .. })).await;
    assert!(format!("{gap:?}").contains("is longer than 0 MB; allow more (most_megabytes)"), "{gap:?}");
    assert_eq!(records(&evidence, "repository_reading"), Vec::<Value>::new());
    collector.stop().await;
}
