//! The faults of a minute: the answers of the proxy, and the steps of clocks.

use std::sync::Arc;
use std::time::Duration;

use gatepass::id::random;
use tokio::time::sleep;

use crate::gateway::{Gateway, Mode, page};
use crate::host::Host;

const SECOND: Duration = Duration::from_secs(1);
/// Seconds for which a clock is wrong.
const WRONG_FOR: u64 = 3;
/// Seconds between bad spells, and of each spell. A life of 60 s has 18 s left when renewal is due.
const FINE: u64 = 15;
const BAD: u64 = 5;

/// Blows for minutes, and ends in fine weather.
pub(crate) async fn blow(gateway: &Gateway, hosts: &[Arc<Host>], minutes: u32) {
    let html = "<!doctype html><title>Sign in to the network</title>";
    for _ in 0..minutes {
        spell(gateway, hosts, &page("200 OK", &[], "text/html", html), true).await;
        let busy = page("503 Service Unavailable", &["retry-after: 120"], "text/plain", "busy\n");
        spell(gateway, hosts, &busy, true).await;
        // A silent attempt takes 10 s of those 18: a wrong clock besides would leave too little.
        spell(gateway, hosts, &Mode::Silence, false).await;
    }
    gateway.set(Mode::Pass);
    sleep(SECOND * FINE as u32).await;
}

/// Fine weather, then a bad spell.
async fn spell(gateway: &Gateway, hosts: &[Arc<Host>], bad: &Mode, steps: bool) {
    let after_silence = matches!(bad, Mode::Answer(text) if text.contains("html"));
    gateway.set(Mode::Pass);
    seconds(FINE, hosts, steps && !after_silence).await;
    gateway.set(bad.clone());
    seconds(BAD, hosts, steps).await;
}

/// Lets seconds pass. In each, some clocks begin a step.
async fn seconds(count: u64, hosts: &[Arc<Host>], steps: bool) {
    for _ in 0..count {
        if steps {
            hosts.iter().filter(|_| random::<1>()[0] < 6).for_each(step);
        }
        sleep(SECOND).await;
    }
}

fn step(host: &Arc<Host>) {
    let host = Arc::clone(host);
    let ahead = i64::from(i16::from_be_bytes(random::<2>())) / 9;
    tokio::spawn(async move {
        host.clock.set(ahead);
        sleep(SECOND * WRONG_FOR as u32).await;
        host.clock.set(0);
    });
}
