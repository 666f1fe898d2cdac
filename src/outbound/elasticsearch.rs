//! API keys of an Elasticsearch cluster: created, looked up and invalidated. Answers are parsed strictly, and their text
//! goes nowhere.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Answer, Call, Outbound, OutboundError};
use crate::id::{AttemptId, HostId, OutputId};
use crate::secret::Secret;

const PATH: &str = "/_security/api_key";

/// A cluster, with the credential that gatepass holds for it.
pub struct Cluster<'a> {
    /// The URL of a node or load balancer.
    pub url: &'a str,
    /// Certificates in PEM form that the cluster's must lead to; `None`: the roots of the system.
    pub ca: Option<&'a str>,
    /// Proves gatepass to the cluster.
    pub credential: Credential<'a>,
}

/// The proof of gatepass at a cluster. An API key is not accepted: Elasticsearch gives keys that it makes no privileges.
pub enum Credential<'a> {
    /// The token of a service account.
    ServiceToken(&'a Secret<String>),
    /// A user and their password.
    User(&'a str, &'a Secret<String>),
}

/// The name of a key at its cluster: it holds the ids of output and host, and is unique to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyName {
    /// Id of the output.
    pub output: OutputId,
    /// Id of the host.
    pub host: HostId,
    /// Id of the attempt.
    pub attempt: AttemptId,
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, host, attempt } = self;
        write!(f, "gatepass:{output}:{host}:{attempt}")
    }
}

/// A key as its cluster made it.
pub struct MadeKey {
    /// The public id.
    pub id: String,
    /// The part that only the host gets.
    pub secret: Secret<String>,
}

/// The key to be invalidated.
pub enum Which<'a> {
    /// A key whose id is known.
    Id(&'a str),
    /// A key that the cluster may have made without an answer.
    Name(KeyName),
}

/// A cluster without a usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The call got no whole answer of the trusted server.
    #[error(transparent)]
    Call(#[from] OutboundError),
    /// The cluster refused the request.
    #[error(
        "the cluster answered {0}: check the output's credential, its privileges and its `role_descriptors`"
    )]
    Refused(StatusCode),
    /// The answer is not one of Elasticsearch.
    #[error(
        "the answer, with status {0}, is not one of Elasticsearch: check the addresses in the output's `hosts`"
    )]
    Unusable(StatusCode),
}

impl ClusterError {
    /// Returns true if the cluster may have acted on the request.
    pub const fn may_have_acted(&self) -> bool {
        match self {
            Self::Call(error) => error.may_have_acted(),
            // A server without this path is no cluster.
            Self::Refused(_) | Self::Unusable(StatusCode::NOT_FOUND) => false,
            Self::Unusable(_) => true,
        }
    }
}

impl Cluster<'_> {
    /// Requests a key with these privileges, a value of `role_descriptors`.
    ///
    /// # Errors
    /// [`ClusterError`]. If it may have acted, the key exists or will.
    pub async fn create_key(
        &self,
        outbound: &Outbound,
        name: KeyName,
        privileges: &Value,
    ) -> Result<MadeKey, ClusterError> {
        let KeyName { output, host, .. } = name;
        let metadata = json!({ "managed_by": "gatepass", "output": output, "host": host });
        let body = json!({ "name": name.to_string(), "role_descriptors": privileges, "metadata": metadata });
        let (status, answer) = self.call(outbound, Method::POST, PATH, Some(body)).await?;
        let made = strict::<Created>(status, &answer)?;
        let is_whole = made.name == name.to_string() && is_word(&made.id) && is_word(made.api_key.expose());
        if !is_whole {
            return Err(ClusterError::Unusable(status));
        }
        Ok(MadeKey { id: made.id, secret: made.api_key })
    }

    /// Asks whether a key is valid.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn is_valid(&self, outbound: &Outbound, id: &str) -> Result<bool, ClusterError> {
        let path = format!("{PATH}?id={id}&owner=true");
        let (status, answer) = self.call(outbound, Method::GET, &path, None).await?;
        let found = strict_or_missing::<Found>(status, &answer)?.api_keys;
        match found.as_slice() {
            [] => Ok(false),
            [key] if key.id == id => Ok(!key.invalidated),
            _ => Err(ClusterError::Unusable(status)),
        }
    }

    /// Invalidates a key. Returns whether the cluster knows it.
    ///
    /// # Errors
    /// [`ClusterError`]. The key may still be valid.
    pub async fn invalidate(&self, outbound: &Outbound, which: &Which<'_>) -> Result<bool, ClusterError> {
        // Without `owner` the credential would need the right to invalidate the keys of others.
        let body = match which {
            Which::Id(id) => json!({ "ids": [id], "owner": true }),
            Which::Name(name) => json!({ "name": name.to_string(), "owner": true }),
        };
        let (status, answer) = self.call(outbound, Method::DELETE, PATH, Some(body)).await?;
        let done = strict_or_missing::<Invalidated>(status, &answer)?;
        if done.error_count > 0 {
            return Err(ClusterError::Unusable(status));
        }
        let ids = done.invalidated_api_keys.iter().chain(&done.previously_invalidated_api_keys);
        match which {
            Which::Name(_) => Ok(ids.count() > 0),
            Which::Id(id) if ids.clone().any(|known| known == id) => Ok(true),
            // An answer about other keys says nothing of this one.
            Which::Id(_) if ids.count() > 0 => Err(ClusterError::Unusable(status)),
            Which::Id(_) => Ok(false),
        }
    }

    async fn call(
        &self,
        outbound: &Outbound,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Secret<Vec<u8>>), ClusterError> {
        let authorization = self.credential.header();
        let body = body.map(|body| body.to_string());
        let call = Call { url: self.url, ca: self.ca, method, path, authorization: &authorization, body };
        let Answer { status, body } = outbound.call(call).await?;
        match status.as_u16() {
            200 | 404 => Ok((status, body)),
            // The cluster or a balancer is overloaded, and may have passed the request on.
            408 | 429 => Err(ClusterError::Unusable(status)),
            400..500 => Err(ClusterError::Refused(status)),
            _ => Err(ClusterError::Unusable(status)),
        }
    }
}

impl Credential<'_> {
    /// The value of the field `Authorization`.
    fn header(&self) -> Secret<String> {
        Secret::new(match self {
            Self::ServiceToken(token) => format!("Bearer {}", token.expose()),
            Self::User(name, password) => {
                let pair = Zeroizing::new(format!("{name}:{}", password.expose()));
                format!("Basic {}", STANDARD.encode(pair.as_bytes()))
            }
        })
    }
}

#[derive(Deserialize)]
struct Created {
    id: String,
    name: String,
    api_key: Secret<String>,
}

#[derive(Deserialize)]
struct Found {
    api_keys: Vec<FoundKey>,
}

#[derive(Deserialize)]
struct FoundKey {
    id: String,
    invalidated: bool,
}

#[derive(Deserialize)]
struct Invalidated {
    invalidated_api_keys: Vec<String>,
    previously_invalidated_api_keys: Vec<String>,
    error_count: u64,
}

/// Reads an answer of status 200.
fn strict<'a, T: Deserialize<'a>>(
    status: StatusCode,
    answer: &'a Secret<Vec<u8>>,
) -> Result<T, ClusterError> {
    match status {
        StatusCode::OK => strict_or_missing(status, answer),
        _ => Err(ClusterError::Unusable(status)),
    }
}

/// Reads an answer of status 200 or 404. Elasticsearch answers with 404 and the same members if it knows no such key. A
/// proxy's 404 has other members.
fn strict_or_missing<'a, T: Deserialize<'a>>(
    status: StatusCode,
    answer: &'a Secret<Vec<u8>>,
) -> Result<T, ClusterError> {
    serde_json::from_slice(answer.expose()).map_err(|_| ClusterError::Unusable(status))
}

/// Returns true for the characters and lengths of ids and secrets of keys.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=256).contains(&text.len()) && text.bytes().all(is_plain)
}
