//! Budgets of memory: the bytes that requests hold per connection, per address and in all.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::problem::{Code, Problem};
use super::tls::Peer;
use crate::access::address::site;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Maximum numbers of bytes.
#[derive(Clone, Copy, Debug)]
struct Most {
    connection: usize,
    credential: usize,
    address: usize,
    all: usize,
}

/// The budgets of a server.
pub(super) struct Budgets {
    /// Response bytes that no other response shares.
    pub(super) answers: Budget,
    /// Request bytes of callers without a proven credential.
    pub(super) strangers: Budget,
    /// Request bytes of proven callers, which strangers cannot use up. A connection has room for the largest body.
    pub(super) callers: Budget,
}

impl Budgets {
    pub(super) fn new() -> Self {
        Self {
            answers: Budget::of(
                "answers",
                Most { connection: MIB, credential: 16 * MIB, address: 64 * MIB, all: 256 * MIB },
            ),
            strangers: Budget::of(
                "bodies_of_strangers",
                Most { connection: 256 * KIB, credential: 4 * MIB, address: 4 * MIB, all: 64 * MIB },
            ),
            callers: Budget::of(
                "bodies_of_callers",
                Most { connection: 8 * MIB, credential: 8 * MIB, address: 64 * MIB, all: 256 * MIB },
            ),
        }
    }
}

/// The bytes that requests hold of one kind of memory.
#[derive(Clone)]
pub(super) struct Budget(Arc<BudgetState>);

struct BudgetState {
    name: &'static str,
    most: Most,
    held: Mutex<HeldBytes>,
}

#[derive(Default)]
struct HeldBytes {
    all: usize,
    /// Connections, addresses and credentials that hold bytes. Others have no entry: the maps cannot outgrow the budget.
    by_connection: HashMap<SocketAddr, usize>,
    by_address: HashMap<IpAddr, usize>,
    by_credential: HashMap<u64, usize>,
}

/// The owner of bytes. Behind a trusted proxy the address is the client's, and a connection of the proxy counts for each of
/// its clients separately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payer {
    connection: SocketAddr,
    address: IpAddr,
    /// The digest of a proven credential; `None` for a stranger.
    credential: Option<u64>,
}

impl Payer {
    pub(super) fn of(peer: &Peer) -> Self {
        let connection = SocketAddr::new(peer.client, peer.address.port());
        Self { connection, address: site(peer.client), credential: None }
    }

    /// The same with the credential of this actor. An actor without an id has its secret instead.
    pub(super) fn with_credential(self, credential: impl Hash) -> Self {
        static DIGEST: OnceLock<RandomState> = OnceLock::new();
        let digest = DIGEST.get_or_init(RandomState::new).hash_one(credential);
        Self { credential: Some(digest), ..self }
    }
}

/// The budget has no room for more bytes of this connection, of this address, or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overloaded;

impl From<Overloaded> for Problem {
    fn from(Overloaded: Overloaded) -> Self {
        let detail =
            "requests hold as much memory as they may, and nothing was done: try again after Retry-After";
        Self::of(Code::Overloaded, detail).retry_after(1)
    }
}

impl Budget {
    fn of(name: &'static str, most: Most) -> Self {
        Self(Arc::new(BudgetState { name, most, held: Mutex::default() }))
    }

    /// The bytes of one request, none yet.
    pub(super) fn hold(&self, payer: Payer) -> Held {
        Held { budget: self.clone(), payer, bytes: 0 }
    }

    /// Counts a request without memory.
    fn overloaded(&self) -> Overloaded {
        metrics::counter!("gatepass_overloaded_total", "budget" => self.0.name).increment(1);
        Overloaded
    }

    /// Number of bytes that all requests hold.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.0.held.lock().all
    }
}

/// Bytes that a request holds, returned when this is dropped.
pub(super) struct Held {
    budget: Budget,
    payer: Payer,
    bytes: usize,
}

impl Held {
    /// Takes `more` bytes if the budget has them.
    ///
    /// # Errors
    /// [`Overloaded`]: the bytes held before stay.
    pub(super) fn take(&mut self, more: usize) -> Result<(), Overloaded> {
        if self.has_taken(more) { Ok(()) } else { Err(self.budget.overloaded()) }
    }

    fn has_taken(&mut self, more: usize) -> bool {
        let BudgetState { most, held, .. } = &*self.budget.0;
        let mut held = held.lock();
        let has_room = held.has_room(self.payer, self.bytes, more, most);
        if has_room {
            held.add(self.payer, more);
            self.bytes += more;
        }
        has_room
    }

    /// Sets the number of bytes if the budget has them.
    ///
    /// # Errors
    /// [`Overloaded`]: it has not.
    pub(super) fn fit(&mut self, bytes: usize) -> Result<(), Overloaded> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.take(more),
            None => {
                self.set(bytes);
                Ok(())
            }
        }
    }

    /// Takes `more` bytes when other requests return them, within `patience`.
    ///
    /// # Errors
    /// [`Overloaded`]: they have not in that time.
    pub(super) async fn wait_for(&mut self, more: usize, patience: Duration) -> Result<(), Overloaded> {
        const PAUSE: Duration = Duration::from_millis(20);
        let until = Instant::now() + patience;
        while !self.has_taken(more) {
            if Instant::now() >= until {
                return Err(self.budget.overloaded());
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Sets the number of bytes, within the budget or not: they are in memory already.
    pub(super) fn set(&mut self, bytes: usize) {
        if bytes != self.bytes {
            let mut held = self.budget.0.held.lock();
            held.give_back(self.payer, self.bytes);
            held.add(self.payer, bytes);
            self.bytes = bytes;
        }
    }

    /// `bytes`, which return this when the last copy of them is dropped.
    pub(super) fn keep(self, bytes: impl AsRef<[u8]> + Send + 'static) -> Bytes {
        Bytes::from_owner(Kept { bytes, _held: self })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.0.held.lock().give_back(self.payer, self.bytes);
        }
    }
}

impl HeldBytes {
    /// Returns true if a request that holds `own` bytes may take `more`. The limit of the connection is for several
    /// requests: one alone would find no other moment for a large answer.
    fn has_room(&self, payer: Payer, own: usize, more: usize, most: &Most) -> bool {
        let connection = self.by_connection.get(&payer.connection).filter(|held| **held > own);
        let address = self.by_address.get(&payer.address);
        let credential = payer.credential.and_then(|credential| self.by_credential.get(&credential));
        let held = [
            (connection, most.connection),
            (credential, most.credential),
            (address, most.address),
            (Some(&self.all), most.all),
        ];
        held.into_iter().all(|(held, most)| held.is_none_or(|held| held + more <= most))
    }

    fn add(&mut self, payer: Payer, bytes: usize) {
        if bytes > 0 {
            self.all += bytes;
            *self.by_connection.entry(payer.connection).or_default() += bytes;
            *self.by_address.entry(payer.address).or_default() += bytes;
            if let Some(credential) = payer.credential {
                *self.by_credential.entry(credential).or_default() += bytes;
            }
        }
    }

    fn give_back(&mut self, payer: Payer, bytes: usize) {
        self.all -= bytes;
        give_back(&mut self.by_connection, payer.connection, bytes);
        give_back(&mut self.by_address, payer.address, bytes);
        if let Some(credential) = payer.credential {
            give_back(&mut self.by_credential, credential, bytes);
        }
    }
}

fn give_back<K: Eq + Hash>(held: &mut HashMap<K, usize>, key: K, bytes: usize) {
    if let Some(count) = held.get_mut(&key) {
        *count = count.saturating_sub(bytes);
        if *count == 0 {
            held.remove(&key);
        }
    }
}

/// Bytes and their share of a budget.
struct Kept<B> {
    bytes: B,
    _held: Held,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Kept<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payer(port: u16, address: u8) -> Payer {
        let connection = SocketAddr::from(([192, 0, 2, 1], port));
        Payer { connection, address: [192, 0, 2, address].into(), credential: None }
    }

    fn budget() -> Budget {
        Budget::of("test", Most { connection: 10, credential: 12, address: 15, all: 20 })
    }

    #[test]
    fn each_level_has_its_own_limit() {
        let budget = budget();
        let hold = |port, address, bytes| {
            let mut held = budget.hold(payer(port, address));
            held.take(bytes).map(|()| held)
        };
        let first = hold(1, 1, 10).ok();
        assert!(hold(1, 1, 1).is_err(), "the connection");
        let _second = hold(2, 1, 5).unwrap();
        assert!(hold(3, 1, 1).is_err(), "the address");
        let _third = hold(4, 2, 5).unwrap();
        assert!(hold(5, 3, 1).is_err(), "all");
        drop(first);
        assert!(hold(1, 1, 10).is_ok());
    }

    #[test]
    fn a_request_alone_may_exceed_the_connection() {
        let budget = budget();
        let mut alone = budget.hold(payer(1, 1));
        assert_eq!((alone.take(8), alone.fit(14)), (Ok(()), Ok(())));
        assert!(budget.hold(payer(1, 2)).take(1).is_err());
        assert!(alone.fit(21).is_err(), "all");
    }

    #[test]
    fn a_credential_has_its_own_limit() {
        let budget = budget();
        let mut first = budget.hold(payer(1, 1).with_credential("token:a"));
        first.take(8).unwrap();
        assert!(budget.hold(payer(2, 2).with_credential("token:a")).take(5).is_err());
        assert!(budget.hold(payer(2, 2).with_credential("token:b")).take(5).is_ok());
        drop(first);
        assert!(budget.0.held.lock().by_credential.is_empty());
    }

    #[test]
    fn returned_bytes_leave_no_entry() {
        let budget = budget();
        let mut held = budget.hold(payer(1, 1));
        held.take(4).unwrap();
        held.set(40);
        assert!(budget.hold(payer(2, 2)).take(1).is_err(), "bytes in memory count");
        let kept = held.keep(vec![0; 40]);
        let copy = kept.slice(1..);
        drop(kept);
        assert_eq!(budget.held(), 40);
        drop(copy);
        let held = budget.0.held.lock();
        assert!(held.all == 0 && held.by_connection.is_empty() && held.by_address.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_returned_bytes() {
        let budget = budget();
        let mut first = budget.hold(payer(1, 1));
        first.take(10).unwrap();
        let mut second = budget.hold(payer(1, 1));
        let patience = Duration::from_secs(2);
        assert_eq!(second.wait_for(1, patience).await, Err(Overloaded));
        let waiting = tokio::spawn(async move { second.wait_for(1, patience).await });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }
}
