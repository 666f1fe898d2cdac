//! The programs under `examples/` in the languages of others, run as they stand.

use std::path::Path;
use std::process::Command;

use super::tool::{self, Said};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// A program that verifies a token.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    PyJwt,
    Joserfc,
    Jose,
}

impl Script {
    pub(super) const ALL: [Self; 3] = [Self::PyJwt, Self::Joserfc, Self::Jose];

    /// Verifies `token` for `audience` at the authority `url`, whose root is in the file `root`.
    pub(super) fn verify(self, url: &str, root: &str, audience: &str, token: &str) -> Said {
        let folder = tempfile::tempdir().unwrap();
        let mut command = match self {
            Self::PyJwt => python("verify.py"),
            Self::Joserfc => python("verify_joserfc.py"),
            Self::Jose => node(folder.path()),
        };
        tool::run(command.args([url, root, audience]), token)
    }
}

fn python(program: &str) -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(Path::new(EXAMPLES).join("python").join(program));
    command
}

fn node(folder: &Path) -> Command {
    std::os::unix::fs::symlink(tool::node_modules("jose"), folder.join("node_modules")).unwrap();
    let program = folder.join("verify.mjs");
    std::fs::copy(Path::new(EXAMPLES).join("node/verify.mjs"), &program).unwrap();
    let mut command = Command::new("node");
    command.arg(program);
    command
}
