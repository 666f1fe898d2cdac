//! Signatures of CAs, by the algorithms allowed in certificate chains: no SHA-1, no short keys.

use rustls_pki_types::SubjectPublicKeyInfoDer;
use webpki::{ALL_VERIFICATION_ALGS, RawPublicKeyEntity};
use x509_parser::x509::AlgorithmIdentifier;

/// Returns true if the key in `spki` made `signature` over `message` with `algorithm`.
pub(super) fn is_by(
    spki: &SubjectPublicKeyInfoDer<'_>,
    algorithm: &AlgorithmIdentifier<'_>,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let Ok(key) = RawPublicKeyEntity::try_from(spki) else { return false };
    let oid = algorithm.algorithm.as_bytes();
    // The identifier begins with the OID's tag and length; parameters may follow.
    let names =
        |id: &[u8]| id.get(2..).is_some_and(|rest| rest.starts_with(oid)) && usize::from(id[1]) == oid.len();
    let mut named = ALL_VERIFICATION_ALGS.iter().filter(|known| names(known.signature_alg_id().as_ref()));
    named.any(|known| key.verify_signature(*known, message, signature).is_ok())
}
