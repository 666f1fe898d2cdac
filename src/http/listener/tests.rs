//! Real sockets, real TLS. Each test shortens the limit that it tests, and waits for events, never for time.

mod caps;
mod closing;
mod proxy;
mod slow;
mod streams;
mod tls;

use std::io;
use std::time::Duration;

use super::pause_after;

#[test]
fn a_lack_of_descriptors_backs_off() {
    let lacking = io::Error::from_raw_os_error(24);
    let pauses: Vec<_> = [1, 3, 40].map(|failures| pause_after(&lacking, failures)).into();
    assert_eq!(pauses, [Some(20), Some(80), Some(1000)].map(|pause| pause.map(Duration::from_millis)));
}

#[test]
fn a_closed_client_delays_no_other() {
    assert_eq!(pause_after(&io::ErrorKind::ConnectionAborted.into(), 5), None);
}
