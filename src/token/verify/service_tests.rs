//! Service tokens: accepted by their service, and refused elsewhere.

use super::*;
use crate::token::fixture::*;
use crate::token::{KeyRing, mint, mint_service};

fn audiences() -> Vec<String> {
    vec!["https://other.example.org".to_owned(), AUDIENCE.to_owned()]
}

fn read(text: &str, ring: &KeyRing, now: Timestamp) -> Result<Verified<ServiceGrant>, VerifyError> {
    verify_service(text, ring.verifying(), &issuers(), &audiences(), now)
}

fn forged(claims: &str, ring: &KeyRing) -> String {
    let signer = &**ring.current(KeyUse::Service);
    let head = header::encode(KeyUse::Service, signer.key_id());
    signed(&format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims)), signer)
}

fn claims() -> String {
    String::from_utf8(crate::token::claims::encode_service(&service_grant()).unwrap()).unwrap()
}

#[test]
fn a_service_token_is_verified_for_its_audience() {
    let ring = KeyRing::generate();
    let minted = mint_service(&service_grant(), &ring, NOW).unwrap();
    let good = read(minted.text().expose(), &ring, NOW).unwrap();
    assert_eq!((&*good, good.signing_key()), (&service_grant(), ring.current(KeyUse::Service).key_id()));
    assert!(good.has_role("proxy") && !good.has_role("pro"));
    let other = ["https://other.example.org".to_owned()];
    let refused = verify_service(minted.text().expose(), ring.verifying(), &issuers(), &other, NOW);
    assert_eq!(refused, Err(VerifyError::WrongAudience));
    let issuer = ["https://else.example.org".to_owned()];
    let refused = verify_service(minted.text().expose(), ring.verifying(), &issuer, &audiences(), NOW);
    assert_eq!(refused, Err(VerifyError::WrongIssuer));
}

#[test]
fn its_time_is_judged_with_leeway() {
    let ring = KeyRing::generate();
    let minted = mint_service(&service_grant(), &ring, NOW).unwrap();
    let ends = service_grant().expires_at.plus(LEEWAY);
    assert!(read(minted.text().expose(), &ring, Timestamp::from_secs(ends.secs() - 1)).is_ok());
    assert_eq!(read(minted.text().expose(), &ring, ends), Err(VerifyError::Expired));
    let early = Timestamp::from_secs(NOW.secs() - 61);
    assert_eq!(read(minted.text().expose(), &ring, early), Err(VerifyError::NotYetValid));
}

#[test]
fn kinds_of_token_do_not_mix() {
    let ring = KeyRing::generate();
    let enrolls = mint(&grant(), &ring, NOW).unwrap().into_text();
    assert_eq!(read(enrolls.expose(), &ring, NOW), Err(VerifyError::WrongType));
    let serves = mint_service(&service_grant(), &ring, NOW).unwrap().into_text();
    assert_eq!(verify(serves.expose(), ring.verifying(), &issuers(), NOW), Err(VerifyError::WrongType));
    let parsed = UnverifiedToken::parse(serves.expose()).unwrap();
    assert_eq!(parsed.authenticate(ring.verifying(), &issuers()), Err(VerifyError::WrongType));
}

#[test]
fn the_key_of_another_use_does_not_count() {
    let ring = KeyRing::generate();
    for usage in [KeyUse::Enrollment, KeyUse::StatusList] {
        let signer = &**ring.current(usage);
        let head = header::encode(KeyUse::Service, signer.key_id());
        let text = signed(&format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims())), signer);
        assert_eq!(read(&text, &ring, NOW), Err(VerifyError::UnknownKey), "{usage}");
    }
}

#[test]
fn a_service_token_with_enrollment_claims_is_refused() {
    let ring = KeyRing::generate();
    assert!(read(&forged(&claims(), &ring), &ring, NOW).is_ok());
    let sha = "0".repeat(64);
    for extra in [
        r#""max_uses":1"#.to_owned(),
        format!(r#""sha":"{sha}""#),
        r#""bind":{"cluster":"blue"}"#.to_owned(),
        r#""policy":"0190a0b0-c0d0-7000-8000-0000000000cc""#.to_owned(),
    ] {
        let text = forged(&claims().replacen('{', &format!("{{{extra},"), 1), &ring);
        assert!(matches!(read(&text, &ring, NOW), Err(VerifyError::Malformed { .. })), "{extra}");
    }
    let persistent = claims().replace(r#""persistent":false"#, r#""persistent":true"#);
    assert!(matches!(read(&forged(&persistent, &ring), &ring, NOW), Err(VerifyError::Malformed { .. })));
    let endless = claims().replace(&format!(r#""exp":{},"#, service_grant().expires_at.secs()), "");
    assert!(matches!(read(&forged(&endless, &ring), &ring, NOW), Err(VerifyError::Malformed { .. })));
}

#[test]
fn an_invalid_service_token_is_not_minted() {
    use crate::token::MintError;
    let ring = KeyRing::generate();
    let refused = |grant: ServiceGrant| mint_service(&grant, &ring, NOW).unwrap_err();
    let past = refused(ServiceGrant { expires_at: NOW, ..service_grant() });
    assert_eq!(past, MintError::AlreadyExpired { expires_at: NOW });
    for audience in ["", "with space", "naïve"] {
        let grant = ServiceGrant { audience: audience.to_owned(), ..service_grant() };
        assert!(matches!(refused(grant), MintError::DoesNotVerify(_)), "{audience:?}");
    }
}
