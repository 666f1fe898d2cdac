//! What is revoked, in memory: read without I/O by every check, changed only after the commit that changed it.

mod bitmap;
mod pending;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use self::bitmap::Bitmap;
use self::pending::Pending;
pub use self::pending::{ListChange, Taken};
use crate::id::{HostId, ListId, Serial, StatusRef};
use crate::token::{Status, StatusList};

/// Bytes of a page: 1024 entries of two bits.
pub(super) const PAGE_BYTES: usize = 256;
const ENTRIES_PER_PAGE: u32 = 1024;

/// The page, the byte in it and the shift in that that hold an entry's two bits.
pub(super) const fn place(index: u32) -> (u32, usize, u32) {
    let within = index % ENTRIES_PER_PAGE;
    (index / ENTRIES_PER_PAGE, (within / 4) as usize, within % 4 * 2)
}

/// One thing that a commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A list was opened.
    ListOpened(ListId),
    /// A list was dropped: its tokens read as revoked from now on.
    ListDropped(ListId),
    /// A token's status changed.
    Status(StatusRef, Status),
    /// A host was revoked.
    HostRevoked(HostId),
    /// A revoked host was collected.
    HostCollected(HostId),
    /// A certificate was revoked.
    CertificateRevoked(Serial),
    /// A revoked certificate has expired and was collected.
    CertificateCollected(Serial),
}

/// The bitmaps of the status lists, the revoked hosts and the revoked certificates.
pub struct Revocations {
    lists: ArcSwap<HashMap<ListId, Arc<Bitmap>>>,
    hosts: RwLock<HashSet<HostId>>,
    certificates: RwLock<HashSet<Serial>>,
    revoked_tokens: AtomicU64,
    changes: watch::Sender<u64>,
    status_changes: watch::Sender<u64>,
    pending: Pending,
}

impl Default for Revocations {
    fn default() -> Self {
        Self {
            lists: ArcSwap::from_pointee(HashMap::new()),
            hosts: RwLock::default(),
            certificates: RwLock::default(),
            revoked_tokens: AtomicU64::new(0),
            changes: watch::Sender::new(0),
            status_changes: watch::Sender::new(0),
            pending: Pending::default(),
        }
    }
}

impl Revocations {
    /// Where a token stands. A list that is not known, or was dropped, reads as revoked: unknown never means good.
    pub fn status(&self, status: StatusRef) -> Status {
        match self.lists.load().get(&status.list) {
            Some(list) => list.status(status.index),
            None => Status::Revoked,
        }
    }

    /// True if the host is revoked.
    pub fn host_revoked(&self, host: HostId) -> bool {
        self.hosts.read().unwrap_or_else(PoisonError::into_inner).contains(&host)
    }

    /// True if the certificate is revoked.
    pub fn certificate_revoked(&self, serial: Serial) -> bool {
        self.certificates.read().unwrap_or_else(PoisonError::into_inner).contains(&serial)
    }

    /// How many tokens the lists say are revoked.
    pub fn revoked_tokens(&self) -> u64 {
        self.revoked_tokens.load(Ordering::Relaxed)
    }

    /// How many certificates are revoked.
    pub fn revoked_certificates(&self) -> usize {
        self.certificates.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A counter that moves whenever certificates were revoked: a new CRL is due.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A counter that moves whenever a status list changed: it is to be published anew.
    pub fn status_changes(&self) -> watch::Receiver<u64> {
        self.status_changes.subscribe()
    }

    /// The lists there are, oldest first.
    pub fn lists(&self) -> Vec<ListId> {
        let mut lists = self.lists.load().keys().copied().collect::<Vec<_>>();
        lists.sort_unstable();
        lists
    }

    /// The statuses of a list, as they are now; `None` if there is no such list.
    pub fn list(&self, list: ListId) -> Option<StatusList> {
        let bitmap = self.lists.load().get(&list).map(Arc::clone)?;
        Some(bitmap.to_list())
    }

    /// What changed of the lists since this was last asked: for the one who publishes them. A list that is read afterwards
    /// has all of it.
    pub fn take_changes(&self) -> Taken {
        self.pending.take()
    }

    /// Takes in what one commit changed.
    pub(super) fn apply(&self, changes: &[Change]) {
        let (mut certificates, mut statuses) = (false, false);
        for change in changes {
            match *change {
                Change::CertificateRevoked(_) | Change::HostRevoked(_) => certificates = true,
                Change::Status(..) | Change::ListOpened(_) | Change::ListDropped(_) => statuses = true,
                Change::HostCollected(_) | Change::CertificateCollected(_) => {}
            }
            self.apply_one(change);
        }
        if certificates {
            self.changes.send_modify(|version| *version += 1);
        }
        if statuses {
            self.status_changes.send_modify(|version| *version += 1);
        }
    }

    fn apply_one(&self, change: &Change) {
        let hosts = || self.hosts.write().unwrap_or_else(PoisonError::into_inner);
        let certificates = || self.certificates.write().unwrap_or_else(PoisonError::into_inner);
        match *change {
            Change::ListOpened(list) => {
                self.change_lists(|lists| {
                    lists.entry(list).or_default();
                });
                self.pending.note(ListChange::Opened(list));
            }
            Change::ListDropped(list) => {
                self.drop_list(list);
                self.pending.note(ListChange::Dropped(list));
            }
            Change::Status(status, value) => self.set(status, value),
            Change::HostRevoked(host) => {
                hosts().insert(host);
            }
            Change::HostCollected(host) => {
                hosts().remove(&host);
            }
            Change::CertificateRevoked(serial) => {
                certificates().insert(serial);
            }
            Change::CertificateCollected(serial) => {
                certificates().remove(&serial);
            }
        }
    }

    /// Takes in a stored page, at start.
    pub(super) fn load_page(&self, list: ListId, page: u32, bits: &[u8; PAGE_BYTES]) {
        if let Some(bitmap) = self.lists.load().get(&list) {
            self.revoked_tokens.fetch_add(bitmap.load_page(page, bits), Ordering::Relaxed);
        }
    }

    fn set(&self, status: StatusRef, value: Status) {
        let Some(before) = self.lists.load().get(&status.list).map(|list| list.set(status.index, value))
        else {
            return;
        };
        if before == value {
            return;
        }
        self.pending.note(ListChange::Status(status, value));
        match (before == Status::Revoked, value == Status::Revoked) {
            (false, true) => self.revoked_tokens.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.revoked_tokens.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
    }

    fn drop_list(&self, list: ListId) {
        let gone = self.lists.load().get(&list).map_or(0, |bitmap| bitmap.count_revoked());
        self.change_lists(|lists| drop(lists.remove(&list)));
        self.revoked_tokens.fetch_sub(gone, Ordering::Relaxed);
    }

    /// There is one writer, so that a copy may be changed and put in place.
    fn change_lists(&self, change: impl FnOnce(&mut HashMap<ListId, Arc<Bitmap>>)) {
        let mut lists = HashMap::clone(&self.lists.load());
        change(&mut lists);
        self.lists.store(Arc::new(lists));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn list() -> ListId {
        ListId::generate(Timestamp::from_secs(1_900_000_000))
    }

    #[test]
    fn a_list_that_is_not_known_reads_as_revoked() {
        let revocations = Revocations::default();
        let list = list();
        let status = StatusRef { list, index: 7 };
        assert_eq!(revocations.status(status), Status::Revoked);
        revocations.apply(&[Change::ListOpened(list)]);
        assert_eq!(revocations.status(status), Status::Valid);
        assert_eq!(revocations.status(StatusRef { list, index: 1 << 20 }), Status::Revoked);
        revocations.apply(&[Change::Status(status, Status::Revoked), Change::ListDropped(list)]);
        assert_eq!((revocations.status(status), revocations.revoked_tokens()), (Status::Revoked, 0));
    }

    #[test]
    fn neighbours_keep_their_bits() {
        let revocations = Revocations::default();
        let list = list();
        let at = |index| StatusRef { list, index };
        revocations.apply(&[
            Change::ListOpened(list),
            Change::Status(at(1024), Status::Revoked),
            Change::Status(at(1025), Status::UsedUp),
            Change::Status(at(1026), Status::Suspended),
            Change::Status(at((1 << 20) - 1), Status::Revoked),
        ]);
        let found: Vec<_> = (1023..1028).map(|index| revocations.status(at(index))).collect();
        let expected = [Status::Valid, Status::Revoked, Status::UsedUp, Status::Suspended, Status::Valid];
        assert_eq!(found, expected);
        assert_eq!(revocations.revoked_tokens(), 2);
        revocations.apply(&[Change::Status(at(1025), Status::Revoked)]);
        assert_eq!(revocations.revoked_tokens(), 3);
    }

    #[test]
    fn a_stored_page_is_counted_as_it_is_loaded() {
        let revocations = Revocations::default();
        let list = list();
        revocations.apply(&[Change::ListOpened(list)]);
        let mut bits = [0; PAGE_BYTES];
        bits[0] = 0b01_11_10_01;
        revocations.load_page(list, 2, &bits);
        assert_eq!(revocations.revoked_tokens(), 2);
        assert_eq!(revocations.status(StatusRef { list, index: 2048 }), Status::Revoked);
        assert_eq!(revocations.status(StatusRef { list, index: 2049 }), Status::Suspended);
        assert_eq!(revocations.status(StatusRef { list, index: 2050 }), Status::UsedUp);
    }

    #[test]
    fn a_whole_list_and_its_changes_are_given_to_the_publisher() {
        let revocations = Revocations::default();
        let list = list();
        let at = |index| StatusRef { list, index };
        let elsewhere = StatusRef { list: ListId::generate(Timestamp::from_secs(1)), index: 3 };
        revocations.apply(&[
            Change::ListOpened(list),
            Change::Status(at(5000), Status::UsedUp),
            Change::Status(at(5000), Status::UsedUp),
            Change::Status(elsewhere, Status::Revoked),
        ]);
        assert_eq!((revocations.lists(), revocations.list(elsewhere.list)), (vec![list], None));
        let whole = revocations.list(list).unwrap();
        let found = [4999, 5000, 5001].map(|index| whole.get(index).unwrap());
        assert_eq!(found, [Status::Valid, Status::UsedUp, Status::Valid]);
        let changes = vec![ListChange::Opened(list), ListChange::Status(at(5000), Status::UsedUp)];
        assert_eq!(revocations.take_changes(), Taken { changes, overflowed: false });
        revocations.apply(&[Change::ListDropped(list)]);
        assert_eq!(revocations.take_changes().changes, [ListChange::Dropped(list)]);
        assert_eq!(revocations.list(list), None);
    }

    #[test]
    fn a_new_crl_is_due_only_when_certificates_were_revoked() {
        let revocations = Revocations::default();
        let (crl, lists) = (revocations.changes(), revocations.status_changes());
        let list = list();
        revocations.apply(&[Change::ListOpened(list)]);
        revocations.apply(&[Change::Status(StatusRef { list, index: 0 }, Status::UsedUp)]);
        assert!(!crl.has_changed().unwrap() && lists.has_changed().unwrap());
        let serial = Serial::generate();
        revocations.apply(&[Change::CertificateRevoked(serial)]);
        assert!(crl.has_changed().unwrap());
        assert!(revocations.certificate_revoked(serial));
        revocations.apply(&[Change::CertificateCollected(serial)]);
        assert_eq!(revocations.revoked_certificates(), 0);
    }
}
