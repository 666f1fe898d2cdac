//! Honest and hostile requests, made for real: what is wrong is wrong in the bytes, and signed where it can be.

use ed25519_dalek::Signer as _;
use proptest::prelude::*;
use x509_cert::der::Tag;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::*;
use crate::ca::PemError;
use crate::ca::fixture::*;
use crate::ca::public_key::{ECDSA_SHA256, ECDSA_SHA384, ED25519, P256, RSA, RSA_SHA256, RSA_SHA384};

const ECDSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");
const RSA_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

fn bare(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn null(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) }
}

/// A request for a P-256 key, changed by `change` and then signed with that key.
fn changed(change: impl FnOnce(&mut Request)) -> Result<Csr, CsrError> {
    let key = p256();
    let mut request = Request::of(&key);
    change(&mut request);
    Csr::parse(&pem(&request.sign(|message| key.sign(message).unwrap())), RSA_TOO)
}

fn with_algorithm(algorithm: AlgorithmIdentifierOwned) -> CsrError {
    changed(|request| request.algorithm = algorithm).unwrap_err()
}

fn with_point(change: impl FnOnce(&[u8]) -> Vec<u8>) -> CsrError {
    changed(|request| {
        let point = change(request.spki.subject_public_key.raw_bytes());
        request.spki.subject_public_key = x509_cert::der::asn1::BitString::from_bytes(&point).unwrap();
    })
    .unwrap_err()
}

/// A request whose RSA modulus has `bits` bits and whose signature is only as long as one would be.
fn rsa_request(bits: usize, exponent: &[u8]) -> String {
    let uint = |bytes: &[u8]| Any::new(Tag::Integer, bytes).unwrap().to_der().unwrap();
    let mut modulus = vec![0xff; bits / 8 + 1];
    modulus[0] = 0;
    let pkcs1 = [uint(&modulus), uint(exponent)].concat();
    let pkcs1 = Any::new(Tag::Sequence, pkcs1).unwrap().to_der().unwrap();
    let mut request = Request::of(&p256());
    request.spki.algorithm = null(RSA);
    request.spki.subject_public_key = x509_cert::der::asn1::BitString::from_bytes(&pkcs1).unwrap();
    request.algorithm = null(RSA_SHA256);
    pem(&request.sign(|_| vec![1; bits / 8]))
}

#[test]
fn p256_p384_and_ed25519_keys_are_kept() {
    for key in [p256(), p384()] {
        let csr = Csr::parse(&pem(&csr_der(&key)), NO_RSA).unwrap();
        assert_eq!(csr.spki().to_der().unwrap(), key.spki_der());
        assert_eq!(csr.spki_hash(), SpkiHash::of(key.spki_der()));
    }
    let key = ed25519_dalek::SigningKey::from_bytes(&crate::id::random());
    assert!(Csr::parse(&pem(&ed25519_request(&key, key.verifying_key().as_bytes())), NO_RSA).is_ok());
}

fn ed25519_request(key: &ed25519_dalek::SigningKey, public: &[u8]) -> Vec<u8> {
    let mut request = Request::of(&p256());
    request.spki.algorithm = bare(ED25519);
    request.spki.subject_public_key = x509_cert::der::asn1::BitString::from_bytes(public).unwrap();
    request.algorithm = bare(ED25519);
    request.sign(|message| key.sign(message).to_bytes().to_vec())
}

#[test]
fn requests_made_by_rcgen_are_accepted() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let request = rcgen::CertificateParams::new(vec!["a.example.org".to_owned()]).unwrap();
        let text = request.serialize_request(&key).unwrap().pem().unwrap();
        assert!(Csr::parse(&text, NO_RSA).is_ok());
    }
}

#[test]
fn a_weak_ed25519_point_is_refused() {
    let key = ed25519_dalek::SigningKey::from_bytes(&crate::id::random());
    // The neutral element: a constant signature verifies for it under lenient rules.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(Csr::parse(&pem(&ed25519_request(&key, &neutral)), NO_RSA), Err(CsrError::WeakKey));
}

#[test]
fn rsa_is_refused_unless_allowed() {
    let key = rsa();
    let text = pem(&csr_der(&key));
    assert_eq!(Csr::parse(&text, NO_RSA), Err(CsrError::RsaNotAllowed { bits: 2048 }));
    assert_eq!(Csr::parse(&text, RSA_TOO).unwrap().spki().to_der().unwrap(), key.spki_der());
}

#[test]
fn rsa_of_unusual_size_is_always_refused() {
    for bits in [1024, 8192, 16384] {
        let text = rsa_request(bits, &[1, 0, 1]);
        assert_eq!(Csr::parse(&text, NO_RSA), Err(CsrError::RsaNotAllowed { bits }));
        assert_eq!(Csr::parse(&text, RSA_TOO), Err(CsrError::RsaSize { bits }));
    }
    let error = Csr::parse(&rsa_request(1024, &[3]), NO_RSA).unwrap_err();
    assert_eq!(error.to_string(), "the key is RSA with 1024 bits: use P-256, P-384 or Ed25519");
}

#[test]
fn rsa_exponents_that_are_not_sane_are_refused() {
    for exponent in [&[1][..], &[3], &[0x01, 0x00, 0x00], &[0x00, 0xff, 0xff], &[1, 0, 0, 0, 1]] {
        assert_eq!(Csr::parse(&rsa_request(2048, exponent), RSA_TOO), Err(CsrError::RsaExponent));
    }
    assert_eq!(Csr::parse(&rsa_request(2048, &[1, 0, 1]), RSA_TOO), Err(CsrError::Signature));
}

#[test]
fn sha1_is_refused() {
    let refused =
        |oid: ObjectIdentifier, expected| CsrError::SignatureAlgorithm { oid: oid.to_string(), expected };
    assert_eq!(with_algorithm(bare(ECDSA_SHA1)), refused(ECDSA_SHA1, "ECDSA with SHA-256"));
    let key = rsa();
    for oid in [RSA_SHA1, RSA_PSS] {
        let mut request = Request::of(&key);
        request.algorithm = null(oid);
        let text = pem(&request.sign(|message| key.sign(message).unwrap()));
        let expected = "RSA PKCS#1 v1.5 with SHA-256, SHA-384 or SHA-512";
        assert_eq!(Csr::parse(&text, RSA_TOO), Err(refused(oid, expected)));
    }
}

#[test]
fn a_hash_of_another_curve_is_refused() {
    let cases = [(p256(), ECDSA_SHA384, "ECDSA with SHA-256"), (p384(), ECDSA_SHA256, "ECDSA with SHA-384")];
    for (key, oid, expected) in cases {
        let mut request = Request::of(&key);
        request.algorithm = bare(oid);
        let text = pem(&request.sign(|message| key.sign(message).unwrap()));
        let refused = CsrError::SignatureAlgorithm { oid: oid.to_string(), expected };
        assert_eq!(Csr::parse(&text, NO_RSA), Err(refused));
    }
}

#[test]
fn parameters_of_another_algorithm_are_refused() {
    assert!(matches!(with_algorithm(null(ECDSA_SHA256)), CsrError::SignatureAlgorithm { .. }));
    let key = rsa();
    let mut request = Request::of(&key);
    request.algorithm = bare(RSA_SHA384);
    let text = pem(&request.sign(|message| key.sign(message).unwrap()));
    assert!(matches!(Csr::parse(&text, RSA_TOO), Err(CsrError::SignatureAlgorithm { .. })));
}

#[test]
fn curves_other_than_named_p256_and_p384_are_refused() {
    let with = |parameters| changed(|request| request.spki.algorithm.parameters = parameters).unwrap_err();
    let explicit = Any::new(Tag::Sequence, vec![2, 1, 1]).unwrap();
    assert_eq!(with(Some(explicit)), CsrError::ExplicitCurve);
    assert_eq!(with(Some(Any::null())), CsrError::ExplicitCurve);
    assert_eq!(with(None), CsrError::MalformedKey);
    for oid in ["1.3.132.0.10", "1.3.132.0.35", "1.2.840.10045.3.1.1"] {
        let curve = Any::encode_from(&ObjectIdentifier::new_unwrap(oid)).unwrap();
        assert_eq!(with(Some(curve)), CsrError::Curve { oid: oid.to_owned() });
    }
    let dsa = "1.2.840.10040.4.1";
    let other = changed(|request| request.spki.algorithm.oid = ObjectIdentifier::new_unwrap(dsa));
    assert_eq!(other, Err(CsrError::KeyKind { oid: dsa.to_owned() }));
}

#[test]
fn points_that_are_not_uncompressed_and_whole_are_refused() {
    let compress = |point: &[u8]| [&[2 | point[64] & 1], &point[1..33]].concat();
    assert_eq!(with_point(compress), CsrError::CompressedPoint);
    assert_eq!(with_point(|point| [&[6 | point[64] & 1], &point[1..]].concat()), CsrError::CompressedPoint);
    assert_eq!(with_point(|_| vec![0]), CsrError::MalformedKey);
    assert_eq!(with_point(|_| Vec::new()), CsrError::MalformedKey);
    assert_eq!(with_point(|point| point[..64].to_vec()), CsrError::MalformedKey);
    // On no curve: nothing verifies under it.
    assert_eq!(with_point(|_| [&[4][..], &[7; 64]].concat()), CsrError::Signature);
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let (key, other) = (p256(), p256());
    let signed = |signature: Vec<u8>| Csr::parse(&pem(&Request::of(&key).sign(|_| signature)), NO_RSA);
    assert_eq!(signed(Vec::new()), Err(CsrError::Signature));
    assert_eq!(signed(vec![0x30, 0x06, 2, 1, 0, 2, 1, 0]), Err(CsrError::Signature));
    let foreign = Request::of(&key).sign(|message| other.sign(message).unwrap());
    assert_eq!(Csr::parse(&pem(&foreign), NO_RSA), Err(CsrError::Signature));
    // The info alone, with no algorithm and no signature at all.
    let info = CertReq::from_der(&csr_der(&key)).unwrap().info.to_der().unwrap();
    let unsigned = Any::new(Tag::Sequence, info).unwrap().to_der().unwrap();
    assert_eq!(Csr::parse(&pem(&unsigned), NO_RSA), Err(CsrError::NotPkcs10));
}

#[test]
fn trailing_bytes_and_lax_encodings_are_refused() {
    let der = csr_der(&p256());
    assert_eq!(Csr::parse(&pem(&[&der[..], &[0]].concat()), NO_RSA), Err(CsrError::NotPkcs10));
    assert_eq!(Csr::parse(&pem(&der[..der.len() - 1]), NO_RSA), Err(CsrError::NotPkcs10));
    // BER: the outer length in one byte more than it needs.
    assert_eq!(der[..2], [0x30, 0x81]);
    let long = [&[0x30, 0x82, 0], &der[2..]].concat();
    assert_eq!(Csr::parse(&pem(&long), NO_RSA), Err(CsrError::NotPkcs10));
}

#[test]
fn only_one_block_of_the_right_label_is_accepted() {
    let text = pem(&csr_der(&p256()));
    let refused = |text: &str| Csr::parse(text, NO_RSA).unwrap_err();
    assert_eq!(refused(&text.repeat(2)), CsrError::Pem(PemError::Trailing));
    assert_eq!(refused(""), CsrError::Pem(PemError::Missing { expected: "CERTIFICATE REQUEST" }));
    let other = text.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    assert!(matches!(refused(&other), CsrError::Pem(PemError::OtherLabel { .. })));
    let older = text.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    assert_eq!(Csr::parse(&older, NO_RSA), Csr::parse(&text, NO_RSA));
    assert_eq!(refused(&"A".repeat(1 << 20)), CsrError::TooLarge { length: 1 << 20, most: LIMIT });
}

#[test]
fn the_thumbprint_follows_rfc_7638() {
    let key = p256();
    let point = key.spki().subject_public_key.raw_bytes();
    let text = |bytes| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
    let (x, y) = (text(&point[1..33]), text(&point[33..]));
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    assert_eq!(csr(&key).thumbprint(), Thumbprint::of(jwk.as_bytes()));
    assert_eq!(key.spki().algorithm.parameters, Some(Any::encode_from(&P256).unwrap()));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Csr::parse(&text, RSA_TOO).is_err());
        prop_assert!(Csr::parse(&pem(&bytes), RSA_TOO).is_err());
    }

    #[test]
    fn a_request_with_any_byte_changed_is_refused(place in any::<prop::sample::Index>(), flip in 1..=255u8) {
        static HONEST: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| csr_der(&p256()));
        let mut der = HONEST.clone();
        *place.get_mut(&mut der) ^= flip;
        prop_assert!(Csr::parse(&pem(&der), RSA_TOO).is_err());
    }
}
