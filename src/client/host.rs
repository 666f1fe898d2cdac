//! What a host knows of its own enrollment: `host.json`, and the answer it is made of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId, TokenId};

/// The server's answer to a redemption or a renewal. Nothing in it is secret.
#[derive(Clone, Debug, Deserialize)]
pub struct EnrollAnswer {
    /// The host.
    pub host_id: HostId,
    /// Its certificate, PEM.
    pub certificate: String,
    /// The certificates between it and the root, PEM.
    pub chain: String,
    /// The root certificate, PEM.
    pub ca_certificate: String,
    /// The host's roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The DNS name it may use.
    #[serde(default)]
    pub name: Option<String>,
    /// When the certificate ends.
    pub expires_at: Timestamp,
    /// From when on it should be renewed.
    pub renew_after: Timestamp,
}

/// How the server's certificate is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustAnchor {
    /// By the authority's own root, pinned by its fingerprint.
    Pinned(Fingerprint),
    /// By certificates from elsewhere: those in this file, or those of the system.
    Outside(Option<PathBuf>),
}

/// `host.json`: who this host is, to whom, and until when. Not secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFile {
    /// The authority's URL.
    pub server: String,
    /// The host's id.
    pub host_id: HostId,
    /// Its roles.
    pub roles: Vec<String>,
    /// The DNS name it may use.
    pub name: Option<String>,
    /// SHA-256 of the root certificate.
    pub fingerprint: Fingerprint,
    /// How the server's certificate is judged.
    pub trust: TrustAnchor,
    /// The token that admitted it.
    pub token_id: TokenId,
    /// When its certificate ends.
    pub expires_at: Timestamp,
    /// From when on it should be renewed.
    pub renew_after: Timestamp,
}

impl HostFile {
    /// Whether the identity is still good at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Whether it is time to renew at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.renew_after
    }
}
