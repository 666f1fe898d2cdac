//! Verification, updates, staleness and snapshots.

use std::sync::Mutex;

use super::*;
use crate::id::{ListId, TokenId};
use crate::name::Role;
use crate::token::{KeyRing, KeyUse, StatusList, TokenRef, mint_service};

const ISSUER: &str = "https://gate.example.org";
const AUDIENCE: &str = "https://jobs.example.org";
const NOW: Timestamp = Timestamp::from_secs(1_893_456_000);

struct World {
    ring: KeyRing,
    list: ListId,
    verifier: Verifier,
}

impl World {
    fn new(verifier: Verifier) -> Self {
        let world = Self { ring: KeyRing::generate(), list: ListId::generate(NOW), verifier };
        world.verifier.update_keys(&world.jwks(), NOW).unwrap();
        world.publish(&[], NOW).unwrap();
        world
    }

    fn jwks(&self) -> String {
        self.ring.verifying().to_jwks()
    }

    fn uri(&self) -> String {
        status_uri(ISSUER, self.list)
    }

    fn signed(&self, changes: &[(u32, Status)], at: Timestamp) -> String {
        let mut list = StatusList::default();
        for (index, status) in changes {
            list.set(*index, *status);
        }
        list.sign(&self.uri(), &self.ring, at).unwrap()
    }

    fn publish(&self, changes: &[(u32, Status)], at: Timestamp) -> Result<(), ListUpdateError> {
        self.verifier.update_list(&self.uri(), &self.signed(changes, at), at)
    }

    fn grant(&self) -> ServiceGrant {
        ServiceGrant {
            token: self.token_ref(7),
            audience: AUDIENCE.to_owned(),
            issued_at: NOW,
            not_before: NOW,
            expires_at: after(3600),
            roles: vec![Role::parse("allocator").unwrap()],
        }
    }

    fn token_ref(&self, index: u32) -> TokenRef {
        let status = StatusRef { list: self.list, index };
        TokenRef { id: TokenId::generate(NOW), issuer: ISSUER.to_owned(), status }
    }

    fn token(&self) -> String {
        self.minted(&self.grant())
    }

    fn minted(&self, grant: &ServiceGrant) -> String {
        mint_service(grant, &self.ring, NOW).unwrap().into_text().expose().clone()
    }
}

fn verifier() -> Verifier {
    Verifier::new(ISSUER, AUDIENCE)
}

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

#[test]
fn a_valid_token_is_accepted_repeatedly() {
    let world = World::new(verifier());
    let token = world.token();
    for _ in 0..3 {
        assert!(world.verifier.verify(&token, NOW).unwrap().has_role("allocator"));
    }
}

#[test]
fn an_empty_verifier_refuses_and_reports_missing_keys() {
    let world = World::new(verifier());
    let (token, fresh) = (world.token(), verifier());
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    fresh.on_missing(move |missing| tell.lock().unwrap().push(missing));
    assert_eq!(fresh.verify(&token, NOW), Err(Refusal::NoKeys));
    assert_eq!(fresh.update_list(&world.uri(), &world.signed(&[], NOW), NOW), Err(ListUpdateError::NoKeys));
    fresh.update_keys(&KeyRing::generate().verifying().to_jwks(), NOW).unwrap();
    assert_eq!(fresh.verify(&token, NOW), Err(Refusal::Token(VerifyError::UnknownKey)));
    fresh.update_keys(&world.jwks(), NOW).unwrap();
    let uri = world.uri();
    assert_eq!(fresh.verify(&token, NOW), Err(Refusal::UnknownList { uri: uri.clone() }));
    assert!(Refusal::UnknownList { uri: uri.clone() }.is_unavailable());
    let key = world.ring.current(KeyUse::Service).key_id();
    assert_eq!(*told.lock().unwrap(), [Missing::Key(key), Missing::List(uri)]);
}

#[test]
fn the_list_decides_about_a_cached_token() {
    let world = World::new(verifier());
    let token = world.token();
    assert!(world.verifier.verify(&token, NOW).is_ok());
    for (seconds, status, refusal) in [
        (1, Status::Suspended, Refusal::Suspended),
        (2, Status::UsedUp, Refusal::UsedUp),
        (3, Status::Revoked, Refusal::Revoked),
    ] {
        world.publish(&[(7, status)], after(seconds)).unwrap();
        assert_eq!(world.verifier.verify(&token, after(seconds)), Err(refusal));
    }
}

#[test]
fn an_index_beyond_the_list_is_refused() {
    let world = World::new(verifier());
    let short =
        StatusList::from_bytes(vec![0; 1]).unwrap().sign(&world.uri(), &world.ring, after(1)).unwrap();
    world.verifier.update_list(&world.uri(), &short, after(1)).unwrap();
    assert_eq!(world.verifier.verify(&world.token(), after(1)), Err(Refusal::NoEntry));
}

#[test]
fn stale_keys_and_lists_are_refused_until_confirmed() {
    let world = World::new(verifier());
    let token = world.token();
    assert!(world.verifier.verify(&token, after(300)).is_ok());
    let (late, age) = (after(301), Duration::from_secs(301));
    assert_eq!(world.verifier.verify(&token, late), Err(Refusal::StaleKeys { age }));
    world.verifier.confirm_keys(late);
    assert_eq!(world.verifier.verify(&token, late), Err(Refusal::StaleList { age }));
    assert!(Refusal::StaleList { age }.is_unavailable());
    world.verifier.confirm_list(&world.uri(), late);
    assert!(world.verifier.verify(&token, late).is_ok());
}

#[test]
fn a_verifier_that_fails_open_accepts_stale_keys() {
    let world = World::new(verifier().fail_open());
    let token = world.token();
    world.publish(&[(9, Status::Revoked)], after(1)).unwrap();
    assert!(world.verifier.verify(&token, after(3000)).is_ok());
    let revoked = ServiceGrant { token: world.token_ref(9), ..world.grant() };
    assert_eq!(world.verifier.verify(&world.minted(&revoked), after(3000)), Err(Refusal::Revoked));
}

#[test]
fn an_invalid_list_does_not_replace_a_valid_one() {
    let world = World::new(verifier());
    let (token, uri) = (world.token(), world.uri());
    let bad = |list: &str| world.verifier.update_list(&uri, list, after(700)).unwrap_err();
    assert!(matches!(bad("x"), ListUpdateError::List(StatusListError::Malformed { .. })));
    let expired = world.signed(&[], NOW);
    assert!(matches!(bad(&expired), ListUpdateError::List(StatusListError::Expired { .. })));
    let foreign = StatusList::default().sign(&uri, &KeyRing::generate(), after(700)).unwrap();
    assert_eq!(bad(&foreign), ListUpdateError::List(StatusListError::UnknownKey));
    let elsewhere = status_uri("https://other.example.org", world.list);
    let wrong = world.verifier.update_list(&elsewhere, &expired, NOW).unwrap_err();
    assert!(matches!(wrong, ListUpdateError::List(StatusListError::WrongUri { .. })));
    assert!(world.verifier.verify(&token, after(200)).is_ok());
}

#[test]
fn a_list_that_has_expired_cannot_be_confirmed() {
    let world = World::new(verifier());
    let token = ServiceGrant { expires_at: after(7200), ..world.grant() };
    let token = world.minted(&token);
    let let_in = |seconds| {
        world.verifier.confirm_keys(after(seconds));
        world.verifier.confirm_list(&world.uri(), after(seconds));
        world.verifier.verify(&token, after(seconds)).is_ok()
    };
    let last = (0..1200).step_by(30).take_while(|seconds| let_in(*seconds)).last();
    // Good for ten minutes and leeway, and then for as long as anything is believed that nobody confirms.
    assert_eq!(last, Some(930));
}

#[test]
fn a_list_from_a_clock_ahead_is_replaced() {
    let world = World::new(verifier());
    let (token, ahead) = (world.token(), after(7200));
    world.verifier.update_keys(&world.jwks(), ahead).unwrap();
    world.publish(&[], ahead).unwrap();
    assert!(matches!(world.verifier.verify(&token, after(1)), Err(Refusal::StaleKeys { .. })));
    world.verifier.confirm_keys(after(1));
    assert!(matches!(world.verifier.verify(&token, after(1)), Err(Refusal::StaleList { .. })));
    world.publish(&[(7, Status::Revoked)], after(1)).unwrap();
    assert_eq!(world.verifier.verify(&token, after(1)), Err(Refusal::Revoked));
}

#[test]
fn an_older_list_does_not_undo_a_revocation() {
    let world = World::new(verifier());
    world.publish(&[(7, Status::Revoked)], after(10)).unwrap();
    let old = world.verifier.update_list(&world.uri(), &world.signed(&[], after(5)), after(11));
    assert_eq!(old, Err(ListUpdateError::Older { found: after(5), held: after(10) }));
    assert_eq!(world.verifier.verify(&world.token(), after(11)), Err(Refusal::Revoked));
}

#[test]
fn a_pushed_revocation_outlives_a_cached_list() {
    let world = World::new(verifier());
    let (token, uri) = (world.token(), world.uri());
    assert_eq!(world.verifier.apply(&uri, &[(7, Status::Revoked)], after(10)), Pushed::Applied);
    assert_eq!(world.verifier.verify(&token, after(10)), Err(Refusal::Revoked));
    // Signed before the push, or in its second, and held back by a cache.
    world.publish(&[], after(10)).unwrap();
    assert_eq!(world.verifier.verify(&token, after(11)), Err(Refusal::Revoked));
    // Long after it, the list is right.
    world.publish(&[], after(80)).unwrap();
    assert!(world.verifier.verify(&token, after(81)).is_ok());
}

#[test]
fn a_pushed_change_makes_no_token_valid() {
    let world = World::new(verifier());
    let uri = world.uri();
    world.verifier.apply(&uri, &[(7, Status::Suspended)], after(1));
    assert_eq!(world.verifier.apply(&uri, &[(7, Status::Valid)], after(2)), Pushed::FetchList);
    assert_eq!(world.verifier.verify(&world.token(), after(2)), Err(Refusal::Suspended));
    world.publish(&[], after(3)).unwrap();
    assert!(world.verifier.verify(&world.token(), after(3)).is_ok());
    let unknown = status_uri(ISSUER, ListId::generate(NOW));
    assert_eq!(world.verifier.apply(&unknown, &[(7, Status::Revoked)], NOW), Pushed::FetchList);
}

#[test]
fn a_retired_key_drops_its_cached_tokens() {
    let world = World::new(verifier());
    let token = world.token();
    assert!(world.verifier.verify(&token, NOW).is_ok());
    world.verifier.update_keys(&world.jwks(), after(1)).unwrap();
    assert_eq!(world.verifier.keys_confirmed_at(), Some(after(1)));
    world.verifier.update_keys(&KeyRing::generate().verifying().to_jwks(), after(2)).unwrap();
    assert_eq!(world.verifier.verify(&token, after(2)), Err(Refusal::Token(VerifyError::UnknownKey)));
}

#[test]
fn an_invalid_key_set_is_not_taken() {
    let world = World::new(verifier());
    let jwks = world.jwks();
    let private = jwks.replacen(r#""kty":"OKP""#, r#""kty":"OKP","d":"AA""#, 1);
    assert!(matches!(world.verifier.update_keys(&private, NOW), Err(KeyError::Jwks { .. })));
    let first = jwks.split(r#"{"keys":["#).nth(1).unwrap().split_inclusive('}').next().unwrap();
    let twice = jwks.replacen(r#"{"keys":["#, &format!(r#"{{"keys":[{first},"#), 1);
    assert!(matches!(world.verifier.update_keys(&twice, NOW), Err(KeyError::Duplicate { .. })));
    assert!(world.verifier.verify(&world.token(), NOW).is_ok());
}

#[test]
fn tokens_for_another_service_are_refused() {
    let world = World::new(verifier());
    let grant = ServiceGrant { audience: "https://other.example.org".to_owned(), ..world.grant() };
    let refused = world.verifier.verify(&world.minted(&grant), NOW);
    assert_eq!(refused, Err(Refusal::Token(VerifyError::WrongAudience)));
    let mut former = world.grant();
    former.token.issuer = "https://old.example.org".to_owned();
    let refused = world.verifier.verify(&world.minted(&former), NOW);
    assert_eq!(refused, Err(Refusal::Token(VerifyError::WrongIssuer)));
    let both = World { verifier: verifier().former_issuer("https://old.example.org"), ..world };
    both.verifier.update_keys(&both.jwks(), NOW).unwrap();
    both.publish(&[], NOW).unwrap();
    assert!(both.verifier.verify(&both.minted(&former), NOW).is_ok());
}

#[test]
fn a_dropped_list_is_unknown_again() {
    let world = World::new(verifier());
    world.verifier.drop_list(&world.uri());
    assert_eq!(world.verifier.verify(&world.token(), NOW), Err(Refusal::UnknownList { uri: world.uri() }));
}

#[test]
fn a_resumed_snapshot_keeps_its_age() {
    let world = World::new(verifier());
    world.verifier.apply(&world.uri(), &[(9, Status::Revoked)], after(10));
    let snapshot = world.verifier.snapshot().unwrap();
    let restarted = verifier();
    restarted.resume(&snapshot, after(100)).unwrap();
    assert!(restarted.verify(&world.token(), after(100)).is_ok());
    let pushed = ServiceGrant { token: world.token_ref(9), ..world.grant() };
    assert_eq!(restarted.verify(&world.minted(&pushed), after(100)), Err(Refusal::Revoked));
    let age = Duration::from_secs(301);
    assert_eq!(restarted.verify(&world.token(), after(301)), Err(Refusal::StaleKeys { age }));
    assert_eq!(restarted.snapshot().map(|text| text.len()), Some(snapshot.len()));
}

#[test]
fn a_changed_or_foreign_snapshot_is_refused() {
    let world = World::new(verifier());
    let snapshot = world.verifier.snapshot().unwrap();
    let fresh = verifier();
    assert_eq!(fresh.resume("{}", NOW), Err(SnapshotError::Malformed));
    let spoilt = snapshot.replacen(".eyJ", ".eyj", 1);
    assert_eq!(fresh.resume(&spoilt, NOW), Err(SnapshotError::List(StatusListError::BadSignature)));
    let early = Timestamp::from_secs(NOW.secs() - 61);
    assert_eq!(fresh.resume(&snapshot, early), Err(SnapshotError::FromTheFuture { at: NOW }));
    let other = Verifier::new("https://other.example.org", AUDIENCE);
    assert_eq!(other.resume(&snapshot, NOW), Err(SnapshotError::OtherIssuer { found: ISSUER.to_owned() }));
    assert_eq!((fresh.snapshot(), fresh.verify(&world.token(), NOW)), (None, Err(Refusal::NoKeys)));
}
