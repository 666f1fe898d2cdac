//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Load for gatepass, measured from the moment a request was meant to leave
///
/// Without --server it starts the `gatepass` beside its own executable (target/release) on a data directory of its own,
/// over real TLS and with real fsyncs. Requests are prepared before the clock starts: unique tokens are minted,
/// certificate requests signed, hosts enrolled. A schedule (--rate) does not wait for answers: if the server falls
/// behind, the time a request waited for its turn counts as its latency. `--rate max` is the one closed loop: every
/// connection is always busy, which shows what the server costs when it has no idle moment.
#[derive(Parser)]
#[command(
    name = "load",
    max_term_width = 110,
    after_long_help = "Examples:
  load --mode livez --rate 5000                     latency at 5000 requests a second
  load --mode redeem --rate max --floor             what a redemption costs, beside bare hyper with the same bytes
  load --mode redeem --new-connections --rate 300   a TLS handshake for each
  load --mode redeem --ramp auto                    where latency breaks: doubling, then bisecting
  load --mode mint --ramp 200..2000/200             step by step
  load --sign-in --rounds 5                         a remembered sign-in against a session, in turns
  load --cluster --rounds 5                         one cluster token against a token for each host, in turns
  load --checkins                                   10 000 hosts check in: CPU of each, and writes of all
  load --all                                        every line of docs/performance.md with its floor
  load --against /var/tmp/full --rounds 5           redeeming on the store in that directory against a new one
  load --mode redeem --server https://gate.example.org --ca root.pem --user admin --pid 4711

Columns: rate asked and achieved (answers per second of the run), latencies from the intended start, answers that were
not 2xx by code, CPU of the server (all of its threads, user and system) per request, requests per second of one server
core (the inverse), resident size before and after. The password for --server comes from GATEPASS_PASSWORD."
)]
pub(crate) struct Arguments {
    /// Request to send
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// Measure everything, with floors and ratios
    #[arg(long, conflicts_with_all = ["mode", "ramp", "server"])]
    pub(crate) all: bool,
    /// Compare a remembered sign-in by user and password with a bearer session on the same route, in turns
    #[arg(long, conflicts_with_all = ["mode", "ramp", "all", "against"])]
    pub(crate) sign_in: bool,
    /// Compare redeeming one cluster token for all hosts with a token for each, in turns
    #[arg(long, conflicts_with_all = ["mode", "ramp", "all", "against", "sign_in"])]
    pub(crate) cluster: bool,
    /// Check in so many hosts, each once, and count what the server writes for them; --rate: not all at once
    #[arg(long, value_name = "HOSTS", num_args = 0..=1, default_missing_value = "10000", conflicts_with_all = ["mode", "ramp", "all", "against", "sign_in", "cluster", "server"])]
    pub(crate) checkins: Option<usize>,
    /// Requests per second, or `max`: as fast as the connections allow (the default)
    #[arg(long, value_parser = parse_rate, value_name = "N|max")]
    pub(crate) rate: Option<Rate>,
    /// Find the knee: FROM..TO/STEP, or `auto`
    #[arg(long, value_parser = parse_ramp, value_name = "RAMP", conflicts_with = "rate")]
    pub(crate) ramp: Option<Ramp>,
    /// The p99 in milliseconds above which a rate counts as past the knee
    #[arg(long, default_value_t = 50.0, value_name = "MS")]
    pub knee_p99: f64,
    /// Duration of each measurement, in seconds
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    pub(crate) seconds: f64,
    /// Connections, opened before the clock starts
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub(crate) connections: usize,
    /// Keep connections for many requests (the default)
    #[arg(long, conflicts_with = "new_connections")]
    pub(crate) keep_alive: bool,
    /// A new TCP connection and TLS handshake for each request
    #[arg(long)]
    pub(crate) new_connections: bool,
    /// Measure bare hyper with the same bytes in and out beside it
    #[arg(long)]
    pub(crate) floor: bool,
    /// At most so many unique requests are prepared per measurement
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    pub(crate) most: usize,
    /// One JSON document instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// The binary to start; default: `gatepass` beside this program's directory
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    pub(crate) gatepass: Option<PathBuf>,
    /// Data directory of the server, kept after the run; default: a temporary one
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Compare redeeming (or --mode) on the store in this data directory with a new one, in turns
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "all", "ramp", "data_dir"])]
    pub(crate) against: Option<PathBuf>,
    /// Number of rounds of --against
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub(crate) rounds: usize,
    /// Use a running server instead of starting one
    #[arg(long, value_name = "URL", requires = "ca")]
    pub(crate) server: Option<String>,
    /// The root certificate of that server, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// The user that prepares tokens; its password comes from GATEPASS_PASSWORD
    #[arg(long, default_value = "admin", value_name = "NAME")]
    pub(crate) user: String,
    /// The process of that server, if it runs here: its CPU time and size are read from /proc
    #[arg(long, value_name = "PID", requires = "server")]
    pub(crate) pid: Option<u32>,
    /// An audience that the server is configured for, for service tokens
    #[arg(long, default_value = "https://load.example.org", value_name = "URI")]
    pub(crate) audience: String,
    /// Cores for the server; the generator gets the others. Default: half
    #[arg(long, value_name = "N")]
    pub(crate) server_cores: Option<usize>,
    /// Do not pin: server and generator share all cores
    #[arg(long)]
    pub(crate) no_pin: bool,
    /// Serve as the floor, as a child of this program
    #[arg(long, hide = true, value_name = "FILE")]
    pub(crate) floor_server: Option<PathBuf>,
}

impl Arguments {
    /// Returns true if each request opens its own connection.
    pub(crate) const fn fresh(&self) -> bool {
        self.new_connections
    }
}

/// The request to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// GET /livez
    Livez,
    /// GET /.well-known/jwks.json
    Jwks,
    /// POST /api/v1/bootstrap: a token of one use and a new key each
    Redeem,
    /// POST /api/v1/bootstrap: one cluster token for all, and a new key each
    RedeemCluster,
    /// POST /api/v1/renew: each host once, over its own mTLS connection, with a new key
    Renew,
    /// POST /api/v1/enrollment-tokens, signed in with user and password
    Mint,
    /// GET /api/v1/whoami over mTLS
    Whoami,
    /// POST /api/v1/checkin: each host once, over its own mTLS connection
    Checkin,
    /// GET of the status list that a token names
    Status,
    /// POST /api/v1/verify: the same service token again and again
    VerifyHot,
    /// POST /api/v1/verify: a service token never seen before each
    VerifyCold,
    /// GET /api/v1/authorize with a service token
    Authorize,
    /// POST /oauth2/introspect
    Introspect,
    /// GET /api/v1/roles, signed in with user and password that are remembered as proven
    SignIn,
    /// GET /api/v1/roles with a bearer session
    Session,
    /// Bare hyper behind gatepass's own listener, answering as much as /livez does
    FloorHttp,
    /// The same with a TLS handshake for each request
    FloorHandshake,
    /// In this process: the public-key operations that verifying and redeeming cannot do without
    Maths,
}

impl Mode {
    /// The name, as on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// The rate of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rate {
    /// As fast as the connections allow.
    Max,
    /// So many a second, whatever the answers do.
    Fixed(f64),
}

/// The search for the knee.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ramp {
    /// Doubling from 100, then bisecting.
    Auto,
    /// These rates in order.
    Steps {
        /// The first.
        from: f64,
        /// Not past this.
        to: f64,
        /// From one to the next.
        step: f64,
    },
}

fn positive(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err(format!("{text:?} is no positive number")),
    }
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "max" { Ok(Rate::Max) } else { positive(text).map(Rate::Fixed) }
}

fn parse_ramp(text: &str) -> Result<Ramp, String> {
    if text == "auto" {
        return Ok(Ramp::Auto);
    }
    let wrong = || format!("{text:?} is neither `auto` nor FROM..TO/STEP, such as 200..2000/200");
    let (from, rest) = text.split_once("..").ok_or_else(wrong)?;
    let (to, step) = rest.split_once('/').ok_or_else(wrong)?;
    let (from, to, step) = (positive(from)?, positive(to)?, positive(step)?);
    if from > to { Err(wrong()) } else { Ok(Ramp::Steps { from, to, step }) }
}
