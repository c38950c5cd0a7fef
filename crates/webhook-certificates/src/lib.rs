//! Certificates of the admission webhook that nobody has to issue: an authority is made, it signs the server's certificate, both are renewed in
//! time, and the API server learns of the authority by the `caBundle` of the webhook's configuration.
//!
//! This is the only crate that changes anything in a cluster, and all that it can send is one `GET` and one `PATCH` of one
//! `ValidatingWebhookConfiguration`, whose operations touch the `caBundle` of one of its webhooks and nothing else ([`configuration`];
//! `docs/adr/0009-certificates-of-our-own.md`). Private keys never leave this machine.
//!
//! **No handshake fails while authorities change**, because at every moment the bundle holds the authority of the certificate that is served:
//!
//! | step | served | bundle |
//! |---|---|---|
//! | the old authority nears its end: a new one is made | old | old |
//! | the bundle takes the new one in | old | old, new |
//! | every API server has had time to read it | new | old, new |
//! | the webhook has had time to serve by the new one | new | new |
//!
//! Each step is on disk before the next begins, so that a restart goes on where it was.
//!
//! **Several webhooks** behind one configuration have an authority each, and the bundle holds all of them: whoever looks adds its own, takes away
//! its own old ones and what has expired, and leaves the rest alone.
//!
//! | module | what it is |
//! |---|---|
//! | [`keeper`] | what is due, step by step |
//! | [`timing`] | how long things last |
//! | [`issue`] | making and reading certificates |
//! | [`bundle`] | authorities as the API server reads them |
//! | [`folder`] | what is kept on disk |
//! | [`configuration`] | the one object in the cluster |

pub(crate) mod bundle;
pub mod configuration;
pub mod folder;
pub mod issue;
pub mod keeper;
pub mod timing;

pub use configuration::{ConfigurationError, WebhookConfiguration};
pub use folder::FolderError;
pub use issue::IssueError;
pub use keeper::{Change, Keeper, KeeperError};
pub use timing::Timing;
