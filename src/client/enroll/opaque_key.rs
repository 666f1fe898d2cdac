//! The file of the opaque key that a host gets beside its certificate.

use std::path::Path;

use serde::Deserialize;

use crate::client::error::ClientError;
use crate::client::whole_file::PrivateFile;
use crate::id::HostId;
use crate::secret::Secret;
use crate::wire::EnrollAnswer;

/// The answer to an enrollment, with the opaque key if it has one.
#[derive(Deserialize)]
pub(super) struct RedeemAnswer {
    #[serde(flatten)]
    pub(super) enrolled: EnrollAnswer,
    #[serde(default)]
    access_api_key: Option<Secret<String>>,
}

impl RedeemAnswer {
    /// Writes the key. That happens before the identity is in place: if it fails, the next enrollment gets another key.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn keep_key(&self, file: Option<&PrivateFile>) -> Result<(), ClientError> {
        match (file, &self.access_api_key) {
            (Some(file), Some(key)) => file.write(key.expose()),
            _ => Ok(()),
        }
    }
}

/// Checks that an enrolled host has the key that the flags ask for.
///
/// # Errors
/// The server gave none.
pub(super) fn expect_key(path: Option<&Path>, host: HostId) -> Result<(), ClientError> {
    match path.filter(|path| !path.exists()) {
        Some(path) => Err(ClientError::NoOpaqueKey { path: path.to_owned(), host }),
        None => Ok(()),
    }
}
