//! Fetching the CRLs of the authority for other servers on this machine.

use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::ClientError;
use super::api::{Api, Credential};
use super::authority::connect_public;
use super::directory::load_certificates;
use super::key::certificates;
use crate::clock::Timestamp;
use crate::id::Fingerprint;
pub use crate::verifier::hosts::CrlSet;

/// The roots that the CRLs are checked against.
pub enum Roots {
    /// The self-signed certificates among these.
    These(Vec<CertificateDer<'static>>),
    /// The root with this SHA-256.
    Pinned(Fingerprint),
    /// Every root that the authority serves: it runs on this machine, and the caller may read its data directory.
    Served,
}

/// An authority, its roots, and the connection to it.
pub struct CrlSource {
    /// The connection, for public routes.
    pub api: Api,
    /// The trust anchors of its CRLs.
    pub roots: Roots,
}

impl CrlSource {
    /// The authority of the host in `dir`. Its certificate is not presented, so it may have expired.
    ///
    /// # Errors
    /// If the directory holds no identity, or a file is damaged.
    pub fn of_host(dir: &Path) -> Result<Self, ClientError> {
        let api = Api::new(connect_public(dir)?, Credential::None);
        Ok(Self { api, roots: Roots::These(load_certificates(dir)?) })
    }

    /// Fetches the CRLs, and checks all of them.
    ///
    /// # Errors
    /// If the server is not reached, or a CRL is refused.
    pub async fn fetch(&self, now: Timestamp) -> Result<CrlSet, ClientError> {
        match self.fetch_once(now).await {
            // The CA may have been rotated between two of the requests.
            Err(ClientError::Crls(_)) => self.fetch_once(now).await,
            done => done,
        }
    }

    async fn fetch_once(&self, now: Timestamp) -> Result<CrlSet, ClientError> {
        let crls = self.api.get_text("/ca/crl.pem").await?;
        let bundle = self.api.get_text("/ca/bundle.pem").await?;
        let fetched;
        let roots = match &self.roots {
            Roots::These(roots) => roots,
            Roots::Pinned(root) => {
                fetched = self.pinned(*root).await?;
                &fetched
            }
            Roots::Served => {
                fetched = certificates(&bundle);
                &fetched
            }
        };
        Ok(CrlSet::check(&crls, &bundle, roots, now)?)
    }

    async fn pinned(&self, root: Fingerprint) -> Result<Vec<CertificateDer<'static>>, ClientError> {
        let pem = self.api.get_text(&format!("/ca/root/{root}.pem")).await?;
        Ok(certificates(&pem).into_iter().filter(|der| Fingerprint::of(der) == root).collect())
    }
}
