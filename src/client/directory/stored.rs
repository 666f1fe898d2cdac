//! A whole identity, read from one generation.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

use super::files::{read_key, read_text};
use super::layout::used;
use super::owned::{check_part, check_parts};
use super::{CHAIN, ClientError, HOST, KEY, LEAF, READY, ROOT};
use crate::client::host::HostFile;
use crate::client::key::{HostKey, certificates, identity};
use crate::connect::Identity;
use crate::ownership::check_directory;
use crate::secret::Secret;

/// The files of an identity, as they were at one moment.
#[derive(PartialEq, Eq)]
pub struct Stored {
    dir: PathBuf,
    /// The directories that hold the files. The first that has a file counts.
    places: [PathBuf; 2],
}

/// Key and certificates of an identity, which belong together.
pub struct Parts {
    dir: PathBuf,
    pub(super) key: Secret<String>,
    pub(super) leaf: Secret<String>,
    pub(super) chain: Secret<String>,
    pub(super) root: Secret<String>,
}

/// Reads the identity in `dir` with `read`, again if it was replaced during that. Needs no lock.
///
/// # Errors
/// If the directory may be the work of somebody else, and the errors of `read`.
pub fn whole<T>(dir: &Path, read: impl Fn(&Stored) -> Result<T, ClientError>) -> Result<T, ClientError> {
    loop {
        let stored = Stored::find(dir)?;
        let value = read(&stored);
        if Stored::find(dir)? == stored {
            return value;
        }
    }
}

impl Stored {
    fn find(dir: &Path) -> Result<Self, ClientError> {
        check_directory(dir)?;
        let (ready, used) = (dir.join(READY), used(dir)?);
        check_parts(&ready)?;
        if used != dir {
            check_parts(&used)?;
        }
        Ok(Self { dir: dir.to_owned(), places: [ready, used] })
    }

    /// The text of a file.
    pub(super) fn text(&self, name: &str) -> Result<Option<Secret<String>>, ClientError> {
        for path in self.places.iter().map(|place| place.join(name)) {
            check_part(&path)?;
            let found = match name {
                KEY => read_key(&path, &self.dir.join(KEY))?,
                _ => read_text(&path)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The host file, or `None` before enrollment.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what gatepass wrote.
    pub fn host(&self) -> Result<Option<HostFile>, ClientError> {
        let Some(text) = self.text(HOST)? else { return Ok(None) };
        serde_json::from_str(text.expose())
            .map(Some)
            .map_err(|error| self.damaged(HOST, format!("it is not what gatepass wrote: {error}")))
    }

    /// The host file of an identity.
    ///
    /// # Errors
    /// If there is no identity, or the file is damaged.
    pub fn enrolled(&self) -> Result<HostFile, ClientError> {
        self.host()?.ok_or_else(|| ClientError::NotEnrolled { dir: self.dir.clone() })
    }

    /// The key, if there is one.
    ///
    /// # Errors
    /// If it cannot be read, or others may read it.
    pub fn key(&self) -> Result<Option<HostKey>, ClientError> {
        self.text(KEY)?.map(|pem| HostKey::from_pem(&pem)).transpose()
    }

    /// Key and certificates.
    ///
    /// # Errors
    /// If a file is missing or cannot be read, or others may read the key.
    pub fn parts(&self) -> Result<Parts, ClientError> {
        self.enrolled()?;
        Ok(Parts {
            dir: self.dir.clone(),
            key: self.part(KEY)?,
            leaf: self.part(LEAF)?,
            chain: self.part(CHAIN)?,
            root: self.part(ROOT)?,
        })
    }

    /// The certificates of the authority's root.
    ///
    /// # Errors
    /// If there is no such file, or it holds no certificate.
    pub fn roots(&self) -> Result<Vec<CertificateDer<'static>>, ClientError> {
        roots(&self.dir, &self.part(ROOT)?)
    }

    pub(super) fn part(&self, name: &str) -> Result<Secret<String>, ClientError> {
        self.text(name)?.ok_or_else(|| self.damaged(name, "it is missing"))
    }

    pub(super) fn damaged(&self, name: &str, why: impl Into<String>) -> ClientError {
        ClientError::Damaged { path: self.dir.join(name), why: why.into() }
    }
}

impl Parts {
    /// The client certificate.
    ///
    /// # Errors
    /// If a file is damaged.
    pub fn identity(&self) -> Result<Identity, ClientError> {
        identity(&self.dir, &self.key, self.leaf.expose(), self.chain.expose())
    }

    /// The certificates of the authority's root.
    ///
    /// # Errors
    /// If the file holds none.
    pub fn roots(&self) -> Result<Vec<CertificateDer<'static>>, ClientError> {
        roots(&self.dir, &self.root)
    }
}

fn roots(dir: &Path, pem: &Secret<String>) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    match certificates(pem.expose()) {
        none if none.is_empty() => {
            Err(ClientError::NoCertificate { path: dir.join(ROOT), found: String::new() })
        }
        roots => Ok(roots),
    }
}
