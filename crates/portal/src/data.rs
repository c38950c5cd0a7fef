//! What the portal shows now.

use std::sync::{Arc, RwLock};

use controls::Session;
use records::{Period, SourceName, Timestamp};
use reports::access::{
    AccessDifference, AccessQuestion, AccessSummary, CredentialList, SubjectAccess, SubjectList, WhoCan,
};
use reports::network::{Declared, Reach};
use reports::secrets::SecretQuery;
use reports::{
    DecisionFilter, DecisionList, DecisionMaterial, EvidenceMaterial, FlowList, NetworkMaterial, NetworkQuery, Report,
    SecretList, SecretMaterial, SecretsMaterial,
};
use store::StoreReader;

use crate::access::{self, AccessData};
use crate::gather::{self, GatherError};
use crate::{admission, network, secrets};

/// Gives the portal what it shows. Called from threads that may block.
pub trait PortalData: AccessData {
    /// The evaluation that is shown; `None` before the first.
    fn report(&self) -> Option<Arc<Report>>;

    /// The entry with this number of a source; `None` when there is none.
    ///
    /// # Errors
    /// [`GatherError`] when the store cannot be read or does not prove the entry.
    fn evidence(&self, source: &SourceName, seq: u64) -> Result<Option<EvidenceMaterial>, GatherError>;

    /// One page of the decisions that pass a filter, newest first; without times, those of the evaluation's window.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn decisions(&self, filter: DecisionFilter, page: usize, per_page: usize) -> Result<DecisionList, GatherError>;

    /// The decision with this identifier; `None` when there is none.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn decision(&self, id: &str) -> Result<Option<DecisionMaterial>, GatherError>;

    /// What is told of the network of the cluster, and at the instant, that a question names.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn network(&self, query: &NetworkQuery) -> Result<NetworkMaterial, GatherError>;

    /// One page of the flows that a question is about.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn flows(&self, query: NetworkQuery, page: usize, per_page: usize) -> Result<FlowList, GatherError>;

    /// What the workload of a question reaches.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn reach(&self, query: &NetworkQuery) -> Result<Reach, GatherError>;

    /// What is told of the Secrets of the cluster, and at the instant, that a question names.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn secrets(&self, query: &SecretQuery) -> Result<SecretsMaterial, GatherError>;

    /// One page of the Secrets that a question is about.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn secret_list(&self, query: SecretQuery, page: usize, per_page: usize) -> Result<SecretList, GatherError>;

    /// The Secret of a question; `None` when there was none at that time.
    ///
    /// # Errors
    /// [`GatherError`] when the tables cannot be read.
    fn secret(&self, query: &SecretQuery) -> Result<Option<SecretMaterial>, GatherError>;
}

/// The newest evaluation with the view of the store that it was made on; replaced as a whole, so that one page never mixes two.
#[derive(Default)]
pub struct Live {
    shown: RwLock<Option<Shown>>,
}

#[derive(Clone)]
struct Shown {
    report: Arc<Report>,
    reader: Arc<StoreReader>,
    session: Arc<Session>,
}

impl Live {
    /// Shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on shows this evaluation, evidence from this view of the store, and decisions, access, the network and Secrets from these tables, of which those
    /// that are not asked any more are let go.
    pub fn show(&self, report: Report, reader: StoreReader, session: Session) {
        let asked = [&admission::TABLES[..], &access::TABLES, &network::TABLES, &secrets::TABLES].concat();
        let session = Arc::new(session.only(&asked));
        let shown = Shown { report: Arc::new(report), reader: Arc::new(reader), session };
        *self.shown.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(shown);
    }

    fn with_window(&self) -> Option<(Shown, Period)> {
        let shown = self.shown()?;
        let window = shown.report.material().window;
        Some((shown, window))
    }

    fn shown(&self) -> Option<Shown> {
        self.shown.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl PortalData for Live {
    fn report(&self) -> Option<Arc<Report>> {
        self.shown().map(|shown| shown.report)
    }

    fn evidence(&self, source: &SourceName, seq: u64) -> Result<Option<EvidenceMaterial>, GatherError> {
        let Some(shown) = self.shown() else { return Ok(None) };
        match gather::locate(&shown.reader, source, seq)? {
            Some(reference) => gather::evidence(&shown.reader, &reference),
            None => Ok(None),
        }
    }

    fn decisions(&self, filter: DecisionFilter, page: usize, per_page: usize) -> Result<DecisionList, GatherError> {
        let Some(shown) = self.shown() else { return Ok(DecisionList { filter, ..DecisionList::default() }) };
        let window = shown.report.material().window;
        waited_for(admission::decisions(&shown.session, window, filter, page, per_page))
    }

    fn decision(&self, id: &str) -> Result<Option<DecisionMaterial>, GatherError> {
        let Some(shown) = self.shown() else { return Ok(None) };
        waited_for(admission::decision(&shown.session, id))
    }

    fn network(&self, query: &NetworkQuery) -> Result<NetworkMaterial, GatherError> {
        let Some(shown) = self.shown() else {
            return Ok(NetworkMaterial::empty(Vec::new(), String::new(), query.at, Timestamp::MAX));
        };
        let material = shown.report.material();
        let named = |one: &&NetworkMaterial| query.cluster.is_empty() || one.cluster == query.cluster;
        match material.network.iter().find(named) {
            // The end of the window was gathered with the report.
            Some(known) if query.at.is_none() => Ok(known.clone()),
            _ => {
                let declared = Declared::of(&material.controls);
                waited_for(network::network(&shown.session, material.window, &declared, query))
            }
        }
    }

    fn flows(&self, query: NetworkQuery, page: usize, per_page: usize) -> Result<FlowList, GatherError> {
        let Some(shown) = self.shown() else { return Ok(FlowList { query, ..FlowList::default() }) };
        let material = shown.report.material();
        let declared = Declared::of(&material.controls);
        waited_for(network::flows(&shown.session, material.window, &declared, query, page, per_page))
    }

    fn reach(&self, query: &NetworkQuery) -> Result<Reach, GatherError> {
        let Some(shown) = self.shown() else { return Ok(Reach::default()) };
        waited_for(network::reach(&shown.session, shown.report.material().window, query))
    }

    fn secrets(&self, query: &SecretQuery) -> Result<SecretsMaterial, GatherError> {
        let Some(shown) = self.shown() else {
            return Ok(SecretsMaterial::empty(Vec::new(), String::new(), query.at, Timestamp::MAX));
        };
        let material = shown.report.material();
        let named = |one: &&SecretsMaterial| query.cluster.is_empty() || one.cluster == query.cluster;
        let known = material.secrets.iter().find(named);
        match known {
            // The end of the window was gathered with the report.
            Some(known) if query.at.is_none() => Ok(known.clone()),
            known => {
                let mut asked = waited_for(secrets::secrets(&shown.session, material.window, query))?;
                // Reads by people are of the window, whatever the instant.
                if let Some(known) = known {
                    (asked.reads, asked.reads_total) = (known.reads.clone(), known.reads_total);
                }
                Ok(asked)
            }
        }
    }

    fn secret_list(&self, query: SecretQuery, page: usize, per_page: usize) -> Result<SecretList, GatherError> {
        let Some(shown) = self.shown() else { return Ok(SecretList { query, ..SecretList::default() }) };
        waited_for(secrets::list(&shown.session, shown.report.material().window, query, page, per_page))
    }

    fn secret(&self, query: &SecretQuery) -> Result<Option<SecretMaterial>, GatherError> {
        let Some(shown) = self.shown() else { return Ok(None) };
        waited_for(secrets::secret(&shown.session, shown.report.material().window, query))
    }
}

impl AccessData for Live {
    fn access_summary(&self, question: AccessQuestion, most: usize) -> Result<AccessSummary, GatherError> {
        let Some((shown, window)) = self.with_window() else { return Ok(AccessSummary::default()) };
        waited_for(access::summary(&shown.session, window, question, most))
    }

    fn access_subjects(
        &self,
        question: AccessQuestion,
        page: usize,
        per_page: usize,
    ) -> Result<SubjectList, GatherError> {
        let Some((shown, window)) = self.with_window() else { return Ok(SubjectList::default()) };
        waited_for(access::subjects(&shown.session, window, question, (page, per_page)))
    }

    fn access_subject(&self, question: AccessQuestion, most: usize) -> Result<SubjectAccess, GatherError> {
        let Some((shown, window)) = self.with_window() else { return Ok(SubjectAccess::default()) };
        waited_for(access::subject(&shown.session, window, question, most))
    }

    fn access_who_can(&self, question: AccessQuestion, most: usize) -> Result<WhoCan, GatherError> {
        let Some((shown, window)) = self.with_window() else { return Ok(WhoCan::default()) };
        waited_for(access::who_can(&shown.session, window, question, most))
    }

    fn access_difference(&self, question: AccessQuestion) -> Result<AccessDifference, GatherError> {
        let Some((shown, window)) = self.with_window() else { return Ok(AccessDifference::default()) };
        waited_for(access::difference(&shown.session, window, question))
    }

    fn access_credentials(
        &self,
        question: AccessQuestion,
        page: usize,
        per_page: usize,
    ) -> Result<CredentialList, GatherError> {
        let Some((shown, window)) = self.with_window() else { return Ok(CredentialList::default()) };
        let prefix = access::user_prefix(shown.report.material());
        waited_for(access::credentials(&shown.session, window, question, &prefix, (page, per_page)))
    }
}

/// Waits on this thread, which may block, while the runtime's own threads work.
fn waited_for<T>(asked: impl Future<Output = Result<T, GatherError>>) -> Result<T, GatherError> {
    tokio::runtime::Handle::try_current().map_err(|_| GatherError::NoRuntime)?.block_on(asked)
}
