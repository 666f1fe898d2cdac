//! Opaque keys: the credential of a host whose client cannot present a certificate.

use super::secret_text;
use crate::id::OpaqueKeyId;
use crate::secret::Secret;

/// The prefix of every opaque key.
pub const OPAQUE_KEY_PREFIX: &str = "gph_";

/// The opaque key of a host: [`OPAQUE_KEY_PREFIX`] and 32 random bytes in base64url. The store knows its SHA-256 alone, by which it is
/// found: they are too random to need a slow hash.
pub struct OpaqueKey(Secret<String>);

impl OpaqueKey {
    /// A new key.
    pub fn generate() -> Self {
        Self(secret_text::generate(OPAQUE_KEY_PREFIX))
    }

    /// Parses a key. Only the canonical spelling is accepted, and nothing of it is believed.
    pub fn parse(text: &str) -> Option<Self> {
        secret_text::parse(OPAQUE_KEY_PREFIX, text).map(Self)
    }

    /// The secret text, for the one answer that carries it. Review every call.
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }

    /// The SHA-256 of the text.
    pub fn id(&self) -> OpaqueKeyId {
        OpaqueKeyId::of(self.expose().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling() {
        let key = OpaqueKey::generate();
        let text = key.expose();
        assert_eq!((text.len(), &text[..4]), (4 + 43, OPAQUE_KEY_PREFIX));
        assert_eq!(OpaqueKey::parse(text).map(|parsed| parsed.id()), Some(key.id()));
        let other_bits = format!("{}{}", &text[..46], if text.ends_with('B') { 'C' } else { 'B' });
        let other_case = text.replacen("gph_", "GPH_", 1);
        for wrong in [
            &text[4..],
            &text[..46],
            &format!("{text}="),
            &format!(" {text}"),
            &other_bits,
            &other_case,
            "gph_",
        ] {
            assert!(OpaqueKey::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn two_keys_differ() {
        assert_ne!(OpaqueKey::generate().id(), OpaqueKey::generate().id());
    }
}
