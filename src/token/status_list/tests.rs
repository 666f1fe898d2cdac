use proptest::prelude::*;

use super::*;
use crate::token::fixture::{NOW, signed};
use crate::token::{KeyScope, Signer, SigningKey, VerifyingKey, header};

const URI: &str = "https://auth.example.org/status/0190a0b0-c0d0-7000-8000-0000000000dd";

fn read(text: &str, ring: &KeyRing) -> Result<SignedStatusList, StatusListError> {
    SignedStatusList::verify(text, URI, ring.verifying(), NOW)
}

/// A list of any claims at all, with a good signature.
fn forged(claims: &str, signer: &dyn Signer) -> String {
    let head = header::encode(KeyUse::StatusList, signer.key_id());
    signed(&format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims)), signer)
}

fn claims(lst: &[u8]) -> String {
    let (iat, lst) = (NOW.secs(), URL_SAFE_NO_PAD.encode(lst));
    let exp = iat + 600;
    format!(r#"{{"sub":"{URI}","iat":{iat},"exp":{exp},"ttl":30,"status_list":{{"bits":2,"lst":"{lst}"}}}}"#)
}

#[test]
fn the_array_has_the_layout_of_the_draft() {
    // The example of section 4.2 with two bits: 1 2 0 3 0 1 0 1 1 2 3 3.
    let mut list = StatusList::from_bytes(vec![0; 3]).unwrap();
    let statuses = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
    for (index, bits) in (0..).zip(statuses) {
        list.set(index, Status::from_bits(bits));
    }
    assert_eq!(list.0, [0xC9, 0x44, 0xF9]);
    assert_eq!((0..12).map(|index| list.get(index).unwrap().bits()).collect::<Vec<_>>(), statuses);
    assert_eq!(list.get(12), None, "beyond the end there is no status");
}

#[test]
fn a_signed_list_is_read_back() {
    let (ring, mut list) = (KeyRing::generate(), StatusList::default());
    list.set(7, Status::Revoked);
    list.set(STATUS_LIST_CAPACITY - 1, Status::Suspended);
    list.set(STATUS_LIST_CAPACITY, Status::Revoked);
    let text = list.sign(URI, &ring, NOW).unwrap();
    assert!(text.len() < 2048, "an almost empty list is {} bytes long", text.len());
    let read = read(&text, &ring).unwrap();
    assert_eq!((read.list(), read.ttl(), read.issued_at()), (&list, STATUS_LIST_TTL, NOW));
    assert_eq!(read.expires_at(), NOW.plus(STATUS_LIST_LIFE));
    assert_eq!(read.list().get(STATUS_LIST_CAPACITY - 1), Some(Status::Suspended));
    assert_eq!(read.list().get(STATUS_LIST_CAPACITY), None);
}

#[test]
fn a_list_of_random_bits_is_still_short_enough() {
    let ring = KeyRing::generate();
    let bytes = (0..WHOLE as u64).map(|index| (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8);
    let list = StatusList::from_bytes(bytes.collect()).unwrap();
    let text = list.sign(URI, &ring, NOW).unwrap();
    assert!(text.len() < MAX_STATUS_LIST_BYTES);
    assert_eq!(read(&text, &ring).unwrap().into_list(), list);
}

#[test]
fn an_expired_list_is_refused_unless_stored() {
    let ring = KeyRing::generate();
    let text = StatusList::default().sign(URI, &ring, NOW).unwrap();
    let at = |now| SignedStatusList::verify(&text, URI, ring.verifying(), now);
    let expired = NOW.plus(STATUS_LIST_LIFE);
    assert!(at(expired).is_ok());
    assert_eq!(at(expired.plus(LEEWAY)), Err(StatusListError::Expired { at: expired }));
    let early = Timestamp::from_secs(NOW.secs() - 61);
    assert_eq!(at(early), Err(StatusListError::NotYetValid { at: NOW }));
    assert!(SignedStatusList::authenticate(&text, URI, ring.verifying()).is_ok());
}

#[test]
fn a_list_for_another_address_is_refused() {
    let ring = KeyRing::generate();
    let text = StatusList::default().sign("https://auth.example.org/status/x", &ring, NOW).unwrap();
    let found = "https://auth.example.org/status/x".to_owned();
    assert_eq!(read(&text, &ring), Err(StatusListError::WrongUri { found }));
}

#[test]
fn a_list_signed_by_another_key_is_refused() {
    let (ring, other) = (KeyRing::generate(), KeyRing::generate());
    let text = StatusList::default().sign(URI, &other, NOW).unwrap();
    assert_eq!(read(&text, &ring), Err(StatusListError::UnknownKey));
    for usage in [KeyUse::Enrollment, KeyUse::Service] {
        let text = forged(&claims(&compress(&[0; 4])), &**ring.current(usage));
        assert_eq!(read(&text, &ring), Err(StatusListError::UnknownKey), "a key that signs {usage} tokens");
    }
    let good = StatusList::default().sign(URI, &ring, NOW).unwrap();
    let spoilt = good.replacen(".eyJ", ".eyj", 1);
    assert_eq!(read(&spoilt, &ring), Err(StatusListError::BadSignature));
}

#[test]
fn a_key_of_an_earlier_epoch_verifies_no_list() {
    let ring = KeyRing::generate();
    let text = StatusList::default().sign(URI, &ring, NOW).unwrap();
    let keys = ring.verifying().iter().map(|key| VerifyingKey { scope: KeyScope::PersistentOnly, ..*key });
    let keys = VerifyingKeys::new(keys.collect()).unwrap();
    assert_eq!(SignedStatusList::verify(&text, URI, &keys, NOW), Err(StatusListError::UnknownKey));
}

#[test]
fn a_key_of_status_lists_signs_no_tokens() {
    use crate::token::fixture::{claims_json, grant, issuers, signed_claims};
    let ring = KeyRing::generate();
    let text = signed_claims(claims_json(&grant()).as_bytes(), &**ring.current(KeyUse::StatusList));
    assert_eq!(crate::token::verify(&text, ring.verifying(), &issuers(), NOW), Err(VerifyError::UnknownKey));
}

#[test]
fn a_decompression_bomb_is_refused() {
    let ring = KeyRing::generate();
    let signer = &**ring.current(KeyUse::StatusList);
    let bomb = compress(&vec![0; 256 << 20]);
    assert_eq!(read(&forged(&claims(&bomb), signer), &ring), Err(StatusListError::TooLarge));
    let one_more = compress(&vec![0; WHOLE + 1]);
    assert_eq!(read(&forged(&claims(&one_more), signer), &ring), Err(StatusListError::TooLarge));
    let long = format!("{}.", "e".repeat(MAX_STATUS_LIST_BYTES));
    assert_eq!(read(&long, &ring), Err(StatusListError::TooLong));
}

#[test]
fn broken_compression_is_refused() {
    let ring = KeyRing::generate();
    let signer = &**ring.current(KeyUse::StatusList);
    let good = compress(&[7; 4000]);
    let mut checksum = good.clone();
    *checksum.last_mut().unwrap() ^= 1;
    let trailing = [&good[..], b"x"].concat();
    let twice = [&good[..], &good[..]].concat();
    for broken in [&b""[..], b"x", &good[..good.len() - 1], &checksum, &trailing, &twice] {
        let text = forged(&claims(broken), signer);
        assert_eq!(read(&text, &ring), Err(StatusListError::Compression), "{broken:?}");
    }
}

#[test]
fn claims_of_another_form_are_refused() {
    let ring = KeyRing::generate();
    let signer = &**ring.current(KeyUse::StatusList);
    let good = claims(&compress(&[0; 4]));
    assert!(read(&forged(&good, signer), &ring).is_ok());
    for wrong in [
        good.replace(r#""ttl":30,"#, ""),
        good.replace(r#""ttl":30,"#, r#""ttl":30,"ttl":30,"#),
        good.replace(r#""ttl":30,"#, r#""ttl":30,"more":1,"#),
        good.replace(r#""ttl":30"#, r#""ttl":-1"#),
        good.replace(r#""bits":2,"#, ""),
        good.replace(r#""bits":2"#, r#""bits":1"#),
        good.replace(r#""bits":2"#, r#""bits":2,"aggregation_uri":"x""#),
        good.replace(r#""iat":1"#, r#""iat":"1""#),
        good.replace(r#""lst":""#, r#""lst":"="#),
        "[]".to_owned(),
    ] {
        let refused = read(&forged(&wrong, signer), &ring);
        assert!(matches!(refused, Err(StatusListError::Malformed { .. })), "{wrong}: {refused:?}");
    }
}

#[test]
fn a_header_of_another_kind_is_refused() {
    let ring = KeyRing::generate();
    let signer = &**ring.current(KeyUse::StatusList);
    for typ in ["JWT", "role+jwt", "enroll+jwt", "application/statuslist+jwt"] {
        let head = format!(r#"{{"typ":"{typ}","alg":"EdDSA","kid":"{}"}}"#, signer.key_id());
        let body = URL_SAFE_NO_PAD.encode(claims(&compress(&[0; 4])));
        let text = signed(&format!("{}.{body}", URL_SAFE_NO_PAD.encode(head)), signer);
        assert_eq!(read(&text, &ring), Err(malformed("its typ is not statuslist+jwt")), "{typ}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let key = SigningKey::generate();
        let verifying = VerifyingKey::new(key.public(), KeyUse::StatusList, KeyScope::All).unwrap();
        let keys = VerifyingKeys::new(vec![verifying]).unwrap();
        let lossy = String::from_utf8_lossy(&bytes);
        let _ = SignedStatusList::verify(&lossy, URI, &keys, NOW);
        let _ = SignedStatusList::verify(&forged(&lossy, &key), URI, &keys, NOW);
        let _ = SignedStatusList::verify(&forged(&claims(&bytes), &key), URI, &keys, NOW);
        // A stream that begins well and goes on anyhow.
        let mut stream = compress(&bytes);
        let middle = stream.len() / 2;
        stream[middle] ^= 0x55;
        let _ = SignedStatusList::verify(&forged(&claims(&stream), &key), URI, &keys, NOW);
    }

    #[test]
    fn any_list_is_read_back(bytes in prop::collection::vec(any::<u8>(), 0..2000), index in 0u32..9000) {
        let ring = KeyRing::generate();
        let list = StatusList::from_bytes(bytes.clone()).unwrap();
        let back = read(&list.sign(URI, &ring, NOW).unwrap(), &ring).unwrap().into_list();
        prop_assert_eq!(back.get(index), list.get(index));
        prop_assert_eq!(back.get(index).is_some(), (index as usize) < bytes.len() * 4);
    }
}
