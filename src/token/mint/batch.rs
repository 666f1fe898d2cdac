//! Many tokens minted in one call: their signatures are verified together, which costs half.

use std::slice;

use super::{MintError, MintedToken, agreed, bounded, encoded};
use crate::clock::Timestamp;
use crate::secret::Secret;
use crate::token::VerifyError;
use crate::token::grant::Grant;
use crate::token::key_use::KeyUse;
use crate::token::ring::KeyRing;
use crate::token::verify::{AuthenticatedToken, UnverifiedToken, Verified};

/// Mints the token of each grant with the ring's current key, and verifies them all as every verifier will. The grants have
/// one issuer.
///
/// # Errors
/// [`MintError`], if a verifier would refuse one of the grants. No token is minted then.
pub fn mint_all(grants: &[Grant], ring: &KeyRing, now: Timestamp) -> Result<Vec<MintedToken>, MintError> {
    let Some(first) = grants.first() else { return Ok(Vec::new()) };
    let claims = grants.iter().map(|grant| encoded(grant, now)).collect::<Result<Vec<_>, _>>()?;
    let texts = ring.sign_all(KeyUse::Enrollment, &claims)?;
    let texts = texts.into_iter().map(bounded).collect::<Result<Vec<_>, _>>()?;
    let verified = verify_all(&texts, ring, &first.token.issuer, now).map_err(MintError::DoesNotVerify)?;
    let minted = texts.into_iter().zip(verified).zip(grants);
    minted.map(|((text, verified), grant)| agreed(text, verified, grant)).collect()
}

fn verify_all(
    texts: &[Secret<String>],
    ring: &KeyRing,
    issuer: &String,
    now: Timestamp,
) -> Result<Vec<Verified<Grant>>, VerifyError> {
    let tokens = texts.iter().map(|text| UnverifiedToken::parse(text.expose()));
    let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
    let answers = UnverifiedToken::authenticate_all(&tokens, ring.verifying(), slice::from_ref(issuer), &[]);
    let verified = answers.into_iter().map(|answer| match answer? {
        AuthenticatedToken::Enrollment(token) => token.at(now),
        AuthenticatedToken::Service(_) | AuthenticatedToken::Access(_) => Err(VerifyError::WrongType),
    });
    verified.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::id::KeyId;
    use crate::token::fixture::{NOW, grant, persistent_grant, ring, signing, with_terms};
    use crate::token::{STATUS_LIST_CAPACITY, SignError, Signer, mint, verify};

    fn numbered(count: u32) -> Vec<Grant> {
        let change = |index| {
            let mut grant = if index % 3 == 0 { persistent_grant() } else { grant() };
            grant.token.status.index = index;
            grant
        };
        (0..count).map(change).collect()
    }

    #[test]
    fn tokens_minted_together_equal_those_minted_alone() {
        let ring = ring();
        // More than one batch of signatures, and one that is checked one by one.
        for count in [0, 1, 2, 3, 130] {
            let grants = numbered(count);
            let minted = mint_all(&grants, &ring, NOW).unwrap();
            assert_eq!(minted.len(), grants.len());
            for (minted, grant) in minted.iter().zip(&grants) {
                assert_eq!(**minted.grant(), *grant);
                let alone = mint(grant, &ring, NOW).unwrap();
                assert_eq!(minted.text().expose(), alone.text().expose());
                let issuers = slice::from_ref(&grant.token.issuer);
                assert!(verify(minted.text().expose(), ring.verifying(), issuers, NOW).is_ok());
            }
        }
    }

    #[test]
    fn one_refused_grant_refuses_all() {
        let mut grants = numbered(5);
        grants[3].token.status.index = STATUS_LIST_CAPACITY;
        let refused = mint_all(&grants, &ring(), NOW).err();
        assert_eq!(refused, Some(MintError::IndexOutOfRange { index: STATUS_LIST_CAPACITY }));
        grants[3] = with_terms(|terms| terms.max_uses = Some(0));
        assert_eq!(mint_all(&grants, &ring(), NOW).err(), Some(MintError::NoUses));
    }

    /// A signer whose fourth signature is wrong.
    struct Faulty {
        signer: Arc<dyn Signer>,
        signed: AtomicUsize,
    }

    impl Signer for Faulty {
        fn key_id(&self) -> KeyId {
            self.signer.key_id()
        }

        fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
            let mut signature = self.signer.sign(message)?;
            signature[3] ^= u8::from(self.signed.fetch_add(1, Ordering::Relaxed) == 3);
            Ok(signature)
        }
    }

    #[test]
    fn one_bad_signature_refuses_all() {
        let ring = ring();
        let mut pairs = signing(&ring);
        let signer = Arc::clone(&pairs.enrollment.current);
        pairs.enrollment.current = Arc::new(Faulty { signer, signed: AtomicUsize::new(0) });
        let faulty = KeyRing::new(pairs, ring.verifying().clone()).unwrap();
        let refused = mint_all(&numbered(5), &faulty, NOW).err();
        assert_eq!(refused, Some(MintError::DoesNotVerify(VerifyError::BadSignature)));
        assert!(mint_all(&numbered(5), &faulty, NOW).is_ok());
    }
}
