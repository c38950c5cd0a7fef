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
    /// The kind is defined; the watch of definitions says so.
    Define,
    /// The kind and all its objects are removed.
    Remove,
    /// What is served is asked for, a moment after the definitions were looked at.
    Ask,
    /// Half a minute goes by.
    Wait,
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
    served: bool,
    /// Since when the watch of definitions misses nothing.
    definitions: Timestamp,
}

fn progress(known: Known) -> Progress {
    Progress::new(
        "c/watch/pods".parse().unwrap(),
        "pods/v1".parse().unwrap(),
        known,
        Duration::ZERO,
        Duration::from_secs(10),
    )
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
                        .unwrap_or_default()
                        .to_owned();
                    self.known.last_seen = Some(self.at());
                    match line["type"].as_str().unwrap() {
                        "NOT_SERVED" => {
                            (self.known.position, self.known.not_served, self.within_list) = (None, true, false);
                        }
                        "LIST_BEGIN" => {
                            (self.known.position, self.known.not_served, self.within_list) = (None, false, true);
                        }
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
                Output::Statement(
                    Statement::Alive { from, to, .. }
                    | Statement::NotServed { from, to, .. }
                    | Statement::Resumed { from, to, .. },
                ) => {
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
            Act::Write if !self.served => {}
            Act::Define => {
                self.served = true;
                let at = self.at();
                self.progress.defined(at);
                self.known.defined_at = Some(at);
            }
            Act::Remove => {
                self.served = false;
                // What is gone with the kind cannot be watched any more.
                self.forgotten = self.version;
                if self.stream.take().is_some() {
                    self.progress.watch_ended(self.at(), true, &mut out);
                    self.store(out);
                }
            }
            Act::Ask => {
                let asked_at = self.at();
                let definitions = Definitions::Since(self.definitions);
                if self.served {
                    self.progress.served(definitions, &mut out);
                } else {
                    self.progress.not_served(asked_at, definitions, &mut out);
                }
                self.store(out);
            }
            Act::Wait => self.now += 30_000_000,
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
            Step::Pause(_) | Step::AwaitService { .. } => {}
            Step::Confirm { .. } => self.progress.confirmed(),
            Step::List { .. } if !self.served => {
                self.progress.list_asked(self.at(), || "l".to_owned());
                self.progress.failed(self.at(), &Failure::NotServed, "not served", &mut out);
                self.store(out);
            }
            Step::Watch { .. } if !self.served => {
                self.progress.failed(self.at(), &Failure::NotServed, "not served", &mut out);
                self.store(out);
            }
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

fn acts(more: &[Act]) -> impl Strategy<Value = Vec<Act>> + use<> {
    let mut acts = vec![
        Act::Write,
        Act::Compact,
        Act::Tick,
        Act::Tick,
        Act::Go,
        Act::Go,
        Act::Go,
        Act::Break,
        Act::End,
        Act::Crash,
    ];
    acts.extend(more);
    prop::collection::vec(prop::sample::select(acts), 1..120)
}

/// The first write that is claimed and was not stored.
fn wrongly_claimed(acts: &[Act], served: bool) -> Option<String> {
    let mut model = Model {
        now: 0,
        writes: Vec::new(),
        version: 1,
        forgotten: 0,
        progress: progress(Known::default()),
        stream: None,
        stored: Vec::new(),
        claims: Vec::new(),
        gaps: Vec::new(),
        known: Known::default(),
        within_list: false,
        served,
        definitions: Timestamp::from_micros(1_700_000_000_000_000).unwrap(),
    };
    for act in acts {
        model.act(*act);
    }
    let mut once = model.stored.clone();
    once.dedup();
    assert_eq!(once, model.stored, "a resumed watch repeats nothing");
    let within = |periods: &[(Timestamp, Timestamp)], at| periods.iter().any(|(from, to)| *from <= at && at < *to);
    let wrong = model.writes.iter().find(|(version, at)| {
        within(&model.claims, *at) && !within(&model.gaps, *at) && !model.stored.contains(version)
    });
    wrong.map(|(version, at)| format!("{version} was written at {at}: {:?} {:?}", model.claims, model.gaps))
}

#[test]
fn a_definition_that_came_and_went_before_a_crash_is_remembered() {
    use Act::{Ask, Crash, Define, Go, Remove, Write};
    assert_eq!(wrongly_claimed(&[Remove, Go, Ask, Define, Write, Remove, Ask, Crash, Go, Ask], false), None);
}

proptest! {
    #[test]
    fn what_is_claimed_and_not_taken_back_was_stored(acts in acts(&[])) {
        prop_assert_eq!(wrongly_claimed(&acts, true), None);
    }

    #[test]
    fn so_it_is_of_kinds_that_come_and_go(
        acts in acts(&[Act::Define, Act::Define, Act::Remove, Act::Ask, Act::Ask, Act::Ask, Act::Wait]), served in any::<bool>(),
    ) {
        prop_assert_eq!(wrongly_claimed(&acts, served), None);
    }
}
