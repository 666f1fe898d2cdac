//! Import of a root and an issuing CA as PEM. A CA whose chains would fail later is refused.

use x509_cert::certificate::Version;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode as _};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::{Certificate, TbsCertificate};

use super::ca_key::CaKey;
use super::error::{CaFileError, CsrError, ImportError};
use super::extension::{CLIENT_AUTH, SERVER_AUTH};
use super::pem::{der_to_pem, pem_to_der};
use super::public_key::PublicKey;
use super::validity::bounds;
use crate::clock::Timestamp;
use crate::id::Fingerprint;
use crate::secret::Secret;

const ROOT: &str = "root certificate";
const ISSUING: &str = "issuing certificate";
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// A usable CA certificate. Its fit with others is not checked yet.
pub(super) struct CaCertificate {
    what: &'static str,
    pub(super) der: Vec<u8>,
    pub(super) pem: String,
    pub(super) fingerprint: Fingerprint,
    pub(super) ski: Vec<u8>,
    pub(super) bounds: (Timestamp, Timestamp),
    pub(super) path_length: Option<u8>,
    certificate: Certificate,
    key: PublicKey,
}

/// A self-signed root that allows an issuing CA below it, at any time.
pub(super) fn root(pem: &str) -> Result<CaCertificate, ImportError> {
    let root = CaCertificate::read(ROOT, pem)?;
    if root.path_length == Some(0) {
        return Err(ImportError::PathLength);
    }
    if root.issuer() != root.subject() || !root.has_signed(&root)? {
        return Err(ImportError::RootNotSelfSigned);
    }
    Ok(root)
}

/// A root that is valid at `now`.
pub(super) fn root_at(pem: &str, now: Timestamp) -> Result<CaCertificate, ImportError> {
    let root = root(pem)?;
    root.check_dates(now)?;
    Ok(root)
}

/// An issuing CA that `root` signed, at any time.
pub(super) fn issuing(pem: &str, root: &CaCertificate) -> Result<CaCertificate, ImportError> {
    let issuing = CaCertificate::read(ISSUING, pem)?;
    if issuing.der == root.der {
        return Err(ImportError::SameCertificate);
    }
    let aki = extension::<AuthorityKeyIdentifier>(issuing.certificate.tbs_certificate());
    let aki = aki.map_err(|problem| issuing.refused(problem))?.and_then(|aki| aki.key_identifier);
    if issuing.issuer() != root.subject() || aki.is_some_and(|aki| aki.as_bytes() != root.ski) {
        return Err(ImportError::OtherIssuer);
    }
    if root.has_signed(&issuing)? { Ok(issuing) } else { Err(ImportError::ChainSignature) }
}

/// The key of `certificate`, which `pem` must hold.
pub(super) fn key_of(
    certificate: &CaCertificate,
    what: &'static str,
    pem: &Secret<String>,
) -> Result<CaKey, ImportError> {
    let spki = certificate.certificate.tbs_certificate().subject_public_key_info().to_der();
    match CaKey::parse(pem) {
        Ok(key) if spki.as_deref() == Ok(key.spki_der()) => Ok(key),
        Ok(_) => Err(ImportError::File { what, problem: CaFileError::OtherKey }),
        Err(problem) => Err(ImportError::File { what, problem }),
    }
}

impl CaCertificate {
    fn read(what: &'static str, pem: &str) -> Result<Self, ImportError> {
        Self::parse(what, pem).map_err(|problem| ImportError::File { what, problem })
    }

    fn parse(what: &'static str, pem: &str) -> Result<Self, CaFileError> {
        let der = pem_to_der("CERTIFICATE", pem)?;
        let certificate = Certificate::from_der(&der).map_err(|_| CaFileError::NotACertificate)?;
        // Issued certificates name their issuer from this structure, encoded again; it must equal the CA's own encoding.
        let survives = certificate.to_der().as_deref() == Ok(der.as_slice());
        let tbs = certificate.tbs_certificate();
        if !survives || tbs.version() != Version::V3 {
            return Err(CaFileError::NotACertificate);
        }
        if tbs.subject().is_empty() {
            return Err(CaFileError::EmptySubject);
        }
        let path_length = authority_flags(tbs)?;
        refuse_unknown(tbs)?;
        let ski = extension::<SubjectKeyIdentifier>(tbs)?.ok_or(CaFileError::NoKeyIdentifier)?;
        let ski = ski.0.as_bytes().to_vec();
        let key = match PublicKey::parse(tbs.subject_public_key_info()) {
            // Widely used TLS stacks accept no Ed25519 CA.
            Ok(PublicKey::Ed25519(_)) | Err(_) => return Err(CaFileError::Algorithm),
            Ok(key) => key,
        };
        let (pem, fingerprint) = (der_to_pem("CERTIFICATE", &der), Fingerprint::of(&der));
        let bounds = bounds(&certificate);
        Ok(Self { what, der, pem, fingerprint, ski, bounds, path_length, certificate, key })
    }

    pub(super) fn subject(&self) -> &Name {
        self.certificate.tbs_certificate().subject()
    }

    fn issuer(&self) -> &Name {
        self.certificate.tbs_certificate().issuer()
    }

    const fn refused(&self, problem: CaFileError) -> ImportError {
        ImportError::File { what: self.what, problem }
    }

    pub(super) fn check_dates(&self, now: Timestamp) -> Result<(), ImportError> {
        let (not_before, not_after) = self.bounds;
        match now {
            now if now < not_before => Err(self.refused(CaFileError::NotYetValid { not_before })),
            now if now >= not_after => Err(self.refused(CaFileError::Expired { not_after })),
            _ => Ok(()),
        }
    }

    /// Returns true if this certificate's key signed `other`.
    fn has_signed(&self, other: &Self) -> Result<bool, ImportError> {
        let (tbs, algorithm) = (other.certificate.tbs_certificate(), other.certificate.signature_algorithm());
        // RFC 5280 section 4.1.1.2: the algorithm is named twice, and both must agree.
        if tbs.signature() != algorithm {
            return Err(other.refused(CaFileError::Algorithm));
        }
        let message = tbs.to_der().map_err(|_| other.refused(CaFileError::NotACertificate))?;
        let signature = other.certificate.signature().as_bytes().unwrap_or_default();
        match self.key.verify(algorithm, &message, signature) {
            Err(CsrError::SignatureAlgorithm { .. }) => Err(other.refused(CaFileError::Algorithm)),
            verdict => Ok(verdict.is_ok()),
        }
    }
}

/// CA flag and key usages (RFC 5280 sections 4.2.1.9 and 4.2.1.3); returns the path length.
fn authority_flags(tbs: &TbsCertificate) -> Result<Option<u8>, CaFileError> {
    let constraints = extension::<BasicConstraints>(tbs)?.filter(|constraints| constraints.ca);
    let constraints = constraints.ok_or(CaFileError::NotACa)?;
    let usage = extension::<KeyUsage>(tbs)?;
    if !usage.is_some_and(|usage| usage.key_cert_sign()) {
        return Err(CaFileError::KeyUsage { usage: "keyCertSign" });
    }
    if !usage.is_some_and(|usage| usage.crl_sign()) {
        return Err(CaFileError::KeyUsage { usage: "cRLSign" });
    }
    let purposes = extension::<ExtendedKeyUsage>(tbs)?;
    let allows = |purpose| {
        purposes.as_ref().is_none_or(|list| list.0.contains(&ANY_PURPOSE) || list.0.contains(&purpose))
    };
    if !allows(CLIENT_AUTH) || !allows(SERVER_AUTH) {
        return Err(CaFileError::ExtendedKeyUsage);
    }
    Ok(constraints.path_len_constraint)
}

fn refuse_unknown(tbs: &TbsCertificate) -> Result<(), CaFileError> {
    const KNOWN: [ObjectIdentifier; 5] = [
        BasicConstraints::OID,
        KeyUsage::OID,
        ExtendedKeyUsage::OID,
        SubjectKeyIdentifier::OID,
        AuthorityKeyIdentifier::OID,
    ];
    for extension in tbs.extensions().into_iter().flatten() {
        if extension.extn_id == NameConstraints::OID {
            return Err(CaFileError::NameConstraints);
        }
        if extension.critical && !KNOWN.contains(&extension.extn_id) {
            return Err(CaFileError::CriticalExtension { oid: extension.extn_id.to_string() });
        }
    }
    Ok(())
}

/// The extension of this type; a second one of it, or a malformed one, makes the certificate invalid.
fn extension<'a, E>(tbs: &'a TbsCertificate) -> Result<Option<E>, CaFileError>
where
    E: Decode<'a> + AssociatedOid,
{
    let found = tbs.get_extension::<E>().map_err(|_| CaFileError::NotACertificate)?;
    Ok(found.map(|(_, extension)| extension))
}

#[cfg(test)]
mod tests;
