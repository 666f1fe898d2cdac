use super::*;

#[test]
fn ids_made_later_sort_later() {
    let early = TokenId::generate(Timestamp::from_secs(1_000));
    let late = TokenId::generate(Timestamp::from_secs(1_001));
    assert!(early < late);
    assert_eq!(TokenId::parse(&early.to_string()), Some(early));
}

#[test]
fn a_token_id_ends_with_its_short_id() {
    let (now, short) = (Timestamp::from_secs(1_000), ShortId::from_bytes([0xa3, 0xf0, 0, 9]));
    let (one, other) = (TokenId::with_short(now, short), TokenId::with_short(now, short));
    assert_ne!(one, other);
    for id in [one, other] {
        assert_eq!(TokenId::parse(&id.to_string()), Some(id));
        assert!(id.to_string().ends_with("a3f00009"), "{id}");
    }
}

#[test]
fn only_version_7_in_lower_case_is_an_id() {
    let id = "0190a0b0-c0d0-7abc-8def-0123456789ab";
    assert_eq!(HostId::parse(id).unwrap().to_string(), id);
    for variant in ["9def", "adef", "bdef"] {
        assert!(HostId::parse(&id.replace("8def", variant)).is_some(), "{variant}");
    }
    for wrong in [
        id.to_uppercase(),
        id.replace('-', ""),
        format!("{{{id}}}"),
        format!("urn:uuid:{id}"),
        format!(" {}", &id[1..]),
        id.replace("7abc", "4abc"),
        id.replace("7abc", "1abc"),
        id.replace("7abc", "8abc"),
        id.replace("8def", "7def"),
        id.replace("8def", "cdef"),
        "00000000-0000-0000-0000-000000000000".to_owned(),
        "ffffffff-ffff-ffff-ffff-ffffffffffff".to_owned(),
    ] {
        assert_eq!(HostId::parse(&wrong), None, "{wrong}");
    }
}

#[test]
fn a_digest_has_one_spelling() {
    let kid = KeyId::of(b"key");
    let text = kid.to_string();
    assert_eq!(text.len(), 43);
    assert_eq!(KeyId::parse(&text), Some(kid));
    assert_eq!(KeyId::parse(&format!("{text}=")), None);
    let print = Fingerprint::of(b"root");
    assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
    assert_eq!(Fingerprint::parse(&print.to_string().to_uppercase()), None);
}

#[test]
fn a_pasted_fingerprint_is_normalised() {
    let print = Fingerprint::of(b"root");
    let plain = print.to_string();
    let pairs = |between: &str| {
        let pairs = plain.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
        pairs.collect::<Vec<_>>().join(between)
    };
    for text in [
        plain.to_uppercase(),
        format!("sha256 Fingerprint={}\n", pairs(":").to_uppercase()),
        format!("SHA256:{plain}"),
        format!("sha-256 {}", pairs(" ")),
        format!("root fingerprint  {plain}"),
        format!("\u{feff}\"{}\" ", pairs("-")),
    ] {
        assert_eq!(Fingerprint::parse_lenient(&text), Ok(print), "{text}");
    }
    assert!(
        Fingerprint::parse_lenient(&format!("SHA1 Fingerprint={}", &pairs(":")[..59]))
            .unwrap_err()
            .contains("SHA-1")
    );
    for wrong in ["", "sha256", &plain[1..], &format!("{plain}0"), &plain.replace('a', "g")] {
        assert!(Fingerprint::parse_lenient(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn serials_are_positive_and_keep_their_sixteen_bytes() {
    for _ in 0..1000 {
        let first = Serial::generate().as_bytes()[0];
        assert!((0x40..0x80).contains(&first));
    }
}
