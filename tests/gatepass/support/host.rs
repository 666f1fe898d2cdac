//! A machine that enrolls: a key, a request, and after redeeming a certificate.

use gatepass::client::connect::Identity;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};

use super::authority::Running;
use super::client::{Client, Said};

/// A machine with a key of its own.
pub(crate) struct Host {
    key: rcgen::KeyPair,
}

impl Host {
    /// A machine that has never been seen.
    pub(crate) fn new() -> Self {
        Self { key: rcgen::KeyPair::generate().unwrap() }
    }

    /// Its certificate request, PEM.
    pub(crate) fn csr(&self) -> String {
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.serialize_request(&self.key).unwrap().pem().unwrap()
    }

    /// The private key in PEM.
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Redeems a token.
    pub(crate) async fn redeem(&self, at: &Running, token: &str) -> Said {
        self.redeem_with(at, token, json!({})).await
    }

    /// Redeems a token, asking for more.
    pub(crate) async fn redeem_with(&self, at: &Running, token: &str, more: Value) -> Said {
        let mut body = more;
        body["csr"] = json!(self.csr());
        at.stranger().bearer(token).post("/api/v1/bootstrap", &body).await
    }

    /// A client that presents the certificate of this answer.
    pub(crate) fn client(&self, at: &Running, enrolled: &Value) -> Client {
        Client::with_identity(&at.url, at.root, Some(self.identity(enrolled)))
    }

    /// The client certificate of this answer, with its chain and key.
    pub(crate) fn identity(&self, enrolled: &Value) -> Identity {
        let pem =
            format!("{}{}", enrolled["certificate"].as_str().unwrap(), enrolled["chain"].as_str().unwrap());
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
        Identity { chain, key: PrivateKeyDer::try_from(self.key.serialize_der()).unwrap() }
    }
}
