//! The addresses of the authority, in the order in which a host tries them.

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ClientError;
use super::problem::{RetryAfter, server_time};
use crate::clock::Timestamp;
use crate::connect::{Connector, Response, server_url};

/// The addresses of the authority, in `host.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Servers {
    /// URL to ask first.
    pub server: String,
    /// URLs to ask if that one does not lead to the authority.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
    /// URL that this host was given with `--server` or beside `--ca`. The host keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_server: Option<String>,
}

impl Servers {
    /// The authority at `url`.
    pub const fn new(url: String) -> Self {
        Self { server: url, fallbacks: Vec::new(), own_server: None }
    }

    /// The same with a URL of this host's own. A new one is asked first; a known one keeps its rank.
    #[must_use]
    pub fn with_own(&self, own: Option<&str>) -> Self {
        match own.map(spelling) {
            Some(own) if self.own_server.as_deref() != Some(&own) => {
                Self::in_order(&own, self.urls(), Some(&own))
            }
            _ => self.clone(),
        }
    }

    /// The order after an answer over `url`, which named the authority's `current` URL. That one comes first, unless the
    /// host's own URL has answered. Former URLs stay until a renewal, and then the one that it used.
    #[must_use]
    pub fn after(&self, url: &str, current: Option<&str>, renewed: bool) -> Self {
        let own = self.own_server.as_deref();
        let Some(current) = current.and_then(|url| server_url(url).ok()) else {
            return Self::in_order(url, self.urls(), own);
        };
        let current = current.as_str();
        let (first, second) = if own == Some(url) { (url, current) } else { (current, url) };
        let former = self.urls().filter(|_| !renewed);
        Self::in_order(first, [second].into_iter().chain(own).chain(former), own)
    }

    fn in_order<'a>(first: &str, others: impl Iterator<Item = &'a str>, own: Option<&str>) -> Self {
        let mut fallbacks: Vec<String> = Vec::new();
        for url in others {
            if url != first && fallbacks.iter().all(|known| known != url) {
                fallbacks.push(url.to_owned());
            }
        }
        Self { server: first.to_owned(), fallbacks, own_server: own.map(str::to_owned) }
    }

    /// The addresses, in the order of trial.
    pub(super) fn urls(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.server).chain(&self.fallbacks).map(String::as_str)
    }

    /// Asks one address after another, until one answers as gatepass does. A refusal of gatepass is an answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        connect: impl Fn(&str) -> Result<Connector, ClientError>,
        question: &Question<'_>,
    ) -> Result<ServerAnswer<T>, ClientError> {
        let mut failures = Failures::default();
        for url in self.urls() {
            match question.put(url, &connect(url)?).await {
                Err(error) => failures.note(error)?,
                Ok(answer) => return Ok(answer),
            }
        }
        Err(failures.into_error())
    }
}

/// Returns true if both are URLs of one server.
pub(super) fn same_server(one: &str, other: &str) -> bool {
    spelling(one) == spelling(other)
}

/// The one spelling of a URL. A text that is no URL stays as it is.
fn spelling(url: &str) -> String {
    server_url(url).unwrap_or_else(|_| url.to_owned())
}

/// The failures of addresses that do not lead to the authority.
#[derive(Default)]
pub(super) struct Failures(Vec<ClientError>);

impl Failures {
    /// Notes the failure of an address. Any other failure is final.
    pub(super) fn note(&mut self, error: ClientError) -> Result<(), ClientError> {
        match error.is_of_address() {
            true => self.0.push(error),
            false => return Err(error),
        }
        Ok(())
    }

    pub(super) fn into_error(mut self) -> ClientError {
        match self.0.len() {
            1 => self.0.remove(0),
            _ => ClientError::NoServer(self.0),
        }
    }
}

/// A request to the authority.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Value>,
}

/// The answer of the authority at one of its addresses.
pub(super) struct ServerAnswer<T> {
    pub(super) url: String,
    pub(super) date: Option<Timestamp>,
    /// Time after which another answer is to be expected.
    pub(super) retry_after: Option<RetryAfter>,
    pub(super) body: T,
}

impl<'a> Question<'a> {
    pub(super) const fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, headers: Vec::new(), body: None }
    }

    pub(super) fn post(path: &'a str, body: Value) -> Self {
        let json = (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { method: Method::POST, path, headers: vec![json], body: Some(body) }
    }

    async fn put<T: DeserializeOwned>(
        &self,
        url: &str,
        connector: &Connector,
    ) -> Result<ServerAnswer<T>, ClientError> {
        let body = self.body.as_ref().map(|body| body.to_string().into());
        let response = connector.request(self.method.clone(), self.path, &self.headers, body).await?;
        let response = ClientError::check(url, response)?;
        // A page is no JSON, and JSON of another program is not the document.
        let body = match response.status {
            StatusCode::ACCEPTED => return Err(pending(url, &response)),
            _ => serde_json::from_slice(&response.body).map_err(|_| ClientError::foreign(url, &response))?,
        };
        let (date, retry_after) = (server_time(&response.headers), RetryAfter::of(&response.headers));
        Ok(ServerAnswer { url: url.to_owned(), date, retry_after, body })
    }
}

/// The error of an answer with status 202.
fn pending(url: &str, response: &Response) -> ClientError {
    let (Ok(body @ Value::Object(_)), Some(RetryAfter::Seconds(seconds))) =
        (serde_json::from_slice(&response.body), RetryAfter::of(&response.headers))
    else {
        return ClientError::foreign(url, response);
    };
    match serde_json::from_value(body) {
        Ok(enrollment) => ClientError::Waiting { enrollment: Box::new(enrollment), seconds },
        Err(_) => ClientError::Pending { seconds },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "https://old.example.org";
    const NEW: &str = "https://new.example.org";
    const OWN: &str = "https://balancer.example.org";

    fn order(servers: &Servers) -> Vec<&str> {
        servers.urls().collect()
    }

    #[test]
    fn a_new_url_precedes_the_former_one() {
        let before = Servers::new(OLD.to_owned());
        for renewed in [true, false] {
            assert_eq!(order(&before.after(OLD, Some(NEW), renewed)), [NEW, OLD]);
        }
        let moved = before.after(OLD, Some(NEW), true);
        assert_eq!(order(&moved.after(OLD, Some(NEW), true)), [NEW, OLD], "the new one has not worked yet");
        assert_eq!(order(&moved.after(NEW, Some(NEW), false)), [NEW, OLD], "it has not renewed yet");
        assert_eq!(order(&moved.after(NEW, Some(NEW), true)), [NEW]);
    }

    #[test]
    fn the_last_url_to_answer_is_first() {
        let before = Servers::new(OLD.to_owned()).with_own(Some("https://balancer.example.org/"));
        assert_eq!(order(&before), [OWN, OLD]);
        let by_own = before.after(OWN, Some(NEW), true);
        assert_eq!(order(&by_own), [OWN, NEW]);
        let by_new = by_own.after(NEW, Some(NEW), true);
        assert_eq!(order(&by_new), [NEW, OWN]);
        assert_eq!(order(&by_new.with_own(Some(OWN))), [NEW, OWN], "a known one keeps its rank");
        assert_eq!(order(&before.after(OLD, Some(NEW), true)), [NEW, OLD, OWN]);
        assert_eq!(order(&before.after(OLD, None, true)), [OLD, OWN], "a server of version 0.1.0");
    }

    #[test]
    fn only_the_url_of_a_server_is_adopted() {
        let before = Servers::new(OLD.to_owned());
        for wrong in ["", "http://new.example.org", "https://a@b", "https://a b", "https://\u{1b}[2J"] {
            assert_eq!(before.after(OLD, Some(wrong), true), before, "{wrong:?}");
        }
    }

    #[test]
    fn earlier_host_files_have_one_server() {
        let servers: Servers = serde_json::from_str("{\"server\":\"https://gate\"}").unwrap();
        assert_eq!(servers, Servers::new(String::from("https://gate")));
        assert_eq!(serde_json::to_string(&servers).unwrap(), "{\"server\":\"https://gate\"}");
    }
}
