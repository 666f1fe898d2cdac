//! The group that may read a host's key.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use super::{ClientError, failed};
use crate::ownership::{group_id, group_name};

/// Permission of others to enter a directory.
const OTHERS_ENTER: u32 = 0o001;
const GROUP_ENTERS: u32 = 0o010;

/// The flags for services that read the key.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct KeyReaders {
    /// Group that may read the key, by name or number; the directory lets it in. Renewals keep it
    #[arg(long, value_name = "NAME", value_parser = parse_group)]
    pub group: Option<u32>,
    /// Mode of the key: 0600, or 0640 for its group (the default with --group). Renewals keep it
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    pub mode: Option<u32>,
}

impl KeyReaders {
    /// Returns true without any flag: the users who may read the key stay the same.
    pub(in crate::client) const fn is_empty(&self) -> bool {
        self.group.is_none() && self.mode.is_none()
    }
}

fn parse_group(text: &str) -> Result<u32, String> {
    group_id(text).ok_or_else(|| {
        format!(
            "/etc/group has no group {text:?}: give another name, or the number from `getent group {text}`"
        )
    })
}

fn parse_mode(text: &str) -> Result<u32, &'static str> {
    match text.trim_start_matches("0o").trim_start_matches('0') {
        "600" => Ok(0o600),
        "640" => Ok(0o640),
        _ => Err("a key has mode 0600, or 0640 for its group"),
    }
}

/// Lets `group` into the directory of the identity, unless another group is let in already.
///
/// # Errors
/// If the group cannot be let in, there or in a directory above.
pub(super) fn let_in(dir: &Path, group: u32) -> Result<(), ClientError> {
    let data = fs::metadata(dir).map_err(failed(dir, "the directory cannot be read"))?;
    if !enters(&data, group) && (data.mode() & 0o070 == 0 || data.gid() == group) {
        let opened = fs::Permissions::from_mode(data.mode() & 0o7777 | GROUP_ENTERS);
        chown(dir, None, Some(group))
            .and_then(|()| fs::set_permissions(dir, opened))
            .map_err(failed(dir, "the group cannot be let in"))?;
    }
    let whole = fs::canonicalize(dir).map_err(failed(dir, "the directory cannot be read"))?;
    for path in whole.ancestors() {
        let data = fs::metadata(path).map_err(failed(path, "the directory cannot be read"))?;
        if !enters(&data, group) {
            let (path, mode) = (path.to_owned(), data.mode() & 0o7777);
            return Err(ClientError::ShutOut { path, mode, group: group_name(group) });
        }
    }
    Ok(())
}

fn enters(data: &fs::Metadata, group: u32) -> bool {
    data.mode() & OTHERS_ENTER != 0 || (data.gid() == group && data.mode() & GROUP_ENTERS != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_name_or_a_number() {
        assert_eq!(parse_group("root"), Ok(0));
        assert_eq!(parse_group("4711"), Ok(4711));
        assert!(parse_group("no-such-group").unwrap_err().contains("getent group no-such-group"));
    }

    #[test]
    fn a_key_is_never_open_to_others() {
        for (text, mode) in [("0600", 0o600), ("640", 0o640), ("0640", 0o640)] {
            assert_eq!(parse_mode(text), Ok(mode));
        }
        for refused in ["0644", "0660", "0604", "700", "", "rw"] {
            assert!(parse_mode(refused).is_err(), "{refused}");
        }
    }
}
