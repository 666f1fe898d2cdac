//! Certificates from elsewhere for single names, which browsers trust. Their files may change while the server runs.

use std::time::SystemTime;

use parking_lot::Mutex;
use rustls::client::verify_server_name;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;

use super::tls_files::{read, written_at};
use crate::ca::dns_names;
use crate::clock::Timestamp;
use crate::config::{NamedCertificate, ServerConfig};
use crate::http::tls::TlsIdentity;
use crate::name::DnsName;

/// The certificates by name, each with the identity that was read last.
pub(super) struct NamedCertificates(Vec<(NamedCertificate, Mutex<Option<Named>>)>);

/// An identity for a name.
struct Named {
    identity: TlsIdentity,
    expires_at: Timestamp,
}

impl NamedCertificates {
    /// The certificates of a configuration. Reads nothing.
    pub(super) fn of(config: &ServerConfig) -> Self {
        Self(config.certificates.iter().map(|certificate| (certificate.clone(), Mutex::default())).collect())
    }

    /// Reads and checks the files. Returns the names in the certificates, or every problem.
    pub(super) fn check(&self) -> Result<Vec<DnsName>, Vec<String>> {
        let read = self.0.iter().map(|(certificate, _)| Named::read(certificate));
        let (good, bad) = read.partition::<Vec<_>, _>(Result::is_ok);
        match bad.is_empty() {
            true => {
                Ok(good.into_iter().flatten().flat_map(|named| named.names()).chain(self.names()).collect())
            }
            false => Err(bad.into_iter().filter_map(Result::err).collect()),
        }
    }

    /// Returns the identities to serve with, and the first expiry. An identity whose files cannot be used stays as it is: the
    /// listener's own certificate must not wait for it.
    pub(super) fn identities(&self) -> (Vec<(DnsName, TlsIdentity)>, Option<Timestamp>) {
        let (mut identities, mut expiries) = (Vec::new(), Vec::new());
        for (certificate, last) in &self.0 {
            let mut last = last.lock();
            match Named::read(certificate) {
                Ok(named) => *last = Some(named),
                Err(error) => tracing::warn!(
                    error,
                    "a certificate for a server name cannot be used; the former one stays"
                ),
            }
            if let Some(Named { identity, expires_at }) = &*last {
                identities.push((certificate.name.clone(), identity.duplicate()));
                expiries.push(*expires_at);
            }
        }
        (identities, expiries.into_iter().min())
    }

    /// Returns the configured names and those in the certificates in use.
    pub(super) fn names_in_use(&self) -> Vec<DnsName> {
        let read = self.0.iter().filter_map(|(_, last)| last.lock().as_ref().map(Named::names));
        read.flatten().chain(self.names()).collect()
    }

    /// Returns the last changes of the files.
    pub(super) fn written_at(&self) -> Vec<Option<(SystemTime, SystemTime)>> {
        self.0.iter().map(|(certificate, _)| written_at(&certificate.files)).collect()
    }

    /// Returns true without any certificate.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn names(&self) -> impl Iterator<Item = DnsName> {
        self.0.iter().map(|(certificate, _)| certificate.name.clone())
    }
}

impl Named {
    /// Reads a certificate, and checks that it has its key and its name.
    fn read(NamedCertificate { name, files }: &NamedCertificate) -> Result<Self, String> {
        let at = |error: String| format!("server.certificates for {name}: {error}");
        let (identity, expires_at) = read(files).map_err(|error| at(error.to_string()))?;
        identity.check().map_err(|error| at(error.to_string()))?;
        let leaf = identity.chain.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        let wanted = ServerName::try_from(name.as_str()).ok();
        let covers =
            leaf.zip(wanted).is_some_and(|(leaf, wanted)| verify_server_name(&leaf, &wanted).is_ok());
        if covers {
            return Ok(Self { identity, expires_at });
        }
        Err(at(format!(
            "{} does not have the name {name}: give a certificate for it, or another name",
            files.certificate.display()
        )))
    }

    fn names(&self) -> Vec<DnsName> {
        self.identity.chain.first().map(|leaf| dns_names(leaf)).unwrap_or_default()
    }
}
