//! An authority in this process: the same `Server::run` that the binary runs, on a clock that tests move.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatepass::clock::{ManualClock, SystemClock, Timestamp};
use gatepass::config::{Config, Environment, FlagValue, Overrides};
use gatepass::id::Fingerprint;
use gatepass::server::{Reload, RunError, Server, StartError};
use gatepass::service::Authority;
use gatepass::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::{Client, Said};
use super::eventually;

/// The first time of a test authority's clock: twenty days ago. TLS checks certificates by the machine's own clock.
/// So a test can advance its clock by nearly as much before an issued certificate is not valid yet.
pub(crate) fn start() -> Timestamp {
    SystemClock::now().minus(Duration::from_secs(20 * 86_400)).whole_second()
}

/// The admin's password in tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The service that tests mint service tokens for.
pub(crate) const AUDIENCE: &str = "https://jobs.example.org";

/// A running authority. Dropping it leaves the task to end with the runtime; `stop` ends it as SIGTERM would.
pub(crate) struct Running {
    pub(crate) authority: Arc<Authority>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) url: String,
    pub(crate) local: SocketAddr,
    pub(crate) root: Fingerprint,
    pub(crate) roles_token: Option<String>,
    pub(crate) emergency_token: Option<String>,
    pub(crate) reload: Reload,
    data_dir: PathBuf,
    _own: Option<TempDir>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), RunError>>,
}

impl Running {
    /// An authority on an empty directory of its own.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with configuration, `section.key` and value.
    pub(crate) async fn start_with(set: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(start()));
        let mut running = Self::open(&dir.path().join("data"), clock, set).await.unwrap();
        running._own = Some(dir);
        running
    }

    /// An authority on `data_dir`, which may hold one that ran before.
    pub(crate) async fn open(
        data_dir: &Path,
        clock: Arc<ManualClock>,
        set: &[(&str, &str)],
    ) -> Result<Self, StartError> {
        let environment = Environment::from_pairs([("GATEPASS_ADMIN_PASSWORD", PASSWORD)]);
        // Here a thousand strangers ask from one address, and races are about one token.
        let defaults = [
            ("limits.refused_address", "off"),
            ("limits.refused_token", "off"),
            ("limits.unknown_tokens", "off"),
            // A client that the machine keeps waiting is no slow one.
            ("http.handshake_timeout", "300s"),
            ("http.header_timeout", "300s"),
            ("http.body_timeout", "300s"),
        ];
        let mut overrides = Overrides::local(data_dir);
        overrides.fields.extend(defaults.iter().chain(set).map(|(key, value)| FlagValue::set(key, value)));
        let config = Config::load(None, &environment, overrides).unwrap();
        let server = Server::open(config, clock.clone()).await?;
        let first = server.first_start();
        let roles_token =
            first.and_then(|first| first.roles_token.as_ref()).map(|token| token.expose().clone());
        let emergency_token = first.map(|first| first.emergency_token.expose().clone());
        let (url, root, authority) = (server.url(), server.root_fingerprint(), server.authority().clone());
        let (store, local, reload) = (server.store(), server.local_addr(), server.reload());
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let data_dir = data_dir.to_owned();
        Ok(Self {
            authority,
            store,
            clock,
            url,
            local,
            root,
            roles_token,
            emergency_token,
            reload,
            data_dir,
            _own: None,
            stop,
            ended,
        })
    }

    /// Stops it and starts it again on the same directory, at another port.
    pub(crate) async fn restart(self) -> Self {
        let (data_dir, clock, own) = self.stop().await;
        let mut running = Self::open(&data_dir, clock, &[]).await.unwrap();
        running._own = own;
        running
    }

    /// Stops it, as SIGTERM would.
    pub(crate) async fn stop(self) -> (PathBuf, Arc<ManualClock>, Option<TempDir>) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
        drop((self.authority, self.store));
        (self.data_dir, self.clock, self._own)
    }

    /// Waits until the start has signed the first CRLs of issuing CA and root, and written their files.
    pub(crate) async fn settled(&self) {
        settled(&self.stranger()).await;
    }

    /// Its data directory.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The time of its clock.
    pub(crate) fn clock_reading(&self) -> Timestamp {
        gatepass::clock::Clock::read(self.clock.as_ref()).wall
    }

    /// A client without a credential.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(&self.url, self.root)
    }

    /// A client that signs in as the admin.
    pub(crate) fn admin(&self) -> Client {
        self.stranger().basic("admin", PASSWORD)
    }

    /// Mints what `request` asks for; the whole answer.
    pub(crate) async fn mint(&self, request: Value) -> Value {
        let said = self.admin().post("/api/v1/enrollment-tokens", &request).await;
        assert_eq!(said.status, 201, "{}", said.text);
        said.json
    }

    /// Mints a token that admits one host.
    pub(crate) async fn mint_once(&self) -> String {
        token_of(&self.mint(json!({ "roles": ["allocator"] })).await)
    }

    /// Mints a service token for [`AUDIENCE`], which the configuration has to name; the whole answer.
    pub(crate) async fn mint_service(&self, mut request: Value) -> Value {
        request["audience"] = json!(AUDIENCE);
        let said = self.admin().post("/api/v1/service-tokens", &request).await;
        assert_eq!(said.status, 201, "{}", said.text);
        said.json
    }

    /// Creates a user.
    pub(crate) async fn user(&self, name: &str, password: &str, role: &str) {
        let user = json!({ "username": name, "password": password, "role": role });
        let said = self.admin().post("/api/v1/users", &user).await;
        assert_eq!(said.status, 201, "{}", said.text);
    }

    /// Makes an API key as `owner`; the whole answer.
    pub(crate) async fn api_key(&self, owner: &Client, request: Value) -> Value {
        let said = owner.post("/api/v1/api-keys", &request).await;
        assert_eq!(said.status, 201, "{}", said.text);
        said.json
    }

    /// The token's item in the native API.
    pub(crate) async fn token(&self, id: &str) -> Value {
        self.admin().get(&format!("/api/v1/enrollment-tokens/{id}")).await.json
    }

    /// The newest entries of the ledger, newest first.
    pub(crate) async fn ledger(&self) -> Vec<Value> {
        let said: Said = self.admin().get("/api/v1/ledger?limit=1000").await;
        said.json["items"].as_array().unwrap().clone()
    }

    /// The number of ledger entries with this action.
    pub(crate) async fn entries(&self, action: &str) -> usize {
        self.ledger().await.iter().filter(|entry| entry["action"] == action).count()
    }
}

/// Waits until a server has signed its first CRLs of issuing CA and root. Without them it is not ready.
pub(crate) async fn settled(stranger: &Client) {
    eventually("the first CRLs are served", async || {
        let served = stranger.get("/ca/crl.pem").await.text;
        (served.matches("BEGIN X509 CRL").count() > 1).then_some(())
    })
    .await;
}

/// The token of a mint's answer.
pub(crate) fn token_of(minted: &Value) -> String {
    minted["token"].as_str().unwrap().to_owned()
}
