//! Resident memory before, during and after two floods: answers that nobody reads, and bodies that never end.

mod clients;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::sleep;

use self::clients::{FLOODS, Flood, Target};
use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::authority::Authority;
use crate::control::Control;
use crate::load::Load;
use crate::report::{Memory, Row, bar};
use crate::resident::resident_kib;
use crate::site::{Place, Site};

/// Connections of a flood, all from one address.
const CONNECTIONS: usize = 100;
/// Growth that a flood may cause, with the buffers of its connections.
const GROWTH_MIB: u64 = 48;
/// Growth that may stay.
const REST_MIB: u64 = 16;
/// Resident size of a server that nobody asks, and the time that it has to get there: a first start hashes a password.
const IDLE_MIB: u64 = 25;
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
/// Samples during a flood, and the time between two.
const SAMPLES: (u32, Duration) = (30, Duration::from_millis(200));
const PAUSE: Duration = Duration::from_secs(60);
/// Acts before the first flood.
const ACTS: u64 = 200;
const LIMIT: Duration = Duration::from_secs(30);
/// Each route has series of its own in the metrics.
const ROUTES: [&str; 14] = [
    "/status",
    "/readyz",
    "/openapi.json",
    "/.well-known/jwks.json",
    "/ca/root.pem",
    "/ca/chain.pem",
    "/api/v1/roles",
    "/api/v1/ca",
    "/api/v1/hosts",
    "/api/v1/users",
    "/api/v1/api-keys",
    "/api/v1/ledger",
    "/api/v1/enrollment-tokens",
    "/api/v1/signing-keys",
];

/// Floods one server `rounds` times. Memory that is kept shows before the next round.
pub(crate) async fn run(arguments: &Arguments, rounds: u32) -> Result<Row, Fault> {
    let place = Place::new(arguments, Mode::Flood)?;
    let (mut row, bar) = (Row { rounds, ..Row::default() }, bar(Mode::Flood, rounds * 2));
    let site = Site::new(arguments, place.path())?;
    let authority = site.must_start().await?;
    let idle = settled(&authority).await?;
    if idle > IDLE_MIB {
        row.findings.other("an idle server", format!("{idle} MiB are resident"));
    }
    warm(arguments, &authority).await;
    let mut asked_mib = u64::MAX;
    for flood in (0..rounds).flat_map(|_| FLOODS) {
        let (memory, asked) = measure(&authority, &site, flood).await?;
        asked_mib = asked_mib.min(asked);
        judge(&mut row, &memory);
        row.memory.push(memory);
        row.faults += CONNECTIONS as u64;
        bar.inc(1);
    }
    bar.finish_and_clear();
    row.ended(&authority.stop().await?);
    row.control = Control::Asked { mib: asked_mib, allowed: GROWTH_MIB };
    Ok(row)
}

/// Fills caches and metrics, so that a flood finds a server at work.
async fn warm(arguments: &Arguments, authority: &Authority) {
    let working = Arc::new(Load::default()).begin(authority, arguments.connections);
    working.acknowledged(ACTS, LIMIT).await;
    working.end().await;
    for route in ROUTES {
        // A route that is refused has series too.
        let _ = authority.caller.get(route).await;
    }
}

fn resident(authority: &Authority) -> Result<u64, Fault> {
    Ok(resident_kib(authority.pid()).ok_or("the server has no resident size")? >> 10)
}

/// The resident size of a server at rest.
async fn settled(authority: &Authority) -> Result<u64, Fault> {
    let began = Instant::now();
    while resident(authority)? > IDLE_MIB && began.elapsed() < SETTLED_WITHIN {
        sleep(SAMPLES.1).await;
    }
    resident(authority)
}

/// Floods the server and waits. Returns the sizes, and the MiB that the flood asked the server to hold.
async fn measure(authority: &Authority, site: &Site, flood: Flood) -> Result<(Memory, u64), Fault> {
    let target = Target::new(authority.address, &site.data)?;
    let before = resident(authority)?;
    // The end of this runtime closes every connection.
    let clients = Runtime::new()?;
    let opened = clients.spawn(async move { flood.open(&target, CONNECTIONS).await });
    let asked = opened.await??;
    let mut during = before;
    for _ in 0..SAMPLES.0 {
        during = during.max(resident(authority)?);
        sleep(SAMPLES.1).await;
    }
    clients.shutdown_background();
    sleep(PAUSE).await;
    Ok((Memory { name: flood.name, before, during, after: resident(authority)? }, asked))
}

fn judge(row: &mut Row, memory: &Memory) {
    let Memory { name, before, during, after } = memory;
    if *during > before + GROWTH_MIB {
        row.findings.other(name, format!("memory grows from {before} to {during} MiB"));
    }
    if *after > before + REST_MIB {
        row.findings.other(&format!("{name}, a minute later"), format!("{after} MiB stay of {before}"));
    }
}
