//! A container without a container runtime: a root directory, its volumes, and a program as its first process (unshare, chroot).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::served::eventually;
use super::tool::missing;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gatepass/outside/pod.sh");
/// The directories of this machine that a dynamic program needs.
const LIBRARIES: [&str; 4] = ["usr", "bin", "lib", "lib64"];

/// The root directory of containers, and their volumes.
pub(super) struct Pod {
    root: PathBuf,
    user: &'static str,
    volumes: Vec<String>,
}

/// The end of a container.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) said: String,
}

impl Pod {
    /// Containers with the root directory `root` and the user `user`.
    pub(super) fn new(root: PathBuf, user: &'static str) -> Self {
        for place in ["dev", "proc"] {
            fs::create_dir_all(root.join(place)).unwrap();
        }
        Self { root, user, volumes: Vec::new() }
    }

    /// Containers with the built binary and the libraries of this machine, for root without a capability.
    pub(super) fn of_binary(root: PathBuf) -> Self {
        let mut pod = Self::new(root, "0:0");
        for place in LIBRARIES.map(|name| Path::new("/").join(name)).iter().filter(|place| place.exists()) {
            pod = pod.with(place, place.to_str().unwrap());
        }
        pod.with_file(Path::new(env!("CARGO_BIN_EXE_gatepass")), "/gatepass")
    }

    /// The same with a directory mounted at `place`.
    pub(super) fn with(mut self, source: &Path, place: &str) -> Self {
        fs::create_dir_all(self.root.join(&place[1..])).unwrap();
        self.volumes.push(format!("{}:{place}", source.display()));
        self
    }

    fn with_file(mut self, source: &Path, place: &str) -> Self {
        fs::write(self.root.join(&place[1..]), "").unwrap();
        self.volumes.push(format!("{}:{place}", source.display()));
        self
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.arg(SCRIPT).arg(&self.root).arg(self.user).args(&self.volumes).arg("--").args(words);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a container to its end.
    pub(super) fn run(&self, words: &[&str]) -> Ended {
        let output = self.command(words).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        Ended { code: output.status.code(), said: String::from_utf8_lossy(&said).into_owned() }
    }

    /// Starts a container, whose output goes to `log`.
    pub(super) fn start(&self, words: &[&str], log: &Path) -> Running {
        let file = fs::File::create(log).unwrap();
        let mut command = self.command(words);
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| missing("sh", &error.to_string()));
        Running { child, log: log.to_owned() }
    }
}

/// A running container. Dropping it kills it.
pub(super) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Waits until the container has said this.
    pub(super) fn says(&mut self, text: &str) {
        eventually(&format!("the container says {text:?}"), || {
            let said = fs::read_to_string(&self.log).unwrap();
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the container ended with {status}: {said}");
            }
            said.contains(text).then_some(())
        });
    }

    /// The first process, by its number on this machine.
    pub(super) fn first(&self) -> Pid {
        let first = children(Pid::from_child(&self.child)).first().copied();
        first.expect("unshare runs the first process")
    }

    /// Sends a signal to the first process.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(self.first(), signal).unwrap();
    }

    /// Waits for the end.
    pub(super) fn ended(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process.
pub(super) fn children(parent: Pid) -> Vec<Pid> {
    let number = parent.as_raw_nonzero();
    let listed = fs::read_to_string(format!("/proc/{number}/task/{number}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?)).collect()
}
