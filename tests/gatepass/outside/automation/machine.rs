//! A machine to enroll: a mount name space of its own with an empty /usr/local/bin. It has stand-ins for `systemctl` and `sudo`,
//! and a web server that has the binary.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::proxy::free_port;
use super::super::served::eventually;
use super::super::tool::{self, Said};
use super::{executable, program};

/// The beginning of every script. /etc is a copy, and other directories are empty.
const MOUNTS: &str = r#"
set -eu
mkdir -p etc/systemd/system
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts /etc/os-release etc
mount --bind etc /etc
for directory in /run /var/lib /var/log /usr/local/bin; do
  mount -t tmpfs -o mode=0755 none "$directory"
done
mkdir -p /run/systemd/system
cp systemctl sudo /usr/local/bin
"#;

/// The machine's files, and the web server. Dropping it stops the server.
pub(in crate::outside) struct Machine {
    folder: TempDir,
    files: Child,
    /// URL of the binary.
    pub(in crate::outside) url: String,
}

impl Machine {
    pub(in crate::outside) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = ["-subj", "/CN=files", "-addext", "subjectAltName=IP:127.0.0.1"];
        let new =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"];
        let mut openssl = Command::new("openssl");
        openssl.args(new).args(names).args(["-keyout", "files.key", "-out", "files.pem"]);
        tool::run(openssl.current_dir(&folder), "").expect_good();
        fs::create_dir(folder.path().join("files")).unwrap();
        let binary = folder.path().join("files/gatepass");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gatepass"), binary).unwrap();
        executable(&folder.path().join("systemctl"), "#!/bin/sh\necho \"$@\" >>/run/systemctl.argv\n");
        executable(&folder.path().join("sudo"), "#!/bin/sh\n[ \"$1\" != -E ] || shift\nexec \"$@\"\n");
        let (files, port) = serve(&folder);
        Self { folder, files, url: format!("https://127.0.0.1:{port}/gatepass") }
    }

    /// Writes a file of the machine.
    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// The content of a file of the machine.
    pub(super) fn read(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs a script on the machine, in the folder of its files.
    pub(in crate::outside) fn run(&self, script: &str, input: &str) -> Said {
        let mut machine = program("unshare", self.folder.path());
        machine.args(["--user", "--map-root-user", "--mount", "--propagation", "private"]);
        machine.args(["bash", "-c", &format!("{MOUNTS}{script}")]);
        tool::run(machine.env("CURL_CA_BUNDLE", self.folder.path().join("files.pem")), input)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.files.kill();
        let _ = self.files.wait();
    }
}

/// Starts the web server; its port. Another process may take a free port first.
fn serve(folder: &TempDir) -> (Child, u16) {
    let start = || {
        let port = free_port();
        let mut server = Command::new("openssl");
        server.args(["s_server", "-quiet", "-WWW", "-cert", "../files.pem", "-key", "../files.key"]);
        server.args(["-accept", &format!("127.0.0.1:{port}")]).current_dir(folder.path().join("files"));
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = server.spawn().unwrap();
        let listens = eventually("the web server to listen or to end", || {
            let ended = server.try_wait().unwrap().map(|_| false);
            ended.or_else(|| TcpStream::connect(("127.0.0.1", port)).ok().map(|_| true))
        });
        listens.then_some((server, port))
    };
    (0..10).find_map(|_| start()).expect("no port is free")
}
