//! The host's record of its enrollment: `host.json`, and the answer of the server.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId, TokenId};

/// The server's answer to a redemption or a renewal. Nothing in it is secret.
#[derive(Clone, Debug, Deserialize)]
pub struct EnrollAnswer {
    /// The host's UUID.
    pub host_id: HostId,
    /// The host's certificate, PEM.
    pub certificate: String,
    /// The certificates between host and root, PEM.
    pub chain: String,
    /// The root certificate, PEM.
    pub ca_certificate: String,
    /// Names of the roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// DNS name of the host.
    #[serde(default)]
    pub name: Option<String>,
    /// Expiry of the certificate.
    pub expires_at: Timestamp,
    /// Time of the renewal.
    pub renew_after: Timestamp,
}

/// The trust anchor of the server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustAnchor {
    /// The authority's root, by its fingerprint.
    Pinned(Fingerprint),
    /// External certificates: those in this file, or those of the system.
    Outside(Option<PathBuf>),
}

/// `host.json`: host, server and expiry. Not secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFile {
    /// URL of the authority.
    pub server: String,
    /// The host's UUID.
    pub host_id: HostId,
    /// Names of the roles.
    pub roles: Vec<String>,
    /// DNS name of the host.
    pub name: Option<String>,
    /// SHA-256 of the root certificate.
    pub fingerprint: Fingerprint,
    /// Trust anchor of the server.
    pub trust: TrustAnchor,
    /// Token of the enrollment.
    pub token_id: TokenId,
    /// Expiry of the certificate.
    pub expires_at: Timestamp,
    /// Time of the renewal.
    pub renew_after: Timestamp,
}

impl HostFile {
    /// Returns true until the certificate expires.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// Returns true if renewal is due at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.renew_after
    }
}
