//! The authority's own TLS certificate.

use super::authority::CertificateAuthority;
use super::error::IssueError;
use super::extension::{SERVER_AUTH, of_leaf};
use super::profile::ServerProfile;
use super::signing_key::SigningKey;
use super::subject;
use super::template::Template;
use super::validity::Validity;
use crate::clock::Timestamp;
use crate::id::Serial;
use crate::secret::Secret;

/// What a TLS listener needs: a chain and the key of its first certificate.
pub struct ServerIdentity {
    /// The server's certificate, the issuing CA's and the root's, DER. The root is in it for clients that pin it.
    pub chain: Vec<Vec<u8>>,
    /// The private key, PKCS#8 DER.
    pub key: Secret<Vec<u8>>,
    /// When its validity begins.
    pub not_before: Timestamp,
    /// When its validity ends.
    pub not_after: Timestamp,
}

impl CertificateAuthority {
    /// Makes a P-256 key and a certificate for the authority's own listener: serverAuth only, with the URI
    /// `spiffe://<trust domain>/gatepass` that tells it from every host.
    ///
    /// # Errors
    /// No or unusable names, a lifetime of zero, an issuing CA that is not valid at `now`, a failure to sign.
    pub fn issue_server(
        &self,
        profile: &ServerProfile,
        now: Timestamp,
    ) -> Result<ServerIdentity, IssueError> {
        let key = SigningKey::generate()?;
        let validity = Validity::new(now, profile.lifetime)?.within(self.issuing_bounds())?;
        let extensions = of_leaf(key.spki(), self.ski(), &[SERVER_AUTH], profile.names()?)?;
        let (subject, spki) = (subject::server()?, key.spki().clone());
        let template = Template { serial: Serial::generate(), subject, validity, spki, extensions };
        let leaf = template.sign(self.subject().clone(), self.key())?;
        Ok(ServerIdentity {
            chain: vec![leaf, self.issuing_der().to_vec(), self.root_der().to_vec()],
            key: key.to_pkcs8()?,
            not_before: validity.not_before(),
            not_after: validity.not_after(),
        })
    }
}
