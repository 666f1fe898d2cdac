//! Commands beyond WebDriver that chromedriver has: the DevTools protocol and the logs.

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::session::{Browser, complete};

/// A POST of `body` to `path` below the session.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// The answer to a command of the DevTools protocol.
    pub(super) fn devtools(&self, method: &str, parameters: &Value) -> Value {
        self.extension("goog/cdp/execute", json!({ "cmd": method, "params": parameters }))
    }

    /// The entries of a log since it was read last.
    pub(super) fn entries(&self, log: &str) -> Vec<Value> {
        let Value::Array(entries) = self.extension("se/log", json!({ "type": log })) else {
            panic!("{log} is no log")
        };
        entries
    }

    fn extension(&self, path: &'static str, body: Value) -> Value {
        let shown = body.to_string();
        let answer = complete(self.client.issue_cmd(Extension { path, body }));
        answer.unwrap_or_else(|error| panic!("{error}: {}", &shown[..shown.len().min(200)]))
    }

    /// A world of its own in the page, which the page's script and its policy do not reach.
    pub(super) fn world(&self) -> Value {
        let tree = self.devtools("Page.getFrameTree", &json!({}));
        let frame = &tree["frameTree"]["frame"]["id"];
        let world = json!({ "frameId": frame, "worldName": "tests" });
        self.devtools("Page.createIsolatedWorld", &world)["executionContextId"].clone()
    }

    /// The value of an expression in a world of the page. A promise is awaited.
    pub(super) fn evaluate(&self, world: &Value, expression: &str) -> Value {
        let asked = json!({
            "contextId": world, "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let answer = self.devtools("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{answer:#}");
        answer["result"]["value"].clone()
    }
}
