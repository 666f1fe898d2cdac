//! One browser with one window, driven by calls that wait for their answer.

use std::cell::RefCell;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::super::served::Served;
use super::driver::Driver;
use super::log::Network;

/// The longest that one command may take, as a page that loads on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The tries to start a Chromium, which gives up after a minute.
const TRIES: usize = 3;

/// Runs the connections to the drivers.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// A headless Chromium that trusts one server. Dropping it ends it, and fails if its console has an entry.
pub(in crate::outside) struct Browser {
    pub(super) client: Client,
    /// The URL of the server, without a slash at its end.
    pub(super) origin: String,
    pub(super) network: RefCell<Network>,
    /// Parts of entries that a test causes in the console.
    pub(super) expected: RefCell<Vec<&'static str>>,
    _driver: Driver,
}

impl Browser {
    /// A fresh browser for the pages of `served`.
    pub(in crate::outside) fn start(served: &Served) -> Self {
        Self::start_at(&served.url, Path::new(&served.root()))
    }

    /// The same with script switched off.
    pub(in crate::outside) fn start_without_script(served: &Served) -> Self {
        let browser = Self::start(served);
        browser.switch_script_off();
        browser
    }

    fn start_at(origin: &str, root: &Path) -> Self {
        let driver = Driver::start(root);
        let client = connect(&driver);
        let browser = Self {
            client,
            origin: origin.to_owned(),
            network: RefCell::default(),
            expected: RefCell::default(),
            _driver: driver,
        };
        browser.look_as(super::look::FIRST);
        browser
    }

    /// Names a part of console entries that the test causes on purpose.
    pub(in crate::outside) fn expect_in_console(&self, part: &'static str) {
        self.expected.borrow_mut().push(part);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.report();
            return;
        }
        let entries = self.unexpected();
        assert!(entries.is_empty(), "the console has entries:\n{}", entries.join("\n"));
    }
}

impl Browser {
    /// Shows the page at which a test failed, as text and in a picture.
    fn report(&self) {
        let shown = "return location.href + '\\n' + document.body.innerText";
        match in_time(self.client.execute(shown, Vec::new())) {
            Some(Ok(shown)) => eprintln!("the page was {}", shown.as_str().unwrap_or_default()),
            other => eprintln!("the page is not known: {other:?}"),
        }
        if let Some(Ok(picture)) = in_time(self.client.screenshot()) {
            let test = std::thread::current().name().unwrap_or_default().replace("::", "-");
            super::check::keep(&format!("failed-{test}"), &picture);
        }
    }
}

/// A session of `driver`.
fn connect(driver: &Driver) -> Client {
    let Value::Object(capabilities) = driver.capabilities() else { unreachable!("an object") };
    let mut failures = Vec::new();
    for _ in 0..TRIES {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let session = builder.capabilities(capabilities.clone()).connect(&driver.url);
        match complete(session) {
            Ok(client) => return client,
            Err(error) => failures.push(error.to_string()),
        }
    }
    panic!("Chromium does not start: apt-get install chromium chromium-driver\n{}", failures.join("\n"))
}

/// The result of `future`, which must come in time.
pub(super) fn complete<T>(future: impl Future<Output = T>) -> T {
    in_time(future).expect("an answer of the browser in time")
}

fn in_time<T>(future: impl Future<Output = T>) -> Option<T> {
    RUNTIME.block_on(async { timeout(PATIENCE, future).await }).ok()
}
