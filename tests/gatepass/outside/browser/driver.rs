//! A chromedriver of its own for each browser, with a home that nobody else uses.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::served::eventually;
use super::super::tool;

/// The line that names the port of a started chromedriver.
const STARTED: &str = "successfully on port ";

/// A running chromedriver. Dropping it ends it and its Chromium.
pub(super) struct Driver {
    process: Child,
    home: TempDir,
    pub(super) url: String,
}

impl Driver {
    /// A chromedriver whose Chromium trusts the certificates in the file `root`.
    pub(super) fn start(root: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        trust(home.path(), root);
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command.env("HOME", home.path()).env("TMPDIR", home.path());
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"] {
            command.env_remove(variable);
        }
        let process = own_group(&mut command).spawn();
        let process = process.unwrap_or_else(|error| tool::missing("chromedriver", &error.to_string()));
        let mut driver = Self { process, home, url: String::new() };
        let port = eventually("chromedriver to name its port", || driver.port());
        driver.url = format!("http://127.0.0.1:{port}");
        driver
    }

    fn port(&mut self) -> Option<u16> {
        let log = std::fs::read_to_string(self.home.path().join("log")).unwrap();
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("chromedriver ended with {status}:\n{log}");
        }
        log.split_once(STARTED)?.1.split_once('.')?.0.parse().ok()
    }

    /// The capabilities that a session of this driver asks for.
    pub(super) fn capabilities(&self) -> Value {
        let profile = format!("--user-data-dir={}", self.home.path().join("profile").display());
        // Chromium's own sandbox does not start as root.
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", &profile];
        json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "pageLoad": 240_000, "script": 120_000 },
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Chromium belongs to the group of its driver.
        let _ = kill_process_group(Pid::from_child(&self.process), Signal::KILL);
        drop(self.process.wait());
    }
}

fn own_group(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0)
}

/// Adds `root` to the certificates that Chromium trusts in `home`.
fn trust(home: &Path, root: &Path) {
    let database = home.join(".pki/nssdb");
    std::fs::create_dir_all(&database).unwrap();
    let database = format!("sql:{}", database.display());
    tool::run(Command::new("certutil").args(["-N", "--empty-password", "-d", &database]), "").expect_good();
    let mut add = Command::new("certutil");
    add.args(["-A", "-d", &database, "-n", "root", "-t", "C,,", "-i"]).arg(root);
    tool::run(&mut add, "").expect_good();
}
