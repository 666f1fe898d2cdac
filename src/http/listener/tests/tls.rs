//! Certificates, protocols, resumption, swapping.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use rcgen::SanType;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, HandshakeKind, NamedGroup, SignatureScheme};
use tokio::io::AsyncReadExt as _;

use crate::http::limits::Limits;
use crate::http::listener::trial::{Authority, Server, client, get, hello, rest, send, within};
use crate::http::tls::{Identities, ServedAs, Tls, TlsError, TlsIdentity};
use crate::name::DnsName;

const PEER: &[u8] = b"GET /peer HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

async fn peer_seen(server: &Server, config: ClientConfig) -> std::io::Result<String> {
    let mut stream = server.connect_with(config).await?;
    send(&mut stream, PEER).await;
    let mut bytes = Vec::new();
    // In TLS 1.3 the server checks the certificate after the client's handshake has ended.
    within(stream.read_to_end(&mut bytes)).await?;
    let text = String::from_utf8(bytes).unwrap();
    Ok(text.rsplit("\r\n").next().unwrap().to_owned())
}

#[tokio::test]
async fn the_clients_certificate_arrives_with_the_request() {
    let server = Server::start(Limits::default()).await;
    let (chain, key) = server.authority.host();
    let leaf = chain[0].len();
    let seen = peer_seen(&server, client(&server.authority, "http/1.1", Some((chain, key)))).await;
    assert_eq!(seen.unwrap(), format!("Http1 {leaf}"));
}

#[tokio::test]
async fn a_client_needs_no_certificate_and_no_alpn() {
    let server = Server::start(Limits::default()).await;
    assert_eq!(peer_seen(&server, client(&server.authority, "", None)).await.unwrap(), "Http1 0");
}

#[tokio::test]
async fn a_certificate_of_another_ca_fails_the_handshake() {
    let server = Server::start(Limits::default()).await;
    let foreign = client(&server.authority, "http/1.1", Some(Authority::new().host()));
    assert!(peer_seen(&server, foreign).await.is_err());
}

#[tokio::test]
async fn an_expired_client_certificate_fails_the_handshake() {
    let server = Server::start(Limits::default()).await;
    let expired = server.authority.credentials("spiffe://gate.test/host/1", |params| {
        params.not_after = rcgen::date_time_ymd(2001, 1, 1)
    });
    assert!(peer_seen(&server, client(&server.authority, "http/1.1", Some(expired))).await.is_err());
}

#[tokio::test]
async fn http2_is_spoken_where_alpn_says_so() {
    let server = Server::start(Limits::default()).await;
    let answer = within(server.http2().await.send_request(get("/peer"))).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "Http2 0");
}

#[tokio::test]
async fn an_unknown_protocol_fails_the_handshake() {
    let server = Server::start(Limits::default()).await;
    assert!(server.connect_with(client(&server.authority, "spdy/3", None)).await.is_err());
}

#[tokio::test]
async fn a_client_without_a_post_quantum_group_is_served() {
    let server = Server::start(Limits::default()).await;
    for group in [NamedGroup::X25519, NamedGroup::secp256r1] {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.kx_groups.retain(|offered| offered.name() == group);
        let stream = server.connect_with(offering(&server.authority, provider)).await.unwrap();
        assert_eq!(stream.get_ref().1.negotiated_key_exchange_group().unwrap().name(), group);
    }
}

/// A client configuration with its own cryptography.
fn offering(authority: &Authority, provider: CryptoProvider) -> ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.root.clone()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[tokio::test]
async fn no_session_is_ever_resumed() {
    let server = Server::start(Limits::default()).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(server.authority.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        for _ in 0..3 {
            let mut stream = server.connect_with(config.clone()).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full));
            send(&mut stream, PEER).await;
            rest(&mut stream).await;
            assert_eq!(stream.get_ref().1.tls13_tickets_received(), 0);
        }
    }
}

#[tokio::test]
async fn new_connections_get_a_swapped_certificate() {
    let server = Server::start(Limits::default()).await;
    let mut open = server.connect("http/1.1").await;
    let identity = server.authority.own();
    let leaf = identity.chain[0].clone();
    assert_ne!(open.get_ref().1.peer_certificates().unwrap()[0], leaf);
    server.tls.swap(identity, vec![server.authority.root.clone()]).unwrap();
    let new = server.connect("http/1.1").await;
    assert_eq!(new.get_ref().1.peer_certificates().unwrap()[0], leaf);
    send(&mut open, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    hello(&mut open).await;
}

#[tokio::test]
async fn a_foreign_key_is_refused() {
    let server = Server::start(Limits::default()).await;
    let (own, other) = (server.authority.own(), server.authority.own());
    let mixed = TlsIdentity { chain: own.chain, key: other.key };
    let refused = server.tls.swap(mixed, vec![server.authority.root.clone()]);
    assert!(matches!(refused, Err(TlsError::Identity(_))), "{refused:?}");
    server.connect("http/1.1").await;
}

#[tokio::test]
async fn the_server_name_chooses_the_certificate() {
    let server = Server::start(Limits::default()).await;
    let (main, other) = (server.authority.own(), Authority::new());
    let named = other.credentials("spiffe://x/y", |params| {
        params.subject_alt_names = vec![SanType::DnsName("console.test".try_into().unwrap())];
    });
    let (own, console) = (main.chain[0].clone(), named.0[0].clone());
    let named = vec![(DnsName::parse("console.test").unwrap(), TlsIdentity { chain: named.0, key: named.1 })];
    let identities = Identities { main, is_outside: false, named };
    server.tls.swap(identities, vec![server.authority.root.clone()]).unwrap();
    let served = async |authority: &Authority, name: &str| {
        let stream = server.connect_as(client(authority, "http/1.1", None), name).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    assert_eq!(served(&other, "console.test").await, console);
    assert_eq!(served(&other, "CONSOLE.test").await, console);
    assert_eq!(served(&server.authority, "localhost").await, own);
    assert_eq!(served(&server.authority, "127.0.0.1").await, own, "an address is no server name");
    let serving = server.tls.serving();
    assert_eq!(serving.served_as(Some("console.test")), ServedAs::Named);
    assert_eq!(serving.served_as(Some("localhost")), ServedAs::Own);
    assert_eq!(serving.served_as(None), ServedAs::Own);
}

/// A client that notes the CAs that the server accepts, and presents no certificate.
#[derive(Debug, Default)]
struct Asked(Mutex<Vec<Vec<u8>>>);

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock() = hints.iter().map(|hint| hint.to_vec()).collect();
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A browser asks its user for a certificate only if it has one of a named CA. An empty list would mean any.
#[tokio::test]
async fn a_request_for_a_certificate_names_the_roots() {
    let server = Server::start(Limits::default()).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(server.authority.root.clone()).unwrap();
        let expected = roots.subjects().iter().map(|name| name.as_ref().to_vec()).collect::<Vec<_>>();
        let asked = Arc::new(Asked::default());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::<Asked>::clone(&asked));
        server.connect_with(config).await.unwrap();
        assert_eq!(*asked.0.lock(), expected);
    }
}

#[test]
fn a_listener_without_client_roots_is_refused() {
    let refused =
        Tls::new(Authority::new().own(), Vec::new(), Arc::new(rustls::time_provider::DefaultTimeProvider))
            .err();
    assert_eq!(refused, Some(TlsError::NoClientRoots));
}
