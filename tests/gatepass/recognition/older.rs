//! A server that takes no reports: an older one, or one behind a proxy that refuses them.

use std::sync::Arc;

use gatepass::client::connect::{Connector, Trust};
use gatepass::service::vault::write_private;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::*;

/// Answers of a proxy to a report.
const REFUSALS: [&str; 3] = [
    "404 Not Found\r\ncontent-type: text/html\r\n\r\n<html>",
    "405 Method Not Allowed\r\nallow: GET\r\n\r\n",
    "200 OK\r\ncontent-type: text/html\r\n\r\n<html>",
];

/// An older authority's answer to a report.
const OWN_REFUSAL: &str = "400 Bad Request\r\ncontent-type: application/problem+json\r\n\r\n{\"type\":\
    \"urn:gatepass:problem:invalid_request\",\"title\":\"x\",\"status\":400,\"detail\":\"x\",\"code\":\"invalid_request\"}";

/// A front before the authority that refuses reports with `refusal`, or takes them. It notes the requests.
struct Front {
    refusal: Mutex<Option<&'static str>>,
    authority: Connector,
    requests: Mutex<Vec<(String, Value)>>,
    enrolled: Mutex<String>,
}

impl Front {
    async fn answer(&self, head: &str, body: &str) -> String {
        let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
        self.requests.lock().push((line.clone(), serde_json::from_str(body).unwrap_or(Value::Null)));
        let ok = |body: &str| format!("200 OK\r\ncontent-type: application/json\r\n\r\n{body}");
        match line.as_str() {
            "POST /api/v1/bootstrap" => {
                let token = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap();
                let headers = [
                    (AUTHORIZATION, HeaderValue::from_str(token).unwrap()),
                    (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                ];
                let sent = Some(body.to_owned().into());
                let said =
                    self.authority.request(http::Method::POST, "/api/v1/bootstrap", &headers, sent).await;
                let said = String::from_utf8(said.unwrap().body.to_vec()).unwrap();
                self.enrolled.lock().clone_from(&said);
                ok(&said)
            }
            "POST /api/v1/whoami" => {
                let refusal = *self.refusal.lock();
                refusal.map_or_else(|| ok(&self.enrolled.lock()), str::to_owned)
            }
            // The facts of the host are in the answer to the enrollment, too.
            "GET /api/v1/whoami" => ok(&self.enrolled.lock()),
            other => panic!("{other}"),
        }
    }

    /// Answers one request on each connection.
    async fn serve(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let mut read = Vec::new();
            let (head, body) = loop {
                let mut part = [0; 4096];
                let count = tls.read(&mut part).await.unwrap();
                read.extend_from_slice(&part[..count]);
                let text = String::from_utf8_lossy(&read).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    break (head.to_owned(), body.to_owned());
                }
            };
            let answer = self.answer(&head, &body).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            tls.write_all(answer.as_bytes()).await.unwrap();
            let _ = tls.shutdown().await;
        }
    }
}

/// A host that can enroll at an authority behind the front.
struct Enrolling {
    at: Running,
    front: Arc<Front>,
    ask: Enroll,
    token: Secret<String>,
    _dir: TempDir,
}

impl Enrolling {
    async fn behind(refusal: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let (certificate, key) = (path("tls.pem"), path("tls.key"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        write_private(Path::new(&key), made.signing_key.serialize_pem().as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let set = [
            ("server.external_url", &*url),
            ("server.tls_certificate", &certificate),
            ("server.tls_key", &key),
        ];
        let at = Running::start_with(&set).await;
        let der: CertificateDer<'static> = made.cert.der().clone();
        let authority = format!("https://localhost:{}", at.local.port());
        let front = Arc::new(Front {
            refusal: Mutex::new(Some(refusal)),
            authority: Connector::new(&authority, Trust::Outside(vec![der.clone()]), None).unwrap(),
            requests: Mutex::default(),
            enrolled: Mutex::default(),
        });
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![der], key).unwrap();
        tokio::spawn(Arc::clone(&front).serve(listener, TlsAcceptor::from(Arc::new(config))));

        let minted = crate::support::inside::mint(&at.authority, json!({})).await.unwrap();
        let ask = Enroll {
            cert_dir: dir.path().join("host"),
            ca_file: Some(certificate.into()),
            report: ReportFlags { label: Label::parse("rack 7").ok(), no_report: false },
            ..Enroll::default()
        };
        let token = Secret::new(minted.text().expose().clone());
        Self { at, front, ask, token, _dir: dir }
    }

    /// Enrolls, and returns the requests of that.
    async fn enroll(&self) -> Vec<(String, Value)> {
        let (EnrollResult::Now(fresh) | EnrollResult::Already(fresh)) =
            enroll(&self.ask, &self.token, self.at.clock_reading()).await.unwrap();
        assert!(fresh.unseen.is_none(), "{:?}", fresh.unseen);
        std::mem::take(&mut *self.front.requests.lock())
    }
}

/// The first lines of requests.
fn lines(requests: &[(String, Value)]) -> Vec<&str> {
    requests.iter().map(|(line, _)| line.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_report_does_not_fail_the_enrollment() {
    for refusal in [OWN_REFUSAL].into_iter().chain(REFUSALS) {
        let host = Enrolling::behind(refusal).await;
        let requests = host.enroll().await;
        assert_eq!(
            lines(&requests),
            ["POST /api/v1/bootstrap", "POST /api/v1/whoami", "GET /api/v1/whoami"],
            "{refusal}"
        );
        // An older server refuses a body with unknown fields.
        let members = requests[0].1.as_object().unwrap().keys().collect::<Vec<_>>();
        assert_eq!(members, ["csr"]);
        assert_eq!(requests[1].1["label"], "rack 7");
        host.at.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_report_is_sent_until_it_is_taken() {
    let host = Enrolling::behind(REFUSALS[0]).await;
    host.enroll().await;
    assert_eq!(lines(&host.enroll().await), ["POST /api/v1/whoami", "GET /api/v1/whoami"]);
    *host.front.refusal.lock() = None;
    let requests = host.enroll().await;
    assert_eq!(lines(&requests), ["POST /api/v1/whoami"]);
    assert_eq!(requests[0].1["label"], "rack 7");
    assert!(host.enroll().await.is_empty(), "it was taken");
    host.at.stop().await;

    let host = Enrolling::behind(OWN_REFUSAL).await;
    host.enroll().await;
    assert!(host.enroll().await.is_empty(), "the authority itself refused it");
    host.at.stop().await;
}
