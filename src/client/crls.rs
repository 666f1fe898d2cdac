//! Fetching the CRLs of the authority for other servers on this machine.

use std::path::Path;

use rustls::pki_types::CertificateDer;

use super::ClientError;
use super::api::{Api, Credential};
use super::authority::connect_public;
use super::directory::load_certificates;
use super::key::certificates;
use super::network::Network;
use super::servers::Failures;
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
    /// A connection to each address of the authority, for public routes.
    pub apis: Vec<Api>,
    /// The trust anchors of its CRLs.
    pub roots: Roots,
}

impl CrlSource {
    /// The authority of the host in `dir`. Its certificate is not presented, so it may have expired.
    ///
    /// # Errors
    /// If the directory holds no identity, or a file is damaged.
    pub fn of_host(dir: &Path, network: &Network) -> Result<Self, ClientError> {
        let apis = connect_public(dir, network)?.into_iter();
        let apis = apis.map(|connector| Api::new(connector, Credential::None)).collect();
        Ok(Self { apis, roots: Roots::These(load_certificates(dir)?) })
    }

    /// Fetches the CRLs, and checks all of them.
    ///
    /// # Errors
    /// If no address leads to the server, or a CRL is refused.
    pub async fn fetch(&self, now: Timestamp) -> Result<CrlSet, ClientError> {
        let mut failures = Failures::default();
        for api in &self.apis {
            let fetched = match self.fetch_once(api, now).await {
                // The CA may have been rotated between two of the requests.
                Err(ClientError::Crls(_)) => self.fetch_once(api, now).await,
                done => done,
            };
            match fetched {
                Err(error) => failures.note(error)?,
                Ok(set) => return Ok(set),
            }
        }
        Err(failures.into_error())
    }

    async fn fetch_once(&self, api: &Api, now: Timestamp) -> Result<CrlSet, ClientError> {
        let crls = api.get_text("/ca/crl.pem").await?;
        let bundle = api.get_text("/ca/bundle.pem").await?;
        let fetched;
        let roots = match &self.roots {
            Roots::These(roots) => roots,
            Roots::Pinned(root) => {
                fetched = pinned(api, *root).await?;
                &fetched
            }
            Roots::Served => {
                fetched = certificates(&bundle);
                &fetched
            }
        };
        Ok(CrlSet::check(&crls, &bundle, roots, now)?)
    }
}

async fn pinned(api: &Api, root: Fingerprint) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let pem = api.get_text(&format!("/ca/root/{root}.pem")).await?;
    Ok(certificates(&pem).into_iter().filter(|der| Fingerprint::of(der) == root).collect())
}
