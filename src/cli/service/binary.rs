//! The binary that a service starts.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{self, Path, PathBuf};

use crate::cli::error::CliError;

/// Usual paths of the binary. One of them may be a link that an update moves.
const USUAL: [&str; 2] = ["/usr/local/bin/gatepass", "/usr/bin/gatepass"];

/// Directories that a service does not see, or that are emptied at boot.
const PRIVATE: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// The binary that was named, or else the one of this process.
pub(super) fn chosen(named: Option<&Path>) -> Result<PathBuf, CliError> {
    let failed = |path: &Path, source| CliError::File { path: path.to_owned(), source };
    if let Some(named) = named {
        return path::absolute(named).map_err(|source| failed(named, source));
    }
    let own = std::env::current_exe().map_err(|source| failed(Path::new("/proc/self/exe"), source))?;
    let leads_here = |usual: &&str| fs::canonicalize(usual).is_ok_and(|path| path == own);
    Ok(USUAL.into_iter().find(leads_here).map_or_else(|| own.clone(), PathBuf::from))
}

/// Returns true for a path that a service does not see.
pub(super) fn is_private(path: &Path) -> bool {
    PRIVATE.iter().any(|directory| path.starts_with(directory))
}

/// Checks that a service can start the binary, and that only root can replace it.
pub(super) fn check(binary: &Path, by_root: bool) -> Result<(), CliError> {
    let whole =
        fs::canonicalize(binary).map_err(|source| CliError::File { path: binary.to_owned(), source })?;
    if is_private(&whole) {
        return Err(refused(&whole, "a service does not see it there"));
    }
    for place in whole.ancestors() {
        let data = fs::metadata(place).map_err(|source| CliError::File { path: place.to_owned(), source })?;
        if data.uid() != 0 || data.mode() & 0o022 != 0 {
            return Err(refused(&whole, &format!("other users than root can change {}", place.display())));
        }
        if !by_root && data.mode() & 0o001 == 0 {
            return Err(refused(&whole, &format!("the service's user has no access to {}", place.display())));
        }
    }
    Ok(())
}

fn refused(binary: &Path, why: &str) -> CliError {
    let usual = USUAL[0];
    CliError::Unsound(format!(
        "{}: {why}: copy it with `install -m 0755 {} {usual}`, then run {usual} or give --binary {usual}",
        binary.display(),
        binary.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_binaries_of_root_pass() {
        assert!(check(Path::new("/bin/sh"), false).is_ok());
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        let binary = dir.path().join("gatepass");
        fs::write(&binary, "").unwrap();
        let why = check(&binary, true).unwrap_err().to_string();
        assert!(why.contains("does not see it") && why.contains("install -m 0755"), "{why}");
        assert!(check(Path::new("/nonexistent"), true).is_err());
    }

    #[test]
    fn the_binary_of_the_process_is_the_default() {
        assert_eq!(chosen(None).unwrap(), std::env::current_exe().unwrap());
        assert_eq!(chosen(Some(Path::new("/opt/gatepass"))).unwrap(), Path::new("/opt/gatepass"));
    }
}
