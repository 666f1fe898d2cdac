//! The file of a host's policy, which services read.

use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ClientError;
use super::whole_file::PrivateFile;
use crate::id::PolicyId;

/// A policy at one revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyMark {
    /// Id of the policy.
    pub policy: PolicyId,
    /// Number of the revision.
    pub revision: u64,
    /// Number that each change of an output moves; 0 without outputs.
    #[serde(default)]
    pub outputs_revision: u64,
}

impl PolicyMark {
    /// The mark of a policy as the server sends it, and as it stands in the file.
    pub(super) fn of(policy: &Value) -> Option<Self> {
        let id = PolicyId::parse(policy["id"].as_str()?)?;
        // Servers before outputs do not send it.
        let outputs_revision = policy["outputs_revision"].as_u64().unwrap_or(0);
        Some(Self { policy: id, revision: policy["revision"].as_u64()?, outputs_revision })
    }
}

impl fmt::Display for PolicyMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.policy, self.revision)?;
        match self.outputs_revision {
            0 => Ok(()),
            outputs => write!(f, ".{outputs}"),
        }
    }
}

/// A file that holds a policy.
#[derive(Clone, Debug)]
pub struct PolicyFile(PrivateFile);

impl PolicyFile {
    /// The file at `path`, which need not exist. Files that a crash left beside it are removed.
    ///
    /// # Errors
    /// If it is not a plain file of this user, or the directory is missing or others can write to it.
    pub fn new(path: &Path) -> Result<Self, ClientError> {
        PrivateFile::new(path).map(Self)
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The policy in the file; `None` without a readable one.
    pub fn held(&self) -> Option<PolicyMark> {
        let text = fs::read(self.path()).ok()?;
        PolicyMark::of(&serde_json::from_slice(&text).ok()?)
    }

    /// Replaces the file.
    ///
    /// # Errors
    /// If it cannot be written. The former content stays.
    pub(super) fn write(&self, policy: &Value) -> Result<(), ClientError> {
        self.0.write(&format!("{policy:#}"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    fn private() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        dir
    }

    #[test]
    fn a_policy_is_held_after_it_was_written() {
        let dir = private();
        let file = PolicyFile::new(&dir.path().join("policy.json")).unwrap();
        assert_eq!(file.held(), None);
        let id = "0198c0de-e1e2-7f50-8a61-738495a6b7c8";
        file.write(&json!({ "id": id, "revision": 3, "settings": { "a": 1 } })).unwrap();
        let held = file.held().unwrap();
        assert_eq!((held.to_string(), held.revision), (format!("{id}.3"), 3));
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o7777, 0o600);
        file.write(&json!({ "id": id, "revision": 3, "outputs_revision": 7 })).unwrap();
        assert_eq!(file.held().unwrap().to_string(), format!("{id}.3.7"), "a changed output owes the hook");
        fs::write(file.path(), "{").unwrap();
        assert_eq!(file.held(), None, "a damaged file is fetched again");
    }
}
