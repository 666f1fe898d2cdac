//! The delay of a revocation to every subscriber of the status lists. It starts a server, opens many event streams over TLS
//! and revokes tokens one by one. The delay counts from the answer of the revocation until each subscriber has read it.
//!
//! ```sh
//! cargo build --release && cargo run --release --example subscribers
//! cargo run --release --example subscribers -- --subscribers 1000 --revocations 50 --json
//! ```

#[path = "../load/child.rs"]
mod child;
mod follower;
mod outcome;
#[path = "../load/resident.rs"]
mod resident;
mod server;
#[path = "../load/usage.rs"]
mod usage;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::time::{Instant, sleep};

use self::follower::{Board, Follower};
use self::outcome::{Outcome, Spent};
use self::server::{Admin, Server};

/// Any failure.
type Fault = Box<dyn Error + Send + Sync>;

/// Concurrent handshakes.
const AT_ONCE: usize = 64;

/// Measures revoke → seen by all subscribers.
#[derive(Parser)]
struct Arguments {
    /// Event streams, each over a TLS connection of its own.
    #[arg(long, default_value_t = 10_000)]
    subscribers: usize,
    /// Revocations, one after the other.
    #[arg(long, default_value_t = 30)]
    revocations: usize,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// The binary of the server; else the one beside this program.
    #[arg(long)]
    gatepass: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    gatepass::server::process::harden();
    match measure(&arguments).await {
        Ok(outcome) => {
            println!("{}", if arguments.json { outcome.to_json() } else { outcome.to_string() });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("subscribers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Outcome, Fault> {
    let (subscribers, revocations) = (arguments.subscribers, arguments.revocations);
    let server = Server::start(arguments.gatepass.as_deref(), subscribers)?;
    let admin = Admin::new(&server)?;
    let mut tokens = Vec::with_capacity(revocations);
    for _ in 0..revocations {
        tokens.push(admin.mint().await?);
    }
    let idle = Spent::of(server.pid());
    let began = Instant::now();
    let board = Arc::new(Board::new(subscribers));
    subscribe(&server, &board).await?;
    let mut outcome = Outcome::new(subscribers, began.elapsed(), idle, Spent::of(server.pid()));
    for token in &tokens {
        // Handshakes, and the reading of the event before, are over.
        sleep(Duration::from_millis(500)).await;
        let before = Spent::of(server.pid());
        let asked = Instant::now();
        board.begin(asked);
        admin.revoke(token).await?;
        let answered = asked.elapsed();
        let seen =
            board.all_seen().await.ok_or("a subscriber lost its stream, or waited for half a minute")?;
        outcome.add(answered, seen, before, Spent::of(server.pid()));
    }
    Ok(outcome)
}

/// Opens the streams, some at a time.
async fn subscribe(server: &Server, board: &Arc<Board>) -> Result<(), Fault> {
    let room = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut opening = tokio::task::JoinSet::new();
    for number in 0..board.subscribers() {
        let permit = Arc::clone(&room).acquire_owned().await?;
        let (place, board) = (server.place(), Arc::clone(board));
        opening.spawn(async move {
            let follower = Follower::open(&place).await?;
            drop(permit);
            tokio::spawn(follower.run(number, board));
            Ok::<_, Fault>(())
        });
    }
    while let Some(opened) = opening.join_next().await {
        opened??;
    }
    Ok(())
}
