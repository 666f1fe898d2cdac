use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;

const FILE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn key(number: u32, text: &str) -> FleetKey {
    FleetKey::parse(FleetKeyId::new(number), &Secret::new(text.to_owned())).unwrap()
}

fn fresh(number: u32) -> FleetKey {
    FleetKey::parse(FleetKeyId::new(number), &FleetKey::generate()).unwrap()
}

fn token(bits: [u8; 10]) -> TokenId {
    TokenId::with(Timestamp::from_secs(1_900_000_000), &bits)
}

/// Computed by Python's hmac module: base64url(HMAC-SHA-256(key, "gatepass fleet 1" ‖ id)), 22 characters of it.
#[test]
fn an_api_key_is_the_documented_one() {
    let id = TokenId::parse("0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081").unwrap();
    let keys = FleetKeys::new(vec![key(1, FILE)]);
    let api_key = keys.api_key(FleetKeyId::FIRST, id).unwrap();
    let pair = String::from_utf8(STANDARD.decode(api_key.expose()).unwrap()).unwrap();
    assert_eq!(pair, "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081:ThGYMU9dS7kXt7usYTDpuy");
    assert_eq!(api_key.expose().len(), TEXT_LENGTH);
}

#[test]
fn only_the_key_of_the_token_proves_it() {
    let keys = FleetKeys::new(vec![fresh(1), fresh(2), fresh(3)]);
    for number in 1..=3 {
        let id = token(random());
        let text = keys.api_key(FleetKeyId::new(number), id).unwrap();
        let proven = keys.prove(&UnprovenApiKey::parse(text.expose()).unwrap()).unwrap();
        assert_eq!((proven.token(), proven.key()), (id, FleetKeyId::new(number)));
        let others = FleetKeys::new(vec![fresh(number)]);
        assert!(others.prove(&UnprovenApiKey::parse(text.expose()).unwrap()).is_none());
    }
    assert!(keys.api_key(FleetKeyId::new(4), token([0; 10])).is_none());
}

#[test]
fn the_secret_of_another_token_proves_nothing() {
    let keys = FleetKeys::new(vec![key(1, FILE)]);
    let [one, other] = [token([1; 10]), token([2; 10])];
    let text = keys.api_key(FleetKeyId::FIRST, one).unwrap();
    let pair = String::from_utf8(STANDARD.decode(text.expose()).unwrap()).unwrap();
    let moved = STANDARD.encode(pair.replace(&one.to_string(), &other.to_string()));
    assert!(keys.prove(&UnprovenApiKey::parse(&moved).unwrap()).is_none());
}

#[test]
fn an_api_key_has_one_spelling() {
    let id = token([7; 10]);
    let text = FleetKeys::new(vec![key(1, FILE)]).api_key(FleetKeyId::FIRST, id).unwrap().expose().clone();
    let pair = |pair: String| STANDARD.encode(pair);
    let secret = "abcdefghijklmnopqrstuv";
    for wrong in [
        String::new(),
        text.trim_end_matches('=').to_owned(),
        format!("{text}="),
        format!(" {text}"),
        text.replace('=', "A"),
        text.to_uppercase(),
        pair(format!("{}:{secret}", id.to_string().to_uppercase())),
        pair(format!("{id}:{}", &secret[1..])),
        pair(format!("{id};{secret}")),
        pair(format!("{id}:abcdefghijklmnopqrst\u{e9}")),
        pair(format!("{id}:abcdefghijklmnopqrstu ")),
        pair(format!("{}:{secret}", "0".repeat(36))),
        "\u{e9}".repeat(40),
    ] {
        assert!(UnprovenApiKey::parse(&wrong).is_none(), "{wrong}");
    }
    assert!(UnprovenApiKey::parse(&pair(format!("{id}:{secret}"))).is_some());
}

#[test]
fn a_damaged_key_file_is_refused() {
    let parse = |text: &str| FleetKey::parse(FleetKeyId::FIRST, &Secret::new(text.to_owned()));
    for wrong in ["", "AAEC", &format!("{FILE}AAAA"), &format!("{FILE}="), &FILE.replace('A', "!")] {
        assert!(parse(wrong).is_none(), "{wrong}");
    }
    assert!(parse(&format!("{FILE}\n")).is_some(), "an editor adds a newline");
}

proptest! {
    #[test]
    fn every_token_is_proven_by_its_own_api_key(bits: [u8; 10], number in 1_u32..100) {
        let keys = FleetKeys::new(vec![key(number, FILE)]);
        let text = keys.api_key(FleetKeyId::new(number), token(bits)).unwrap();
        let proven = keys.prove(&UnprovenApiKey::parse(text.expose()).unwrap());
        prop_assert_eq!(proven, Some(ProvenToken { token: token(bits), key: FleetKeyId::new(number) }));
    }

    #[test]
    fn a_changed_api_key_proves_nothing(place in 0_usize..80, byte in 0_u8..128) {
        let keys = FleetKeys::new(vec![key(1, FILE)]);
        let text = keys.api_key(FleetKeyId::FIRST, token([9; 10])).unwrap();
        let mut changed = text.expose().clone().into_bytes();
        changed[place] = byte;
        let changed = String::from_utf8(changed).unwrap();
        prop_assume!(changed != *text.expose());
        let proven = UnprovenApiKey::parse(&changed).and_then(|unproven| keys.prove(&unproven));
        prop_assert_eq!(proven, None);
    }

    #[test]
    fn any_text_is_parsed_without_a_panic(text in ".{0,120}", bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
        let _ = UnprovenApiKey::parse(&text);
        let _ = UnprovenApiKey::parse(&STANDARD.encode(bytes));
    }
}
