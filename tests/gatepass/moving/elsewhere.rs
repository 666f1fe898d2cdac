//! Addresses that lead to another server than the authority, and refusals of the authority itself.

use std::net::TcpListener;
use std::sync::Arc;

use gatepass::client::first_use::first_use;
use gatepass::client::leave::leave;
use gatepass::service::vault::write_private;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::support::process::gatepass;

/// Makes the host of `dir` ask these URLs, in this order.
fn asks(dir: &Path, urls: &[&str]) {
    let mut host = host_file(dir);
    host.servers.server = urls[0].to_owned();
    host.servers.fallbacks = urls[1..].iter().map(|url| (*url).to_owned()).collect();
    fs::write(dir.join("host.json"), serde_json::to_string(&host).unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_authority_asks_no_other_address() {
    let (at, dir) = (Running::start().await, tempfile::tempdir().unwrap());
    let host = enrolled(&at, dir.path()).await;
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let trap_url = format!("https://{}", trap.local_addr().unwrap());
    asks(dir.path(), &[&at.url, &trap_url]);
    let id = host_file(dir.path()).host_id;
    let revoked = at.admin().delete(&format!("/api/v1/hosts/{id}")).await;
    assert!(revoked.status < 300, "{}", revoked.text);
    let refused = renew(&host, at.clock_reading()).await.unwrap_err();
    assert_eq!(refused.code(), Some("host_revoked"), "{refused}");
    assert_eq!(trap.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_at_the_address_gets_nothing() {
    let (at, other) = (Running::start().await, Running::start().await);
    let dir = tempfile::tempdir().unwrap();
    let host = enrolled(&at, dir.path()).await;
    asks(dir.path(), &[&other.url, &at.url]);
    renew(&host, at.clock_reading()).await.unwrap();
    assert_eq!(host_file(dir.path()).servers, Servers::new(at.url.clone()));

    asks(dir.path(), &[&other.url, "https://gate.invalid"]);
    let nobody = renew(&host, at.clock_reading()).await.unwrap_err();
    assert!(nobody.is_transient(), "a daemon goes on");
    let text = nobody.to_string();
    assert!(text.contains("was not issued by the trusted CA") && text.contains("gate.invalid"), "{text}");
    at.stop().await;
    other.stop().await;
}

/// A web server with this certificate, which answers every request with a page.
async fn pages(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> String {
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let _ = tls.read(&mut [0; 4096]).await;
            let page = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
            let _ = tls.write_all(page).await;
            let _ = tls.shutdown().await;
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_server_is_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (certificate, key) = (path("tls.pem"), path("tls.key"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    write_private(Path::new(&key), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let tls = [("server.tls_certificate", &*certificate), ("server.tls_key", &key)];
    let at = Running::start_with(&tls).await;
    let url = format!("https://localhost:{}", at.local.port());
    let at = move_to(at, &url, &tls).await;

    let mint = ["token", "create", "--quiet", "--data-dir"];
    let minted = gatepass().args(mint).arg(at.data_dir()).output().unwrap();
    let token = Secret::new(String::from_utf8(minted.stdout).unwrap().trim().to_owned());
    let ca_file = Some(PathBuf::from(&certificate));
    let cert_dir = dir.path().join("host");
    let ask = Enroll { cert_dir: cert_dir.clone(), ca_file, ..Enroll::default() };
    enroll(&ask, &token, at.clock_reading()).await.unwrap();
    let own = Servers::new(url.clone()).with_own(Some(&url));
    assert_eq!(host_file(&cert_dir).servers, own, "with --ca the host keeps the token's address");

    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let page = pages(made.cert.der().clone(), key).await;
    asks(&cert_dir, &[&page, &url]);
    let host = ThisHost::at(&cert_dir);
    renew(&host, at.clock_reading()).await.unwrap();
    assert_eq!(host_file(&cert_dir).servers, own);
    asks(&cert_dir, &[&page]);
    let error = first_use(&host, at.clock_reading()).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("does not answer as gatepass"), "{error}");

    asks(&cert_dir, &[&url]);
    let at_page = ThisHost { server: Some(page.clone()), ..host.clone() };
    let before = fs::read(cert_dir.join("host.json")).unwrap();
    for refused in [
        renew(&at_page, at.clock_reading()).await.unwrap_err(),
        status(&at_page, at.clock_reading()).await.unwrap_err(),
        leave(&at_page, false, at.clock_reading()).await.unwrap_err(),
    ] {
        let text = refused.to_string();
        assert!(text.contains("without a pinned root") && text.contains("nothing was sent"), "{text}");
        assert!(!refused.is_transient(), "a daemon stops");
    }
    assert_eq!(fs::read(cert_dir.join("host.json")).unwrap(), before);
    let known = ThisHost { server: Some(url.replace("localhost", "LOCALHOST")), ..host };
    renew(&known, at.clock_reading()).await.unwrap();

    let elsewhere = Enroll { server: Some(page), cert_dir: dir.path().join("other"), ..ask };
    let refused = enroll(&elsewhere, &token, at.clock_reading()).await.unwrap_err().to_string();
    assert!(refused.contains("--ca-fingerprint") && refused.contains("nothing was sent"), "{refused}");
    at.stop().await;
}
