//! Errors of the CA room. No variant carries key material.

use crate::clock::Timestamp;

/// Why a text is not the one PEM block (RFC 7468) it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No block begins in it.
    #[error("there is no PEM block in it: it should begin with -----BEGIN {expected}-----")]
    Missing {
        /// The label that was looked for.
        expected: &'static str,
    },
    /// A block of another kind.
    #[error("it is a PEM block {found:?}: one labelled {expected:?} is needed")]
    OtherLabel {
        /// The label that was looked for.
        expected: &'static str,
        /// The label that was found.
        found: String,
    },
    /// Something follows the block.
    #[error("there is more than one PEM block, or text after it: send exactly one")]
    Trailing,
    /// Its end line is absent or its base64 is broken.
    #[error("the PEM block is cut short or is not base64: copy the whole file, with its BEGIN and END lines")]
    Broken,
}

/// Why a certificate signing request was refused. Nothing is spent by it: the same token works with a good request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Larger than any honest request.
    #[error("the CSR is {length} bytes long: at most {most} are read")]
    TooLarge {
        /// The received length.
        length: usize,
        /// The allowed maximum.
        most: usize,
    },
    /// Not one PEM block.
    #[error("the CSR is not usable: {0}")]
    Pem(#[from] PemError),
    /// Not the DER of a PKCS#10 request (RFC 2986), bytes after it included.
    #[error(
        "the CSR is not strict DER of a PKCS#10 request (RFC 2986): make a new one, for example with openssl req -new"
    )]
    NotPkcs10,
    /// A kind of key that is not accepted at all.
    #[error("the key is of the kind {oid}: use P-256, P-384 or Ed25519")]
    KeyKind {
        /// The algorithm's object identifier.
        oid: String,
    },
    /// An elliptic curve that is not accepted.
    #[error("the key is on the curve {oid}: use P-256, P-384 or Ed25519")]
    Curve {
        /// The curve's object identifier.
        oid: String,
    },
    /// Curve parameters written out (RFC 5480 section 2.1.1 forbids them; CVE-2020-0601 shows why).
    #[error("the key spells out its curve's parameters: use a named curve, P-256 or P-384")]
    ExplicitCurve,
    /// A point that is not in uncompressed form (RFC 5480 section 2.2).
    #[error("the key's point is not in uncompressed form: encode it uncompressed")]
    CompressedPoint,
    /// A key whose bytes do not make one.
    #[error("the public key is malformed: make a new key and CSR")]
    MalformedKey,
    /// An Ed25519 point of small order: anybody could sign for it.
    #[error("the Ed25519 key is one of the weak points that prove nothing: make a new key")]
    WeakKey,
    /// RSA where the operator has not allowed it.
    #[error("the key is RSA with {bits} bits: use P-256, P-384 or Ed25519")]
    RsaNotAllowed {
        /// The length of its modulus.
        bits: usize,
    },
    /// RSA of a size nobody should use, or nobody should have to verify.
    #[error("the key is RSA with {bits} bits: use P-256, P-384 or Ed25519, or RSA with 2048 to 4096 bits")]
    RsaSize {
        /// The length of its modulus.
        bits: usize,
    },
    /// A public exponent that is even, too small or too large.
    #[error("the RSA key's public exponent is not sane: use 65537")]
    RsaExponent,
    /// A signature algorithm that is not accepted, SHA-1 for one, or one that does not belong to the key.
    #[error("the CSR is signed with {oid}, which is not accepted for its key: use {expected}")]
    SignatureAlgorithm {
        /// The algorithm's object identifier.
        oid: String,
        /// The algorithms that fit the key.
        expected: &'static str,
    },
    /// The signature does not verify: the sender may not have the key.
    #[error(
        "the CSR's signature does not verify under its own key: sign it with the key it asks a certificate for"
    )]
    Signature,
}

/// Why something was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A lifetime of less than a second.
    #[error("the lifetime is zero: a certificate lives at least a second")]
    EmptyLifetime,
    /// The issuing CA's own life is over, or has not begun.
    #[error(
        "the CA certificate is good from {not_before} to {not_after}, not now: run `gatepass ca rotate`, or set the clock"
    )]
    IssuerNotValid {
        /// The start of its validity.
        not_before: Timestamp,
        /// The end of its validity.
        not_after: Timestamp,
    },
    /// Not a SPIFFE trust domain.
    #[error("{text:?} is not a trust domain: at most 255 lower-case letters, digits, '.', '-' or '_'")]
    TrustDomain {
        /// The refused text.
        text: String,
    },
    /// Not a plain-http URL; an https one needs the very chain whose revocation it tells of (RFC 5280 section 8).
    #[error("{text:?} is not a CRL address: use a plain http:// URL")]
    CrlUrl {
        /// The refused text.
        text: String,
    },
    /// A name for the authority that a certificate cannot carry.
    #[error("{text:?} cannot name an authority: use 1 to 256 characters, none of them a control character")]
    AuthorityName {
        /// The refused text.
        text: String,
    },
    /// A server certificate that names nothing.
    #[error("a server certificate needs at least one DNS name or address")]
    NoServerName,
    /// Not a name a server certificate can carry.
    #[error("{text:?} is not a DNS name: leave it out of the server's names")]
    ServerName {
        /// The refused text.
        text: String,
    },
    /// It was prepared under another issuing CA.
    #[error("the certificate was prepared for another issuing CA: prepare it again")]
    OtherAuthority,
    /// The signed certificate holds another public key than the request. It must not leave the process.
    #[error("the signed certificate holds another public key than the request: nothing was issued")]
    KeyChanged,
    /// The structure could not be encoded.
    #[error("the certificate could not be encoded: {detail}")]
    Encoding {
        /// The encoder's message.
        detail: String,
    },
    /// The key did not sign.
    #[error("the CA key could not sign: see whether the machine has memory and randomness left")]
    Signing,
    /// The root or its key is not usable.
    #[error(transparent)]
    Authority(#[from] ImportError),
}

impl From<x509_cert::der::Error> for IssueError {
    fn from(error: x509_cert::der::Error) -> Self {
        Self::Encoding { detail: error.to_string() }
    }
}

impl From<x509_cert::builder::Error> for IssueError {
    fn from(error: x509_cert::builder::Error) -> Self {
        match error {
            x509_cert::builder::Error::Signature(_) => Self::Signing,
            other => Self::Encoding { detail: other.to_string() },
        }
    }
}

/// The reason that an imported root, issuing CA or key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Not one PEM block.
    #[error("the {what} is not usable: {problem}")]
    Pem {
        /// Which of the files.
        what: &'static str,
        /// The fault.
        problem: PemError,
    },
    /// Not an X.509 version 3 certificate in strict DER whose names and dates survive being read and written.
    #[error(
        "the {what} is not an X.509 v3 certificate in strict DER: make it again, for example with openssl"
    )]
    NotACertificate {
        /// Which of the files.
        what: &'static str,
    },
    /// Its basic constraints do not say CA.
    #[error("the {what} is not a CA certificate: it needs basicConstraints=critical,CA:TRUE")]
    NotACa {
        /// Which of the files.
        what: &'static str,
    },
    /// A key usage is missing.
    #[error("the {what} lacks the key usage {usage}: it needs keyUsage=critical,keyCertSign,cRLSign")]
    KeyUsage {
        /// Which of the files.
        what: &'static str,
        /// The missing part.
        usage: &'static str,
    },
    /// An extended key usage that leaves out what hosts need.
    #[error(
        "the {what} restricts its extended key usage: it must allow clientAuth and serverAuth, or say nothing"
    )]
    ExtendedKeyUsage {
        /// Which of the files.
        what: &'static str,
    },
    /// The root allows no issuing CA below it.
    #[error("the root certificate's path length is 0, so no issuing CA may stand below it: use 1 or none")]
    PathLength,
    /// It constrains names; hosts it does not foresee would be refused by others.
    #[error(
        "the {what} carries name constraints, under which SPIFFE names cannot be promised to hold: use one without"
    )]
    NameConstraints {
        /// Which of the files.
        what: &'static str,
    },
    /// A critical extension that gatepass does not know (RFC 5280 section 4.2: it must be refused).
    #[error("the {what} has the critical extension {oid}, which gatepass does not know: use one without")]
    CriticalExtension {
        /// Which of the files.
        what: &'static str,
        /// The extension's object identifier.
        oid: String,
    },
    /// No subject key identifier: CRLs and hosts could not name their issuer (RFC 5280 section 4.2.1.2).
    #[error("the {what} has no subject key identifier: make it again with subjectKeyIdentifier=hash")]
    NoKeyIdentifier {
        /// Which of the files.
        what: &'static str,
    },
    /// Its subject is empty (RFC 5280 section 4.1.2.6 wants a CA to have one).
    #[error("the {what} has an empty subject: a CA needs a name")]
    EmptySubject {
        /// Which of the files.
        what: &'static str,
    },
    /// Its life has not begun.
    #[error("the {what} is not valid before {not_before}: wait, or set the clock")]
    NotYetValid {
        /// Which of the files.
        what: &'static str,
        /// The start of its validity.
        not_before: Timestamp,
    },
    /// Its life is over.
    #[error("the {what} expired at {not_after}: bring a newer one, or run `gatepass ca rotate`")]
    Expired {
        /// Which of the files.
        what: &'static str,
        /// The end of its validity.
        not_after: Timestamp,
    },
    /// The root did not sign itself.
    #[error(
        "the root certificate is not self-signed: bring the topmost certificate, and the issuing CA right below it"
    )]
    RootNotSelfSigned,
    /// The issuing CA is the root itself.
    #[error("root and issuing CA are the same certificate: make an issuing CA below the root")]
    SameCertificate,
    /// Issuer and subject, or the key identifiers, do not meet.
    #[error("the issuing certificate names another issuer than the root: bring the root that signed it")]
    OtherIssuer,
    /// The root's key did not make the signature.
    #[error(
        "the issuing certificate's signature does not verify under the root: bring the root that signed it"
    )]
    ChainSignature,
    /// A kind of key, or a signature, that is too weak or unknown.
    #[error(
        "the {what} has a key or signature of an unsupported kind: use P-256, P-384 or RSA 2048-4096, with SHA-256 or better"
    )]
    Algorithm {
        /// Which of the files.
        what: &'static str,
    },
    /// The key is encrypted.
    #[error(
        "the {what} is encrypted: decrypt it first with `openssl pkey -in ca.key -out ca-plain.key` and keep that file at mode 0600"
    )]
    EncryptedKey {
        /// Which of the files.
        what: &'static str,
    },
    /// The key cannot be read.
    #[error(
        "the {what} is not an unencrypted private key (PKCS#8, SEC 1 or PKCS#1) of P-256, P-384 or RSA 2048-4096"
    )]
    NotAKey {
        /// Which of the files.
        what: &'static str,
    },
    /// The key is not the certificate's.
    #[error("the {what} does not belong to its certificate: bring the key the certificate was made for")]
    OtherKey {
        /// Which of the files.
        what: &'static str,
    },
}
