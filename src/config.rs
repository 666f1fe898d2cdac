//! Configuration: file, environment and flags into one validated value. All mistakes are reported in one run.
//!
//! `gatepass.toml` is overridden by `GATEPASS_<SECTION>__<KEY>`, which is overridden by flags. Every field, its unit,
//! default and meaning stand in one table, which `gatepass check-config --example` prints.

mod certificates;
mod check;
mod environment;
mod example;
mod field;
mod layers;
mod problem;
mod secret;

mod url;
mod validate;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

pub use self::url::trust_domain as parse_trust_domain;
pub use crate::server_url::{ServerName, ServerUrl};
pub use crate::span::{SpanError, parse_span, show_span};
pub use environment::Environment;
pub use example::example;
pub use problem::{ConfigErrors, ConfigProblem, ValueOrigin};
pub use secret::AdminPassword;

use crate::access::SignInLimits;
use crate::access::session::SessionLife;
use crate::access::throttle::Rates;
use crate::approval::Approval;
use crate::backup::Recipient;
use crate::name::{DnsName, Role};
use crate::span::Spans;

/// The name of the configuration file.
pub const FILE_NAME: &str = "gatepass.toml";

/// The file of the database, in the data directory.
pub const DATABASE: &str = "gatepass.db";

/// The default data directory.
pub const DEFAULT_DATA_DIR: &str = "./gatepass-data";

/// The whole configuration, checked.
#[non_exhaustive]
pub struct Config {
    /// Address, URL and files of the server.
    pub server: ServerConfig,
    /// Lifetimes of tokens.
    pub tokens: TokensConfig,
    /// Certificates of hosts.
    pub hosts: HostsConfig,
    /// Outputs of policies.
    pub outputs: OutputsConfig,
    /// Backups that the server makes.
    pub backup: BackupConfig,
    /// Lifetimes of sessions (12 hours; 30 minutes unused).
    pub sessions: SessionLife,
    /// Password checks.
    pub sign_in: SignInLimits,
    /// Limits of the listener.
    pub http: HttpConfig,
    /// Rate limits.
    pub limits: Rates,
    /// The imported CA, if any.
    pub ca: CaConfig,
    /// The catalogue of roles, without repeats.
    pub roles: Vec<RoleConfig>,
    /// Format and level of the log.
    pub log: LogConfig,
    /// The file that values were read from.
    pub file: Option<PathBuf>,
    /// Every value as it is shown, by section and key.
    effective: serde_json::Value,
}

/// The section `[server]`.
#[non_exhaustive]
pub struct ServerConfig {
    /// Address to listen on; port 0 = any free one.
    pub listen: SocketAddr,
    /// The configured URL: see [`ServerConfig::url_at`].
    pub external_url: Option<ServerUrl>,
    /// Other names under which hosts reach the server.
    pub names: Vec<ServerName>,
    /// Directory of the database, the root certificate and the first tokens.
    pub data_dir: PathBuf,
    /// Directory of the private keys: `keys` in the data directory; `./keys` with `--dev`.
    pub keys_dir: PathBuf,
    /// A TLS certificate from elsewhere.
    pub tls: Option<TlsFiles>,
    /// TLS certificates from elsewhere for single names, which no host uses.
    pub certificates: Vec<NamedCertificate>,
    /// SPIFFE trust domain. Without it, the database has it from the first start: the host of the external URL.
    pub trust_domain: Option<String>,
    /// The first administrator's password, 12 characters or more; used only while there is no administrator.
    pub admin_password: Option<AdminPassword>,
    /// URL of the binary for hosts.
    pub install_url: Option<String>,
    /// The Helm chart for Kubernetes: a reference, a URL or a path.
    pub chart: Option<String>,
    /// Accepts a data directory on a file system in user space (`false`).
    pub allow_fuse: bool,
    /// `true` with `--dev`.
    pub dev: bool,
    /// True for `serve --take-names`: this start takes its names over from hosts.
    pub take_names: bool,
    /// True for `serve --no-roles-token`: a first start mints no first roles token.
    pub no_roles_token: bool,
}

impl ServerConfig {
    /// The external URL of a server that listens on `local`: the configured one, else one made of that address.
    pub fn url_at(&self, local: SocketAddr) -> ServerUrl {
        self.external_url.clone().unwrap_or_else(|| ServerUrl::of_address(local))
    }
}

/// A TLS certificate from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// One `[[server.certificates]]`, from a CA that browsers trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCertificate {
    /// The name that a client asks for (RFC 6066 section 3).
    pub name: DnsName,
    /// The certificate and its key.
    pub files: TlsFiles,
}

/// The section `[tokens]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokensConfig {
    /// The spans that an admin may change at run time.
    pub spans: Spans,
    /// Life of a token on the ECE routes when its minter names none (1 hour).
    pub ece_ttl: Duration,
    /// Life of an access token that a host gets for a service (15 minutes).
    pub access_ttl: Duration,
    /// Remembered good signatures of each kind of token (4096).
    pub hot_tokens: usize,
    /// URIs of the services that service tokens and access tokens may be minted for, without repeats (none).
    pub audiences: Vec<String>,
}

/// The section `[hosts]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostsConfig {
    /// Life of a host certificate (30 days).
    pub certificate_lifetime: Duration,
    /// The time for which a certificate stays valid after the first use of its successor (1 hour).
    pub overlap: Duration,
    /// The time between two check-ins of a host (5 minutes).
    pub checkin: Duration,
    /// The time that a host is kept after its last certificate (90 days).
    pub retention: Duration,
    /// The time for which a lapsed host keeps its DNS name (24 hours).
    pub name_hold: Duration,
    /// Maximum number of hosts that are put in quarantine within an hour (20). 0: a copied identity raises the alarm only.
    pub quarantine_most: usize,
    /// Maximum number of hosts that are neither revoked nor lapsed (unlimited). An admin may change it at run time.
    pub node_limit: Option<u32>,
    /// Treatment of hosts that no auto-approve rule admits (`off`). An admin may change it at run time.
    pub approval: Approval,
    /// Maximum number of hosts of one token that wait for a decision (1000).
    pub max_waiting_per_token: usize,
    /// The minter of a token may not approve its hosts (`false`).
    pub four_eyes: bool,
    /// Accepts RSA keys from hosts (`false`).
    pub allow_rsa_keys: bool,
    /// Plain-http URL of the directory with the CRL of each issuing CA, no trailing slash (none).
    pub crl_url: Option<String>,
}

/// The section `[outputs]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputsConfig {
    /// Names and addresses of this machine, of its link or of a group that outputs may have (none).
    pub allow: Vec<ServerName>,
}

/// The section `[backup]`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BackupConfig {
    /// Directory of the backups (none: the server makes none).
    pub directory: Option<PathBuf>,
    /// Public key of age that seals keys into them (none: they hold no keys).
    pub recipient: Option<Recipient>,
    /// Number of backups that are kept (7).
    pub keep: usize,
}

/// The section `[http]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// Connections in all.
    pub max_connections: usize,
    /// Connections from one address.
    pub max_connections_per_address: usize,
    /// Subscribers to changes of status lists, in all.
    pub max_event_streams: usize,
    /// Time for a TLS handshake.
    pub handshake_timeout: Duration,
    /// Time for a request's header.
    pub header_timeout: Duration,
    /// Time for a request's body.
    pub body_timeout: Duration,
    /// The time after which a silent connection is closed.
    pub idle_timeout: Duration,
    /// The age after which a connection is closed.
    pub max_connection_age: Duration,
    /// The time for requests in flight when the server stops.
    pub drain_timeout: Duration,
    /// `true` if pages over a certificate from elsewhere tell browsers to use https only (`true`).
    pub hsts: bool,
    /// `true` if `/metrics` needs no sign-in.
    pub public_metrics: bool,
    /// The networks of trusted proxies, which name clients and pass their certificates (none).
    pub trusted_proxies: Vec<IpNet>,
    /// The networks whose connections begin with a PROXY header (none).
    pub proxy_protocol: Vec<IpNet>,
    /// The header in which they pass those.
    pub client_certificate_header: String,
}

/// The section `[ca]`: all fields or none, except for `root_crl`, which may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaConfig {
    /// Root certificate, PEM.
    pub root: Option<PathBuf>,
    /// CRL of the root, PEM or DER.
    pub root_crl: Option<PathBuf>,
    /// Issuing CA certificate, PEM.
    pub issuing_certificate: Option<PathBuf>,
    /// Its private key, PKCS#8 PEM.
    pub issuing_key: Option<PathBuf>,
}

/// One `[[roles]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleConfig {
    /// Its name.
    pub role: Role,
    /// Its purpose, for people; may be empty.
    pub description: String,
}

/// The section `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogConfig {
    /// The form of a line.
    pub format: LogFormat,
    /// A level or a filter, known to parse.
    pub level: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Values of the command line, which override file and environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Values of fields; the last one of a field counts.
    pub fields: Vec<FlagValue>,
    /// The flag `--admin-password-file`.
    pub admin_password_file: Option<PathBuf>,
    /// The flag `--dev`.
    pub dev: bool,
}

/// The value of a field in a flag.
#[derive(Clone, Debug)]
pub struct FlagValue {
    /// The flag, as errors name it.
    pub flag: String,
    /// The field: `section.key`.
    pub field: String,
    /// The value, as in a variable. A path may be any bytes.
    pub value: OsString,
}

impl FlagValue {
    /// A value of `--set section.key=value`.
    pub fn set(field: &str, value: impl fmt::Display) -> Self {
        Self { flag: format!("--set {field}"), field: field.to_owned(), value: value.to_string().into() }
    }
}

impl Overrides {
    /// A server that keeps its data in `data_dir` and listens on a free port of this machine.
    pub fn local(data_dir: &Path) -> Self {
        let data_dir = FlagValue { value: data_dir.into(), ..FlagValue::set("server.data_dir", "") };
        Self { fields: vec![data_dir, FlagValue::set("server.listen", "127.0.0.1:0")], ..Self::default() }
    }
}

impl Config {
    /// Reads `file` (else `gatepass.toml` in the working directory, else in the data directory, else none), then the
    /// environment, then `overrides`, and checks everything.
    ///
    /// # Errors
    /// All mistakes at once, each with its place, what is wrong and a value that works.
    pub fn load(
        file: Option<&Path>,
        environment: &Environment,
        overrides: Overrides,
    ) -> Result<Self, ConfigErrors> {
        validate::validate(layers::Layers::read(file, environment, &overrides), environment, &overrides)
    }
}

/// The platform roles of Elastic Cloud Enterprise, which a new authority begins with.
pub(crate) fn default_roles() -> Vec<RoleConfig> {
    let roles = [
        ("allocator", "offers the host's memory and disk to deployments and runs their instances"),
        ("coordinator", "runs the administration console and distributes work over the platform"),
        ("proxy", "routes requests to the deployments that should answer them"),
        ("director", "keeps the platform's state and coordinates its services"),
    ];
    let parse = |(role, description): (&str, &str)| {
        Some(RoleConfig { role: Role::parse(role).ok()?, description: description.to_owned() })
    };
    roles.into_iter().filter_map(parse).collect()
}

#[cfg(test)]
mod tests;
