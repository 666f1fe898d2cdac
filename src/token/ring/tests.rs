use super::*;

fn without(ring: &KeyRing, id: KeyId) -> VerifyingKeys {
    VerifyingKeys::new(ring.verifying().iter().filter(|key| key.id != id).cloned().collect()).unwrap()
}

fn with(ring: &KeyRing, id: KeyId, change: impl Fn(&mut VerifyingKey)) -> VerifyingKeys {
    let keys = ring.verifying().iter().cloned().map(|mut key| {
        if key.id == id {
            change(&mut key);
        }
        key
    });
    VerifyingKeys::new(keys.collect()).unwrap()
}

#[test]
fn every_use_has_a_pair_of_its_own() {
    let ring = KeyRing::generate();
    let mut ids = KeyUse::ALL.map(|usage| ring.current(usage).key_id()).to_vec();
    ids.extend(KeyUse::ALL.map(|usage| ring.prepared(usage)));
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), ring.verifying().iter().count()), (8, 8));
}

#[test]
fn a_ring_whose_tokens_nobody_would_accept_is_refused() {
    let ring = KeyRing::generate();
    for usage in KeyUse::ALL {
        for id in [ring.current(usage).key_id(), ring.prepared(usage)] {
            let made = |verifying| KeyRing::new(ring.signing.clone(), verifying).unwrap_err();
            assert_eq!(made(without(&ring, id)), KeyError::NotVerifying { id });
            let old = with(&ring, id, |key| key.scope = KeyScope::PersistentOnly);
            assert_eq!(made(old), KeyError::PersistentOnly { id });
            let other = if usage == KeyUse::Service { KeyUse::StatusList } else { KeyUse::Service };
            let strange = with(&ring, id, |key| key.usage = other);
            assert_eq!(made(strange), KeyError::WrongUse { id, usage });
        }
    }
}

#[test]
fn the_prepared_key_is_not_the_current_one() {
    let ring = KeyRing::generate();
    let mut signing = ring.signing.clone();
    signing.service.prepared = signing.service.current.key_id();
    let id = signing.service.prepared;
    let refused = KeyRing::new(signing, ring.verifying().clone()).unwrap_err();
    assert_eq!(refused, KeyError::PreparedIsCurrent { id });
}
