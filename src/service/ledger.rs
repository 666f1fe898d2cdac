//! Reading and verifying the ledger.

use std::sync::Arc;

use super::ServiceError;
use super::labels::ActorLabels;
use super::shared_run::SharedRun;
use crate::id::ChainId;
use crate::ledger::{Fault, Verification};
use crate::store::{EntryFilter, EntryRecord, Page, PageQuery, Store, StoreError};

/// Verifications of the whole chain, one at a time.
type Verifications = SharedRun<Result<Arc<Verdict>, StoreError>>;

/// Number of entries that are read at a time.
const CHUNK: u32 = 1000;

/// Result of verifying a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The id of the current chain.
    pub chain: ChainId,
    /// Number of good entries.
    pub entries: u64,
    /// The first fault, if any.
    pub fault: Option<Fault>,
}

/// Reads every chain from the first one and checks every entry on blocking threads.
async fn verify(store: Arc<dyn Store>) -> Result<Verdict, StoreError> {
    // The head is read first. Entries that are added later are not checked here.
    let head = store.chain_head().await?;
    let mut verification = Verification::default();
    while verification.checked() < head.seq {
        let (chain, seq) = verification.place();
        let entries = store.entries_after(chain, seq, CHUNK).await?;
        if entries.is_empty() {
            break;
        }
        let checking = tokio::task::spawn_blocking(move || check(verification, &entries, head.seq));
        let (checked, fault) = checking.await.map_err(|_| StoreError::Closed)?;
        verification = checked;
        if fault.is_some() {
            return Ok(Verdict { chain: head.chain, entries: verification.checked(), fault });
        }
    }
    let entries = verification.checked();
    let fault = match verification.finish(head) {
        // Rows past the head of this moment may have been added since. A row past the newest head was not.
        Ok(()) => store.past_head().await?.map(|(seq, head)| Fault::PastHead { seq, head }),
        Err(fault) => Some(fault),
    };
    Ok(Verdict { chain: head.chain, entries, fault })
}

/// Checks the `entries` up to `last`, or up to the first fault.
fn check(
    mut verification: Verification,
    entries: &[EntryRecord],
    last: u64,
) -> (Verification, Option<Fault>) {
    let judged = entries.iter().take_while(|entry| entry.seq <= last);
    let fault = judged.map(|entry| verification.check(entry)).find_map(Result::err);
    (verification, fault)
}

/// The use cases of the ledger.
pub struct LedgerBook {
    store: Arc<dyn Store>,
    verifications: Verifications,
}

impl LedgerBook {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, verifications: Verifications::default() }
    }

    /// Returns a page of the entries that match, newest first, with the labels of their actors.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(
        &self,
        filter: EntryFilter,
        page: PageQuery<u64>,
    ) -> Result<(Page<EntryRecord, u64>, ActorLabels), ServiceError> {
        let page = self.store.list_entries(filter, page).await?;
        let labels = labels(self.store.as_ref(), &page.items).await?;
        Ok((page, labels))
    }

    /// Returns an entry between its neighbours, oldest first; at the ends of the ledger there are fewer.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn around(&self, seq: u64) -> Result<(Vec<EntryRecord>, ActorLabels), ServiceError> {
        let head = self.store.chain_head().await?;
        let entries = match seq <= head.seq {
            true => self.after(seq.saturating_sub(2), 3).await?,
            false => Vec::new(),
        };
        let entries = entries.into_iter().filter(|entry| entry.seq.abs_diff(seq) <= 1).collect::<Vec<_>>();
        let labels = labels(self.store.as_ref(), &entries).await?;
        Ok((entries, labels))
    }

    /// Begins an export of the entries that match, up to the newest entry of this moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn export(&self, filter: EntryFilter) -> Result<Export, ServiceError> {
        let head = self.store.chain_head().await?;
        let read = filter.after.unwrap_or(0);
        let chain = self.store.chain_after(read).await?;
        Ok(Export { store: Arc::clone(&self.store), filter, last: head.seq, read: (chain, read) })
    }

    /// Returns the entries after `seq`, whose numbers go on over every chain.
    async fn after(&self, seq: u64, limit: u32) -> Result<Vec<EntryRecord>, StoreError> {
        let chain = self.store.chain_after(seq).await?;
        self.store.entries_after(chain, seq, limit).await
    }

    /// Verifies the whole ledger as it is now. The time grows with the ledger, so concurrent callers share one run.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn verify(&self) -> Result<Arc<Verdict>, ServiceError> {
        let store = Arc::clone(&self.store);
        Ok(self.verifications.share(async { verify(store).await.map(Arc::new) }).await?)
    }
}

async fn labels(store: &dyn Store, entries: &[EntryRecord]) -> Result<ActorLabels, ServiceError> {
    ActorLabels::of(store, entries.iter().map(|entry| entry.origin.actor.as_str())).await
}

/// Entries of every chain, oldest first.
pub struct Export {
    store: Arc<dyn Store>,
    filter: EntryFilter,
    /// Number of the last entry.
    last: u64,
    /// Chain and number of the last entry that was read.
    read: (ChainId, u64),
}

impl Export {
    /// Returns the next entries that match, with the labels of their actors; `None` at the end.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn next(&mut self) -> Result<Option<(Vec<EntryRecord>, ActorLabels)>, ServiceError> {
        while self.read.1 < self.last {
            let (chain, seq) = self.read;
            let mut entries = self.store.entries_after(chain, seq, CHUNK).await?;
            let Some(read) = entries.last().map(|entry| (entry.chain, entry.seq)) else { break };
            self.read = read;
            entries.retain(|entry| entry.seq <= self.last && self.filter.matches(entry));
            if !entries.is_empty() {
                let labels = labels(self.store.as_ref(), &entries).await?;
                return Ok(Some((entries, labels)));
            }
        }
        Ok(None)
    }
}
