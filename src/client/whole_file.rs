//! Files that are replaced as a whole: a reader finds the former content or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::id::{hex, random};

/// Replaces the file `name` in `dir`, and waits for the disk.
pub(super) fn replace(dir: &Path, name: &str, text: &str, mode: u32) -> io::Result<()> {
    let beside = dir.join(format!("{}{}", begins(name), hex(&random::<8>())));
    let written = || {
        let mut file = File::options().write(true).create_new(true).mode(mode).open(&beside)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&beside, dir.join(name))
    };
    written().inspect_err(|_| {
        // On a full disk every attempt would leave a file.
        let _ = fs::remove_file(&beside);
    })?;
    File::open(dir)?.sync_all()
}

/// Returns true if this is the name of a file that a crash left while `name` was replaced.
pub(super) fn is_left_over(entry: &str, name: &str) -> bool {
    let digits = entry.strip_prefix(&begins(name));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// The beginning of the name until the content is complete: a service that reads a whole directory skips it for its dot.
fn begins(name: &str) -> String {
    format!(".{name}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.json");
        for text in ["one", "two"] {
            replace(dir.path(), "policy.json", text, 0o600).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{text}\n"));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_left_over_files_are_found() {
        assert!(is_left_over(".policy.json.0123456789abcdef", "policy.json"));
        for other in [
            "policy.json",
            ".policy.json",
            ".policy.json.new",
            ".policy.json.0123456789abcdeg",
            ".x.0123456789abcdef",
        ] {
            assert!(!is_left_over(other, "policy.json"), "{other}");
        }
    }
}
