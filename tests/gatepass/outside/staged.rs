//! A staged authority: documents that a test writes, behind a TLS certificate that the test made. It publishes documents
//! that a real one never has.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use gatepass::clock::{SystemClock, Timestamp};
use gatepass::id::{ListId, TokenId};
use gatepass::token::{KeyRing, KeyUse, Signer, Status, StatusList, status_uri};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::forge::{Forgery, signed};

/// The audience of its tokens.
pub(super) const AUDIENCE: &str = "https://jobs.example.org";
/// The index that its tokens have in their list.
pub(super) const INDEX: u32 = 5;

type Documents = Arc<Mutex<HashMap<String, String>>>;

/// A staged authority. It serves until the test process ends.
pub(super) struct Staged {
    pub(super) url: String,
    pub(super) ring: KeyRing,
    /// The address of the list of its tokens.
    pub(super) list: String,
    documents: Documents,
    dir: TempDir,
}

impl Staged {
    /// One that publishes its keys, and a list of which every entry is valid.
    pub(super) fn start() -> Self {
        let (dir, documents) = (tempfile::tempdir().unwrap(), Documents::default());
        let tls = Arc::new(certificate(&dir));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let list = status_uri(&url, ListId::generate(SystemClock::now()));
        let staged = Self { url, ring: KeyRing::generate(), list, documents: Arc::clone(&documents), dir };
        staged.publish("/.well-known/jwks.json", staged.ring.verifying().to_jwks());
        staged.publish_list(&staged.signed_list(&[]));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tls, documents) = (Arc::clone(&tls), Arc::clone(&documents));
                // A client may go away at any moment.
                std::thread::spawn(move || drop(answer(stream.unwrap(), tls, &documents)));
            }
        });
        staged
    }

    /// The file of the only certificate to trust.
    pub(super) fn root(&self) -> String {
        self.dir.path().join("root.pem").to_str().unwrap().to_owned()
    }

    /// Publishes `text` at `path`.
    pub(super) fn publish(&self, path: &str, text: String) {
        self.documents.lock().unwrap().insert(path.to_owned(), text);
    }

    /// Publishes `text` where the list of its tokens is.
    pub(super) fn publish_list(&self, text: &str) {
        self.publish(self.list.strip_prefix(&self.url).unwrap(), text.to_owned());
    }

    /// A good service token, decoded.
    pub(super) fn token(&self) -> Forgery {
        let (now, id) = (SystemClock::now(), TokenId::generate(SystemClock::now()).to_string());
        let claims = json!({
            "iss": self.url, "aud": AUDIENCE, "jti": id, "sub": id, "iat": now.secs(), "nbf": now.secs(),
            "exp": now.secs() + 900, "persistent": false, "roles": ["allocator", "proxy"],
            "status": { "status_list": { "idx": INDEX, "uri": self.list } },
        });
        self.forgery(KeyUse::Service, claims)
    }

    /// The text of a token, signed with the key for service tokens.
    pub(super) fn minted(&self, token: &Forgery) -> String {
        self.signed_as(KeyUse::Service, token)
    }

    /// The text of it, signed with the key for `usage` whatever its header says.
    pub(super) fn signed_as(&self, usage: KeyUse, token: &Forgery) -> String {
        signed(&token.header_text(), &token.claims_text(), self.signer(usage))
    }

    /// A list with these statuses, decoded.
    pub(super) fn status_list(&self, statuses: &[(u32, Status)]) -> Forgery {
        Forgery::of(&self.list_at(statuses, SystemClock::now()))
    }

    /// The signed list with these statuses.
    pub(super) fn signed_list(&self, statuses: &[(u32, Status)]) -> String {
        self.list_at(statuses, SystemClock::now())
    }

    /// The same, signed at `at`.
    pub(super) fn list_at(&self, statuses: &[(u32, Status)], at: Timestamp) -> String {
        let mut list = StatusList::default();
        for (index, status) in statuses {
            list.set(*index, *status);
        }
        list.sign(&self.list, &self.ring, at).unwrap()
    }

    fn signer(&self, usage: KeyUse) -> &dyn Signer {
        self.ring.current(usage).as_ref()
    }

    fn forgery(&self, usage: KeyUse, claims: Value) -> Forgery {
        let kid = self.signer(usage).key_id().to_string();
        let header = json!({ "typ": usage.typ(), "alg": "EdDSA", "kid": kid });
        let object = |value| -> Map<String, Value> { serde_json::from_value(value).unwrap() };
        Forgery { header: object(header), claims: object(claims) }
    }
}

/// A self-signed certificate for this machine, also written to `root.pem` of `dir`.
fn certificate(dir: &TempDir) -> ServerConfig {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    std::fs::write(dir.path().join("root.pem"), made.pem()).unwrap();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    tls.with_no_client_auth().with_single_cert(vec![made.der().clone()], key).unwrap()
}

/// Reads one request, answers it with the document at its path, and closes.
fn answer(stream: TcpStream, tls: Arc<ServerConfig>, documents: &Documents) -> std::io::Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(tls).map_err(std::io::Error::other)?, stream);
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 1024];
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Ok(());
        }
        asked.extend(&part[..read]);
    }
    let text = String::from_utf8_lossy(&asked);
    let found = text.split(' ').nth(1).and_then(|path| documents.lock().unwrap().get(path).cloned());
    let (status, body) = found.map_or(("404 Not Found", String::new()), |body| ("200 OK", body));
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
