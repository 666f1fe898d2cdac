//! A caller of the API, over real TLS.

use std::net::SocketAddr;

use base64::Engine as _;
use bytes::Bytes;
use gatepass::client::connect::{ConnectError, Connector, Identity, LocalAddress, Streaming, Trust};
use gatepass::id::Fingerprint;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::described;

/// An answer of the authority.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
    pub(crate) bytes: Bytes,
}

impl Said {
    /// The problem's code.
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or("")
    }
}

/// A caller with a credential, or without.
pub(crate) struct Client {
    connector: Connector,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Client {
    pub(crate) fn new(url: &str, root: Fingerprint) -> Self {
        Self::with_identity(url, root, None)
    }

    /// A client that trusts the server for another reason than the authority's root.
    pub(crate) fn trusting(url: &str, trust: Trust) -> Self {
        Self { connector: Connector::new(url, trust, None).unwrap(), headers: Vec::new() }
    }

    pub(crate) fn with_identity(url: &str, root: Fingerprint, identity: Option<Identity>) -> Self {
        let connector = Connector::new(url, Trust::Fingerprint(root), identity).unwrap();
        Self { connector, headers: Vec::new() }
    }

    /// The same client, which connects to this address whatever the name in its URL leads to.
    pub(crate) fn at(self, address: SocketAddr) -> Self {
        let local = LocalAddress { address, proxy_header: false };
        Self { connector: self.connector.at(local), ..self }
    }

    pub(crate) fn basic(self, user: &str, password: &str) -> Self {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.header(AUTHORIZATION, &format!("Basic {encoded}"))
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION, &format!("Bearer {token}"))
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.parse().unwrap()));
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Said {
        self.send(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Said {
        self.send(Method::POST, path, Some(body.to_string())).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Said {
        self.send(Method::PATCH, path, Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Said {
        self.send(Method::PUT, path, Some(body.to_string())).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<String>) -> Said {
        self.try_send(method, path, body).await.unwrap()
    }

    /// Posts to a server that may go away.
    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> Result<Said, ConnectError> {
        self.try_send(Method::POST, path, Some(body.to_string())).await
    }

    /// The same, where the server may break off.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Said, ConnectError> {
        self.request(method, path, body, self.headers.clone()).await
    }

    /// Posts, and opens the answer, which arrives in parts.
    pub(crate) async fn open(&self, path: &str, body: &Value) -> Streaming {
        let mut headers = self.headers.clone();
        headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        let body = Some(Bytes::from(body.to_string()));
        self.connector.open(Method::POST, path, &headers, body).await.unwrap()
    }

    /// Posts a form.
    pub(crate) async fn post_form(&self, path: &str, form: String) -> Said {
        let mut headers = self.headers.clone();
        headers.push((CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
        self.request(Method::POST, path, Some(form), headers).await.unwrap()
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        mut headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Said, ConnectError> {
        if body.is_some() && !headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        let asked = method.clone();
        let answer = self.connector.request(method, path, &headers, body.map(Bytes::from)).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        let (sent, status, headers) = (headers, answer.status.as_u16(), answer.headers);
        let is_page = sent.iter().any(|(name, value)| *name == ACCEPT && value == "text/html");
        if let Err(why) = described::judge(&asked, path, status, &headers, &json)
            && !is_page
        {
            panic!("not as the OpenAPI document says: {asked} {path}: {why}\n{text}");
        }
        Ok(Said { status, headers, json, text, bytes: answer.body })
    }
}
