//! The claims held against a model of an API server under arbitrary failures: whatever is claimed as observed and not taken back by a
//! gap was observed.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Act {
    /// Somebody writes an object.
    Write,
    /// The API server forgets everything up to now.
    Compact,
    /// The heartbeat.
    Tick,
    /// One request or as much of a stream as there is.
    Go,
    /// The connection breaks, with what was on its way.
    Break,
    /// The watch's time is over.
    End,
    /// The process is killed and started again.
    Crash,
}

struct Model {
    now: i64,
    /// (resourceVersion, when it was written)
    writes: Vec<(u64, Timestamp)>,
    version: u64,
    forgotten: u64,
    progress: Progress,
    /// Where the server's stream stands, when one is open.
    stream: Option<u64>,
    stored: Vec<u64>,
    claims: Vec<(Timestamp, Timestamp)>,
    gaps: Vec<(Timestamp, Timestamp)>,
    known: Known,
    within_list: bool,
}

fn progress(known: Known) -> Progress {
    Progress::new("c/watch/pods".parse().unwrap(), "pods/v1".parse().unwrap(), known, Duration::ZERO)
}

impl Model {
    fn at(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + self.now).unwrap()
    }

    /// Stores what is said, as the store would, and keeps what a restart would read from it.
    fn store(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Entry(line) => {
                    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
                    let version = line["resourceVersion"]
                        .as_str()
                        .or(line["object"]["metadata"]["resourceVersion"].as_str())
                        .unwrap()
                        .to_owned();
                    self.known.last_seen = Some(self.at());
                    match line["type"].as_str().unwrap() {
                        "LIST_BEGIN" => (self.known.position, self.within_list) = (None, true),
                        "LIST_END" => (self.known.position, self.within_list) = (Some(version), false),
                        _ => {
                            assert!(!self.within_list, "an event within a list");
                            if line["type"] != "BOOKMARK" {
                                self.stored.push(version.parse().unwrap());
                            }
                            self.known.position = Some(version);
                        }
                    }
                }
                Output::Statement(Statement::Alive { from, to, .. } | Statement::Resumed { from, to, .. }) => {
                    assert!(from < to);
                    self.claims.push((from, to));
                    self.known.claimed_until = self.known.claimed_until.max(Some(to));
                }
                Output::Statement(Statement::Gap { from, to, .. }) => {
                    self.gaps.push((from, to));
                    self.known.claimed_until = self.known.claimed_until.max(Some(to));
                }
                Output::Statement(other) => panic!("{other:?}"),
            }
        }
    }

    fn deliver(&mut self) {
        let Some(from) = self.stream else { return };
        let mut out = Vec::new();
        for version in self.writes.iter().map(|(version, _)| *version).filter(|version| *version > from) {
            let line = format!(r#"{{"type":"ADDED","object":{{"metadata":{{"resourceVersion":"{version}"}}}}}}"#);
            let goes_on = self.progress.frame(self.at(), Frame::read(line.as_bytes()), line.as_bytes(), &mut out);
            assert!(goes_on);
        }
        self.stream = Some(self.version);
        self.store(out);
    }

    fn act(&mut self, act: Act) {
        // Everything takes time, and the server sends what it has at once.
        self.now += 400_000;
        let mut out = Vec::new();
        match act {
            Act::Write => {
                self.version += 1;
                self.writes.push((self.version, self.at()));
                self.now += 1;
                self.deliver();
            }
            Act::Compact => self.forgotten = self.version,
            Act::Tick => {
                self.progress.tick(self.at(), None, &mut out);
                self.store(out);
            }
            Act::Break | Act::End if self.stream.take().is_some() => {
                self.progress.watch_ended(self.at(), matches!(act, Act::End), &mut out);
                self.store(out);
            }
            Act::Break => {
                self.progress.failed(self.at(), &Failure::Broken, "broken", &mut out);
                self.store(out);
            }
            Act::End => {}
            Act::Crash => {
                self.stream = None;
                let mut known = self.known.clone();
                known.claimed_until = known.claimed_until.or(known.last_seen);
                self.progress = progress(known);
            }
            Act::Go if self.stream.is_some() => self.deliver(),
            Act::Go => self.go(),
        }
    }

    fn go(&mut self) {
        let mut out = Vec::new();
        match self.progress.next() {
            Step::Pause(_) => {}
            Step::Confirm { .. } => self.progress.confirmed(),
            Step::List { .. } => {
                self.progress.list_asked(self.at(), || "l".to_owned());
                self.now += 1;
                self.progress.list_answered(self.at());
                let (resource_version, continue_token) = (self.version.to_string(), String::new());
                self.progress.list_metadata(ListMetadata { resource_version, continue_token });
                self.progress.page_ended(self.at(), &mut out);
                self.store(out);
            }
            Step::Watch { position } => {
                let position: u64 = position.parse().unwrap();
                self.progress.watch_opened(self.at());
                if position < self.forgotten {
                    let line = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
                    assert!(!self.progress.frame(self.at(), Frame::read(line), line, &mut out));
                    self.store(out);
                } else {
                    self.stream = Some(position);
                    self.deliver();
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_claimed_and_not_taken_back_was_stored(
        acts in prop::collection::vec(prop::sample::select(vec![Act::Write, Act::Compact, Act::Tick, Act::Tick, Act::Go, Act::Go, Act::Go, Act::Break, Act::End, Act::Crash]), 1..120)
    ) {
        let mut model = Model {
            now: 0, writes: Vec::new(), version: 1, forgotten: 0, progress: progress(Known::default()), stream: None,
            stored: Vec::new(), claims: Vec::new(), gaps: Vec::new(), known: Known::default(), within_list: false,
        };
        for act in acts {
            model.act(act);
        }
        for (version, at) in &model.writes {
            let within = |periods: &[(Timestamp, Timestamp)]| periods.iter().any(|(from, to)| from <= at && at < to);
            let claimed = within(&model.claims) && !within(&model.gaps);
            prop_assert!(!claimed || model.stored.contains(version), "{version} was written at {at}, claimed and not stored: {:?} {:?}", model.claims, model.gaps);
        }
        let mut once = model.stored.clone();
        once.dedup();
        prop_assert_eq!(&once, &model.stored, "a resumed watch repeats nothing");
    }
}
