//! Taking over a root and an issuing CA as PEM: everything that would break a chain later is refused here.

use x509_cert::certificate::Version;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode as _};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints,
    SubjectKeyIdentifier,
};
use x509_cert::{Certificate, TbsCertificate};

use super::error::ImportError;
use super::extension::{CLIENT_AUTH, SERVER_AUTH};
use super::pem::pem_to_der;
use super::public_key::PublicKey;
use super::signing_key::SigningKey;
use super::validity::bounds;
use crate::clock::Timestamp;
use crate::secret::Secret;

const ROOT: &str = "root certificate";
const ISSUING: &str = "issuing certificate";
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// A CA certificate that stands on its own: what is left to check is how it fits with others.
pub(super) struct CaCertificate {
    pub(super) der: Vec<u8>,
    pub(super) certificate: Certificate,
    pub(super) ski: Vec<u8>,
    pub(super) bounds: (Timestamp, Timestamp),
    pub(super) path_length: Option<u8>,
    key: PublicKey,
}

/// A self-signed root that allows an issuing CA below it.
pub(super) fn root(pem: &str, now: Timestamp) -> Result<CaCertificate, ImportError> {
    let root = root_whenever(pem)?;
    root.is_good_at(ROOT, now)?;
    Ok(root)
}

/// The same, whether it is good now or not.
pub(super) fn root_whenever(pem: &str) -> Result<CaCertificate, ImportError> {
    let root = CaCertificate::parse(ROOT, pem)?;
    if root.path_length == Some(0) {
        return Err(ImportError::PathLength);
    }
    let tbs = root.certificate.tbs_certificate();
    if tbs.issuer() != tbs.subject() {
        return Err(ImportError::RootNotSelfSigned);
    }
    root.has_signed(ROOT, &root, ImportError::RootNotSelfSigned)?;
    Ok(root)
}

/// An issuing CA that `root` signed.
pub(super) fn issuing(pem: &str, root: &CaCertificate, now: Timestamp) -> Result<CaCertificate, ImportError> {
    let issuing = issuing_whenever(pem, root)?;
    issuing.is_good_at(ISSUING, now)?;
    Ok(issuing)
}

/// The same, whether it is good now or not.
pub(super) fn issuing_whenever(pem: &str, root: &CaCertificate) -> Result<CaCertificate, ImportError> {
    let issuing = CaCertificate::parse(ISSUING, pem)?;
    if issuing.der == root.der {
        return Err(ImportError::SameCertificate);
    }
    let tbs = issuing.certificate.tbs_certificate();
    let named = tbs.issuer() == root.certificate.tbs_certificate().subject();
    let aki = extension::<AuthorityKeyIdentifier>(ISSUING, tbs)?.and_then(|aki| aki.key_identifier);
    if !named || aki.is_some_and(|aki| aki.as_bytes() != root.ski) {
        return Err(ImportError::OtherIssuer);
    }
    root.has_signed(ISSUING, &issuing, ImportError::ChainSignature)?;
    Ok(issuing)
}

/// The key of `certificate`, which `pem` must hold.
pub(super) fn key_of(
    certificate: &CaCertificate,
    what: &'static str,
    pem: &Secret<String>,
) -> Result<SigningKey, ImportError> {
    let key = SigningKey::parse(what, pem)?;
    let spki = certificate.certificate.tbs_certificate().subject_public_key_info().to_der();
    if spki.as_deref() == Ok(key.spki_der()) { Ok(key) } else { Err(ImportError::OtherKey { what }) }
}

impl CaCertificate {
    fn parse(what: &'static str, pem: &str) -> Result<Self, ImportError> {
        let not_a_certificate = ImportError::NotACertificate { what };
        let der = pem_to_der("CERTIFICATE", pem).map_err(|problem| ImportError::Pem { what, problem })?;
        let certificate = Certificate::from_der(&der).map_err(|_| not_a_certificate.clone())?;
        // Issued certificates name their issuer from this structure, encoded again; it must equal the CA's own encoding.
        let survives = certificate.to_der().as_deref() == Ok(der.as_slice());
        let tbs = certificate.tbs_certificate();
        if !survives || tbs.version() != Version::V3 {
            return Err(not_a_certificate);
        }
        if tbs.subject().is_empty() {
            return Err(ImportError::EmptySubject { what });
        }
        let path_length = authority_flags(what, tbs)?;
        refuse_unknown(what, tbs)?;
        let ski =
            extension::<SubjectKeyIdentifier>(what, tbs)?.ok_or(ImportError::NoKeyIdentifier { what })?;
        let key = match PublicKey::parse(tbs.subject_public_key_info()) {
            // Widely used TLS stacks accept no Ed25519 CA.
            Ok(PublicKey::Ed25519(_)) | Err(_) => return Err(ImportError::Algorithm { what }),
            Ok(key) => key,
        };
        let bounds = bounds(&certificate);
        Ok(Self { der, ski: ski.0.as_bytes().to_vec(), bounds, path_length, key, certificate })
    }

    fn is_good_at(&self, what: &'static str, now: Timestamp) -> Result<(), ImportError> {
        let (not_before, not_after) = self.bounds;
        if now < not_before {
            return Err(ImportError::NotYetValid { what, not_before });
        }
        if now >= not_after {
            return Err(ImportError::Expired { what, not_after });
        }
        Ok(())
    }

    /// Returns whether this certificate's key signed `other`.
    fn has_signed(
        &self,
        what: &'static str,
        other: &Self,
        otherwise: ImportError,
    ) -> Result<(), ImportError> {
        let algorithm = other.certificate.signature_algorithm();
        // RFC 5280 section 4.1.1.2: the algorithm is named twice, and both must agree.
        if other.certificate.tbs_certificate().signature() != algorithm {
            return Err(ImportError::Algorithm { what });
        }
        let message = other.certificate.tbs_certificate().to_der();
        let message = message.map_err(|_| ImportError::NotACertificate { what })?;
        let signature = other.certificate.signature().as_bytes().unwrap_or_default();
        self.key.verify(algorithm, &message, signature).map_err(|problem| match problem {
            super::CsrError::SignatureAlgorithm { .. } => ImportError::Algorithm { what },
            _ => otherwise,
        })
    }
}

/// CA flag and key usages (RFC 5280 sections 4.2.1.9 and 4.2.1.3); returns the path length.
fn authority_flags(what: &'static str, tbs: &TbsCertificate) -> Result<Option<u8>, ImportError> {
    let constraints = extension::<BasicConstraints>(what, tbs)?.filter(|constraints| constraints.ca);
    let constraints = constraints.ok_or(ImportError::NotACa { what })?;
    let usage = extension::<KeyUsage>(what, tbs)?;
    if !usage.is_some_and(|usage| usage.key_cert_sign()) {
        return Err(ImportError::KeyUsage { what, usage: "keyCertSign" });
    }
    if !usage.is_some_and(|usage| usage.crl_sign()) {
        return Err(ImportError::KeyUsage { what, usage: "cRLSign" });
    }
    let purposes = extension::<ExtendedKeyUsage>(what, tbs)?;
    let allows = |purpose| {
        purposes.as_ref().is_none_or(|list| list.0.contains(&ANY_PURPOSE) || list.0.contains(&purpose))
    };
    if !allows(CLIENT_AUTH) || !allows(SERVER_AUTH) {
        return Err(ImportError::ExtendedKeyUsage { what });
    }
    Ok(constraints.path_len_constraint)
}

fn refuse_unknown(what: &'static str, tbs: &TbsCertificate) -> Result<(), ImportError> {
    const KNOWN: [ObjectIdentifier; 5] = [
        BasicConstraints::OID,
        KeyUsage::OID,
        ExtendedKeyUsage::OID,
        SubjectKeyIdentifier::OID,
        AuthorityKeyIdentifier::OID,
    ];
    for extension in tbs.extensions().into_iter().flatten() {
        if extension.extn_id == NameConstraints::OID {
            return Err(ImportError::NameConstraints { what });
        }
        if extension.critical && !KNOWN.contains(&extension.extn_id) {
            return Err(ImportError::CriticalExtension { what, oid: extension.extn_id.to_string() });
        }
    }
    Ok(())
}

/// The extension of this type; a second one of it, or one that cannot be read, spoils the certificate.
fn extension<'a, E>(what: &'static str, tbs: &'a TbsCertificate) -> Result<Option<E>, ImportError>
where
    E: Decode<'a> + AssociatedOid,
{
    let found = tbs.get_extension::<E>().map_err(|_| ImportError::NotACertificate { what })?;
    Ok(found.map(|(_, extension)| extension))
}

#[cfg(test)]
mod tests;
