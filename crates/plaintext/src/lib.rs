//! Credentials in plain text: in files, in objects of Kubernetes, in logs. What is reported of one is its kind, its place and a keyed
//! digest of its value; never the value.
//!
//! ```
//! let key = plaintext::Key::new([7; 32]);
//! let manifest = "kind: Pod\nspec:\n  containers:\n    - env:\n        - name: DB_PASSWORD\n          value: tr0ub4dor\n";
//! let findings = plaintext::Detector::standard().file("pod.yaml", manifest.as_bytes(), Some(&key));
//! assert_eq!(findings.found[0].path, "spec.containers[0].env[0].value");
//! assert_eq!((findings.found[0].line, &*findings.found[0].kind), (6, "named-password"));
//! ```
//!
//! Pure: no I/O, no clock; time linear in the input, depth and sizes of all decoding bounded. [`Detector`] is where to begin.
//!
//! | module | what it is |
//! |---|---|
//! | `detector` | what can be asked |
//! | [`rules`] | rules as data, in the form of gitleaks; our own are embedded |
//! | `given` | rules that somebody gives, beside our own or instead of them |
//! | `anchors` | the words that all credentials stand beside, searched for first |
//! | `name`, `value` | what a name announces, and whether a text can be what it announces |
//! | `assign`, `text`, `known` | text without structure: names with values beside them, matches of rules |
//! | `tree`, `walk` | structure: JSON and YAML, pairs of names and values, arguments, Secrets, what is encoded within |
//! | `decode` | base64 and gzip within bounds |
//! | `finding`, `digest` | what is reported |
//! | `hide` | lines without the values that were found in them |

mod anchors;
mod assign;
mod decode;
mod detector;
mod digest;
mod finding;
mod form;
mod given;
mod hide;
mod known;
mod name;
pub mod rules;
mod text;
mod tree;
mod value;
mod walk;

pub use decode::DECODED_BYTES;
pub use detector::Detector;
pub use digest::{Digest, Key};
pub use finding::{Finding, Findings, MOST_FINDINGS, Span};
pub use given::{GivenRules, GivenRulesError, LeftOut, RuleFile, Search};
pub use hide::Hidden;
pub use rules::{RuleError, RuleSet};
