//! The admin API client of the command line.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;

use super::error::ClientError;
use super::problem::CredentialKind;
use crate::connect::{Connector, Response, Streaming};
use crate::secret::Secret;
use crate::text::percent_encoded;

/// The header fields and the bytes of a request.
type RequestParts = (Vec<(HeaderName, HeaderValue)>, Option<Bytes>);

/// Items per request.
const PAGE: usize = 1000;

/// Prefix of API keys.
const API_KEY_PREFIX: &str = "gpk_";

/// The caller's credential.
pub enum Credential {
    /// None, for public routes.
    None,
    /// A bearer credential (RFC 6750).
    Bearer(Secret<String>),
    /// User and password (RFC 7617).
    Basic {
        /// Name of the user.
        user: String,
        /// Password of the user.
        password: Secret<String>,
    },
}

impl Credential {
    fn presented(&self) -> Option<CredentialKind> {
        match self {
            Self::None => None,
            Self::Basic { user, .. } => Some(CredentialKind::Password(user.clone())),
            Self::Bearer(secret) if secret.expose().starts_with(API_KEY_PREFIX) => {
                Some(CredentialKind::ApiKey)
            }
            Self::Bearer(_) => Some(CredentialKind::Other),
        }
    }
}

/// A connection to the admin API.
pub struct Api {
    connector: Connector,
    credential: Credential,
}

impl Api {
    /// An API client over `connector`.
    pub const fn new(connector: Connector, credential: Credential) -> Self {
        Self { connector, credential }
    }

    /// The same client with another credential.
    #[must_use]
    pub fn with(self, credential: Credential) -> Self {
        Self { credential, ..self }
    }

    /// The connection below.
    pub const fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.json(&self.send(Method::GET, path, None).await?)
    }

    /// Reads a text, such as a certificate.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn get_text(&self, path: &str) -> Result<String, ClientError> {
        let response = self.send(Method::GET, path, None).await?;
        let foreign = || ClientError::foreign(&self.connector.url(), &response);
        // No text of the API is a page.
        let media_type = response.headers.get(http::header::CONTENT_TYPE);
        if media_type.is_some_and(|value| value.as_bytes().starts_with(b"text/html")) {
            return Err(foreign());
        }
        String::from_utf8(response.body.to_vec()).map_err(|_| foreign())
    }

    /// Sends `body`.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.change(Method::POST, path, body).await
    }

    /// Changes a resource.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.change(Method::PATCH, path, body).await
    }

    /// Replaces a resource.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.change(Method::PUT, path, body).await
    }

    /// Sends `body` by `method`.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn change(&self, method: Method, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.json(&self.send(method, path, Some(body)).await?)
    }

    /// Sends `body` by `method` to a resource as it was `read`.
    ///
    /// # Errors
    /// If the server is not reached or refuses. It refuses with the code `stale` if the resource has another revision by now.
    pub async fn change_read(
        &self,
        method: Method,
        path: &str,
        (read, body): (&Value, &Value),
    ) -> Result<Value, ClientError> {
        let (mut headers, body) = self.request("application/json", Some(body))?;
        let tag = read["revision"].as_u64().map(|revision| format!("\"{revision}\""));
        let tag = tag.and_then(|tag| HeaderValue::from_str(&tag).ok());
        let missing = || ClientError::Answer { what: String::from("it has no revision") };
        headers.push((http::header::IF_MATCH, tag.ok_or_else(missing)?));
        self.json(&self.checked(self.connector.request(method, path, &headers, body).await?)?)
    }

    /// Deletes a resource.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.json(&self.send(Method::DELETE, path, None).await?)
    }

    /// Reads a list, page by page, up to `most` items.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn list(&self, path: &str, most: usize) -> Result<Vec<Value>, ClientError> {
        let mut items = Vec::new();
        self.pages(path, most, |page| items.extend(page)).await?;
        Ok(items)
    }

    /// Passes a list to `take`, page by page, up to `most` items. Pages may follow an empty page.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn pages(
        &self,
        path: &str,
        most: usize,
        mut take: impl FnMut(Vec<Value>),
    ) -> Result<(), ClientError> {
        let (mut left, mut cursor) = (most, None::<String>);
        let joint = if path.contains('?') { '&' } else { '?' };
        while left > 0 {
            let after = cursor
                .as_deref()
                .map_or_else(String::new, |cursor| format!("&cursor={}", percent_encoded(cursor)));
            let mut page = self.get(&format!("{path}{joint}limit={}{after}", left.min(PAGE))).await?;
            let Value::Array(mut items) = page["items"].take() else {
                return Err(ClientError::Answer { what: String::from("a list has no items") });
            };
            items.truncate(left);
            left -= items.len();
            take(items);
            let next = page["next"].as_str().map(str::to_owned);
            // A server that repeats a cursor must not cause an endless loop.
            if next.is_none() || next == cursor {
                break;
            }
            cursor = next;
        }
        Ok(())
    }

    /// Opens the answer to a GET that arrives in parts.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn open(&self, path: &str) -> Result<Streaming, ClientError> {
        self.stream(Method::GET, path, None).await
    }

    /// Opens an answer that arrives in parts.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub async fn stream(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Streaming, ClientError> {
        let (headers, body) = self.request("*/*", body)?;
        let answer = self.connector.open(method, path, &headers, body).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let refused = self.checked(answer.whole().await?);
        Err(refused.map_or_else(|error| error, |other| ClientError::foreign(&self.connector.url(), &other)))
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response, ClientError> {
        let (headers, body) = self.request("application/json", body)?;
        self.checked(self.connector.request(method, path, &headers, body).await?)
    }

    /// The header fields and the bytes of a request that accepts this media type.
    fn request(&self, accept: &'static str, body: Option<&Value>) -> Result<RequestParts, ClientError> {
        let mut headers = vec![(http::header::ACCEPT, HeaderValue::from_static(accept))];
        headers.extend(self.authorization()?);
        if body.is_some() {
            headers.push((http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        Ok((headers, body.map(|body| body.to_string().into())))
    }

    /// The answer, unless it is a refusal.
    fn checked(&self, response: Response) -> Result<Response, ClientError> {
        ClientError::check(&self.connector.url(), response).map_err(|error| match error {
            ClientError::Refused(mut problem) => {
                problem.presented = self.credential.presented();
                problem.server = (problem.body.status == 401).then(|| self.connector.url());
                ClientError::Refused(problem)
            }
            other => other,
        })
    }

    /// The answer's JSON; null for an empty answer.
    fn json(&self, response: &Response) -> Result<Value, ClientError> {
        if response.status == http::StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&response.body)
            .map_err(|_| ClientError::foreign(&self.connector.url(), response))
    }

    fn authorization(&self) -> Result<Option<(HeaderName, HeaderValue)>, ClientError> {
        let text = match &self.credential {
            Credential::None => return Ok(None),
            Credential::Bearer(token) => Secret::new(format!("Bearer {}", token.expose())),
            Credential::Basic { user, password } => {
                let pair = Secret::new(format!("{user}:{}", password.expose()));
                let encoded = Secret::new(STANDARD.encode(pair.expose()));
                Secret::new(format!("Basic {}", encoded.expose()))
            }
        };
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| ClientError::Credential)?;
        value.set_sensitive(true);
        Ok(Some((http::header::AUTHORIZATION, value)))
    }
}

/// The members of `body` that are not null.
pub fn given(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::Trust;
    use crate::id::Fingerprint;

    #[test]
    fn the_api_key_prefix_is_the_servers() {
        assert_eq!(API_KEY_PREFIX, crate::access::api_key::API_KEY_PREFIX);
    }

    #[test]
    fn a_credential_that_cannot_be_sent_is_named() {
        let connector =
            Connector::new("https://gate.test", Trust::Fingerprint(Fingerprint::from_bytes([7; 32])), None);
        let api = Api::new(connector.unwrap(), Credential::Bearer(Secret::new(String::from("secret\n"))));
        let refused = api.authorization().unwrap_err().to_string();
        assert!(refused.starts_with("the credential holds") && !refused.contains("secret"), "{refused}");
    }
}
