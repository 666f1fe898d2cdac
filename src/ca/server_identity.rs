//! The authority's own TLS certificate.

use super::authority::CertificateAuthority;
use super::ca_key::CaKey;
use super::error::IssueError;
use super::extension::{SERVER_AUTH, of_leaf};
use super::profile::ServerProfile;
use super::subject;
use super::template::Template;
use super::validity::Validity;
use crate::clock::Timestamp;
use crate::id::Serial;
use crate::secret::Secret;

/// The credentials of a TLS listener, without the chain.
pub struct ServerIdentity {
    /// The server's certificate, DER.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8 DER.
    pub key: Secret<Vec<u8>>,
    /// The end of its validity.
    pub not_after: Timestamp,
}

impl CertificateAuthority {
    /// Makes a P-256 key and a certificate for the authority's own listener: serverAuth only, with the URI
    /// `spiffe://<trust domain>/gatepass`, which no host has.
    ///
    /// # Errors
    /// [`IssueError`], for missing or unusable names, a lifetime of zero, an issuing CA that is not valid at `now`, or a
    /// failure to sign.
    pub fn issue_server(
        &self,
        profile: &ServerProfile,
        now: Timestamp,
    ) -> Result<ServerIdentity, IssueError> {
        let key = CaKey::generate()?;
        let validity = Validity::new(now, profile.lifetime)?.within(self.issuing_bounds())?;
        let extensions = of_leaf(key.spki(), self.issuing_ski(), &[SERVER_AUTH], profile.names()?)?;
        let (subject, spki) = (subject::server()?, key.spki().clone());
        let template = Template { serial: Serial::generate(), subject, validity, spki, extensions };
        Ok(ServerIdentity {
            certificate: template.sign(self.subject().clone(), self.key())?,
            key: key.to_pkcs8()?,
            not_after: validity.not_after(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};

    use super::*;
    use crate::ca::fixture::*;
    use crate::host_certificate::HostPeer;

    fn server() -> ServerProfile {
        ServerProfile {
            dns_names: vec!["Gate.example.org".to_owned(), "localhost".to_owned()],
            addresses: vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])],
            trust_domain: "example.org".to_owned(),
            lifetime: DAY * 90,
        }
    }

    #[test]
    fn rustls_clients_accept_the_servers_names_only() {
        let ca = authority();
        let identity = ca.issue_server(&server(), NOW).unwrap();
        let leaf = CertificateDer::from(identity.certificate.clone());
        let issuing = [CertificateDer::from(ca.issuing_der())];
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(ca.root_der())).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW.secs().unsigned_abs()));
        let verdict = |name: &str| {
            let name = ServerName::try_from(name.to_owned()).unwrap();
            verifier.verify_server_cert(&leaf, &issuing, &name, &[], now)
        };
        for name in ["gate.example.org", "localhost", "127.0.0.1", "::1"] {
            assert!(verdict(name).is_ok(), "{name}");
        }
        assert!(verdict("example.org").is_err());
        // It is no client certificate: no client can present the authority's own certificate.
        assert!(rustls_accepts(ca.root_der(), &[ca.issuing_der()], &identity.certificate, &[], NOW).is_err());
    }

    #[test]
    fn a_server_certificate_is_not_a_host() {
        let identity = authority().issue_server(&server(), NOW).unwrap();
        let chain = vec![CertificateDer::from(identity.certificate.clone())];
        let key = PrivatePkcs8KeyDer::from(identity.key.expose().clone()).into();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        assert!(rustls::sign::CertifiedKey::from_der(chain, key, &provider).is_ok());
        assert_eq!(HostPeer::parse(&identity.certificate), None);
        assert_eq!(identity.not_after, NOW.plus(DAY * 90));
    }

    #[test]
    fn names_that_a_server_cannot_have_are_refused() {
        let ca = authority();
        let refused = |names: &[&str]| {
            let dns_names = names.iter().map(|&name| name.to_owned()).collect();
            ca.issue_server(&ServerProfile { dns_names, addresses: Vec::new(), ..server() }, NOW).err()
        };
        assert_eq!(refused(&[]), Some(IssueError::NoServerName));
        for text in ["*.example.org", "10.0.0.1", "a b", ""] {
            assert_eq!(refused(&[text]), Some(IssueError::ServerName { text: text.to_owned() }));
        }
    }
}
