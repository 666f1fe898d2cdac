//! A machine of its own: a root directory with the system's programs, and a `systemctl` that records its calls.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::served::complaint;

/// Builds the root in name spaces of its own, and runs gatepass there.
const ENTER: &str = "set -e; root=$0; binary=$1; shift
for dir in usr bin sbin lib lib64 dev proc; do
  if [ -L /$dir ]; then cp -P /$dir $root/$dir 2>/dev/null || true
  elif [ -d /$dir ]; then mkdir -p $root/$dir; mount --rbind /$dir $root/$dir; fi
done
touch $root/opt/gatepass; mount --bind $binary $root/opt/gatepass
exec chroot $root env -i PATH=/fake:/usr/sbin:/usr/bin:/sbin:/bin \"$@\"";

const SYSTEMCTL: &str = "#!/bin/sh
echo \"$*\" >> /systemctl.log
! grep -qsx \"$1\" /fail
";

/// The new user has the number of root, the only one in the name space.
const USERADD: &str = "#!/bin/sh
echo \"$*\" >> /useradd.log
for name; do :; done
echo \"$name:x:0:0::/:/bin/sh\" >> /etc/passwd
";

/// A root directory. Nothing in it is the system's own but its programs.
pub(super) struct Machine(TempDir);

impl Machine {
    /// A machine without systemd.
    pub(super) fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for dir in ["etc", "opt", "fake", "image", "srv"] {
            fs::create_dir(machine.path(dir)).unwrap();
            fs::set_permissions(machine.path(dir), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::set_permissions(machine.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(machine.path("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
        for (name, text) in [("fake/systemctl", SYSTEMCTL), ("fake/useradd", USERADD)] {
            fs::write(machine.path(name), text).unwrap();
            fs::set_permissions(machine.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    /// A machine on which systemd runs.
    pub(super) fn with_systemd() -> Self {
        let machine = Self::new();
        for dir in ["run/systemd/system", "etc/systemd/system"] {
            fs::create_dir_all(machine.path(dir)).unwrap();
        }
        machine
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The text of a file; `None` without one.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// The calls of `systemctl`.
    pub(super) fn calls(&self) -> Vec<String> {
        self.text("systemctl.log").unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// Runs `gatepass service` there.
    pub(super) fn run(&self, words: &[&str]) -> Output {
        self.gatepass(&[&["service"], words].concat())
    }

    /// Runs `gatepass` there.
    pub(super) fn gatepass(&self, words: &[&str]) -> Output {
        self.with(&[], words)
    }

    /// Runs `gatepass` there with these variables: `NAME=value`.
    pub(super) fn with(&self, variables: &[&str], words: &[&str]) -> Output {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", ENTER]).arg(self.0.path());
        command
            .arg(env!("CARGO_BIN_EXE_gatepass"))
            .args(variables)
            .arg("/opt/gatepass")
            .args(words)
            .output()
            .unwrap()
    }

    /// The standard output of a run that must succeed.
    pub(super) fn good(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert!(said.status.success(), "{words:?}: {}", complaint(&said));
        String::from_utf8(said.stdout).unwrap()
    }
}
