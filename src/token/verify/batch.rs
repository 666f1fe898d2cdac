//! Many signatures checked together, which costs half of checking them one by one (docs/performance.md).
//!
//! The check is a sum of the single checks. Each is multiplied by a random number of 128 bits, derived from all inputs (RFC
//! 8032 section 8.9). It passes if each check passes, and fails with near certainty if one fails. It does not show
//! which one fails: then each signature is checked alone. The two methods differ only for signatures that the holder of the
//! private key crafted for that, and the holder is this authority.

use ed25519_dalek::{Signature, verify_batch};

use super::{AuthenticatedToken, UnverifiedToken, VerifyError};
use crate::id::KeyId;
use crate::token::key::{VerifyingKey, VerifyingKeys};

/// Maximum batch: above it a failure costs more, and a success gains little.
const TOGETHER: usize = 128;
/// Minimum batch: fewer are checked one by one.
const WORTH_IT: usize = 3;

/// The public keys of one call as points of the curve, each decompressed once.
#[derive(Default)]
struct Points(Vec<(KeyId, ed25519_dalek::VerifyingKey)>);

impl Points {
    fn of(&mut self, key: &VerifyingKey) -> Option<ed25519_dalek::VerifyingKey> {
        if let Some((_, point)) = self.0.iter().find(|(id, _)| *id == key.id) {
            return Some(*point);
        }
        let point = ed25519_dalek::VerifyingKey::from_bytes(&key.public).ok()?;
        self.0.push((key.id, point));
        Some(point)
    }
}

impl UnverifiedToken<'_> {
    /// [`UnverifiedToken::authenticate_any`] for each of `tokens`, in their order.
    pub fn authenticate_all(
        tokens: &[Self],
        keys: &VerifyingKeys,
        issuers: &[String],
        audiences: &[String],
    ) -> Vec<Result<AuthenticatedToken, VerifyError>> {
        let mut points = Points::default();
        let mut answers = Vec::with_capacity(tokens.len());
        for some in tokens.chunks(TOGETHER) {
            let good = some.len() >= WORTH_IT && all_good(some, keys, &mut points);
            answers.extend(some.iter().map(|token| {
                let key = if good { token.known_key(keys) } else { token.signer(keys) };
                token.judged(key?, issuers, audiences)
            }));
        }
        answers
    }

    /// The key that the header names, if it is known for this kind of token.
    fn known_key<'k>(&self, keys: &'k VerifyingKeys) -> Result<&'k VerifyingKey, VerifyError> {
        keys.get(self.signing_key).filter(|key| key.usage == self.usage).ok_or(VerifyError::UnknownKey)
    }
}

/// Returns true if every token with a known key was signed by it.
fn all_good(tokens: &[UnverifiedToken<'_>], keys: &VerifyingKeys, points: &mut Points) -> bool {
    let known = tokens.iter().filter_map(|token| Some((token, points.of(token.known_key(keys).ok()?)?)));
    let (tokens, points): (Vec<_>, Vec<_>) = known.unzip();
    let messages = tokens.iter().map(|token| token.signed.as_bytes()).collect::<Vec<_>>();
    let signatures = tokens.iter().map(|token| Signature::from_bytes(&token.signature)).collect::<Vec<_>>();
    verify_batch(&messages, &signatures, &points).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::token::fixture::{AUDIENCE, NOW, grant, issuers, ring, service_grant, token};
    use crate::token::{KeyRing, mint_service};

    /// The kinds of token in a batch.
    #[derive(Clone, Copy, Debug)]
    enum Sort {
        Enrollment,
        Service,
        OtherAudience,
        BrokenSignature,
        OtherClaims,
        UnknownKey,
        StatusList,
    }

    const SORTS: [Sort; 7] = [
        Sort::Enrollment,
        Sort::Service,
        Sort::OtherAudience,
        Sort::BrokenSignature,
        Sort::OtherClaims,
        Sort::UnknownKey,
        Sort::StatusList,
    ];

    fn service(ring: &KeyRing, audience: &str, index: u32) -> String {
        let mut grant = service_grant();
        grant.audience = audience.to_owned();
        grant.token.status.index = index;
        mint_service(&grant, ring, NOW).unwrap().into_text().expose().clone()
    }

    fn text(sort: Sort, index: u32, ring: &KeyRing, other: &KeyRing) -> String {
        let good = service(ring, AUDIENCE, index);
        let (signed, signature) = good.rsplit_once('.').unwrap();
        match sort {
            Sort::Enrollment => token(&grant(), ring),
            Sort::Service => good,
            Sort::OtherAudience => service(ring, "urn:example:other", index),
            Sort::BrokenSignature => {
                let first = if signature.starts_with('A') { "B" } else { "A" };
                format!("{signed}.{first}{}", &signature[1..])
            }
            Sort::OtherClaims => {
                let another = service(ring, AUDIENCE, index + 1);
                format!("{}.{signature}", another.rsplit_once('.').unwrap().0)
            }
            Sort::UnknownKey => service(other, AUDIENCE, index),
            Sort::StatusList => {
                let key = ring.current(crate::token::KeyUse::StatusList);
                let header = crate::token::header::encode(crate::token::KeyUse::StatusList, key.key_id());
                crate::token::fixture::signed(&format!("{header}.e30"), key.as_ref())
            }
        }
    }

    fn agree(sorts: &[Sort]) {
        let (ring, other) = (ring(), ring());
        let texts = sorts.iter().zip(0..).map(|(sort, index)| text(*sort, index, &ring, &other));
        let texts = texts.collect::<Vec<_>>();
        let tokens = texts.iter().map(|text| UnverifiedToken::parse(text).unwrap()).collect::<Vec<_>>();
        let (issuers, audiences) = (issuers(), [AUDIENCE.to_owned()]);
        let single =
            tokens.iter().map(|token| token.authenticate_any(ring.verifying(), &issuers, &audiences));
        let single = single.collect::<Vec<_>>();
        let together = UnverifiedToken::authenticate_all(&tokens, ring.verifying(), &issuers, &audiences);
        assert_eq!(together, single);
        for (sort, answer) in sorts.iter().zip(together) {
            let good = matches!(sort, Sort::Enrollment | Sort::Service);
            assert_eq!(answer.is_ok(), good, "{sort:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn batch_and_single_checks_agree_on_mixed_tokens(
            sorts in prop::collection::vec(prop::sample::select(&SORTS[..]), 0..20),
        ) {
            agree(&sorts);
        }
    }

    #[test]
    fn batch_and_single_checks_agree_on_many_valid_tokens() {
        agree(&[Sort::Service; 8]);
        let mut many = [Sort::Service; TOGETHER + 5];
        many[TOGETHER + 1] = Sort::BrokenSignature;
        agree(&many);
    }
}
