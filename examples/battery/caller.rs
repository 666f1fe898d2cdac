//! The API of a running server, as the clients of the battery use it.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gatepass::client::connect::{Connector, Trust};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::Fault;
use crate::record::{Enrolled, Revocation, Token};

const TOKENS: &str = "/api/v1/enrollment-tokens";

/// An answer of the server.
pub(crate) enum Answer<T> {
    /// The act is done.
    Done(T),
    /// The act is refused for good: status and code.
    Refused(u16, String),
    /// The server cannot act now, or is broken: status and code.
    Unavailable(u16, String),
    /// The connection ended before an answer.
    Broken,
}

impl<T> Answer<T> {
    fn map<U>(self, with: impl FnOnce(T) -> Option<U>) -> Answer<U> {
        match self {
            Self::Done(value) => match with(value) {
                Some(value) => Answer::Done(value),
                None => Answer::Unavailable(200, String::from("an answer without its members")),
            },
            Self::Refused(status, code) => Answer::Refused(status, code),
            Self::Unavailable(status, code) => Answer::Unavailable(status, code),
            Self::Broken => Answer::Broken,
        }
    }

    /// The answer in words.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Done(_) => String::from("done"),
            Self::Refused(status, code) | Self::Unavailable(status, code) => format!("{status} {code}"),
            Self::Broken => String::from("no answer"),
        }
    }
}

/// A client of one server, with the admin's password.
pub(crate) struct Caller {
    connector: Connector,
    admin: (HeaderName, HeaderValue),
}

impl Caller {
    /// A client of the server at this address, which the root certificate in `data` vouches for.
    pub(crate) fn new(address: SocketAddr, data: &Path, password: &str) -> Result<Self, Fault> {
        let root = CertificateDer::from_pem_slice(&std::fs::read(data.join("root.pem"))?)?;
        let connector = Connector::new(&format!("https://{address}"), Trust::Roots(vec![root]), None)?;
        let basic = format!("Basic {}", STANDARD.encode(format!("admin:{password}")));
        Ok(Self { connector, admin: (AUTHORIZATION, HeaderValue::try_from(basic)?) })
    }

    /// Mints a token.
    pub(crate) async fn mint(
        &self,
        max_uses: u32,
        persistent: bool,
        cluster: Option<&'static str>,
    ) -> Answer<Token> {
        let bind = cluster.map_or_else(|| json!({}), |cluster| json!({ "cluster": cluster }));
        let order = json!({ "roles": [], "ttl": "24h", "max_uses": max_uses, "persistent": persistent, "bind": bind });
        let answer = self.send(Method::POST, TOKENS, true, Some(order)).await;
        answer.map(|minted| {
            let text = |name: &str| Some(minted[name].as_str()?.to_owned());
            let (id, text) = (text("token_id")?, text("token")?);
            Some(Token { id, text, cluster, max_uses, revocation: Revocation::None, moments: (0, 0) })
        })
    }

    /// Redeems a token for the key of a request.
    pub(crate) async fn redeem(&self, token: &Token, csr: &str) -> Answer<Enrolled> {
        let mut order = json!({ "token": token.text, "csr": csr });
        if let Some(cluster) = token.cluster {
            order["cluster"] = json!(cluster);
        }
        let answer = self.send(Method::POST, "/api/v1/bootstrap", false, Some(order)).await;
        answer.map(|enrolled| {
            let text = |name: &str| Some(enrolled[name].as_str()?.to_owned());
            Some(Enrolled { host: text("host_id")?, certificate: text("certificate")? })
        })
    }

    /// Revokes a token.
    pub(crate) async fn revoke(&self, token: &Token) -> Answer<Value> {
        self.send(Method::DELETE, &format!("{TOKENS}/{}", token.id), true, None).await
    }

    /// Reads as the admin.
    pub(crate) async fn get(&self, path: &str) -> Answer<Value> {
        self.send(Method::GET, path, true, None).await
    }

    /// Reads without a credential.
    pub(crate) async fn get_public(&self, path: &str) -> Answer<Value> {
        self.send(Method::GET, path, false, None).await
    }

    async fn send(&self, method: Method, path: &str, admin: bool, body: Option<Value>) -> Answer<Value> {
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        if admin {
            headers.push(self.admin.clone());
        }
        let body = body.map(|body| Bytes::from(body.to_string()));
        let Ok(answer) = self.connector.request(method, path, &headers, body).await else {
            return Answer::Broken;
        };
        let json = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
        let code = || json["code"].as_str().unwrap_or("without a code").to_owned();
        match answer.status.as_u16() {
            200..=299 => Answer::Done(json),
            status @ (429 | 500..) => Answer::Unavailable(status, code()),
            status => Answer::Refused(status, code()),
        }
    }
}
