//! A valid grant, with one change in each test.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::name::{DnsPattern, Role};
use crate::token::Signer;
use crate::token::fixture::*;

fn refused(change: impl FnOnce(&mut Grant)) -> MintError {
    let mut grant = grant();
    change(&mut grant);
    mint(&grant, &ring(), NOW).unwrap_err()
}

fn roles(count: usize) -> Vec<Role> {
    (0..count).map(|n| Role::parse(&format!("role-{n}")).unwrap()).collect()
}

fn patterns(count: usize, length: usize) -> Vec<DnsPattern> {
    (0..count)
        .map(|n| DnsPattern::parse(&format!("{}.{n:02}.example.org", "a".repeat(length))).unwrap())
        .collect()
}

#[test]
fn a_minted_token_is_verified_first() {
    let (ring, grant) = (ring(), grant());
    let minted = mint(&grant, &ring, NOW).unwrap();
    assert_eq!(**minted.grant(), grant);
    assert_eq!(minted.signing_key(), ring.current(KeyUse::Enrollment).key_id());
    assert_eq!(minted.text().expose().split('.').count(), 3);
}

#[test]
fn a_minted_token_does_not_show_its_text() {
    let minted = mint(&grant(), &ring(), NOW).unwrap();
    let shown = format!("{minted:?}");
    assert!(!shown.contains("eyJ"), "{shown}");
    assert!(!shown.contains(minted.text().expose().rsplit('.').next().unwrap()));
}

#[test]
fn a_token_carries_32_roles_and_16_patterns() {
    let most = with_terms(|terms| {
        terms.roles = roles(32);
        terms.bindings.dns_names = patterns(16, 10);
    });
    assert!(mint(&most, &ring(), NOW).is_ok());
    assert_eq!(refused(|grant| grant.terms.roles = roles(33)), MintError::TooManyRoles { count: 33 });
    assert_eq!(
        refused(|grant| grant.terms.bindings.dns_names = patterns(17, 10)),
        MintError::TooManyPatterns { count: 17 }
    );
}

#[test]
fn a_token_longer_than_3_kib_is_refused() {
    let error = refused(|grant| {
        grant.terms.roles =
            (10..42).map(|n| Role::parse(&format!("{}{n}", "r".repeat(62))).unwrap()).collect();
    });
    let MintError::TooLong { length } = error else { panic!("{error}") };
    assert!(length > MAX_MINT_BYTES);
}

#[test]
fn a_token_without_uses_is_refused() {
    assert_eq!(refused(|grant| grant.terms.max_uses = Some(0)), MintError::NoUses);
}

#[test]
fn an_ephemeral_token_without_expiry_is_not_minted() {
    assert_eq!(refused(|grant| grant.terms.expires_at = None), MintError::NoExpiry);
}

#[test]
fn an_expired_token_is_not_minted() {
    let expires_at = NOW;
    assert_eq!(refused(|grant| grant.terms.expires_at = Some(NOW)), MintError::AlreadyExpired { expires_at });
}

#[test]
fn a_token_that_expires_before_it_begins_is_refused() {
    let error = refused(|grant| grant.not_before = NOW.plus(Duration::from_secs(901)));
    assert_eq!(
        error,
        MintError::DoesNotVerify(VerifyError::Malformed { why: "it expires before it begins" })
    );
}

#[test]
fn a_token_from_the_future_is_refused() {
    let error = refused(|grant| grant.issued_at = NOW.plus(Duration::from_secs(61)));
    assert_eq!(error, MintError::DoesNotVerify(VerifyError::NotYetValid));
}

#[test]
fn times_that_a_token_cannot_carry_are_refused() {
    for at in [
        Timestamp::from_millis(NOW.millis() + 1),
        Timestamp::from_secs(0),
        Timestamp::from_secs(-1),
        Timestamp::from_secs(253_402_300_800),
        Timestamp::from_millis(i64::MAX),
    ] {
        let wrong = MintError::UnusableTime { at };
        assert_eq!(refused(|grant| grant.issued_at = at), wrong);
        assert_eq!(refused(|grant| grant.not_before = at), wrong);
        assert_eq!(refused(|grant| grant.terms.expires_at = Some(at)), wrong);
    }
}

#[test]
fn an_index_beyond_the_list_is_refused() {
    let index = STATUS_LIST_CAPACITY;
    assert_eq!(refused(|grant| grant.token.status.index = index), MintError::IndexOutOfRange { index });
}

#[test]
fn an_unreadable_issuer_is_refused() {
    let wrong = MintError::DoesNotVerify(VerifyError::Malformed { why: "its iss is not a URL" });
    assert_eq!(refused(|grant| grant.token.issuer = String::new()), wrong);
    assert_eq!(refused(|grant| grant.token.issuer = "https://auth example.org".to_owned()), wrong);
}

/// A signer that fails.
struct Broken {
    id: KeyId,
    answer: Result<[u8; 64], SignError>,
}

impl Signer for Broken {
    fn key_id(&self) -> KeyId {
        self.id
    }

    fn sign(&self, _message: &[u8]) -> Result<[u8; 64], SignError> {
        self.answer.clone()
    }
}

fn mint_with(answer: impl FnOnce(KeyId) -> Result<[u8; 64], SignError>) -> MintError {
    let ring = ring();
    let id = ring.current(KeyUse::Enrollment).key_id();
    let broken = Arc::new(Broken { id, answer: answer(id) });
    let mut signing = signing(&ring);
    signing.enrollment.current = broken;
    let ring = KeyRing::new(signing, ring.verifying().clone()).unwrap();
    mint(&grant(), &ring, NOW).unwrap_err()
}

#[test]
fn a_signer_that_fails_mints_nothing() {
    let unavailable = |id| SignError::Unavailable { id, detail: "no device".to_owned() };
    assert!(matches!(mint_with(|id| Err(unavailable(id))), MintError::Sign(SignError::Unavailable { .. })));
}

#[test]
fn a_signer_that_signs_wrongly_mints_nothing() {
    assert_eq!(mint_with(|_| Ok([0; 64])), MintError::DoesNotVerify(VerifyError::BadSignature));
}
