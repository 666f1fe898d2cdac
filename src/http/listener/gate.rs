//! The caps of connections, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::access::address::site;

/// Counts open connections and rejects those over a cap. It never waits.
#[derive(Clone)]
pub(super) struct Gate(Arc<GateState>);

struct GateState {
    most: usize,
    most_per_address: usize,
    open: Mutex<OpenConnections>,
}

#[derive(Default)]
struct OpenConnections {
    all: usize,
    /// Connections whose client is not known yet.
    awaited: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The permit of one connection, returned when it is dropped.
pub(super) struct Permit {
    gate: Gate,
    quota: Quota,
}

/// The counter of a connection, besides the one of all connections.
#[derive(Clone, Copy)]
enum Quota {
    /// The counter of connections whose client is not known yet.
    Awaited,
    /// The counter of this address.
    Of(IpAddr),
}

impl Gate {
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self(Arc::new(GateState { most, most_per_address, open: Mutex::default() }))
    }

    /// A permit for a connection from `address`, or `None` at a cap.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Permit> {
        let mut open = self.open();
        if open.all >= self.0.most {
            return refuse("all");
        }
        let quota = open.take_address(address, self.0.most_per_address)?;
        Some(self.permit(open, quota))
    }

    /// A permit for a connection whose client is not known yet. Silent connections must not take all permits, and the
    /// balancer's own address must not be a cap for all its clients.
    pub(super) fn admit_awaited(&self) -> Option<Permit> {
        let mut open = self.open();
        if open.all >= self.0.most {
            return refuse("all");
        }
        if open.awaited >= (self.0.most / 2).max(1) {
            return refuse("awaited");
        }
        open.awaited += 1;
        Some(self.permit(open, Quota::Awaited))
    }

    fn permit(&self, mut open: MutexGuard<'_, OpenConnections>, quota: Quota) -> Permit {
        open.all += 1;
        drop(open);
        metrics::gauge!("gatepass_connections").increment(1);
        Permit { gate: self.clone(), quota }
    }

    fn open(&self) -> MutexGuard<'_, OpenConnections> {
        self.0.open.lock()
    }
}

impl OpenConnections {
    /// A permit among those of `address`, or `None` at its cap.
    fn take_address(&mut self, address: IpAddr, most: usize) -> Option<Quota> {
        let address = site(address);
        let count = self.by_address.get(&address).copied().unwrap_or(0);
        if count >= most {
            return refuse("address");
        }
        self.by_address.insert(address, count + 1);
        Some(Quota::Of(address))
    }

    fn give_back(&mut self, quota: Quota) {
        match quota {
            Quota::Awaited => self.awaited -= 1,
            // An address without connections has no entry: the map cannot grow past the cap.
            Quota::Of(address) => {
                if let Some(count) = self.by_address.get_mut(&address) {
                    *count -= 1;
                    if *count == 0 {
                        self.by_address.remove(&address);
                    }
                }
            }
        }
    }
}

impl Permit {
    /// Returns true while the client of this connection is not known.
    pub(super) const fn is_awaited(&self) -> bool {
        matches!(self.quota, Quota::Awaited)
    }

    /// Counts the connection for `address`. `false` at its cap: then the connection must be closed.
    pub(super) fn is_of(&mut self, address: IpAddr) -> bool {
        let mut open = self.gate.open();
        let Some(quota) = open.take_address(address, self.gate.0.most_per_address) else { return false };
        open.give_back(std::mem::replace(&mut self.quota, quota));
        true
    }
}

fn refuse<T>(cap: &'static str) -> Option<T> {
    metrics::counter!("gatepass_connections_refused_total", "cap" => cap).increment(1);
    None
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.gate.open();
        open.all -= 1;
        open.give_back(self.quota);
        drop(open);
        metrics::gauge!("gatepass_connections").decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_full_house_refuses_until_someone_leaves() {
        let gate = Gate::new(2, 2);
        let first = gate.admit(address("192.0.2.1")).unwrap();
        let _second = gate.admit(address("192.0.2.2")).unwrap();
        assert!(gate.admit(address("192.0.2.3")).is_none());
        drop(first);
        assert!(gate.admit(address("192.0.2.3")).is_some());
    }

    #[test]
    fn one_address_cannot_take_the_room_of_others() {
        let gate = Gate::new(10, 1);
        let held = gate.admit(address("192.0.2.1")).unwrap();
        assert!(gate.admit(address("::ffff:192.0.2.1")).is_none());
        assert!(gate.admit(address("192.0.2.2")).is_some());
        drop(held);
        assert!(gate.admit(address("192.0.2.1")).is_some());
    }

    #[test]
    fn the_addresses_of_one_ipv6_subscriber_count_as_one() {
        let gate = Gate::new(10, 1);
        let _held = gate.admit(address("2001:db8:1:2::1")).unwrap();
        assert!(gate.admit(address("2001:db8:1:2:ffff::9")).is_none());
        assert!(gate.admit(address("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn an_address_without_connections_is_forgotten() {
        let gate = Gate::new(10, 1);
        drop(gate.admit(address("192.0.2.1")));
        let mut told = gate.admit_awaited().unwrap();
        assert!(told.is_of(address("192.0.2.1")) && gate.open().awaited == 0);
        drop((told, gate.admit_awaited()));
        assert!(gate.open().by_address.is_empty() && gate.open().awaited == 0);
        assert_eq!(gate.open().all, 0);
    }

    #[test]
    fn a_connection_counts_for_its_known_client() {
        let gate = Gate::new(10, 1);
        let mut first = gate.admit_awaited().unwrap();
        assert!(first.is_awaited() && first.is_of(address("192.0.2.1")) && !first.is_awaited());
        let mut second = gate.admit_awaited().unwrap();
        assert!(!second.is_of(address("192.0.2.1")), "one is all that it may have");
        assert!(second.is_awaited() && second.is_of(address("192.0.2.2")));
        assert!(gate.admit(address("192.0.2.2")).is_none());
        drop(first);
        assert!(gate.admit(address("192.0.2.1")).is_some());
    }

    #[test]
    fn connections_that_tell_nothing_leave_room_for_others() {
        let gate = Gate::new(4, 4);
        let silent = [gate.admit_awaited().unwrap(), gate.admit_awaited().unwrap()];
        assert!(gate.admit_awaited().is_none());
        let _others = [gate.admit(address("192.0.2.1")).unwrap(), gate.admit(address("192.0.2.1")).unwrap()];
        drop(silent);
        let last = [gate.admit_awaited(), gate.admit_awaited()];
        assert!(last.iter().all(Option::is_some));
    }
}
