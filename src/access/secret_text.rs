//! Secrets as text: a prefix that shows their kind, and 32 random bytes in base64url.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::id::random;
use crate::secret::Secret;

/// A new secret of this kind.
pub(super) fn generate(prefix: &str) -> Secret<String> {
    let random = Secret::new(random::<32>());
    let encoded = Secret::new(URL_SAFE_NO_PAD.encode(random.expose()));
    Secret::new(format!("{prefix}{}", encoded.expose()))
}

/// Parses a secret of this kind. Only the canonical spelling is accepted, and nothing of it is believed.
pub(super) fn parse(prefix: &str, text: &str) -> Option<Secret<String>> {
    let bytes = Secret::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(prefix)?).ok()?);
    (bytes.expose().len() == 32).then(|| Secret::new(text.to_owned()))
}
