//! Access tokens: accepted by their service with their certificate, and refused otherwise.

use super::*;
use crate::id::CertificateThumbprint;
use crate::token::fixture::*;
use crate::token::{MintError, mint, mint_access, mint_service};

fn certificate() -> CertificateThumbprint {
    access_grant().certificate
}

fn read(
    text: &str,
    ring: &crate::token::KeyRing,
    now: Timestamp,
) -> Result<Verified<AccessGrant>, VerifyError> {
    let audiences = ["https://other.example.org".to_owned(), AUDIENCE.to_owned()];
    verify_access(text, certificate(), ring.verifying(), (&issuers(), &audiences), now)
}

fn claims() -> String {
    String::from_utf8(crate::token::claims::encode_access(&access_grant()).unwrap()).unwrap()
}

fn forged(usage: KeyUse, claims: &str, ring: &crate::token::KeyRing) -> String {
    let signer = &**ring.current(usage);
    let head = header::encode(KeyUse::Access, signer.key_id());
    signed(&format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims)), signer)
}

#[test]
fn an_access_token_has_the_claims_of_rfc_9068() {
    let (grant, id) = (access_grant(), access_grant().id);
    let times = (grant.issued_at.secs(), grant.expires_at.secs());
    let expected = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","jti":"{id}","sub":"{host}","client_id":"{host}","iat":{},"exp":{},"roles":["allocator","proxy"],"cnf":{{"x5t#S256":"{}"}}}}"#,
        times.0,
        times.1,
        grant.certificate,
        host = grant.host,
    );
    assert_eq!(claims(), expected);
}

#[test]
fn an_access_token_is_verified_with_its_certificate() {
    let ring = ring();
    let minted = mint_access(&access_grant(), &ring, NOW).unwrap().into_text();
    let good = read(minted.expose(), &ring, NOW).unwrap();
    assert_eq!((&*good, good.signing_key()), (&access_grant(), ring.current(KeyUse::Access).key_id()));
    assert!(good.has_role("proxy") && !good.has_role("pro"));
    let verify = |certificate, issuer: &str, audience: &str| {
        let places = ([issuer.to_owned()], [audience.to_owned()]);
        verify_access(minted.expose(), certificate, ring.verifying(), (&places.0, &places.1), NOW)
    };
    let other = CertificateThumbprint::of(b"another");
    assert_eq!(verify(other, ISSUER, AUDIENCE), Err(VerifyError::WrongCertificate));
    assert_eq!(verify(certificate(), ISSUER, "urn:other"), Err(VerifyError::WrongAudience));
    assert_eq!(verify(certificate(), "https://else", AUDIENCE), Err(VerifyError::WrongIssuer));
}

#[test]
fn an_access_token_ends_after_its_leeway() {
    let ring = ring();
    let minted = mint_access(&access_grant(), &ring, NOW).unwrap().into_text();
    let ends = access_grant().expires_at.plus(LEEWAY);
    assert!(read(minted.expose(), &ring, Timestamp::from_secs(ends.secs() - 1)).is_ok());
    assert_eq!(read(minted.expose(), &ring, ends), Err(VerifyError::Expired));
    let early = Timestamp::from_secs(NOW.secs() - 61);
    assert_eq!(read(minted.expose(), &ring, early), Err(VerifyError::NotYetValid));
}

#[test]
fn an_access_token_is_no_other_token() {
    let ring = ring();
    let access = mint_access(&access_grant(), &ring, NOW).unwrap().into_text();
    let service = verify_service(access.expose(), ring.verifying(), &issuers(), &[AUDIENCE.to_owned()], NOW);
    assert_eq!(service, Err(VerifyError::WrongType));
    assert_eq!(verify(access.expose(), ring.verifying(), &issuers(), NOW), Err(VerifyError::WrongType));
    let others = [
        mint(&grant(), &ring, NOW).unwrap().into_text(),
        mint_service(&service_grant(), &ring, NOW).unwrap().into_text(),
    ];
    for other in others {
        assert_eq!(read(other.expose(), &ring, NOW), Err(VerifyError::WrongType));
    }
    for usage in [KeyUse::Enrollment, KeyUse::Service, KeyUse::StatusList] {
        assert_eq!(
            read(&forged(usage, &claims(), &ring), &ring, NOW),
            Err(VerifyError::UnknownKey),
            "{usage}"
        );
    }
}

#[test]
fn claims_of_another_form_are_refused() {
    let ring = ring();
    assert!(read(&forged(KeyUse::Access, &claims(), &ring), &ring, NOW).is_ok());
    let (id, host) = (access_grant().id.to_string(), access_grant().host.to_string());
    let cnf = format!(r#"{{"x5t#S256":"{}"}}"#, access_grant().certificate);
    for wrong in [
        claims().replacen('{', r#"{"scope":"x","#, 1),
        claims().replace(r#""roles":["allocator","proxy"],"#, ""),
        claims().replace(&format!(r#","cnf":{cnf}"#), ""),
        claims().replace(&cnf, r#"{"x5t#S256":""}"#),
        claims().replace(&cnf, r#"{"jkt":"x"}"#),
        claims().replace(&cnf, &cnf.replace('}', r#","jkt":"x"}"#)),
        claims().replace(&cnf, "null"),
        claims().replace(&format!(r#""client_id":"{host}""#), &format!(r#""client_id":"{id}""#)),
        claims().replace(&host, "web-7"),
        claims().replace(&id, "1"),
        claims().replace(r#""exp":"#, r#""exp":-"#),
        claims().replace(&access_grant().expires_at.secs().to_string(), "1"),
    ] {
        let refused = read(&forged(KeyUse::Access, &wrong, &ring), &ring, NOW);
        assert!(matches!(refused, Err(VerifyError::Malformed { .. })), "{wrong}");
    }
}

#[test]
fn an_invalid_access_token_is_not_minted() {
    let ring = ring();
    let refused = |grant: AccessGrant| mint_access(&grant, &ring, NOW).unwrap_err();
    let past = refused(AccessGrant { expires_at: NOW, ..access_grant() });
    assert_eq!(past, MintError::AlreadyExpired { expires_at: NOW });
    let unnamed = refused(AccessGrant { audience: String::new(), ..access_grant() });
    assert!(matches!(unnamed, MintError::DoesNotVerify(_)));
}
