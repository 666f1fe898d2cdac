//! Sessions: what a user is given instead of being asked for the password again.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

use super::secret_text;
use crate::clock::Timestamp;
use crate::id::SessionId;
use crate::secret::Secret;

/// The prefix of a session's secret.
pub const PREFIX: &str = "gps_";

/// The label that separates a session's CSRF token from other values derived from its secret.
const CSRF: &[u8] = b"gatepass csrf 1";

/// The transport of a session's secret. A secret of one kind is refused where the other is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[derive(strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum SessionKind {
    /// In a cookie, which a browser sends automatically: a request that changes something needs the CSRF token too.
    Cookie,
    /// In the `Authorization` header, as a Bearer (RFC 6750).
    Bearer,
}

impl SessionKind {
    /// The name, as requests and entries have it.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// The secret of a session: [`PREFIX`] and 32 random bytes in base64url. The store knows its SHA-256 alone.
pub struct SessionSecret(Secret<String>);

impl SessionSecret {
    /// A new one.
    pub fn generate() -> Self {
        Self(secret_text::generate(PREFIX))
    }

    /// Parses a secret. Only the canonical spelling is accepted.
    pub fn parse(text: &str) -> Option<Self> {
        secret_text::parse(PREFIX, text).map(Self)
    }

    /// The secret text. Review every call.
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }

    /// The session that it belongs to.
    pub fn id(&self) -> SessionId {
        SessionId::of(self.expose().as_bytes())
    }

    /// The CSRF token of the session: only a page that has read one of our responses has it, which a page of another site cannot.
    pub fn csrf(&self) -> CsrfToken {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.expose().as_bytes());
        CsrfToken(Secret::new(URL_SAFE_NO_PAD.encode(hmac::sign(&key, CSRF))))
    }
}

/// The CSRF token of a cookie session. Nothing is stored for it.
pub struct CsrfToken(Secret<String>);

impl CsrfToken {
    /// The text.
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }

    /// Returns true if `presented` is this token. The comparison takes constant time.
    pub fn is(&self, presented: &[u8]) -> bool {
        self.expose().as_bytes().ct_eq(presented).into()
    }
}

/// The life of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLife {
    /// However much they are used.
    pub lifetime: Duration,
    /// Without being used.
    pub idle: Duration,
}

impl SessionLife {
    /// Returns true if a session with this expiry and last use is good at `now`.
    pub fn holds(self, expires_at: Timestamp, seen_at: Timestamp, now: Timestamp) -> bool {
        now < expires_at && now < seen_at.plus(self.idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_secret_has_one_spelling() {
        let secret = SessionSecret::generate();
        let text = secret.expose();
        assert_eq!(text.len(), 47);
        assert_eq!(SessionSecret::parse(text).map(|parsed| parsed.id()), Some(secret.id()));
        let other_bits = format!("{}{}", &text[..46], if text.ends_with('B') { 'C' } else { 'B' });
        for wrong in [&text[4..], &text[..46], &format!("{text}="), &format!("{text}A"), &other_bits, "gps_"]
        {
            assert!(SessionSecret::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_csrf_token_belongs_to_its_session() {
        let (one, other) = (SessionSecret::generate(), SessionSecret::generate());
        assert!(one.csrf().is(one.csrf().expose().as_bytes()));
        assert!(!one.csrf().is(other.csrf().expose().as_bytes()));
        assert!(!one.csrf().is(one.expose().as_bytes()));
        assert!(!one.csrf().is(b""));
    }

    #[test]
    fn a_session_ends_at_its_expiry_or_unused() {
        let life = SessionLife { lifetime: 12 * HOUR, idle: HOUR / 2 };
        let (begun, ends) = (NOW, NOW.plus(12 * HOUR));
        let second = Duration::from_secs(1);
        assert!(life.holds(ends, begun, begun.plus(HOUR / 2 - second)));
        assert!(!life.holds(ends, begun, begun.plus(HOUR / 2)));
        assert!(life.holds(ends, ends.minus(second), ends.minus(second)));
        assert!(!life.holds(ends, ends.minus(second), ends));
    }
}
