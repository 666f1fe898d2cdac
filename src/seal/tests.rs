use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

/// The secret `hunter2` of the documented key, place and nonce.
const DOCUMENTED: &str = "000102030405060708090a0b2f77b86fa097f0ae04b99a0665a50e8e956ccbda8b6a71";

fn key(number: u32) -> SealKey {
    SealKey::parse(SealKeyId::new(number), &SealKey::generate()).unwrap()
}

fn output(bits: u8) -> OutputId {
    OutputId::with(Timestamp::from_secs(1_900_000_000), &[bits; 10])
}

fn place(output: OutputId, field: &str, version: u64) -> SealedPlace<'_> {
    SealedPlace { output, field, version }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn opened(seal: &Seal, place: SealedPlace<'_>, sealed: &Sealed) -> Result<String, SealError> {
    seal.open(place, sealed).map(|secret| secret.expose().clone())
}

#[test]
fn a_sealed_secret_opens_at_its_place_alone() {
    let seal = Seal::new(vec![key(1)]);
    let here = place(output(1), "password", 3);
    let sealed = seal.seal(here, &secret("hunter2")).unwrap();
    assert_eq!(opened(&seal, here, &sealed).as_deref(), Ok("hunter2"));
    for elsewhere in [
        place(output(2), "password", 3),
        place(output(1), "key", 3),
        place(output(1), "passwor", 3),
        place(output(1), "password", 4),
        place(output(1), "", 3),
    ] {
        assert_eq!(opened(&seal, elsewhere, &sealed), Err(SealError::Damaged), "{elsewhere:?}");
    }
}

/// The bytes are those of AES-256-GCM as Python's cryptography computes them: nonce, ciphertext and tag.
#[test]
fn a_sealed_secret_has_the_documented_form() {
    let file = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let seal = Seal::new(vec![SealKey::parse(SealKeyId::FIRST, &secret(file)).unwrap()]);
    let output = OutputId::parse("0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081").unwrap();
    let bytes = crate::id::unhex(DOCUMENTED).unwrap();
    let sealed = Sealed { key: SealKeyId::FIRST, bytes };
    assert_eq!(opened(&seal, place(output, "password", 3), &sealed).as_deref(), Ok("hunter2"));
}

#[test]
fn a_lost_key_is_named() {
    let sealed = Seal::new(vec![key(1)]).seal(place(output(1), "key", 1), &secret("x")).unwrap();
    let other = Seal::new(vec![key(2)]);
    let why = opened(&other, place(output(1), "key", 1), &sealed).unwrap_err();
    assert_eq!(why, SealError::UnknownKey(SealKeyId::FIRST));
    assert!(why.to_string().contains("seal-1"), "{why}");
    let impostor = Seal::new(vec![key(1)]);
    assert_eq!(opened(&impostor, place(output(1), "key", 1), &sealed), Err(SealError::Damaged));
}

#[test]
fn the_newest_key_seals_again() {
    let (first, here) = (SealKey::generate(), place(output(1), "key", 1));
    let parse = |number, text| SealKey::parse(SealKeyId::new(number), text).unwrap();
    let sealed = Seal::new(vec![parse(1, &first)]).seal(here, &secret("hunter2")).unwrap();
    let second = SealKey::generate();
    let again = Seal::new(vec![parse(1, &first), parse(2, &second)]).reseal(here, &sealed).unwrap();
    assert_eq!(again.key, SealKeyId::new(2));
    let newest = Seal::new(vec![parse(2, &second)]);
    assert_eq!(opened(&newest, here, &again).as_deref(), Ok("hunter2"));
}

#[test]
fn the_same_secret_is_sealed_differently_each_time() {
    let seal = Seal::new(vec![key(1)]);
    let sealed = || seal.seal(place(output(1), "key", 1), &secret("hunter2")).unwrap().bytes;
    assert_ne!(sealed(), sealed());
}

#[test]
fn a_damaged_key_file_is_refused() {
    let file = SealKey::generate();
    let text = file.expose();
    for wrong in ["", "AAEC", &format!("{text}AAAA"), &format!("{text}="), &text[1..]] {
        assert!(SealKey::parse(SealKeyId::FIRST, &secret(wrong)).is_none(), "{wrong}");
    }
    assert!(
        SealKey::parse(SealKeyId::FIRST, &secret(&format!("{text}\n"))).is_some(),
        "an editor adds a newline"
    );
    assert!(matches!(
        Seal::default().seal(place(output(1), "key", 1), &secret("x")),
        Err(SealError::Unsealable)
    ));
}

proptest! {
    #[test]
    fn every_changed_byte_is_noticed(text in ".{0,80}", at: prop::sample::Index, change in 1_u8..) {
        let seal = Seal::new(vec![key(1)]);
        let here = place(output(1), "key", 1);
        let mut sealed = seal.seal(here, &secret(&text)).unwrap();
        prop_assert_eq!(opened(&seal, here, &sealed), Ok(text));
        let at = at.index(sealed.bytes.len());
        sealed.bytes[at] ^= change;
        prop_assert_eq!(opened(&seal, here, &sealed), Err(SealError::Damaged));
        sealed.bytes.truncate(at);
        prop_assert_eq!(opened(&seal, here, &sealed), Err(SealError::Damaged));
    }
}
