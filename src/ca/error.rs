//! Errors of the CA room. No variant carries key material.

use crate::clock::Timestamp;

/// A text that is not the one required PEM block (RFC 7468).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text has no block.
    #[error("there is no PEM block in it: it should begin with -----BEGIN {expected}-----")]
    Missing {
        /// The required label.
        expected: &'static str,
    },
    /// A block of another kind.
    #[error("it is a PEM block {found:?}: one labelled {expected:?} is needed")]
    OtherLabel {
        /// The required label.
        expected: &'static str,
        /// The label in the text.
        found: String,
    },
    /// Text follows the block.
    #[error("there is more than one PEM block, or text after it: send exactly one")]
    Trailing,
    /// The end line is absent, or the base64 is invalid.
    #[error("the PEM block is cut short or is not base64: copy the whole file, with its BEGIN and END lines")]
    Broken,
}

/// A refused certificate signing request. It takes no use of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// The request is too long.
    #[error("the CSR is {length} bytes long: at most {most} are read")]
    TooLarge {
        /// The received length.
        length: usize,
        /// The allowed maximum.
        most: usize,
    },
    /// The text is not one PEM block.
    #[error("the CSR is not usable: {0}")]
    Pem(#[from] PemError),
    /// The block is not the DER of a PKCS#10 request (RFC 2986), without trailing bytes.
    #[error(
        "the CSR is not strict DER of a PKCS#10 request (RFC 2986): make a new one, for example with openssl req -new"
    )]
    NotPkcs10,
    /// A kind of key that is not accepted.
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
    /// The bytes are not a public key.
    #[error("the public key is malformed: make a new key and CSR")]
    MalformedKey,
    /// An Ed25519 point of small order, for which anyone can sign.
    #[error("the Ed25519 key is one of the weak points that prove nothing: make a new key")]
    WeakKey,
    /// An RSA key, which the configuration does not allow.
    #[error("the key is RSA with {bits} bits: use P-256, P-384 or Ed25519")]
    RsaNotAllowed {
        /// The length of its modulus.
        bits: usize,
    },
    /// An RSA key that is too short, or costs too much to verify.
    #[error("the key is RSA with {bits} bits: use P-256, P-384 or Ed25519, or RSA with 2048 to 4096 bits")]
    RsaSize {
        /// The length of its modulus.
        bits: usize,
    },
    /// A public exponent that is even, too small or too large.
    #[error("the RSA key's public exponent is not sane: use 65537")]
    RsaExponent,
    /// A signature algorithm that is not accepted, such as SHA-1, or does not belong to the key.
    #[error("the CSR is signed with {oid}, which is not accepted for its key: use {expected}")]
    SignatureAlgorithm {
        /// The algorithm's object identifier.
        oid: String,
        /// The algorithms that fit the key.
        expected: &'static str,
    },
    /// The signature does not verify: possession of the key is not proven.
    #[error(
        "the CSR's signature does not verify under its own key: sign it with the key it asks a certificate for"
    )]
    Signature,
}

/// A certificate or CRL that was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A lifetime of less than a second.
    #[error("the lifetime is zero: a certificate lives at least a second")]
    EmptyLifetime,
    /// A CA certificate is not valid at that time.
    #[error(
        "the CA certificate is good from {not_before} to {not_after}, not now: run `gatepass ca rotate`, or set the clock"
    )]
    IssuerNotValid {
        /// The start of its validity.
        not_before: Timestamp,
        /// The end of its validity.
        not_after: Timestamp,
    },
    /// The name is not a SPIFFE trust domain (SPIFFE-ID section 2.1).
    #[error("{text:?} is not a trust domain: at most 255 lower-case letters, digits, '.', '-' or '_'")]
    TrustDomain {
        /// The refused text.
        text: String,
    },
    /// The address is not a plain-http URL. An https one needs the chain whose revocations it lists (RFC 5280 section 8).
    #[error("{text:?} is not a CRL address: use a plain http:// URL")]
    CrlUrl {
        /// The refused text.
        text: String,
    },
    /// A certificate cannot carry the name of the authority.
    #[error(
        "{text:?} cannot name an authority: use 1 to 256 characters, none of them a control or invisible character"
    )]
    AuthorityName {
        /// The refused text.
        text: String,
    },
    /// A server certificate without names and addresses.
    #[error("a server certificate needs at least one DNS name or address")]
    NoServerName,
    /// A server certificate cannot carry the name.
    #[error("{text:?} is not a DNS name: leave it out of the server's names")]
    ServerName {
        /// The refused text.
        text: String,
    },
    /// The signed certificate has another public key than the request. It must not leave the process.
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

/// A refused root, issuing CA or key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// One of the files cannot be used.
    #[error("the {what} {problem}")]
    File {
        /// The refused file.
        what: &'static str,
        /// The defect.
        problem: CaFileError,
    },
    /// The root allows no issuing CA below it.
    #[error("the root certificate's path length is 0, so no issuing CA may stand below it: use 1 or none")]
    PathLength,
    /// The root did not sign itself.
    #[error(
        "the root certificate is not self-signed: bring the topmost certificate, and the issuing CA right below it"
    )]
    RootNotSelfSigned,
    /// The issuing CA is the root itself.
    #[error("root and issuing CA are the same certificate: make an issuing CA below the root")]
    SameCertificate,
    /// The issuing CA names another issuer, by subject or key identifier.
    #[error("the issuing certificate names another issuer than the root: bring the root that signed it")]
    OtherIssuer,
    /// The root's key did not make the signature.
    #[error(
        "the issuing certificate's signature does not verify under the root: bring the root that signed it"
    )]
    ChainSignature,
}

/// The defect of one certificate or key of a CA. Its text follows the name of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaFileError {
    /// The file is not one PEM block.
    #[error("is not usable: {0}")]
    Pem(#[from] PemError),
    /// The file is not an X.509 version 3 certificate in strict DER that is the same when it is encoded again.
    #[error("is not an X.509 v3 certificate in strict DER: make it again, for example with openssl")]
    NotACertificate,
    /// The basic constraints do not say CA.
    #[error("is not a CA certificate: it needs basicConstraints=critical,CA:TRUE")]
    NotACa,
    /// A key usage is missing.
    #[error("lacks the key usage {usage}: it needs keyUsage=critical,keyCertSign,cRLSign")]
    KeyUsage {
        /// The missing usage.
        usage: &'static str,
    },
    /// The extended key usage lacks a purpose that hosts need.
    #[error("restricts its extended key usage: it must allow clientAuth and serverAuth, or say nothing")]
    ExtendedKeyUsage,
    /// Name constraints, under which other verifiers would refuse hosts.
    #[error("carries name constraints, under which SPIFFE names cannot be promised to hold: use one without")]
    NameConstraints,
    /// A critical extension that gatepass does not know (RFC 5280 section 4.2: it must be refused).
    #[error("has the critical extension {oid}, which gatepass does not know: use one without")]
    CriticalExtension {
        /// The extension's object identifier.
        oid: String,
    },
    /// No subject key identifier: CRLs and hosts could not name their issuer (RFC 5280 section 4.2.1.2).
    #[error("has no subject key identifier: make it again with subjectKeyIdentifier=hash")]
    NoKeyIdentifier,
    /// The subject is empty; a CA needs one (RFC 5280 section 4.1.2.6).
    #[error("has an empty subject: a CA needs a name")]
    EmptySubject,
    /// The certificate is not valid yet.
    #[error("is not valid before {not_before}: wait, or set the clock")]
    NotYetValid {
        /// The start of its validity.
        not_before: Timestamp,
    },
    /// The certificate has expired.
    #[error("expired at {not_after}: make a newer one, and name its file in `[ca]`")]
    Expired {
        /// The end of its validity.
        not_after: Timestamp,
    },
    /// A kind of key, or a signature, that is too weak or unknown.
    #[error(
        "has a key or signature of an unsupported kind: use P-256, P-384 or RSA 2048-4096, with SHA-256 or better"
    )]
    Algorithm,
    /// The key is encrypted.
    #[error(
        "is encrypted: decrypt it first with `openssl pkey -in ca.key -out ca-plain.key` and keep that file at mode 0600"
    )]
    EncryptedKey,
    /// The key cannot be read.
    #[error("is not an unencrypted private key (PKCS#8, SEC 1 or PKCS#1) of P-256, P-384 or RSA 2048-4096")]
    NotAKey,
    /// The key is not the certificate's.
    #[error("does not belong to its certificate: bring the key the certificate was made for")]
    OtherKey,
}
