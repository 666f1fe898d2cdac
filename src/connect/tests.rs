//! The connector against the listener, over real sockets.

use hyper::Method;
use hyper::header::{AUTHORIZATION, CONNECTION, HeaderValue};
use rustls::pki_types::CertificateDer;

use super::{ConnectError, Connector, Identity, Trust};
use crate::http::limits::Limits;
use crate::http::listener::trial::{Authority, Credentials, Server, within};
use crate::http::tls::TlsIdentity;
use crate::id::Fingerprint;

fn url(server: &Server) -> String {
    format!("https://localhost:{}", server.address.port())
}

fn pin(root: &CertificateDer<'_>) -> Trust {
    Trust::Fingerprint(Fingerprint::of(root))
}

async fn server_with(authority: Authority, (chain, key): Credentials) -> Server {
    Server::start_as(authority, TlsIdentity { chain, key }, Limits::default()).await
}

async fn get(connector: &Connector) -> Result<String, ConnectError> {
    let answer = within(connector.request(Method::GET, "/peer", &[], None)).await?;
    Ok(String::from_utf8(answer.body.to_vec()).unwrap())
}

async fn refused(server: &Server, trust: Trust) -> ConnectError {
    let connector = Connector::new(&url(server), trust, None).unwrap();
    let error = get(&connector).await.unwrap_err();
    assert_eq!(connector.server_root(), None, "nothing is learnt from a server that is not trusted");
    error
}

#[tokio::test]
async fn the_pinned_root_is_trusted_and_learnt() {
    let server = Server::start(Limits::default()).await;
    let connector = Connector::new(&url(&server), pin(&server.authority.root), None).unwrap();
    assert_eq!(connector.server_root(), None);
    assert_eq!(get(&connector).await.unwrap(), "Http1 0");
    assert_eq!(connector.server_root(), Some(server.authority.root.clone()));
}

#[tokio::test]
async fn another_root_is_refused_and_named() {
    let server = Server::start(Limits::default()).await;
    let pinned = Fingerprint::of(b"another root");
    let error = refused(&server, Trust::Fingerprint(pinned)).await;
    let presented = Fingerprint::of(&server.authority.root);
    let authority = format!("localhost:{}", server.address.port());
    assert_eq!(error, ConnectError::WrongRoot { server: authority, pinned, presented: Some(presented) });
    assert!(error.to_string().contains(&presented.to_string()), "{error}");
}

#[tokio::test]
async fn a_pinned_leaf_is_no_root() {
    let server = Server::start(Limits::default()).await;
    let shown = server.connect("").await;
    let leaf = shown.get_ref().1.peer_certificates().unwrap()[0].clone();
    assert!(matches!(refused(&server, pin(&leaf)).await, ConnectError::WrongRoot { .. }));
}

#[tokio::test]
async fn a_chain_that_misses_the_root_is_refused() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (mut chain, key) = other.credentials("spiffe://gate.test/gatepass", |_| ());
    chain.push(authority.root.clone());
    let trust = pin(&authority.root);
    let server = server_with(authority, (chain, key)).await;
    let error = refused(&server, trust).await;
    assert!(matches!(error, ConnectError::Untrusted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_host_that_poses_as_the_authority_is_refused() {
    for by_roots in [false, true] {
        let authority = Authority::new();
        let host = authority.host();
        let root = authority.root.clone();
        let server = server_with(authority, host).await;
        let trust = if by_roots { Trust::Roots(vec![root]) } else { pin(&root) };
        let error = refused(&server, trust).await;
        let ConnectError::NotTheAuthority { found, .. } = &error else { panic!("{error:?}") };
        assert!(found.starts_with("spiffe://gate.test/host/"), "{found}");
    }
}

#[tokio::test]
async fn a_second_uri_beside_the_authoritys_is_refused() {
    let authority = Authority::new();
    let uri = rcgen::SanType::URI("spiffe://gate.test/host/1".try_into().unwrap());
    let two =
        authority.credentials("spiffe://gate.test/gatepass", |params| params.subject_alt_names.push(uri));
    let trust = pin(&authority.root);
    let server = server_with(authority, two).await;
    assert!(matches!(refused(&server, trust).await, ConnectError::NotTheAuthority { .. }));
}

#[tokio::test]
async fn an_external_certificate_is_accepted_only_if_announced() {
    let authority = Authority::new();
    let outside = authority.credentials("https://gate.test/", |_| ());
    let server = server_with(authority, outside).await;
    let roots = vec![server.authority.root.clone()];
    let connector = Connector::new(&url(&server), Trust::Outside(roots.clone()), None).unwrap();
    assert_eq!(get(&connector).await.unwrap(), "Http1 0");
    assert_eq!(connector.server_root(), None);
    assert!(matches!(refused(&server, Trust::Roots(roots)).await, ConnectError::NotTheAuthority { .. }));
}

#[tokio::test]
async fn only_roots_from_the_file_are_trusted() {
    let server = Server::start(Limits::default()).await;
    let roots = vec![Authority::new().root, server.authority.root.clone()];
    let connector = Connector::new(&url(&server), Trust::Roots(roots), None).unwrap();
    get(&connector).await.unwrap();
    assert_eq!(connector.server_root(), Some(server.authority.root.clone()));
    let error = refused(&server, Trust::Roots(vec![Authority::new().root])).await;
    assert!(matches!(error, ConnectError::Untrusted { .. }), "{error:?}");
    assert!(matches!(
        Connector::new(&url(&server), Trust::Roots(Vec::new()), None),
        Err(ConnectError::Roots { .. })
    ));
}

#[tokio::test]
async fn a_certificate_outside_its_dates_is_refused() {
    for (from, to, early) in [(2000, 2001, false), (4000, 4001, true)] {
        let authority = Authority::new();
        let dated = authority.credentials("spiffe://gate.test/gatepass", |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        });
        let trust = pin(&authority.root);
        let server = server_with(authority, dated).await;
        match refused(&server, trust).await {
            ConnectError::Expired { .. } => assert!(!early),
            ConnectError::NotYetValid { .. } => assert!(early),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let named = authority.credentials("spiffe://gate.test/gatepass", |params| {
        params.subject_alt_names.retain(|name| matches!(name, rcgen::SanType::URI(_)));
        params.subject_alt_names.push(rcgen::SanType::DnsName("gate.test".try_into().unwrap()));
    });
    let trust = pin(&authority.root);
    let server = server_with(authority, named).await;
    assert!(matches!(refused(&server, trust).await, ConnectError::WrongName { .. }));
}

#[tokio::test]
async fn the_hosts_certificate_is_presented() {
    let server = Server::start(Limits::default()).await;
    let (chain, key) = server.authority.host();
    let leaf = chain[0].len();
    let identity = Some(Identity { chain, key });
    let connector = Connector::new(&url(&server), pin(&server.authority.root), identity).unwrap();
    assert_eq!(get(&connector).await.unwrap(), format!("Http1 {leaf}"));
}

#[tokio::test]
async fn a_certificate_refused_by_the_server_is_reported() {
    let server = Server::start(Limits::default()).await;
    let expired = server.authority.credentials("spiffe://gate.test/host/1", |params| {
        params.not_after = rcgen::date_time_ymd(2001, 1, 1)
    });
    let identity = Some(Identity { chain: expired.0, key: expired.1 });
    let connector = Connector::new(&url(&server), pin(&server.authority.root), identity).unwrap();
    let error = get(&connector).await.unwrap_err();
    assert!(matches!(error, ConnectError::IdentityRefused { .. }), "{error:?}");
}

#[tokio::test]
async fn an_identity_of_two_pairs_is_refused() {
    let authority = Authority::new();
    let identity = Some(Identity { chain: authority.host().0, key: authority.host().1 });
    let refused = Connector::new("https://localhost", pin(&authority.root), identity).err();
    assert!(matches!(refused, Some(ConnectError::Identity(_))), "{refused:?}");
}

#[tokio::test]
async fn a_connection_is_kept_until_the_server_closes() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Server::start(limits).await;
    let connector = Connector::new(&url(&server), pin(&server.authority.root), None).unwrap();
    // With room for one connection, only a kept one can carry the second request.
    get(&connector).await.unwrap();
    get(&connector).await.unwrap();
    let close = [(CONNECTION, HeaderValue::from_static("close"))];
    within(connector.request(Method::GET, "/", &close, None)).await.unwrap();
    within(async { while get(&connector).await.is_err() {} }).await;
}

#[tokio::test]
async fn bodies_and_headers_go_out_and_come_back() {
    let server = Server::start(Limits::default()).await;
    let connector = Connector::new(&format!("{}/", url(&server)), pin(&server.authority.root), None).unwrap();
    let headers = [(AUTHORIZATION, HeaderValue::from_static("Bearer of news"))];
    let body = Some(vec![b'x'; 1000].into());
    let answer = within(connector.request(Method::POST, "/upload", &headers, body)).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, b"1000".as_slice()));
    assert_eq!(answer.headers["content-length"], "4");
    let large = Some(vec![b'x'; 1 << 20].into());
    let answer = within(connector.request(Method::POST, "/upload", &headers, large)).await.unwrap();
    assert_eq!(answer.status.as_u16(), 413);
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let server = Server::start(Limits::default()).await;
    let connector = Connector::new(&url(&server), pin(&server.authority.root), None).unwrap();
    let error = within(connector.request(Method::GET, "/large", &[], None)).await.unwrap_err();
    assert!(matches!(error, ConnectError::AnswerTooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let mut server = Server::start(Limits::default()).await;
    let connector = Connector::new(&url(&server), pin(&server.authority.root), None).unwrap();
    server.stop();
    within(&mut server.done).await.unwrap();
    let error = get(&connector).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_port_without_tls_is_reported() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let connector = Connector::new(&url, Trust::Fingerprint(Fingerprint::of(b"any")), None).unwrap();
    let error = get(&connector).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
}

mod handshake;
mod streaming;
