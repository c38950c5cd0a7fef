//! `kill -9` of the admission webhook under load: 5 rounds, or as many as `PLIMSOLL_KILLS` says.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::admission::{records, review};
use crate::fixture::{Authority, open};

/// The example that serves; cargo builds it with the tests, beside the folder of this test binary.
pub(crate) fn victim() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().and_then(Path::parent).unwrap();
    let path = folder.join("examples/admission_webhook");
    assert!(
        path.exists(),
        "{} is missing: run the tests with `cargo test --workspace`, which builds it",
        path.display()
    );
    path
}

/// Asks until the webhook is gone; keeps decision and verdict of each answer that came whole.
async fn press(client: reqwest::Client, url: String, privileged: bool, answered: Arc<Mutex<BTreeMap<String, bool>>>) {
    let body = review("u", "shop", privileged).to_string();
    while let Ok(answer) = client.post(&url).body(body.clone()).send().await {
        let Ok(text) = answer.text().await else { return };
        let Ok(review) = serde_json::from_str::<Value>(&text) else { return };
        let response = &review["response"];
        let id = response["auditAnnotations"]["decision"].as_str().unwrap().to_owned();
        answered.lock().unwrap().insert(id, response["allowed"] == true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_every_answer_has_its_record() {
    let rounds: u64 =
        std::env::var("PLIMSOLL_KILLS").map_or(5, |text| text.parse().expect("PLIMSOLL_KILLS is a number"));
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    authority.write(&dir.path().join("tls.crt"), &dir.path().join("tls.key"));
    let mut all = BTreeMap::new();
    for round in 0..rounds {
        let mut child = Command::new(victim()).arg(dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let port = address.trim().rsplit(':').next().unwrap().to_owned();
        let answered = Arc::new(Mutex::new(BTreeMap::new()));
        let pressing: Vec<_> = (0..8)
            .map(|number| {
                let url = format!("https://localhost:{port}/admission?timeout=10s");
                tokio::spawn(press(authority.http(None), url, number % 2 == 0, Arc::clone(&answered)))
            })
            .collect();
        // The moment of the kill is what is random here, once answers have come; nothing else is waited for.
        while answered.lock().unwrap().is_empty() {
            assert!(child.try_wait().unwrap().is_none(), "round {round}: the webhook ended by itself");
            tokio::task::yield_now().await;
        }
        let mut random = [0];
        getrandom::fill(&mut random).unwrap();
        tokio::time::sleep(Duration::from_millis(random[0].into())).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for press in pressing {
            press.await.unwrap();
        }
        all.append(&mut answered.lock().unwrap());
    }
    let store = open(dir.path());
    let mut recorded: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for record in records(&store, "admission_decision") {
        let id = record["decision_id"].as_str().unwrap().to_owned();
        recorded.entry(id).or_default().push(record["allowed"] == true);
    }
    for (id, allowed) in &all {
        assert_eq!(recorded.get(id), Some(&vec![*allowed]), "the decision {id} was answered");
    }
    assert!(all.len() as u64 > rounds * 8, "the load was real: {} answers in {rounds} rounds", all.len());
    assert!(all.values().any(|allowed| *allowed) && all.values().any(|allowed| !*allowed));
}
