//! Access tokens of hosts.

use super::{Refusal, Verifier};
use crate::clock::Timestamp;
use crate::id::CertificateThumbprint;
use crate::token::{AccessGrant, Authenticated, UnverifiedToken, Verified, VerifyError, VerifyingKeys};

impl Verifier {
    /// Verifies an access token at `now`: form, signature, issuer, audience, binding and time.
    ///
    /// `certificate` is the SHA-256 of the certificate (DER) with which the token came. The TLS handshake has
    /// shown that the client holds its key. A [`HostVerifier`](super::hosts::HostVerifier) or the CRL shows that it is not
    /// revoked. An access token has no entry in a status list.
    ///
    /// # Errors
    /// The first [`Refusal`]. [`Refusal::is_unavailable`] is true if the token may be valid.
    ///
    /// ```
    /// use gatepass::id::CertificateThumbprint;
    /// use gatepass::verifier::Verifier;
    /// # let (jwks, _, _, _) = gatepass::verifier::example();
    /// # let (token, der, now) = ("e30.e30.", b"der", gatepass::clock::SystemClock::now());
    ///
    /// let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// verifier.update_keys(&jwks, now)?;
    /// // `der` is the client certificate of the connection.
    /// let presented = CertificateThumbprint::of(der);
    /// assert!(verifier.verify_access(token, presented, now).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify_access(
        &self,
        token: &str,
        certificate: CertificateThumbprint,
        now: Timestamp,
    ) -> Result<Verified<AccessGrant>, Refusal> {
        let keys = self.keys.load();
        let keys = keys.as_ref().ok_or(Refusal::NoKeys)?;
        self.staleness.judge(keys.confirmed_at.get(), now).map_err(|age| Refusal::StaleKeys { age })?;
        let signed =
            keys.hot_access.authenticate(token, now, || self.authenticate_access(token, &keys.verifying))?;
        Ok(signed.presented_with(certificate)?.at(now)?)
    }

    fn authenticate_access(
        &self,
        token: &str,
        keys: &VerifyingKeys,
    ) -> Result<Authenticated<AccessGrant>, VerifyError> {
        let parsed = UnverifiedToken::parse(token)?;
        let authenticated = parsed.authenticate_access(keys, &self.issuers, &self.audiences);
        self.note_unknown_key(&parsed, authenticated)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::{HostId, TokenId};
    use crate::name::Role;
    use crate::token::{KeyRing, mint_access};
    use crate::verifier::MAX_STALENESS;

    const ISSUER: &str = "https://gate.example.org";
    const AUDIENCE: &str = "https://jobs.example.org";
    const NOW: Timestamp = Timestamp::from_secs(1_893_456_000);

    fn grant() -> AccessGrant {
        AccessGrant {
            id: TokenId::generate(NOW),
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            host: HostId::generate(NOW),
            issued_at: NOW,
            expires_at: NOW.plus(Duration::from_secs(900)),
            roles: vec![Role::parse("proxy").unwrap()],
            certificate: CertificateThumbprint::of(b"certificate"),
        }
    }

    fn fresh(ring: &KeyRing) -> Verifier {
        let verifier = Verifier::new(ISSUER, AUDIENCE);
        verifier.update_keys(&ring.verifying().to_jwks(), NOW).unwrap();
        verifier
    }

    #[test]
    fn an_access_token_counts_with_its_certificate_alone() {
        let ring = KeyRing::generate();
        let (verifier, grant) = (fresh(&ring), grant());
        let text = mint_access(&grant, &ring, NOW).unwrap().into_text();
        let verify = |certificate| verifier.verify_access(text.expose(), certificate, NOW);
        // Twice: the signature comes from the cache then.
        for _ in 0..2 {
            assert_eq!(verify(grant.certificate).as_deref(), Ok(&grant));
            let other = verify(CertificateThumbprint::of(b"another"));
            assert_eq!(other, Err(Refusal::Token(VerifyError::WrongCertificate)));
        }
        assert_eq!(verifier.verify(text.expose(), NOW), Err(Refusal::Token(VerifyError::WrongType)));
        let elsewhere = Verifier::new(ISSUER, "https://other.example.org");
        elsewhere.update_keys(&ring.verifying().to_jwks(), NOW).unwrap();
        let refused = elsewhere.verify_access(text.expose(), grant.certificate, NOW);
        assert_eq!(refused, Err(Refusal::Token(VerifyError::WrongAudience)));
    }

    #[test]
    fn access_tokens_need_fresh_keys() {
        let ring = KeyRing::generate();
        let grant = grant();
        let text = mint_access(&grant, &ring, NOW).unwrap().into_text();
        let without = Verifier::new(ISSUER, AUDIENCE).verify_access(text.expose(), grant.certificate, NOW);
        assert_eq!(without, Err(Refusal::NoKeys));
        let late = NOW.plus(MAX_STALENESS + Duration::from_secs(1));
        let stale = fresh(&ring).verify_access(text.expose(), grant.certificate, late);
        assert!(stale.is_err_and(|refusal| refusal.is_unavailable()));
        let unknown = fresh(&KeyRing::generate()).verify_access(text.expose(), grant.certificate, NOW);
        assert_eq!(unknown, Err(Refusal::Token(VerifyError::UnknownKey)));
    }
}
