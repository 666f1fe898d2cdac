//! `gatepass serve`: run the authority.

mod page;

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use self::page::{Secrets, StartPage};
use super::error::CliError;
use super::notify::ServiceManager;
use super::{logging, signals};
use crate::clock::SystemClock;
use crate::config::{Config, Environment, FlagValue, Overrides};
use crate::server::{Pulse, Server};

/// Run the authority
///
/// In an empty data directory it creates keys, a certificate authority, a database and an admin. The admin's password, the
/// first roles token and the emergency token are shown once: on a terminal, or else in files (see --secrets).
/// On SIGTERM and SIGINT it finishes running requests and stops. On SIGHUP it reads external TLS files again.
/// It reports readiness and keep-alives to systemd (NOTIFY_SOCKET); `gatepass service install serve` writes the unit.
/// A log or an output that cannot be written does not stop it.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass serve
  gatepass serve --data-dir /var/lib/gatepass --listen 0.0.0.0:8443 --external-url https://gate.example.org:8443
  gatepass serve --set tokens.default_ttl=5m --set log.format=json
  gatepass serve --secrets files       in a container, whose terminal is a log
  gatepass serve --dev                 keys in ./keys, for development

Exit codes: 0 stopped by a signal, 2 did not start (the message lists every error), 74 disk failure")]
pub(crate) struct ServeCommand {
    #[command(flatten)]
    settings: ServerFlags,
    /// Take names of this server over from live hosts, this time: revokes their certificates until they renew
    #[arg(long)]
    take_names: bool,
    /// Mint no first roles token, which admits hosts without roles
    #[arg(long)]
    no_roles_token: bool,
    /// Place of the first start's secrets; default: terminal if standard output is one, else files
    #[arg(long, value_enum, value_name = "WHERE")]
    secrets: Option<Secrets>,
}

/// Configuration flags of a server.
#[derive(Args)]
pub(crate) struct ServerFlags {
    /// Configuration file; default: gatepass.toml here, else in the data directory [env: GATEPASS_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory of database, root certificate and first tokens; default: ./gatepass-data
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Directory of the private keys; default: keys in the data directory
    #[arg(long, value_name = "DIR")]
    keys_dir: Option<PathBuf>,
    /// Address and port to listen on; default: 127.0.0.1:8443
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// URL of the authority for hosts; default: https://<listen>
    #[arg(long, value_name = "URL")]
    external_url: Option<String>,
    /// SPIFFE trust domain, fixed at the first start; default: the host of the first external URL
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<String>,
    /// External TLS certificate chain, PEM
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// File with the first admin's password, which only the first start reads [env: GATEPASS_ADMIN_PASSWORD holds the password itself]
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
    /// Keep the private keys in ./keys, for development
    #[arg(long)]
    dev: bool,
    /// Set any field, such as tokens.default_ttl=5m; `gatepass check-config --example` lists them
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = parse_setting)]
    set: Vec<FlagValue>,
}

fn parse_setting(text: &str) -> Result<FlagValue, &'static str> {
    let (name, value) = text.split_once('=').ok_or("write SECTION.KEY=VALUE")?;
    Ok(FlagValue::set(name.trim(), value))
}

impl ServerFlags {
    /// The configuration from file, environment and these flags.
    pub(crate) fn load(self, environment: &Environment) -> Result<Config, CliError> {
        let path = |path: Option<PathBuf>| path.map(OsString::from);
        let text = |text: Option<String>| text.map(OsString::from);
        let flags = [
            ("--data-dir", "server.data_dir", path(self.data_dir)),
            ("--keys-dir", "server.keys_dir", path(self.keys_dir)),
            ("--listen", "server.listen", text(self.listen)),
            ("--external-url", "server.external_url", text(self.external_url)),
            ("--trust-domain", "server.trust_domain", text(self.trust_domain)),
            ("--tls-cert", "server.tls_certificate", path(self.tls_cert)),
            ("--tls-key", "server.tls_key", path(self.tls_key)),
        ];
        let flags = flags.into_iter().filter_map(|(flag, field, value)| {
            Some(FlagValue { flag: flag.to_owned(), field: field.to_owned(), value: value? })
        });
        let set = self.set.into_iter();
        let overrides = Overrides {
            fields: flags.chain(set).collect(),
            admin_password_file: self.admin_password_file,
            dev: self.dev,
        };
        Ok(Config::load(self.config.as_deref(), environment, overrides)?)
    }
}

impl ServeCommand {
    /// Runs until SIGTERM or SIGINT.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let secrets = Secrets::checked(self.secrets)?;
        let mut config = self.settings.load(environment)?;
        config.server.take_names = self.take_names;
        config.server.no_roles_token = self.no_roles_token;
        logging::start(&config.log)?;
        let output = logging::output()?;
        let data_dir = config.server.data_dir.clone();
        // Before the first request, so that no signal is lost.
        let (shutdown, hangups) = (signals::shutdown()?, signals::hangups()?);
        let server = Server::open(config, Arc::new(SystemClock)).await.map_err(CliError::Start)?;
        logging::measure();
        secrets.print(&StartPage::new(&server, &data_dir), &output)?;
        let manager = ServiceManager::of(environment);
        let status = format!("listens on {}", server.url());
        let (pulse, reload) = (server.pulse(), server.reload());
        let reloads = hangups.each(async || {
            tracing::info!("SIGHUP: external TLS files are read again; other settings need a restart");
            manager.reloading();
            reload.now().await;
            manager.ready(&status);
        });
        let shutdown = async {
            shutdown.await;
            manager.stopping();
        };
        tokio::select! {
            ended = server.run(shutdown) => ended.map_err(CliError::Run),
            never = reloads => match never {},
            never = report(&manager, &pulse, &status) => match never {},
        }
    }
}

/// Reports to the service manager that the server answers, and then that it lives.
async fn report(manager: &ServiceManager, pulse: &Pulse, status: &str) -> Infallible {
    pulse.beat().await;
    manager.ready(status);
    loop {
        pulse.beat().await;
        manager.alive();
    }
}
