//! The one registry of typed ids and digests.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use uuid::{Uuid, Variant};

use crate::clock::Timestamp;

/// Random bytes from the operating system.
///
/// # Panics
/// If the operating system has no randomness.
#[expect(clippy::expect_used, reason = "no id or key may ever be made without randomness")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// Serialises `$name` as its text, which it reads back with its `parse`.
macro_rules! text_form {
    ($name:ident, $form:expr) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?)
                    .ok_or_else(|| serde::de::Error::custom(format_args!("not {}", $form)))
            }
        }
    };
}

/// The UUIDv7 (RFC 9562 section 5.7) with the spelling `text`. Each has only one: hyphenated, in lower case.
fn canonical_uuid7(text: &str) -> Option<Uuid> {
    let is_canonical = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let id = is_canonical.then(|| Uuid::try_parse(text).ok()).flatten()?;
    (id.get_version_num() == 7 && id.get_variant() == Variant::RFC4122).then_some(id)
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A UUIDv7 (RFC 9562 section 5.7): ids made later sort later. Shown hyphenated, in lower case.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id whose time part is `now`.
            pub fn generate(now: Timestamp) -> Self {
                Self::with(now, &random())
            }

            /// The id of `now` with these bits, of which 74 are kept: the last seven bytes as they are.
            pub fn with(now: Timestamp, bits: &[u8; 10]) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, bits).into_uuid())
            }

            /// Parses the hyphenated form in lower case; nothing else is an id.
            pub fn parse(text: &str) -> Option<Self> {
                canonical_uuid7(text).map(Self)
            }

            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The bytes of the id, as the store keeps them.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        text_form!($name, "a UUID of version 7 in lower case, such as 0190a0b0-0000-7000-8000-000000000000");
    };
}

uuid_id!(
    /// Names a token: its `jti`. Public: it may appear in lists, logs and the ledger.
    TokenId
);

impl TokenId {
    /// A new id of `now` that ends with this short id.
    pub fn with_short(now: Timestamp, short: ShortId) -> Self {
        let mut bits: [u8; 10] = random();
        bits[6..].copy_from_slice(short.as_bytes());
        Self::with(now, &bits)
    }

    /// The moment of the token's minting, which the first 48 bits have.
    pub fn minted_at(&self) -> Timestamp {
        let millis = self.as_bytes()[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
        Timestamp::from_millis(millis)
    }
}

uuid_id!(
    /// Names a host; it stays the same over renewals and re-enrollment.
    HostId
);
uuid_id!(
    /// Names a status list.
    ListId
);
uuid_id!(
    /// Names a ledger chain: a restored store begins a new one.
    ChainId
);
uuid_id!(
    /// Names a policy.
    PolicyId
);
uuid_id!(
    /// Names an output of policies.
    OutputId
);
uuid_id!(
    /// Names one attempt to get a host a key of an output.
    AttemptId
);
uuid_id!(
    /// Names an auto-approve rule.
    RuleId
);
uuid_id!(
    /// Names an enrollment that waits for a decision.
    EnrollmentId
);
uuid_id!(
    /// Names an API key. Public: the secret stands behind it in the key's text.
    ApiKeyId
);
uuid_id!(
    /// Names the tokens of one bulk mint.
    BatchId
);
uuid_id!(
    /// Names one request, in answers, logs and the ledger.
    RequestId
);

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $length:literal, $encode:path, $decode:path) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// The value with these bytes.
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// Its bytes, as the store keeps them.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// Parses the text form; nothing but the canonical spelling is accepted.
            pub fn parse(text: &str) -> Option<Self> {
                $decode(text)?.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&$encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        text_form!($name, concat!("the text form of a ", stringify!($name)));
    };
}

macro_rules! digest_id {
    ($(#[$doc:meta])* $name:ident, $encode:path, $decode:path) => {
        bytes_id!($(#[$doc])* $name, 32, $encode, $decode);

        impl $name {
            /// The SHA-256 of `bytes`.
            pub fn of(bytes: &[u8]) -> Self {
                Self(Sha256::digest(bytes).into())
            }
        }
    };
}

digest_id!(
    /// Names a signing key: its RFC 7638 thumbprint, base64url without padding (43 characters).
    KeyId,
    base64url,
    unbase64url
);
digest_id!(
    /// The RFC 7638 thumbprint of a host's public key (`cnf.jkt`, RFC 7800), base64url without padding.
    Thumbprint,
    base64url,
    unbase64url
);
impl Thumbprint {
    /// The first 8 characters, which a waiting host and its approver compare.
    pub fn code(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

digest_id!(
    /// The SHA-256 of a public key in SubjectPublicKeyInfo form (RFC 5280 section 4.1.2.7), base64url.
    SpkiHash,
    base64url,
    unbase64url
);
digest_id!(
    /// Names a session: the SHA-256 of its secret, base64url.
    SessionId,
    base64url,
    unbase64url
);
digest_id!(
    /// Names the opaque key of a host: the SHA-256 of its text, base64url.
    OpaqueKeyId,
    base64url,
    unbase64url
);
digest_id!(
    /// The SHA-256 of a caller's idempotency key, base64url.
    IdempotencyKey,
    base64url,
    unbase64url
);
digest_id!(
    /// The SHA-256 of a request's body, base64url.
    BodyHash,
    base64url,
    unbase64url
);
digest_id!(
    /// The SHA-256 of a certificate's DER, in lower-case hexadecimal (64 characters).
    Fingerprint,
    hex,
    unhex
);
digest_id!(
    /// The SHA-256 of a certificate's DER, base64url without padding: `cnf.x5t#S256` (RFC 8705 section 3.1).
    CertificateThumbprint,
    base64url,
    unbase64url
);
bytes_id!(
    /// A certificate's serial number (RFC 5280 section 4.1.2.2), big-endian: 16 bytes, positive, its first byte not zero.
    /// Shown as 32 lower-case hexadecimal digits.
    Serial,
    16,
    hex,
    unhex
);

bytes_id!(
    /// The last four bytes of a UUID, as people type them: eight lower-case hexadecimal digits. They are random, or
    /// count on from a random one in a bulk mint, so that two ids seldom share them.
    ShortId,
    4,
    hex,
    unhex
);

impl Fingerprint {
    /// Parses a pasted fingerprint, in either case and with colons or spaces between the bytes. The name of its digest may
    /// precede it (`sha256 Fingerprint=`, `SHA256:`).
    ///
    /// # Errors
    /// The text is no fingerprint, or one of SHA-1.
    pub fn parse_lenient(text: &str) -> Result<Self, &'static str> {
        let lower = text.to_lowercase().replace("sha-256", "").replace("sha256", "");
        let is_between = |c: char| c.is_whitespace() || matches!(c, ':' | '-');
        let around = |c: char| is_between(c) || matches!(c, '"' | '\'' | '\u{feff}' | '\u{200b}');
        let last =
            lower.trim_matches(around).rsplit(|c: char| !c.is_ascii_hexdigit() && !is_between(c)).next();
        let digits = last.unwrap_or_default().replace(is_between, "");
        match digits.len() {
            40 => Err("it is a SHA-1 fingerprint of 40 digits: give the SHA-256 one of 64"),
            _ => Self::parse(&digits).ok_or("a fingerprint is 64 hexadecimal digits, with or without colons"),
        }
    }
}

impl Serial {
    /// A random serial: 126 bits of it.
    pub fn generate() -> Self {
        let mut bytes = random::<16>();
        // DER integers are signed and minimal: no top bit, and no leading zero byte that would be dropped.
        bytes[0] = (bytes[0] & 0x7f) | 0x40;
        Self(bytes)
    }
}

mod numbered;

pub use self::numbered::{FleetKeyId, ListedKey, SealKeyId};

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The engine refuses padding and trailing bits, so each value has one spelling.
fn unbase64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// `bytes` in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// The bytes that lower-case hexadecimal `text` spells; `None` for any other text.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// The index of a token in the status lists (draft-ietf-oauth-status-list-21 section 6.1), never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusRef {
    /// The list that contains the entry.
    pub list: ListId,
    /// The entry in it, below 2^20.
    pub index: u32,
}

#[cfg(test)]
mod tests;
