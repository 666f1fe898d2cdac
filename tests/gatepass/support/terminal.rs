//! Terminals with the built binary on their PATH, in a directory of their own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::pty;

/// The port that documents show; a test's server takes a free one, and keeps it.
const SHOWN: &str = ":8443";
/// Longest wait for a server that gets ready.
const PATIENCE: Duration = Duration::from_secs(120);
/// Width of the terminal in columns, as pages show its output.
const WIDTH: u16 = 100;
/// The id in the documents of Elastic Cloud Enterprise: readers put theirs in its place.
const SHOWN_ID: &str = "4c8990df-1fb7-4820-b868-6bc9e8860814";
/// `sudo -E COMMAND` without root: the identity goes to a directory of the test.
const SUDO: &str =
    "#!/bin/bash\n[ \"$1\" = -E ] || exit 64\nshift\nexec \"$@\" --cert-dir \"$ETC_GATEPASS\"\n";
/// The text before and after each line, which keeps its exports for the next one.
const BEFORE: &str = "PATH=\"$SHIMS:$BINARY:$PATH\"; [ ! -f \"$KEPT\" ] || . \"$KEPT\"\n";
const AFTER: &str =
    "\ncode=$?; declare -p PASSWORD >\"$KEPT\" 2>/dev/null; export -p >>\"$KEPT\"; exit $code";

/// A terminal, and one beside it in which the server runs.
pub(crate) struct Terminal {
    home: TempDir,
    /// The server and its terminal.
    server: Option<(Child, File)>,
    /// The port of the server.
    port: Option<String>,
    /// The password that its first start showed.
    password: String,
    last_id: String,
}

impl Terminal {
    /// A terminal in an empty directory.
    pub(crate) fn open() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("here")).unwrap();
        fs::create_dir(home.path().join("shims")).unwrap();
        let sudo = home.path().join("shims/sudo");
        fs::write(&sudo, SUDO).unwrap();
        fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
        Self { home, server: None, port: None, password: String::new(), last_id: String::new() }
    }

    /// Types a line, pastes the secret it asks for, and waits for its end; what it printed. It must end well.
    pub(crate) fn type_in(&mut self, line: &str) -> String {
        if line.starts_with("gatepass serve") {
            return self.serve(line);
        }
        let pasted = match line {
            line if line.contains("read -rs GATEPASS_TOKEN") => {
                self.type_in("gatepass token create --quiet --role proxy")
            }
            line if line.contains("read -rs PASSWORD") => format!("{}\n", self.password),
            _ => String::new(),
        };
        // A command that must fail says why in its errors.
        let line = if line.starts_with("! ") { format!("{line} 2>&1") } else { line.to_owned() };
        let line = self.at_port(&line).replace(SHOWN_ID, &self.last_id);
        let (mut shown, out) = pty::open(WIDTH);
        let mut bash = self.bash(&line);
        let mut child = bash.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(out).spawn().unwrap();
        // The terminal ends when nobody can write to it.
        drop(bash);
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(pasted.as_bytes());
        let mut said = Vec::new();
        // A terminal whose other end is closed ends with EIO.
        let _ = shown.read_to_end(&mut said);
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&said).replace('\r', "");
        assert!(ended.status.success(), "{line}\n{said}{}", String::from_utf8_lossy(&ended.stderr));
        if let Some(id) = said.split("\"token_id\":\"").nth(1).filter(|_| said.starts_with("{\"token\":")) {
            id.split('"').next().unwrap().clone_into(&mut self.last_id);
        }
        said
    }

    /// The line with the port of the server.
    fn at_port(&self, line: &str) -> String {
        self.port.as_ref().map_or_else(|| line.to_owned(), |port| line.replace(SHOWN, &format!(":{port}")))
    }

    /// The output of a line as pages show it: with their port and directory, and without secrets.
    pub(crate) fn as_shown(&self, said: &str) -> String {
        let here = fs::canonicalize(self.here()).unwrap();
        let mut text = said.replace(here.to_str().unwrap(), "/home/anna");
        if let Some(port) = &self.port {
            text = text.replace(&format!(":{port}"), SHOWN).replace(&self.password, "\u{2026}");
        }
        text.lines().map(|line| without_secret(line) + "\n").collect()
    }

    fn here(&self) -> std::path::PathBuf {
        self.home.path().join("here")
    }

    /// Ends the server, as Ctrl-C would; it must end well.
    pub(crate) fn close(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        let (mut server, _) = self.server.take().unwrap();
        if server.try_wait().unwrap().is_some_and(|ended| ended.signal() == Some(9)) {
            // The page killed it.
            return;
        }
        let id = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        assert!(server.wait().unwrap().success());
    }

    fn bash(&self, line: &str) -> Command {
        let home = self.home.path();
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(format!("{BEFORE}{line}{AFTER}")).current_dir(self.here());
        for name in [
            "GATEPASS_SERVER",
            "GATEPASS_CONTEXT",
            "GATEPASS_TOKEN",
            "GATEPASS_CONFIG",
            "GATEPASS_API_KEY",
            "XDG_CONFIG_HOME",
        ] {
            bash.env_remove(name);
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap();
        bash.env("HOME", home).env("BINARY", binary).env("SHIMS", home.join("shims"));
        bash.env("NO_COLOR", "1")
            .env("KEPT", home.join("kept"))
            .env("ETC_GATEPASS", home.join("etc-gatepass"));
        bash
    }

    /// The server takes a free port, and is there when it has said where. One that runs is stopped first, as Ctrl-C would.
    fn serve(&mut self, line: &str) -> String {
        if self.server.is_some() {
            self.stop();
        }
        let mut bash = self.bash(&format!("exec {}", self.at_port(line)));
        let port = self.port.as_deref().unwrap_or("0");
        bash.env("GATEPASS_SERVER__LISTEN", format!("127.0.0.1:{port}")).env("GATEPASS_LOG__LEVEL", "error");
        let (shown, out) = pty::open(WIDTH);
        let child = bash.stdout(out).spawn().unwrap();
        drop(bash);
        let mut said = String::new();
        for line in BufReader::new(shown.try_clone().unwrap()).lines() {
            let line = line.unwrap().replace('\r', "");
            said += &format!("{line}\n");
            // The last line of a first start, and of a later one.
            if line.starts_with("This page is not shown again") || line.contains(": gatepass overview") {
                break;
            }
        }
        self.server = Some((child, shown));
        if self.port.is_none() {
            let after =
                |words: &str| said.split(words).nth(1).expect(&said).split_whitespace().next().unwrap();
            self.password = after("\npassword ").to_owned();
            self.port = after("listens on https://127.0.0.1:").split('/').next().map(str::to_owned);
        }
        // Pages show a server that is ready.
        let deadline = Instant::now() + PATIENCE;
        while !self.bash("gatepass overview >/dev/null 2>&1").status().unwrap().success() {
            assert!(Instant::now() < deadline, "the server is not ready");
        }
        said
    }
}

/// A line whose secrets are cut. The command that sets renewals up depends on the machine.
fn without_secret(line: &str) -> String {
    const ADVICE: &str = "nothing renews this certificate yet: ";
    if line.starts_with(ADVICE) {
        return format!("{ADVICE}sudo gatepass service install renew");
    }
    let secret = |word: &&str| word.starts_with("eyJ") || word.starts_with("gpk_");
    match line.split_whitespace().find(secret) {
        Some(word) => line.replace(word, &format!("{}\u{2026}", &word[..4])),
        None => line.to_owned(),
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some((server, _)) = &mut self.server {
            // A test that failed leaves it running.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
