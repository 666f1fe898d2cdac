//! API keys: their text form and stored form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::clock::Timestamp;
use crate::id::{ApiKeyId, random};
use crate::secret::Secret;

/// The prefix of every API key.
pub const API_KEY_PREFIX: &str = "gpk_";

/// An API key with its secret. Its text is `gpk_` and 64 characters of base64url without padding (RFC 4648 section 5). They
/// are the 16 bytes of its id, then 32 random bytes. The SHA-256 of these is stored: they are too random to need a slow hash.
pub struct ApiKey {
    id: ApiKeyId,
    secret: Secret<[u8; 32]>,
}

impl ApiKey {
    /// A new key.
    pub fn generate(now: Timestamp) -> Self {
        Self { id: ApiKeyId::generate(now), secret: Secret::new(random()) }
    }

    /// Parses the text form; nothing but the canonical spelling is a key, and nothing of it is believed.
    pub fn parse(text: &Secret<String>) -> Option<Self> {
        let encoded = text.expose().strip_prefix(API_KEY_PREFIX)?;
        // The engine refuses padding and trailing bits, so one key has one spelling.
        let bytes = Secret::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
        let (id, secret) = bytes.expose().split_at_checked(16)?;
        let secret = Secret::new(<[u8; 32]>::try_from(secret).ok()?);
        Some(Self { id: ApiKeyId::from_bytes(id.try_into().ok()?), secret })
    }

    /// Its id, which is public.
    pub const fn id(&self) -> ApiKeyId {
        self.id
    }

    /// The text form, to be shown once.
    pub fn text(&self) -> Secret<String> {
        let bytes = Secret::new([self.id.as_bytes().as_slice(), self.secret.expose()].concat());
        let encoded = Secret::new(URL_SAFE_NO_PAD.encode(bytes.expose()));
        Secret::new(format!("{API_KEY_PREFIX}{}", encoded.expose()))
    }

    /// The SHA-256 of the secret.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.secret.expose()).into()
    }

    /// Returns true if `digest` is that of this secret. The comparison takes constant time.
    pub fn matches(&self, digest: &[u8; 32]) -> bool {
        self.digest().ct_eq(digest).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<ApiKey> {
        ApiKey::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn a_key_is_read_back_as_it_was_written() {
        let key = ApiKey::generate(Timestamp::from_secs(1_900_000_000));
        let text = key.text();
        assert_eq!(text.expose().len(), 4 + 64);
        let again = parse(text.expose()).unwrap();
        assert_eq!(again.id(), key.id());
        assert!(again.matches(&key.digest()));
        assert!(!again.matches(&ApiKey::generate(Timestamp::from_secs(1)).digest()));
    }

    #[test]
    fn a_key_has_one_spelling() {
        let text = ApiKey::generate(Timestamp::from_secs(1_900_000_000)).text().expose().clone();
        let rest = &text[4..];
        for wrong in [
            String::new(),
            "gpk_".to_owned(),
            rest.to_owned(),
            format!("GPK_{rest}"),
            format!("gpl_{rest}"),
            format!("{text}="),
            format!("{text}A"),
            format!(" {text}"),
            format!("gpk_+{}", &rest[1..]),
            text[..text.len() - 1].to_owned(),
            text[..text.len() - 4].to_owned(),
        ] {
            assert!(parse(&wrong).is_none(), "{wrong}");
        }
    }
}
