//! What the portal shows now.

use std::sync::{Arc, RwLock};

use records::SourceName;
use reports::{EvidenceMaterial, Report};
use store::StoreReader;

use crate::gather::{self, GatherError};

/// Gives the portal what it shows. Called from threads that may block.
pub trait PortalData: Send + Sync {
    /// The evaluation that is shown; `None` before the first.
    fn report(&self) -> Option<Arc<Report>>;

    /// The entry with this number of a source; `None` when there is none.
    ///
    /// # Errors
    /// [`GatherError`] when the store cannot be read or does not prove the entry.
    fn evidence(&self, source: &SourceName, seq: u64) -> Result<Option<EvidenceMaterial>, GatherError>;
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
}

impl Live {
    /// Shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on shows this evaluation, and evidence from this view of the store.
    pub fn show(&self, report: Report, reader: StoreReader) {
        let shown = Shown { report: Arc::new(report), reader: Arc::new(reader) };
        *self.shown.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(shown);
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
}
