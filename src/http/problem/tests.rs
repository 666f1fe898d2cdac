//! Every way a use case can fail, with what it is on the wire.

use super::*;
use crate::access::throttle::Limit;
use crate::admission::BindingError;
use crate::ca::{CsrError, IssueError};
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::service::ClockDoubt;
use crate::service::vault::VaultError;
use crate::token::{KeyError, MintError, SignError, SigningKey, VerifyError};

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

/// Status, code and seconds of `Retry-After` that a variant must have. Without a wildcard: a new variant does not
/// compile until its answer is decided here too.
fn pinned(error: &ServiceError) -> (u16, &'static str, Option<u32>) {
    match error {
        ServiceError::InvalidRequest(_) => (400, "invalid_request", None),
        ServiceError::BeyondLimits(_) => (403, "beyond_limits", None),
        ServiceError::InvalidToken(_) => (401, "invalid_token", None),
        ServiceError::TokenExpired => (410, "token_expired", None),
        ServiceError::TokenUsed => (410, "token_used", None),
        ServiceError::TokenExhausted => (410, "token_exhausted", None),
        ServiceError::TokenRevoked => (410, "token_revoked", None),
        ServiceError::BindingMismatch(_) => (403, "binding_mismatch", None),
        ServiceError::HostRevoked => (403, "host_revoked", None),
        ServiceError::CertificateRevoked => (403, "certificate_revoked", None),
        ServiceError::LineageConflict => (403, "lineage_conflict", None),
        ServiceError::NameTaken => (409, "name_taken", None),
        ServiceError::CsrRejected(_) => (422, "csr_rejected", None),
        ServiceError::NotFound { .. } => (404, "not_found", None),
        ServiceError::EmergencyToken => (409, "emergency_token", None),
        ServiceError::EmergencyNotRotated => (409, "emergency_token", None),
        ServiceError::AlreadyRotated { .. } => (409, "already_rotated", None),
        ServiceError::CountChanged { .. } => (409, "count_changed", None),
        ServiceError::KeyNeeded { .. } => (409, "key_needed", None),
        ServiceError::KeyInUse => (409, "key_in_use", None),
        ServiceError::IssuerInUse => (409, "issuer_in_use", None),
        ServiceError::IssuerNeeded { .. } => (409, "issuer_needed", None),
        ServiceError::RootKeyAway => (409, "root_key_away", None),
        ServiceError::RootExpired => (409, "root_expired", None),
        ServiceError::Unauthenticated
        | ServiceError::ApiKeyNotGood
        | ServiceError::NoHostCertificate
        | ServiceError::CallerGone
        | ServiceError::SessionOver => (401, "unauthenticated", None),
        ServiceError::UserExists => (409, "user_exists", None),
        ServiceError::LastAdmin => (409, "last_admin", None),
        ServiceError::RightsChanged => (409, "rights_changed", None),
        ServiceError::TooManyApiKeys { .. } => (409, "too_many_api_keys", None),
        ServiceError::RenewedTooOften => (429, "too_many_requests", Some(3600)),
        ServiceError::RateLimited(limited) => (429, "rate_limited", Some(limited.retry_after)),
        ServiceError::SignInBusy => (429, "too_many_requests", Some(1)),
        ServiceError::ClockInDoubt(_) => (503, "clock_in_doubt", Some(60)),
        ServiceError::Store(StoreError::Overloaded) => (503, "store_unavailable", Some(1)),
        ServiceError::Store(_) => (503, "store_unavailable", Some(10)),
        ServiceError::Vault(_) | ServiceError::Mint(MintError::Sign(_)) => {
            (503, "keys_unavailable", Some(10))
        }
        ServiceError::Mint(MintError::NoUses | MintError::NoExpiry) => (400, "invalid_request", None),
        ServiceError::Issue(IssueError::IssuerNotValid { .. }) => (503, "ca_not_valid", Some(60)),
        ServiceError::Mint(_) | ServiceError::Key(_) | ServiceError::Issue(_) => {
            (500, "internal_error", None)
        }
    }
}

/// One of each.
fn every_variant() -> Vec<ServiceError> {
    let detail = || "it said so".to_owned();
    let stores = [
        StoreError::Full,
        StoreError::ReadOnly,
        StoreError::Gone,
        StoreError::Busy,
        StoreError::Overloaded,
        StoreError::Failed { detail: detail() },
        StoreError::Damaged { detail: detail() },
        StoreError::Closed,
    ];
    let sign = SignError::Unavailable { id: SigningKey::generate().id(), detail: detail() };
    let mints = [MintError::NoUses, MintError::NoExpiry, MintError::SaysSomethingElse, MintError::Sign(sign)];
    let mut all = vec![
        ServiceError::InvalidRequest(vec![FieldError::new("roles[1]", "unknown role")]),
        ServiceError::InvalidToken(VerifyError::BadSignature),
        ServiceError::SessionOver,
        ServiceError::TokenExpired,
        ServiceError::TokenUsed,
        ServiceError::TokenExhausted,
        ServiceError::TokenRevoked,
        ServiceError::BindingMismatch(BindingError::Key),
        ServiceError::HostRevoked,
        ServiceError::CertificateRevoked,
        ServiceError::LineageConflict,
        ServiceError::NameTaken,
        ServiceError::CsrRejected(CsrError::Signature),
        ServiceError::NotFound { what: "token", id: "x".to_owned() },
        ServiceError::EmergencyToken,
        ServiceError::EmergencyNotRotated,
        ServiceError::AlreadyRotated { successor: TokenId::generate(NOW) },
        ServiceError::CountChanged { count: 3 },
        ServiceError::KeyNeeded { tokens: 3 },
        ServiceError::KeyInUse,
        ServiceError::IssuerInUse,
        ServiceError::IssuerNeeded { tokens: 3 },
        ServiceError::RootKeyAway,
        ServiceError::RootExpired,
        ServiceError::Unauthenticated,
        ServiceError::ApiKeyNotGood,
        ServiceError::NoHostCertificate,
        ServiceError::CallerGone,
        ServiceError::UserExists,
        ServiceError::LastAdmin,
        ServiceError::TooManyApiKeys { most: 1000 },
        ServiceError::RenewedTooOften,
        ServiceError::RateLimited(RateLimited { limit: Limit::RefusedToken, retry_after: 7 }),
        ServiceError::SignInBusy,
        ServiceError::ClockInDoubt(ClockDoubt::Behind { wall: NOW, mark: NOW }),
        ServiceError::Vault(VaultError::Missing { path: "keys/x".to_owned() }),
        ServiceError::Key(KeyError::NotPkcs8),
        ServiceError::Issue(IssueError::EmptyLifetime),
        ServiceError::Issue(IssueError::IssuerNotValid { not_before: NOW, not_after: NOW }),
    ];
    all.extend(stores.map(ServiceError::Store));
    all.extend(mints.map(ServiceError::Mint));
    all
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(reply.0.body()).unwrap()
}

#[test]
fn every_failure_has_its_status_code_and_native_body() {
    for error in every_variant() {
        let (status, code, seconds) = pinned(&error);
        let problem = Problem::from(error.clone());
        assert_eq!((problem.status.as_u16(), problem.code), (status, code), "{error:?}");
        let reply = problem.render(Dialect::Native);
        let header = |name: &str| reply.0.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("retry-after"), seconds.map(|seconds| seconds.to_string()).as_deref());
        assert_eq!(header("www-authenticate").is_some(), code == "unauthenticated");
        let mut expected = json!({
            "type": format!("urn:gatepass:problem:{code}"), "title": title(problem.code), "status": status,
            "detail": problem.detail, "code": code,
        });
        if let ServiceError::InvalidRequest(_) = &error {
            expected["fields"] = json!([{ "field": "roles[1]", "message": "unknown role" }]);
        }
        assert_eq!(body(&reply), expected);
    }
}

#[test]
fn every_failure_is_one_error_in_elastics_words() {
    for error in every_variant() {
        let problem = Problem::from(error.clone());
        let reply = problem.render(Dialect::Ece);
        assert_eq!(reply.status(), problem.status);
        assert_eq!(reply.0.headers()["content-type"], "application/json");
        let body = body(&reply);
        let errors = body["errors"].as_array().unwrap();
        assert_eq!((body.as_object().unwrap().len(), errors.len()), (1, 1), "{error:?}");
        let code = errors[0]["code"].as_str().unwrap();
        let expected = match problem.status.as_u16() {
            400 => "enrollment_tokens.invalid_token_request",
            401 => "root.unauthenticated",
            403 => "root.unauthorized",
            404 => "root.resource_not_found",
            409 => "enrollment_tokens.emergency_token",
            429 => "root.too_many_requests",
            410 | 422 => "root.bad_request",
            _ => "root.unavailable",
        };
        assert_eq!(code, expected, "{error:?}");
        assert_eq!(errors[0]["message"], problem.detail);
    }
}

#[test]
fn to_a_stranger_every_bad_token_is_the_same() {
    let causes =
        [VerifyError::TooLong, VerifyError::BadSignature, VerifyError::UnknownKey, VerifyError::NotYetValid];
    let told = causes.map(|cause| Problem::from(ServiceError::InvalidToken(cause)));
    assert!(told.iter().all(|problem| *problem == told[0]));
}

#[test]
fn titles_are_words_and_one_is_a_name_that_others_match() {
    assert_eq!(title("token_used"), "Token used");
    assert_eq!(title("node_limit_exceeded"), "NodeLimitExceeded");
}
