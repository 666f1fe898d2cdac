//! Another external URL: the server answers under the former names until their URL is retired.

use std::sync::Arc;

use gatepass::ca::pem_to_der;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::net::TcpStream;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::support::client::Client;
use crate::support::{Running, eventually};

const GATE_A: (&str, &str) = ("server.external_url", "https://gate-a.test:8443");
const GATE_B: (&str, &str) = ("server.external_url", "https://gate-b.test:8443");

/// The admin, at the listen address.
fn admin(at: &Running) -> Client {
    Client::new(&format!("https://{}", at.local), at.root).basic("admin", crate::support::authority::PASSWORD)
}

/// The names in the listener's certificate, which a handshake for `name` accepts.
async fn presented(at: &Running, name: &str) -> Result<Vec<String>, String> {
    let root = at.authority.cas.load().current().root_pem().to_owned();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(pem_to_der("CERTIFICATE", &root).unwrap())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(at.local).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(name, tcp).await.map_err(|error| error.to_string())?;
    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
    let shown = names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            <[u8; 4]>::try_from(*bytes).map(|bytes| std::net::Ipv4Addr::from(bytes).to_string()).ok()
        }
        _ => None,
    });
    Ok(shown.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_has_every_name_until_retired() {
    let aliases = ("server.names", "alias.test, 10.9.8.7");
    let (data_dir, clock, _own) = Running::start_with(&[GATE_A]).await.stop().await;
    let at = Running::open(&data_dir, clock, &[GATE_B, aliases]).await.unwrap();
    let names = presented(&at, "gate-a.test").await.unwrap();
    for name in ["gate-a.test", "gate-b.test", "alias.test", "10.9.8.7", "localhost", "127.0.0.1"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    let retired = json!({ "issuer": GATE_A.1, "confirm": true });
    assert_eq!(admin(&at).post("/api/v1/issuers/retire", &retired).await.status, 200);
    eventually("the retired name goes", async || presented(&at, "gate-a.test").await.err()).await;
    let names = presented(&at, "gate-b.test").await.unwrap();
    assert!(
        !names.contains(&"gate-a.test".to_owned()) && names.contains(&"alias.test".to_owned()),
        "{names:?}"
    );
    let (data_dir, clock, _own) = at.stop().await;
    let at = Running::open(&data_dir, clock, &[GATE_B]).await.unwrap();
    assert!(presented(&at, "gate-a.test").await.is_err() && presented(&at, "alias.test").await.is_err());
}
