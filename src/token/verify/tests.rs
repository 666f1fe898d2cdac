//! A valid token, with one change in each test.

use std::collections::HashSet;
use std::time::Duration;

use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};

use super::*;
use crate::token::fixture::*;
use crate::token::{KeyRing, SigningKey};

fn read(text: &str, ring: &KeyRing) -> Result<Verified<Grant>, VerifyError> {
    verify(text, ring.verifying(), &issuers(), NOW)
}

fn malformed(why: &'static str) -> VerifyError {
    VerifyError::Malformed { why }
}

#[test]
fn a_valid_token_is_verified() {
    let ring = ring();
    for grant in [grant(), persistent_grant()] {
        let verified = read(&token(&grant, &ring), &ring).unwrap();
        assert_eq!((&*verified, verified.signing_key()), (&grant, ring.current(KeyUse::Enrollment).key_id()));
    }
}

#[test]
fn a_text_without_exactly_three_parts_is_refused() {
    let ring = ring();
    let good = token(&grant(), &ring);
    let two = good.rsplit_once('.').unwrap().0;
    for wrong in [
        "",
        "eyJ",
        two,
        &format!("{good}."),
        &format!("{good}.e30.e30"),
        "{\"payload\":\"\",\"signatures\":[]}",
    ] {
        assert_eq!(read(wrong, &ring), Err(malformed("it does not have three parts")), "{wrong}");
    }
    assert!(matches!(read("..", &ring), Err(VerifyError::Malformed { .. })));
}

#[test]
fn a_text_longer_than_4_kib_is_refused() {
    let ring = ring();
    let good = token(&grant(), &ring);
    let padded = |length: usize| format!("{good}{}", "A".repeat(length - good.len()));
    assert_eq!(read(&padded(8192), &ring), Err(VerifyError::TooLong));
    assert_eq!(read(&padded(4097), &ring), Err(VerifyError::TooLong));
    assert_eq!(read(&padded(4096), &ring), Err(malformed("its signature is not 64 bytes in base64url")));
}

#[test]
fn stray_bytes_around_or_inside_are_refused() {
    let ring = ring();
    let good = token(&grant(), &ring);
    for wrong in [
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{good}="),
        format!("{good}A"),
        format!("Bearer {good}"),
        good.replace('.', ".\n"),
        good.replacen('.', "=.", 1),
        good.replace('.', "\u{2024}"),
    ] {
        assert!(matches!(read(&wrong, &ring), Err(VerifyError::Malformed { .. })), "{wrong}");
    }
}

#[test]
fn trailing_bits_are_refused() {
    let ring = ring();
    let good = token(&grant(), &ring);
    // 64 bytes leave four bits of the last character unused.
    let (rest, last) = good.split_at(good.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    assert_eq!(
        read(&format!("{rest}{next}"), &ring),
        Err(malformed("its signature is not 64 bytes in base64url"))
    );
    // Claims of each length, signed as they stand: with bits where none belong.
    let encoded =
        format!("{}.e31", header::encode(KeyUse::Enrollment, ring.current(KeyUse::Enrollment).key_id()));
    assert_eq!(
        read(&signed(&encoded, &**ring.current(KeyUse::Enrollment)), &ring),
        Err(malformed("its claims are not base64url"))
    );
    let padded = encoded.replace("e31", "e30=");
    assert_eq!(
        read(&signed(&padded, &**ring.current(KeyUse::Enrollment)), &ring),
        Err(malformed("its claims are not base64url"))
    );
}

#[test]
fn a_token_without_algorithm_is_refused() {
    let ring = ring();
    let kid = ring.current(KeyUse::Enrollment).key_id();
    for alg in ["none", "None", "NONE"] {
        let forged = signed_header(
            &format!(r#"{{"typ":"enroll+jwt","alg":"{alg}","kid":"{kid}"}}"#),
            &**ring.current(KeyUse::Enrollment),
        );
        let (unsigned, _) = forged.rsplit_once('.').unwrap();
        assert_eq!(read(&forged, &ring), Err(VerifyError::WrongAlgorithm));
        assert_eq!(read(&format!("{unsigned}."), &ring), Err(VerifyError::WrongAlgorithm));
    }
}

#[test]
fn a_token_with_a_public_key_hmac_is_refused() {
    let ring = ring();
    let key = ring.verifying().get(ring.current(KeyUse::Enrollment).key_id()).unwrap();
    let hmac =
        (DEFAULT_PROVIDER.signer_factory)(&Algorithm::HS256, &EncodingKey::from_secret(&key.public)).unwrap();
    let header = |alg: &str| format!(r#"{{"typ":"enroll+jwt","alg":"{alg}","kid":"{}"}}"#, key.id);
    let claims = URL_SAFE_NO_PAD.encode(claims_json(&grant()));

    for (alg, why) in [
        ("HS256", VerifyError::WrongAlgorithm),
        ("EdDSA", malformed("its signature is not 64 bytes in base64url")),
    ] {
        let text = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header(alg)));
        let mac = URL_SAFE_NO_PAD.encode(hmac.try_sign(text.as_bytes()).unwrap());
        assert_eq!(read(&format!("{text}.{mac}"), &ring), Err(why));
    }
}

#[test]
fn a_header_that_links_a_key_is_refused() {
    let ring = ring();
    let good = format!(
        r#"{{"typ":"enroll+jwt","alg":"EdDSA","kid":"{}"}}"#,
        ring.current(KeyUse::Enrollment).key_id()
    );
    assert!(read(&signed_header(&good, &**ring.current(KeyUse::Enrollment)), &ring).is_ok());
    for extra in
        [r#""jku":"https://evil.example""#, r#""jwk":{}"#, r#""crit":[]"#, r#""b64":false"#, r#""zip":"DEF""#]
    {
        let forged =
            signed_header(&good.replace('}', &format!(",{extra}}}")), &**ring.current(KeyUse::Enrollment));
        assert!(matches!(read(&forged, &ring), Err(VerifyError::Malformed { .. })), "{extra}");
    }
}

#[test]
fn a_token_of_another_type_is_refused() {
    let ring = ring();
    for typ in ["JWT", "role+jwt", "statuslist+jwt"] {
        let header = format!(
            r#"{{"typ":"{typ}","alg":"EdDSA","kid":"{}"}}"#,
            ring.current(KeyUse::Enrollment).key_id()
        );
        assert_eq!(
            read(&signed_header(&header, &**ring.current(KeyUse::Enrollment)), &ring),
            Err(VerifyError::WrongType),
            "{typ}"
        );
    }
}

#[test]
fn a_token_of_another_key_is_refused() {
    let (ring, other) = (ring(), SigningKey::generate());
    let claims = claims_json(&grant());
    assert_eq!(read(&signed_claims(claims.as_bytes(), &other), &ring), Err(VerifyError::UnknownKey));
    // Under the id of a key that is known: the current one, and the prepared one whose private half signs nothing yet.
    for kid in [ring.current(KeyUse::Enrollment).key_id(), ring.prepared(KeyUse::Enrollment)] {
        let header = format!(r#"{{"typ":"enroll+jwt","alg":"EdDSA","kid":"{kid}"}}"#);
        assert_eq!(read(&signed_header(&header, &other), &ring), Err(VerifyError::BadSignature));
    }
    let header =
        format!(r#"{{"typ":"enroll+jwt","alg":"EdDSA","kid":"{}"}}"#, ring.prepared(KeyUse::Enrollment));
    assert_eq!(
        read(&signed_header(&header, &**ring.current(KeyUse::Enrollment)), &ring),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn claims_are_read_after_the_signature() {
    let ring = ring();
    let text = signed_claims(b"not even JSON", &**ring.current(KeyUse::Enrollment));
    assert!(matches!(read(&text, &ring), Err(VerifyError::Malformed { .. })));
    let signature = token(&grant(), &ring);
    let forged = format!("{}.{}", text.rsplit_once('.').unwrap().0, signature.rsplit_once('.').unwrap().1);
    assert_eq!(read(&forged, &ring), Err(VerifyError::BadSignature));
}

#[test]
fn a_bit_flipped_anywhere_is_refused() {
    let ring = ring();
    let good = token(&grant(), &ring);
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            // Invalid UTF-8 never gets this far.
            let Ok(text) = String::from_utf8(bytes) else { continue };
            assert!(read(&text, &ring).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn only_a_token_of_a_known_issuer_counts() {
    let ring = ring();
    let text = token(&grant(), &ring);
    let among = |issuers: &[&str]| {
        let issuers: Vec<String> = issuers.iter().map(|&issuer| issuer.to_owned()).collect();
        verify(&text, ring.verifying(), &issuers, NOW)
    };
    assert!(among(&["https://new.example.org", ISSUER]).is_ok());
    for others in [
        &[][..],
        &["https://new.example.org"],
        &["https://auth.example.org:8443/"],
        &[""],
        &["HTTPS://auth.example.org:8443"],
    ] {
        assert_eq!(among(others), Err(VerifyError::WrongIssuer), "{others:?}");
    }
}

#[test]
fn a_token_for_another_audience_is_refused() {
    let ring = ring();
    let claims = claims_json(&grant());
    for audience in [
        "https://auth.example.org:8443",
        "https://auth.example.org:8443/enroll/",
        "https://billing.example.org",
        "",
        "/enroll",
    ] {
        let other = claims.replacen("https://auth.example.org:8443/enroll", audience, 1);
        assert_ne!(other, claims);
        let text = signed_claims(other.as_bytes(), &**ring.current(KeyUse::Enrollment));
        assert_eq!(read(&text, &ring), Err(VerifyError::WrongAudience), "{audience}");
    }
}

#[test]
fn time_is_judged_with_a_minute_of_leeway() {
    let ring = ring();
    let text = token(&grant(), &ring);
    let at = |secs: i64| {
        verify(&text, ring.verifying(), &issuers(), Timestamp::from_secs(NOW.secs() + secs)).map(|_| ())
    };
    assert_eq!(at(-61), Err(VerifyError::NotYetValid));
    assert_eq!(at(-60), Ok(()));
    assert_eq!(at(900 + 59), Ok(()));
    assert_eq!(at(900 + 60), Err(VerifyError::Expired));
    assert_eq!(at(i64::MAX / 1000 - NOW.secs()), Err(VerifyError::Expired));
    assert_eq!(LEEWAY, Duration::from_secs(60));
}

#[test]
fn a_token_from_the_future_is_refused() {
    let ring = ring();
    for claim in ["iat", "nbf"] {
        let claims = claims_json(&grant());
        let later =
            claims.replacen(&format!(r#""{claim}":1893456000"#), &format!(r#""{claim}":1893456061"#), 1);
        assert_ne!(later, claims);
        let text = signed_claims(later.as_bytes(), &**ring.current(KeyUse::Enrollment));
        assert_eq!(read(&text, &ring), Err(VerifyError::NotYetValid), "{claim}");
    }
}

#[test]
fn a_persistent_token_without_expiry_does_not_expire() {
    let ring = ring();
    let text = token(&persistent_grant(), &ring);
    let late = Timestamp::from_secs(NOW.secs() + 100 * 365 * 86_400);
    assert!(verify(&text, ring.verifying(), &issuers(), late).is_ok());
}

#[test]
fn an_expired_token_is_still_authenticated() {
    let ring = ring();
    let text = token(&grant(), &ring);
    let known = UnverifiedToken::parse(&text).unwrap().authenticate(ring.verifying(), &issuers()).unwrap();
    assert_eq!((known.grant(), known.signing_key()), (&grant(), ring.current(KeyUse::Enrollment).key_id()));
    assert_eq!(known.at(NOW.plus(Duration::from_secs(86_400))), Err(VerifyError::Expired));
}

#[test]
fn an_earlier_key_verifies_persistent_tokens_only() {
    let key = SigningKey::generate();
    let keys = keys(&[(&key, KeyScope::PersistentOnly)]);
    let read = |grant: &Grant| {
        verify(&signed_claims(claims_json(grant).as_bytes(), &key), &keys, &issuers(), NOW).map(|_| ())
    };
    assert_eq!(read(&grant()), Err(VerifyError::EphemeralRefused));
    assert_eq!(read(&persistent_grant()), Ok(()));
}

#[test]
fn a_persistent_token_from_a_clock_ahead_stays_valid() {
    let key = SigningKey::generate();
    let text = signed_claims(claims_json(&persistent_grant()).as_bytes(), &key);
    let a_year_before = NOW.minus(Duration::from_secs(365 * 86_400));
    let read = |scope| verify(&text, &keys(&[(&key, scope)]), &issuers(), a_year_before).map(|_| ());
    assert_eq!(read(KeyScope::PersistentOnly), Ok(()));
    assert_eq!(read(KeyScope::All), Err(VerifyError::NotYetValid));
}

#[test]
fn a_host_reads_its_unverified_token() {
    let ring = ring();
    let text = token(&grant(), &ring);
    let token = UnverifiedToken::parse(&text).unwrap();
    assert_eq!(
        (token.unverified_grant(), token.signing_key()),
        (Ok(grant()), ring.current(KeyUse::Enrollment).key_id())
    );
}

#[test]
fn debug_and_errors_hide_the_token() {
    let ring = ring();
    let text = token(&grant(), &ring);
    let shown = format!("{:?}", UnverifiedToken::parse(&text).unwrap());
    assert_eq!(
        shown,
        format!("UnverifiedToken {{ signing_key: {:?}, .. }}", ring.current(KeyUse::Enrollment).key_id())
    );
    assert!(text.split('.').all(|part| !shown.contains(part)));
}

#[test]
fn every_reason_has_a_name_of_its_own() {
    let reasons = [
        VerifyError::TooLong,
        malformed("why"),
        VerifyError::WrongAlgorithm,
        VerifyError::WrongType,
        VerifyError::UnknownKey,
        VerifyError::BadSignature,
        VerifyError::WrongIssuer,
        VerifyError::WrongAudience,
        VerifyError::EphemeralRefused,
        VerifyError::NotYetValid,
        VerifyError::Expired,
    ];
    let names: HashSet<_> = reasons.iter().map(VerifyError::code).collect();
    assert_eq!(names.len(), reasons.len());
}
