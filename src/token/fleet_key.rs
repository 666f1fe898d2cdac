//! The keys of Elastic Fleet's API, and the `api_key` that such a key gives a token.
//!
//! An `api_key` is base64 (RFC 4648 section 4) of `<token id>:<secret>`. The secret is computed from the key and the id.
//! So nothing secret is stored, the API can show it again, and token keys rotate without it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

use crate::id::{FleetKeyId, TokenId, random};
use crate::secret::Secret;

/// The text before the id. It separates this use of the key from any other.
const CONTEXT: &[u8] = b"gatepass fleet 1";

/// Number of characters of the secret, each of six bits.
const SECRET_LENGTH: usize = 22;

/// Length of an `api_key`: 36 characters of the id, the colon and the secret, in base64.
const TEXT_LENGTH: usize = 80;

/// A key of Elastic Fleet's API.
pub struct FleetKey {
    id: FleetKeyId,
    key: hmac::Key,
}

impl FleetKey {
    /// The text of a new key, for its file.
    pub fn generate() -> Secret<String> {
        let bytes = Secret::new(random::<32>());
        Secret::new(URL_SAFE_NO_PAD.encode(bytes.expose()))
    }

    /// Reads the text of a key's file. `None` if it is not the text of a key.
    pub fn parse(id: FleetKeyId, text: &Secret<String>) -> Option<Self> {
        let bytes = Secret::new(URL_SAFE_NO_PAD.decode(text.expose().trim_end()).ok()?);
        (bytes.expose().len() == 32)
            .then(|| Self { id, key: hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()) })
    }

    /// The `api_key` of a token.
    fn api_key(&self, token: TokenId) -> Secret<String> {
        let pair = Secret::new(format!("{token}:{}", self.secret(token).expose()));
        Secret::new(STANDARD.encode(pair.expose()))
    }

    fn secret(&self, token: TokenId) -> Secret<String> {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(CONTEXT);
        context.update(token.to_string().as_bytes());
        let mut text = URL_SAFE_NO_PAD.encode(context.sign());
        text.truncate(SECRET_LENGTH);
        Secret::new(text)
    }
}

/// A text in the form of an `api_key`, **unproven**.
pub struct UnprovenApiKey {
    token: TokenId,
    secret: Secret<String>,
}

impl UnprovenApiKey {
    /// Parses the text form; nothing but the canonical spelling is an `api_key`, and nothing of it is believed.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT_LENGTH {
            return None;
        }
        let pair = Secret::new(STANDARD.decode(text).ok()?);
        let (id, secret) = std::str::from_utf8(pair.expose()).ok()?.split_once(':')?;
        let is_secret = secret.len() == SECRET_LENGTH
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let token = TokenId::parse(id).filter(|_| is_secret)?;
        Some(Self { token, secret: Secret::new(secret.to_owned()) })
    }

    /// The token that it names, **unproven**.
    pub const fn unproven_token(&self) -> TokenId {
        self.token
    }
}

/// The proof that a caller holds the `api_key` of a token. Only [`FleetKeys::prove`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenToken {
    token: TokenId,
    key: FleetKeyId,
}

impl ProvenToken {
    /// The token.
    pub const fn token(self) -> TokenId {
        self.token
    }

    /// The key that gave the token its `api_key`.
    pub const fn key(self) -> FleetKeyId {
        self.key
    }
}

/// The keys that are not retired, a handful.
#[derive(Default)]
pub struct FleetKeys(Vec<FleetKey>);

impl FleetKeys {
    /// A set of these keys.
    pub const fn new(keys: Vec<FleetKey>) -> Self {
        Self(keys)
    }

    /// The `api_key` of a token whose record names `key`. `None` if that key is not in the set.
    pub fn api_key(&self, key: FleetKeyId, token: TokenId) -> Option<Secret<String>> {
        self.0.iter().find(|known| known.id == key).map(|known| known.api_key(token))
    }

    /// Checks an `api_key` against every key, in constant time. The token's record must then name the proven key.
    pub fn prove(&self, unproven: &UnprovenApiKey) -> Option<ProvenToken> {
        let UnprovenApiKey { token, secret } = unproven;
        let fits = |key: &FleetKey| -> bool {
            key.secret(*token).expose().as_bytes().ct_eq(secret.expose().as_bytes()).into()
        };
        // Each key is tried, so that the time does not tell which one fits.
        let proven = self.0.iter().filter(|key| fits(key)).map(|key| key.id).collect::<Vec<_>>();
        proven.last().map(|key| ProvenToken { token: *token, key: *key })
    }
}

#[cfg(test)]
mod tests;
