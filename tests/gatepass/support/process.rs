//! The built binary as a process of its own, which tests may kill.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gatepass::ca::pem_to_der;
use gatepass::id::Fingerprint;
use http::Method;
use serde_json::Value;

use super::authority::PASSWORD;
use super::client::Client;
use super::condition::eventually;

/// A running `gatepass serve`. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    pub(crate) root: Fingerprint,
    pub(crate) data_dir: PathBuf,
}

/// The built binary, knowing nothing of this process's environment but the path.
pub(crate) fn gatepass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepass"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// The binary as a user who may read nothing of root's; without root, as a user who may not read `closed`.
/// The binary is put into `dir`.
pub(crate) fn as_another_user(dir: &Path, closed: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(closed, fs::Permissions::from_mode(0o000)).unwrap();
        return gatepass();
    }
    let binary = dir.join("gatepass");
    // The target directory may be closed to others. A file that was just written can be busy.
    if !binary.exists() && fs::hard_link(env!("CARGO_BIN_EXE_gatepass"), &binary).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_gatepass"), &binary).unwrap();
    }
    let mut command = Command::new(binary);
    command.env_clear().uid(65_534).gid(65_534);
    command
}

impl Process {
    /// Starts it on `data_dir`, at a port that the system chooses, and waits until it answers. Its log goes to a file beside,
    /// see [`Process::log`].
    pub(crate) async fn start(data_dir: &Path, more: &[&str]) -> Self {
        let log = File::options().create(true).append(true).open(log_of(data_dir)).unwrap();
        let before = usize::try_from(log.metadata().unwrap().len()).unwrap();
        let mut child = gatepass()
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .args(more)
            .env("GATEPASS_ADMIN_PASSWORD", PASSWORD)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("the built binary starts");
        let found = eventually("the server answers", async || {
            let (ended, said) = (child.try_wait().unwrap(), fs::read_to_string(log_of(data_dir)).unwrap());
            assert!(ended.is_none(), "{ended:?}: {said}");
            let url = listens_at(&said[before..])?;
            let pem = fs::read_to_string(data_dir.join("root.pem")).ok()?;
            let root = Fingerprint::of(&pem_to_der("CERTIFICATE", &pem).ok()?);
            let alive = Client::new(&url, root).try_send(Method::GET, "/livez", None).await;
            alive.is_ok().then_some((url, root))
        });
        let (url, root) = found.await;
        Self { child, url, root, data_dir: data_dir.to_owned() }
    }

    /// SIGKILL: it has no time to do anything.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: it finishes what is in flight.
    pub(crate) async fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        let ended = eventually("it stops", async || self.child.try_wait().unwrap()).await;
        assert!(ended.success(), "{ended}: {}", self.log());
    }

    /// `gatepass …` on the server's machine, with the rights of its data directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = gatepass();
        command.args(args).arg("--data-dir").arg(&self.data_dir);
        command
    }

    /// The output of a command that ends well.
    pub(crate) fn told(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The document of a command that ends well.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[args, &["-o", "json"]].concat())).unwrap()
    }

    /// The exit code and the error of a command that fails and prints nothing else.
    pub(crate) fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.command(args).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && shown.is_empty(), "{args:?}: {shown}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// A caller without a credential.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(&self.url, self.root)
    }

    /// A caller that signs in as the admin.
    pub(crate) fn admin(&self) -> Client {
        self.stranger().basic("admin", PASSWORD)
    }

    /// The resident memory of the process in MiB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// Its output and log in all its starts.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(log_of(&self.data_dir)).unwrap()
    }

    /// Waits until the log has `text`: a line may be written after the answer. Returns the line.
    pub(crate) async fn logs(&self, text: &str) -> String {
        eventually(&format!("the log has {text:?}"), async || {
            self.log().lines().find(|line| line.contains(text)).map(str::to_owned)
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address it reports to listen on, which can differ from its external URL.
fn listens_at(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("gatepass listens on ")?;
    let (address, _) = rest.split_once('(')?.1.split_once(')')?;
    Some(format!("https://{address}"))
}

fn log_of(data_dir: &Path) -> PathBuf {
    data_dir.with_extension("log")
}
