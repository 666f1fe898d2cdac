//! Certificates from elsewhere for single server names, and HSTS, which follows them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use gatepass::client::connect::Trust;
use gatepass::clock::ManualClock;
use gatepass::id::Fingerprint;
use http::header::ACCEPT;

use crate::support::Running;
use crate::support::authority::start;
use crate::support::client::Client;

const NAME: &str = "console.example.org";

/// A directory with a data directory, whose configuration names a certificate and its key.
struct Setting {
    dir: tempfile::TempDir,
}

impl Setting {
    fn new(more: &str) -> Self {
        let setting = Self { dir: tempfile::tempdir().unwrap() };
        fs::DirBuilder::new().mode(0o700).create(setting.data()).unwrap();
        let (certificate, key) = (setting.path("console.pem"), setting.path("console.key"));
        let text = format!(
            "{more}\n[[server.certificates]]\nname = \"{NAME}\"\ncertificate = {certificate:?}\nkey = {key:?}\n"
        );
        let file = setting.data().join("gatepass.toml");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        setting
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a certificate for this name with its key; its fingerprint.
    fn write(&self, name: &str) -> Fingerprint {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        fs::write(self.path("console.pem"), made.cert.pem()).unwrap();
        self.write_key(&made.signing_key.serialize_pem());
        Fingerprint::of(made.cert.der())
    }

    fn write_key(&self, text: &str) {
        let path = self.path("console.key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    async fn open(&self) -> Result<Running, String> {
        let clock = Arc::new(ManualClock::at(start()));
        Running::open(&self.data(), clock, &[]).await.map_err(|error| error.to_string())
    }
}

/// A client that asks for the server as `name`, and accepts this certificate alone.
fn named(at: &Running, name: &str, certificate: Fingerprint) -> Client {
    let url = format!("https://{name}:{}", at.local.port());
    Client::trusting(&url, Trust::Certificate(certificate)).at(at.local).header(ACCEPT, "text/html")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_name_gets_its_own_certificate() {
    let setting = Setting::new("");
    let certificate = setting.write(NAME);
    let at = setting.open().await.unwrap();
    let console = named(&at, NAME, certificate).get("/sign-in").await;
    assert_eq!(console.status, 200, "{}", console.text);
    let strict = &console.headers["strict-transport-security"];
    assert_eq!(strict, "max-age=31536000");

    // Hosts keep the root that they pin.
    let own = at.stranger().header(ACCEPT, "text/html").get("/sign-in").await;
    assert_eq!(own.status, 200, "{}", own.text);
    assert!(!own.headers.contains_key("strict-transport-security"), "under a private root");
    assert!(named(&at, NAME, at.root).try_send(http::Method::GET, "/", None).await.is_err());
    let api = named(&at, NAME, certificate).get("/readyz").await;
    assert!(!api.headers.contains_key("strict-transport-security"), "pages alone");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hsts_can_be_switched_off() {
    let setting = Setting::new("[http]\nhsts = false");
    let certificate = setting.write(NAME);
    let at = setting.open().await.unwrap();
    let console = named(&at, NAME, certificate).get("/sign-in").await;
    assert_eq!(console.status, 200, "{}", console.text);
    assert!(!console.headers.contains_key("strict-transport-security"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hsts_follows_a_certificate_for_every_name() {
    let setting = Setting::new("");
    let main = rcgen::generate_simple_self_signed(vec!["gate.example.org".to_owned()]).unwrap();
    let (file, key) = (setting.path("console.pem"), setting.path("console.key"));
    fs::write(&file, main.cert.pem()).unwrap();
    setting.write_key(&main.signing_key.serialize_pem());
    fs::remove_file(setting.data().join("gatepass.toml")).unwrap();
    let set = [("server.tls_certificate", file.to_str().unwrap()), ("server.tls_key", key.to_str().unwrap())];
    let at = Running::open(&setting.data(), Arc::new(ManualClock::at(start())), &set).await.unwrap();
    let page = named(&at, "gate.example.org", Fingerprint::of(main.cert.der())).get("/sign-in").await;
    assert_eq!(page.headers["strict-transport-security"], "max-age=31536000");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_certificate_stops_the_start() {
    let setting = Setting::new("");
    let refused = async || {
        let error = setting.open().await.err().expect("it started");
        assert!(error.contains(&format!("server.certificates for {NAME}")), "{error}");
        assert!(!setting.data().join("gatepass.db").exists(), "nothing was changed");
        error
    };
    assert!(refused().await.contains("console.pem"), "a missing file");
    setting.write("other.example.org");
    let error = refused().await;
    assert!(error.contains(&format!("does not have the name {NAME}")), "{error}");
    setting.write(NAME);
    let other = rcgen::KeyPair::generate().unwrap();
    setting.write_key(&other.serialize_pem());
    let error = refused().await;
    assert!(error.contains("cannot be used together"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_files_are_used_and_broken_ones_are_not() {
    let setting = Setting::new("");
    let first = setting.write(NAME);
    let at = setting.open().await.unwrap();
    let serves = async |certificate| {
        named(&at, NAME, certificate).try_send(http::Method::GET, "/readyz", None).await.is_ok()
    };
    assert!(serves(first).await);
    let second = setting.write(NAME);
    at.reload.now().await;
    assert!(serves(second).await && !serves(first).await);
    fs::write(setting.path("console.pem"), "broken").unwrap();
    at.reload.now().await;
    assert!(serves(second).await, "the former one stays");
    assert_eq!(at.stranger().get("/livez").await.status, 200);
    at.stop().await;
}
