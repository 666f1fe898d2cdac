//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::address::subscriber;

/// Counts open connections and refuses those over a cap. It never waits.
#[derive(Clone)]
pub(super) struct Gate(Arc<Inner>);

struct Inner {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection, given back when it is dropped.
pub(super) struct Permit {
    gate: Gate,
    address: IpAddr,
}

impl Gate {
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self(Arc::new(Inner { most, most_per_address, open: Mutex::default() }))
    }

    /// A permit for a connection from `address`, or `None` if a cap is reached.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Permit> {
        let address = subscriber(address);
        let mut open = self.open();
        if open.all >= self.0.most {
            return refuse("all");
        }
        if open.by_address.get(&address).is_some_and(|count| *count >= self.0.most_per_address) {
            return refuse("address");
        }
        open.all += 1;
        *open.by_address.entry(address).or_default() += 1;
        drop(open);
        metrics::gauge!("gatepass_connections").increment(1);
        Some(Permit { gate: self.clone(), address })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse(cap: &'static str) -> Option<Permit> {
    metrics::counter!("gatepass_connections_refused_total", "cap" => cap).increment(1);
    None
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.gate.open();
        open.all -= 1;
        // An address that has no connection has no entry: the map cannot grow past the cap.
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
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
        assert!(gate.open().by_address.is_empty());
        assert_eq!(gate.open().all, 0);
    }
}
