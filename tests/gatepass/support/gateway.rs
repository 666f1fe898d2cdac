//! A gateway before a server: it passes connections on, or answers in the server's place with the server's own name.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gatepass::ca::{CertificateAuthority, ServerProfile, pem_to_der};
use gatepass::clock::SystemClock;
use gatepass::secret::Secret;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The gateway's treatment of the next connection.
#[derive(Clone)]
pub(crate) enum Mode {
    /// It goes to the server.
    Pass,
    /// Each request gets this answer.
    Answer(String),
    /// It is accepted, and gets no answer.
    Silence,
}

/// A port that a server can have as its external URL.
pub(crate) struct Gateway {
    pub(crate) url: String,
    listener: Option<TcpListener>,
    mode: Arc<Mutex<Mode>>,
    answered: Arc<AtomicUsize>,
}

/// An answer of a program that is not gatepass.
pub(crate) fn page(status: &str, headers: &[&str], media_type: &str, body: &str) -> Mode {
    let headers = headers.iter().map(|header| format!("{header}\r\n")).collect::<String>();
    Mode::Answer(format!(
        "HTTP/1.1 {status}\r\n{headers}content-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}

impl Gateway {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        Self {
            url,
            listener: Some(listener),
            mode: Arc::new(Mutex::new(Mode::Pass)),
            answered: Arc::default(),
        }
    }

    /// Passes connections on to the server of `data_dir`, which listens at `server`.
    pub(crate) fn open(&mut self, data_dir: &Path, server: SocketAddr) {
        let (listener, acceptor) = (self.listener.take().unwrap(), acceptor(data_dir));
        let (mode, answered) = (self.mode.clone(), self.answered.clone());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (mode, acceptor, answered) = (mode.lock().clone(), acceptor.clone(), answered.clone());
                tokio::spawn(async move {
                    match mode {
                        Mode::Pass => drop(pass(tcp, server).await),
                        Mode::Answer(text) => drop(answer(tcp, &acceptor, &text, &answered).await),
                        Mode::Silence => {
                            let _held = tcp;
                            answered.fetch_add(1, Ordering::SeqCst);
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock() = mode;
    }

    /// The number of connections that did not go to the server.
    pub(crate) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }
}

async fn pass(mut tcp: TcpStream, server: SocketAddr) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    tokio::io::copy_bidirectional(&mut tcp, &mut server).await.map(drop)
}

/// Answers a request. It counts before the answer: a client that has it must find it counted.
async fn answer(
    tcp: TcpStream,
    acceptor: &TlsAcceptor,
    text: &str,
    answered: &AtomicUsize,
) -> std::io::Result<()> {
    let mut tls = BufReader::new(acceptor.accept(tcp).await?);
    let (mut line, mut length) = (String::new(), 0);
    while tls.read_line(&mut line).await? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    tls.read_exact(&mut vec![0; length]).await?;
    answered.fetch_add(1, Ordering::SeqCst);
    tls.write_all(text.as_bytes()).await?;
    tls.shutdown().await
}

/// TLS with a certificate of the authority in `data_dir`, as a proxy has it that ends TLS for the server.
fn acceptor(data_dir: &Path) -> TlsAcceptor {
    let file = |start: &str, end: &str| {
        let names = std::fs::read_dir(data_dir.join("keys")).unwrap().map(|entry| entry.unwrap().path());
        let mut named = names.filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(start) && name.ends_with(end)
        });
        std::fs::read_to_string(named.next().unwrap()).unwrap()
    };
    let (root, issuing) = (file("ca-root-", ".pem"), file("ca-issuing-", ".pem"));
    let (key, now) = (Secret::new(file("ca-issuing-", ".key")), SystemClock::now());
    let ca = CertificateAuthority::from_pem(&root, &issuing, &key, now).unwrap();
    let profile = ServerProfile {
        dns_names: vec![String::from("localhost")],
        addresses: vec![Ipv4Addr::LOCALHOST.into()],
        trust_domain: String::from("localhost"),
        lifetime: Duration::from_secs(86_400),
    };
    let identity = ca.issue_server(&profile, now).unwrap();
    let der = |pem: &str| CertificateDer::from(pem_to_der("CERTIFICATE", pem).unwrap());
    let chain = vec![identity.certificate.into(), der(&issuing), der(&root)];
    let key = PrivatePkcs8KeyDer::from(identity.key.expose().clone());
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key.into()).unwrap();
    TlsAcceptor::from(Arc::new(config))
}
