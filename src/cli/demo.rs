//! `gatepass demo`: the whole life of a token, with a temporary server over real TLS.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::error::CliError;
use super::output::line;
use super::{logging, private, signals};
use crate::client::ClientError;
use crate::client::api::{Api, Credential};
use crate::client::enroll::{Enroll, EnrollResult, enroll};
use crate::client::first_use::Fresh;
use crate::client::host::ThisHost;
use crate::client::status::{Reached, status};
use crate::clock::SystemClock;
use crate::config::{Config, Environment, FILE_NAME, Overrides};
use crate::connect::{Connector, Trust};
use crate::id::{hex, random};
use crate::secret::Secret;
use crate::server::Server;

/// Show the whole life of a token, with a temporary server over real TLS
///
/// Starts a server in a temporary directory on a free port, mints a token and enrolls a host. Shows that a second
/// machine is refused, and calls an mTLS route with the new certificate. Then revokes the host and verifies the ledger.
/// All files are removed at the end, unless --keep is given.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass demo
  gatepass demo --keep

Exit codes: 0 every step succeeded; 1 a step failed, and the last line names it")]
pub(crate) struct Demo {
    /// Stop after the last step (the default)
    #[arg(long, conflicts_with = "keep")]
    once: bool,
    /// Keep the server running until Ctrl-C, and print commands to try
    #[arg(long)]
    keep: bool,
}

impl Demo {
    /// Runs every step.
    pub(crate) async fn run(self) -> Result<(), CliError> {
        let place = DemoDir::make()?;
        let password = Secret::new(hex(&random::<16>()));
        let config = config(&place.0, &password)?;
        logging::start(&config.log)?;
        let interrupted = signals::shutdown()?;
        let server = Server::open(config, Arc::new(SystemClock)).await.map_err(CliError::Start)?;
        let (url, root) = (server.url(), server.root_fingerprint());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let stopped = async {
                // Sent or dropped: both mean stop.
                let _ = stopped.await;
            };
            server.run(stopped).await
        });
        say(&format!("an authority listens on {url}, with its own root: {root}"))?;
        let connector = Connector::new(&url, Trust::Fingerprint(root), None).map_err(ClientError::from)?;
        let walk = Walk {
            api: Api::new(connector, Credential::Basic { user: String::from("admin"), password }),
            dir: place.0.clone(),
        };
        let ended = self.walk_and_wait(&walk, &url, interrupted).await;
        drop(stop);
        let stopped = running.await;
        ended?;
        match stopped {
            Ok(result) => result.map_err(CliError::Run)?,
            Err(_) => return Err(CliError::Unsound(String::from("the server ended in a panic"))),
        }
        line(
            "\nThis was the whole life of a token. Next: `gatepass serve`, then `gatepass token create --role proxy`.",
        )
    }

    async fn walk_and_wait(
        &self,
        walk: &Walk,
        url: &str,
        interrupted: impl Future<Output = ()>,
    ) -> Result<(), CliError> {
        tokio::pin!(interrupted);
        tokio::select! {
            walked = walk.walk() => walked?,
            () = &mut interrupted => return Err(CliError::Unsound(String::from("stopped before the last step"))),
        }
        if self.keep {
            let dir = walk.dir.join("data");
            line(format!(
                "\nThe server runs until Ctrl-C. In another terminal, try:\n  gatepass token list --ended --data-dir {0}\n  \
                 gatepass token create --role proxy --data-dir {0}\n  gatepass ledger list --data-dir {0}\n  \
                 curl --cacert {0}/root.pem {url}/.well-known/jwks.json",
                dir.display()
            ))?;
            interrupted.await;
        }
        Ok(())
    }
}

/// The state of the steps.
struct Walk {
    api: Api,
    dir: PathBuf,
}

impl Walk {
    async fn walk(&self) -> Result<(), CliError> {
        let token = self.mint().await?;
        let host = self.enroll_first(&token).await?;
        self.second_is_refused(&token).await?;
        self.whoami("the certificate opens an mTLS route: the server knows the host by it", true).await?;
        self.list(&host).await?;
        self.api.delete(&format!("/api/v1/hosts/{host}")).await?;
        say(&format!("an admin revoked host {host}"))?;
        self.whoami("the same certificate is refused from that moment on", false).await?;
        self.verify().await
    }

    async fn mint(&self) -> Result<Secret<String>, CliError> {
        let order = json!({ "roles": ["proxy"], "label": "demo", "max_uses": 1 });
        let answer = self.api.post("/api/v1/enrollment-tokens", &order).await?;
        let (id, until) = (text(&answer, "token_id")?, text(&answer, "expires_at")?);
        say(&format!("an admin minted token {id} over HTTPS: role proxy, one use, good until {until}"))?;
        Ok(Secret::new(text(&answer, "token")?))
    }

    async fn enroll_first(&self, token: &Secret<String>) -> Result<String, CliError> {
        match self.enroll(token, "host-1").await? {
            EnrollResult::Now(Fresh { host, .. }) => {
                let until = host.life.expires_at;
                say(&format!(
                    "host one made a key, pinned the root, and traded the token for a certificate until {until}"
                ))?;
                Ok(host.host_id.to_string())
            }
            EnrollResult::Already(_) => {
                Err(CliError::Unsound(String::from("a new directory held an identity")))
            }
        }
    }

    async fn second_is_refused(&self, token: &Secret<String>) -> Result<(), CliError> {
        match self.enroll(token, "host-2").await {
            Err(ClientError::Refused(problem)) if problem.body.status == 410 => {
                say(&format!("a second machine with the same token is refused: 410 {}", problem.body.code))
            }
            Err(error) => Err(error.into()),
            Ok(_) => Err(CliError::Unsound(String::from("a spent token admitted a second machine"))),
        }
    }

    async fn whoami(&self, meaning: &str, welcome: bool) -> Result<(), CliError> {
        let status = status(&ThisHost::at(self.dir.join("host-1")), SystemClock::now()).await?;
        match (&status.server, welcome) {
            (Reached::Good, true) | (Reached::Refused(_), false) => say(meaning),
            (other, _) => {
                Err(CliError::Unsound(format!("the mTLS route answered otherwise than expected: {other:?}")))
            }
        }
    }

    async fn list(&self, host: &str) -> Result<(), CliError> {
        let hosts = self.api.list("/api/v1/hosts", 10).await?;
        let Some(found) = hosts.iter().find(|item| item["id"] == *host) else {
            return Err(CliError::Unsound(format!("host {host} is not in the list")));
        };
        say(&format!("the list of hosts shows it: state {}, roles {}", found["state"], found["roles"]))
    }

    async fn verify(&self) -> Result<(), CliError> {
        let ledger = self.api.get("/api/v1/ledger/verification").await?;
        match ledger["intact"].as_bool() {
            Some(true) => {
                say(&format!("the ledger has {} entries, and their chain is intact", ledger["entries"]))
            }
            _ => Err(CliError::Unsound(format!("the ledger is not intact: {}", ledger["fault"]))),
        }
    }

    async fn enroll(&self, token: &Secret<String>, host: &str) -> Result<EnrollResult, ClientError> {
        let ask = Enroll { cert_dir: self.dir.join(host), ..Enroll::default() };
        enroll(&ask, token, SystemClock::now()).await
    }
}

/// A directory that is removed when it is dropped.
struct DemoDir(PathBuf);

impl DemoDir {
    fn make() -> Result<Self, CliError> {
        let path = std::env::temp_dir().join(format!("gatepass-demo-{}", hex(&random::<8>())));
        private::make_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for DemoDir {
    fn drop(&mut self) {
        // If this fails, only demonstration keys are left.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The defaults, without the configuration and environment of the caller.
fn config(dir: &Path, password: &Secret<String>) -> Result<Config, CliError> {
    let file = dir.join(FILE_NAME);
    private::write(&file, &Secret::new(String::from("[log]\nlevel = \"error\"\n")))?;
    let environment = Environment::from_pairs([("GATEPASS_ADMIN_PASSWORD", password.expose().as_str())]);
    Ok(Config::load(Some(&file), &environment, Overrides::local(&dir.join("data")))?)
}

fn text(answer: &Value, key: &str) -> Result<String, CliError> {
    let missing = || ClientError::Answer { what: format!("it has no {key}") };
    Ok(answer[key].as_str().map(str::to_owned).ok_or_else(missing)?)
}

fn say(what: &str) -> Result<(), CliError> {
    line(format!("  \u{2713} {what}"))
}
