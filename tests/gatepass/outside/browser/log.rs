//! The console, and the requests that the pages made.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::served::eventually;
use super::session::Browser;

/// The requests since a page was opened, by their ids.
#[derive(Default)]
pub(super) struct Network {
    requests: BTreeMap<String, Request>,
    /// The id of the newest document.
    document: String,
}

/// One request and its answer as far as it came.
#[derive(Default)]
struct Request {
    url: String,
    kind: String,
    status: u64,
    /// The bytes of head and body as they were sent; absent until all came.
    bytes: Option<f64>,
}

/// The cost of a page for a browser that has nothing of it.
#[derive(Debug)]
pub(in crate::outside) struct Weight {
    /// The requests after the page itself, without the stream of events.
    pub(in crate::outside) requests: Vec<String>,
    /// The bytes of all answers as they were sent, page included.
    pub(in crate::outside) bytes: f64,
}

impl Network {
    fn record(&mut self, method: &str, parameters: &Value) {
        let Some(id) = parameters["requestId"].as_str() else { return };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let request = self.requests.entry(id.to_owned()).or_default();
        match method {
            "Network.requestWillBeSent" => {
                request.url = text(&parameters["request"]["url"]);
                request.kind = text(&parameters["type"]);
            }
            "Network.responseReceived" => {
                request.status = parameters["response"]["status"].as_u64().unwrap_or_default();
                if request.kind == "Document" {
                    id.clone_into(&mut self.document);
                }
            }
            "Network.loadingFinished" => {
                request.bytes = parameters["encodedDataLength"].as_f64();
            }
            // As the answer that leads elsewhere, when the script does not follow it.
            "Network.loadingFailed" => request.bytes = Some(0.0),
            _ => {}
        }
    }

    /// The weight, once all of it has come.
    fn weight(&self) -> Option<Weight> {
        let own = |request: &&Request| request.url.starts_with("https:") && request.kind != "EventSource";
        let requests: Vec<&Request> = self.requests.values().filter(own).collect();
        let bytes = requests.iter().map(|request| request.bytes).sum::<Option<f64>>()?;
        let others = requests.iter().filter(|request| request.kind != "Document");
        Some(Weight { requests: others.map(|request| request.url.clone()).collect(), bytes })
    }
}

impl Browser {
    /// Console entries that no test asked for: violations of the policy, errors of script, failed requests.
    pub(super) fn unexpected(&self) -> Vec<String> {
        let expected = self.expected.borrow();
        let entries = self.entries("browser");
        let text = entries.iter().map(|entry| format!("{}: {}", entry["level"], entry["message"]));
        text.filter(|entry| !expected.iter().any(|part| entry.contains(part))).collect()
    }

    /// Reads the requests of the pages so far.
    fn catch_up(&self) {
        let mut network = self.network.borrow_mut();
        for entry in self.entries("performance") {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let message = &message["message"];
            network.record(message["method"].as_str().unwrap_or_default(), &message["params"]);
        }
    }

    /// The HTML of the page as the server sent it.
    pub(super) fn source(&self) -> String {
        self.catch_up();
        let id = self.network.borrow().document.clone();
        let body = self.devtools("Network.getResponseBody", &json!({ "requestId": id }));
        body["body"].as_str().unwrap().to_owned()
    }

    /// The HTTP status of the page.
    pub(in crate::outside) fn status(&self) -> u64 {
        self.catch_up();
        let network = self.network.borrow();
        network.requests[&network.document].status
    }

    /// The weight of the page at `path`, for a browser that keeps nothing of another.
    pub(in crate::outside) fn weigh(&self, path: &str) -> Weight {
        self.devtools("Network.clearBrowserCache", &json!({}));
        self.catch_up();
        *self.network.borrow_mut() = Network::default();
        self.open(path);
        eventually("the whole page to come", || {
            self.catch_up();
            self.network.borrow().weight()
        })
    }
}
