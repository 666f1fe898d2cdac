//! An authority of a few documents, over real TLS, that does what a test tells it to: answer, fail, push, go away.

use std::sync::{Arc, Mutex, MutexGuard};

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::clock::{SystemClock, Timestamp};
use crate::connect::Trust;
use crate::http::listener::trial;
use crate::id::{Fingerprint, ListId, StatusRef, TokenId};
use crate::name::Role;
use crate::token::{KeyRing, ServiceGrant, Status, StatusList, TokenRef, mint_service, status_uri};

pub(super) const ISSUER: &str = "https://gate.example.org";
pub(super) const AUDIENCE: &str = "https://jobs.example.org";

/// The documents that it serves.
pub(super) struct Documents {
    pub(super) ring: KeyRing,
    pub(super) lists: Vec<(ListId, StatusList)>,
    /// Grows with every change: entity tags are made of it.
    pub(super) version: u64,
    /// Every request is answered with this status.
    pub(super) failing: Option<u16>,
    /// Every path that was asked for, with a mark where the answer was 304.
    pub(super) asked: Vec<String>,
}

pub(super) struct Fake {
    pub(super) url: String,
    root: Fingerprint,
    documents: Arc<Mutex<Documents>>,
    events: broadcast::Sender<String>,
    accepting: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Fake {
    pub(super) async fn start() -> Self {
        let authority = trial::Authority::new();
        let identity = authority.own();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(identity.chain, identity.key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let lists = vec![(ListId::generate(SystemClock::now()), StatusList::default())];
        let (ring, asked) = (KeyRing::generate(), Vec::new());
        let documents = Documents { ring, lists, version: 1, failing: None, asked };
        let documents = Arc::new(Mutex::new(documents));
        let events = broadcast::Sender::new(64);
        let (acceptor, shared, sending) =
            (TlsAcceptor::from(Arc::new(config)), Arc::clone(&documents), events.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), tcp, Arc::clone(&shared), sending.clone()));
            }
        });
        Self { url, root: Fingerprint::of(&authority.root), documents, events, accepting }
    }

    pub(super) fn trust(&self) -> Trust {
        Trust::Fingerprint(self.root)
    }

    pub(super) fn documents(&self) -> MutexGuard<'_, Documents> {
        self.documents.lock().unwrap()
    }

    /// Sends an event to every open stream.
    pub(super) fn push(&self, event: &str) {
        let _ = self.events.send(format!("{event}\n\n"));
    }

    pub(super) fn followers(&self) -> usize {
        self.events.receiver_count()
    }

    pub(super) fn uri(&self) -> String {
        status_uri(ISSUER, self.documents().lists[0].0)
    }

    pub(super) fn set(&self, index: u32, status: Status) {
        let mut documents = self.documents();
        documents.lists[0].1.set(index, status);
        documents.version += 1;
    }

    /// A token with this place in the newest list.
    pub(super) fn token(&self, index: u32) -> String {
        let (now, documents) = (SystemClock::now(), self.documents());
        let at = now.whole_second();
        let list = documents.lists.last().unwrap().0;
        let grant = ServiceGrant {
            token: TokenRef {
                id: TokenId::generate(now),
                issuer: ISSUER.to_owned(),
                status: StatusRef { list, index },
            },
            audience: AUDIENCE.to_owned(),
            issued_at: at,
            not_before: at,
            expires_at: at.plus(std::time::Duration::from_secs(900)),
            roles: vec![Role::parse("allocator").unwrap()],
        };
        mint_service(&grant, &documents.ring, now).unwrap().into_text().expose().clone()
    }
}

impl Documents {
    /// Status, entity tag, body.
    fn answer(&mut self, path: &str, tag: Option<&str>) -> (u16, String, String) {
        let own = format!("\"{}\"", self.version);
        let same = tag == Some(own.as_str());
        self.asked.push(format!("{path}{}", if same { " 304" } else { "" }));
        let found = self.failing.is_none().then(|| self.document(path, SystemClock::now())).flatten();
        match (self.failing, found) {
            (Some(status), _) => (status, own, String::new()),
            (None, None) => (404, own, String::new()),
            (None, Some(_)) if same => (304, own, String::new()),
            (None, Some(body)) => (200, own, body),
        }
    }

    fn document(&self, path: &str, now: Timestamp) -> Option<String> {
        let uris = self.lists.iter().map(|(list, _)| status_uri(ISSUER, *list)).collect::<Vec<_>>();
        match path {
            "/.well-known/jwks.json" => Some(self.ring.verifying().to_jwks()),
            "/status" => Some(serde_json::json!({ "status_lists": uris }).to_string()),
            path => {
                let uri = uris.iter().position(|uri| uri.ends_with(path))?;
                Some(self.lists[uri].1.sign(&uris[uri], &self.ring, now).unwrap())
            }
        }
    }
}

async fn serve(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    documents: Arc<Mutex<Documents>>,
    events: broadcast::Sender<String>,
) {
    let Ok(mut stream) = acceptor.accept(tcp).await else { return };
    while let Some(request) = request(&mut stream).await {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path == "/status/events" && documents.lock().unwrap().failing.is_none() {
            return follow(&mut stream, events.subscribe()).await;
        }
        let tag = request.lines().find_map(|line| line.strip_prefix("if-none-match: "));
        let (status, tag, body) = documents.lock().unwrap().answer(path, tag);
        let head = format!("HTTP/1.1 {status} x\r\netag: {tag}\r\ncontent-length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err()
            || stream.flush().await.is_err()
        {
            return;
        }
    }
}

/// The head of the next request; none of them has a body.
async fn request(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn follow(stream: &mut TlsStream<TcpStream>, mut events: broadcast::Receiver<String>) {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut next = format!("{head}{}", chunk("event: hello\nid: a-0\ndata: {\"version\":0}\n\n"));
    while stream.write_all(next.as_bytes()).await.is_ok() && stream.flush().await.is_ok() {
        let Ok(event) = events.recv().await else { return };
        next = chunk(&event);
    }
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}
