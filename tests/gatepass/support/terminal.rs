//! Terminals with the built binary on their PATH, in a directory of their own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// The port that documents show; a test's server takes a free one.
const SHOWN: &str = "https://127.0.0.1:8443";
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
    server: Option<(Child, String)>,
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
        Self { home, server: None, last_id: String::new() }
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
            line if line.contains("read -rs PASSWORD") => self.read("gatepass-data/admin.password"),
            _ => String::new(),
        };
        let url = self.server.as_ref().map_or(SHOWN, |(_, url)| url);
        let line = line.replace(SHOWN, url).replace(SHOWN_ID, &self.last_id);
        let mut child = self.bash(&line).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(pasted.as_bytes());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(ended.status.success(), "{line}\n{said}{}", String::from_utf8_lossy(&ended.stderr));
        if let Some(id) = said.split("\"token_id\":\"").nth(1).filter(|_| said.starts_with("{\"token\":")) {
            id.split('"').next().unwrap().clone_into(&mut self.last_id);
        }
        said
    }

    /// Ends the server, as Ctrl-C would; it must end well.
    pub(crate) fn close(mut self) {
        let (mut server, _) = self.server.take().unwrap();
        let id = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        assert!(server.wait().unwrap().success());
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.here().join(name)).unwrap()
    }

    fn here(&self) -> std::path::PathBuf {
        self.home.path().join("here")
    }

    fn bash(&self, line: &str) -> Command {
        let home = self.home.path();
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(format!("{BEFORE}{line}{AFTER}")).current_dir(self.here()).stdout(Stdio::piped());
        for name in
            ["GATEPASS_SERVER", "GATEPASS_TOKEN", "GATEPASS_CONFIG", "GATEPASS_API_KEY", "XDG_CONFIG_HOME"]
        {
            bash.env_remove(name);
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap();
        bash.env("HOME", home).env("BINARY", binary).env("SHIMS", home.join("shims"));
        bash.env("KEPT", home.join("kept")).env("ETC_GATEPASS", home.join("etc-gatepass"));
        bash
    }

    /// The server takes a free port, and is there when it has said where.
    fn serve(&mut self, line: &str) -> String {
        let mut bash = self.bash(&format!("exec {line}"));
        bash.env("GATEPASS_SERVER__LISTEN", "127.0.0.1:0").env("GATEPASS_LOG__LEVEL", "error");
        let mut child = bash.spawn().unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            said += &format!("{}\n", line.unwrap());
            if said.contains("\nnext, ") {
                break;
            }
        }
        let url =
            said.split("listens on ").nth(1).and_then(|rest| rest.split(' ').next()).expect(&said).to_owned();
        self.server = Some((child, url));
        said
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
