//! Revocations in memory. Every check reads them without I/O. They change only after the commit of the change.

mod bitmap;
mod log;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::RwLock;
use tokio::sync::watch;

use self::bitmap::Bitmap;
pub use self::log::{ChangeLog, StatusChange};
use crate::id::{HostId, ListId, Serial, StatusRef};
use crate::token::{Status, StatusList};

/// Size of a page in bytes: 1024 entries of two bits.
pub const PAGE_BYTES: usize = 256;
const ENTRIES_PER_PAGE: u32 = 1024;

/// The position of an entry's two bits: page, byte in the page, shift in the byte.
pub(super) const fn place(index: u32) -> (u32, usize, u32) {
    let within = index % ENTRIES_PER_PAGE;
    (index / ENTRIES_PER_PAGE, (within / 4) as usize, within % 4 * 2)
}

/// One change of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A list was opened.
    ListOpened(ListId),
    /// A list was dropped. From now on its tokens read as revoked.
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

/// The revocations in the database.
#[derive(Default)]
pub struct StoredRevocations {
    /// Every status list.
    pub lists: Vec<ListId>,
    /// Their pages that are not all zero: list, number of the page, entries of two bits.
    pub pages: Vec<(ListId, u32, [u8; PAGE_BYTES])>,
    /// Revoked hosts.
    pub hosts: Vec<HostId>,
    /// Serial numbers of revoked certificates that have not been collected.
    pub certificates: Vec<Serial>,
}

/// The bitmaps of the status lists, the revoked hosts and the revoked certificates.
#[derive(Default)]
pub struct Revocations {
    lists: ArcSwap<HashMap<ListId, Arc<Bitmap>>>,
    hosts: RwLock<HashSet<HostId>>,
    certificates: RwLock<HashSet<Serial>>,
    revoked_tokens: AtomicU64,
    changes: watch::Sender<u64>,
    status_changes: watch::Sender<u64>,
    log: ChangeLog,
}

impl Revocations {
    /// The status of a token. An unknown or dropped list reads as revoked.
    pub fn status(&self, status: StatusRef) -> Status {
        match self.lists.load().get(&status.list) {
            Some(list) => list.status(status.index),
            None => Status::Revoked,
        }
    }

    /// Returns true if the host is revoked.
    pub fn host_revoked(&self, host: HostId) -> bool {
        self.hosts.read().contains(&host)
    }

    /// Returns true if the certificate is revoked.
    pub fn certificate_revoked(&self, serial: Serial) -> bool {
        self.certificates.read().contains(&serial)
    }

    /// The number of revoked tokens on all lists.
    pub fn revoked_tokens(&self) -> u64 {
        self.revoked_tokens.load(Ordering::Relaxed)
    }

    /// The number of revoked certificates that have not expired.
    pub fn revoked_certificates(&self) -> usize {
        self.certificates.read().len()
    }

    /// A counter that moves whenever certificates were revoked: a new CRL is due.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// A counter that moves whenever a status list changed: the lists have to be signed again.
    pub fn status_changes(&self) -> watch::Receiver<u64> {
        self.status_changes.subscribe()
    }

    /// Every list, oldest first.
    pub fn lists(&self) -> Vec<ListId> {
        let mut lists = self.lists.load().keys().copied().collect::<Vec<_>>();
        lists.sort_unstable();
        lists
    }

    /// A copy of the list; `None` if the list is unknown.
    pub fn list(&self, list: ListId) -> Option<StatusList> {
        let bitmap = self.lists.load().get(&list).map(Arc::clone)?;
        Some(bitmap.to_list())
    }

    /// The recent status changes. A list that is read after the log contains every change in it.
    pub const fn log(&self) -> &ChangeLog {
        &self.log
    }

    /// Applies the changes of one commit.
    pub(super) fn apply(&self, changes: &[Change]) {
        changes.iter().for_each(|change| self.apply_one(change));
        if changes
            .iter()
            .any(|change| matches!(change, Change::CertificateRevoked(_) | Change::HostRevoked(_)))
        {
            self.changes.send_modify(|version| *version += 1);
        }
        let of_a_list = |change: &Change| {
            matches!(change, Change::Status(..) | Change::ListOpened(_) | Change::ListDropped(_))
        };
        if changes.iter().any(of_a_list) {
            self.status_changes.send_modify(|version| *version += 1);
        }
    }

    fn apply_one(&self, change: &Change) {
        match *change {
            Change::ListOpened(list) => self.change_lists(|lists| _ = lists.entry(list).or_default()),
            Change::ListDropped(list) => self.drop_list(list),
            Change::Status(status, value) => self.set(status, value),
            Change::HostRevoked(host) => _ = self.hosts.write().insert(host),
            Change::HostCollected(host) => _ = self.hosts.write().remove(&host),
            Change::CertificateRevoked(serial) => _ = self.certificates.write().insert(serial),
            Change::CertificateCollected(serial) => _ = self.certificates.write().remove(&serial),
        }
    }

    /// The revocations in the database, at start.
    pub(super) fn load(stored: StoredRevocations) -> Self {
        let revocations = Self::default();
        revocations.replace(stored);
        revocations
    }

    /// Replaces everything by the content of the database, after another node changed it. Only the writer may call this.
    ///
    /// It is unknown which statuses differ: the publisher signs every list, and subscribers get `reset`.
    pub fn reload(&self, stored: StoredRevocations) {
        self.replace(stored);
        self.log.forget();
        self.changes.send_modify(|version| *version += 1);
        self.status_changes.send_modify(|version| *version += 1);
    }

    fn replace(&self, stored: StoredRevocations) {
        let StoredRevocations { lists, pages, hosts, certificates } = stored;
        let lists =
            lists.into_iter().map(|list| (list, Arc::new(Bitmap::default()))).collect::<HashMap<_, _>>();
        let known = |(list, page, bits): (ListId, u32, _)| Some(lists.get(&list)?.load_page(page, &bits));
        let revoked = pages.into_iter().filter_map(known).sum();
        self.lists.store(Arc::new(lists));
        self.revoked_tokens.store(revoked, Ordering::Relaxed);
        *self.hosts.write() = hosts.into_iter().collect();
        *self.certificates.write() = certificates.into_iter().collect();
    }

    fn set(&self, status: StatusRef, value: Status) {
        let Some(before) = self.lists.load().get(&status.list).map(|list| list.set(status.index, value))
        else {
            return;
        };
        if before == value {
            return;
        }
        self.log.push(StatusChange { token: status, status: value });
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

    /// Changes a copy and swaps it in: there is only one writer.
    fn change_lists(&self, change: impl FnOnce(&mut HashMap<ListId, Arc<Bitmap>>)) {
        let mut lists = HashMap::clone(&self.lists.load());
        change(&mut lists);
        self.lists.store(Arc::new(lists));
    }
}

/// Revocations that hold these lists and nothing else.
#[cfg(test)]
pub(crate) fn with_lists(lists: &[ListId]) -> Revocations {
    let revocations = Revocations::default();
    let opened = lists.iter().map(|list| Change::ListOpened(*list)).collect::<Vec<_>>();
    revocations.apply(&opened);
    revocations
}

#[cfg(test)]
impl Revocations {
    /// Revokes a token in memory alone.
    pub(crate) fn revoke(&self, token: StatusRef) {
        self.apply(&[Change::Status(token, Status::Revoked)]);
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
    fn an_unknown_list_reads_as_revoked() {
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
    fn a_reload_replaces_everything() {
        let revocations = Revocations::default();
        let (list, dropped, host) =
            (list(), ListId::generate(Timestamp::from_secs(1)), HostId::generate(Timestamp::from_secs(1)));
        let at = |index| StatusRef { list, index };
        revocations.apply(&[
            Change::ListOpened(dropped),
            Change::ListOpened(list),
            Change::Status(at(9), Status::Revoked),
            Change::HostRevoked(host),
        ]);
        let (end, changed) = (revocations.log().end(), revocations.status_changes());
        let mut bits = [0; PAGE_BYTES];
        bits[0] = 0b01_11_10_01;
        let serial = Serial::generate();
        let pages = vec![(list, 2, bits)];
        revocations.reload(StoredRevocations {
            lists: vec![list],
            pages,
            hosts: Vec::new(),
            certificates: vec![serial],
        });
        let found = [9, 2048, 2049, 2050].map(|index| revocations.status(at(index)));
        assert_eq!(found, [Status::Valid, Status::Revoked, Status::Suspended, Status::UsedUp]);
        assert_eq!((revocations.revoked_tokens(), revocations.lists()), (2, vec![list]));
        assert!(revocations.certificate_revoked(serial) && !revocations.host_revoked(host));
        assert_eq!(revocations.log().between(end, revocations.log().end()), None);
        assert!(changed.has_changed().unwrap());
    }

    #[test]
    fn the_publisher_reads_a_list_and_its_changes() {
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
        let change = StatusChange { token: at(5000), status: Status::UsedUp };
        assert_eq!(revocations.log().between(0, 1), Some(vec![change]));
        revocations.apply(&[Change::ListDropped(list)]);
        assert_eq!(revocations.log().end(), 1);
        assert_eq!(revocations.list(list), None);
    }

    #[test]
    fn only_a_revoked_certificate_makes_a_crl_due() {
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
