//! A fleet of hosts that renew for minutes through faults. A proxy answers in the server's place or not at all, and the hosts'
//! clocks step. Each host has a service, which holds the certificate that it loaded until it reloads.
//!
//! ```sh
//! cargo build --release && cargo run --release --example fleet
//! cargo run --release --example fleet -- --hosts 20 --minutes 2
//! cargo run --release --example fleet -- --help
//! ```

#[path = "../load/child.rs"]
mod child;
#[expect(clippy::unwrap_used, reason = "the gateway of the integration tests, which fail by it")]
#[path = "../../tests/gatepass/support/gateway.rs"]
mod gateway;
mod host;
mod report;
mod server;
mod step_clock;
mod tally;
mod weather;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, value_parser};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::gateway::Gateway;
use self::host::Host;
use self::report::Report;
use self::server::Server;
use self::tally::Tally;

/// Any failure that is not a finding.
type Fault = Box<dyn Error + Send + Sync>;

/// Life of each certificate: the shortest that the server issues.
const LIFE: Duration = Duration::from_secs(60);

/// A fleet that renews through answers of a proxy, silence and clocks that step
#[derive(Parser)]
#[command(
    name = "fleet",
    max_term_width = 110,
    after_long_help = "The server issues certificates of 60 s. Each minute the proxy before it passes requests on, except for 5 s of HTML pages,
5 s of 503 with Retry-After: 120, and 5 s of silence. Clocks step by up to an hour for 3 s, forward and back.

Exit codes: 0 every host is in, without an alarm, a refused service or a storm; 1 otherwise; 2 usage"
)]
struct Arguments {
    /// Number of hosts
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(1..=10_000))]
    hosts: u32,
    /// Minutes of renewals
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=1440))]
    minutes: u32,
    /// The binary to start; default: `gatepass` beside this program's directory
    #[arg(long, value_name = "FILE")]
    gatepass: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    gatepass::server::process::harden();
    match run(&arguments).await {
        Ok(report) => {
            println!("{}", if arguments.json { report.to_json() } else { report.to_string() });
            if report.findings().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("fleet: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let mut gateway = Gateway::bind().await;
    let server = Server::start(arguments.gatepass.as_deref(), &gateway.url)?;
    gateway.open(&server.data(), server.address());
    let token = server.mint().await?;
    let (tally, stop) = (Arc::new(Tally::begin()), CancellationToken::new());
    let (mut hosts, mut lives) = (Vec::new(), JoinSet::new());
    for number in 0..arguments.hosts {
        let host = Arc::new(Host::enroll(server.dir(), number, &token).await?);
        let service = server.place().connect(&host)?;
        lives.spawn(Arc::clone(&host).renew(Arc::clone(&tally), stop.clone()));
        lives.spawn(Arc::clone(&host).serve(service, server.place(), Arc::clone(&tally), stop.clone()));
        hosts.push(host);
        // Hosts of a fleet were not enrolled at once. Two thirds of a life apart, they renew at any moment.
        sleep(LIFE * 2 / 3 / arguments.hosts).await;
    }
    weather::blow(&gateway, &hosts, arguments.minutes).await;
    stop.cancel();
    while let Some(ended) = lives.join_next().await {
        ended?;
    }
    let mut inside = 0;
    for host in &hosts {
        match host.is_in().await {
            Ok(()) => inside += 1,
            Err(error) => eprintln!("fleet: host {}: {error}", host.number),
        }
    }
    Ok(Report::new(arguments.hosts, inside, &tally, server.alarms().await?, gateway.answered()))
}
