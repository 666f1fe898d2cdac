//! Every failure of a use case, with its response.

use serde_json::{Value, json};

use super::*;
use crate::access::throttle::{Limit, RateLimited};
use crate::admission::BindingError;
use crate::ca::{CsrError, IssueError};
use crate::clock::Timestamp;
use crate::http::compat::ece::dialect::ECE;
use crate::id::{OutputId, TokenId};
use crate::seal::SealError;
use crate::service::backups::BackupRefusal;
use crate::service::vault::VaultError;
use crate::service::{
    AccountError, CaError, ClockDoubt, HostError, KeysError, RequestError, ServiceError, TokenError,
};
use crate::store::{CopyError, StoreError};
use crate::token::{KeyError, MintError, SignError, SigningKey, VerifyError};

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

/// The status, the code and the seconds of `Retry-After` of a variant. There is no wildcard: a new variant does not
/// compile until its response is decided here too.
fn pinned(error: &ServiceError) -> (u16, &'static str, Option<u32>) {
    match error {
        ServiceError::Token(error) => pinned_token(error),
        ServiceError::Host(error) => pinned_host(error),
        ServiceError::Request(error) => pinned_request(error),
        ServiceError::Ca(CaError::Csr(_)) => (422, "csr_rejected", None),
        ServiceError::Account(AccountError::NotByApiKey) => (403, "forbidden", None),
        ServiceError::Account(AccountError::CurrentPasswordRequired) => {
            (403, "current_password_required", None)
        }
        ServiceError::Backup(BackupRefusal::NotConfigured) => (409, "backup_not_configured", None),
        ServiceError::Backup(BackupRefusal::Running) => (409, "backup_running", None),
        ServiceError::Backup(
            BackupRefusal::Exists { .. } | BackupRefusal::Copy(_) | BackupRefusal::File(_),
        ) => (503, "backup_failed", Some(60)),
        ServiceError::Keys(KeysError::Needed { .. }) => (409, "key_needed", None),
        ServiceError::Keys(KeysError::InUse) => (409, "key_in_use", None),
        ServiceError::Keys(KeysError::IssuerInUse) => (409, "issuer_in_use", None),
        ServiceError::Keys(KeysError::IssuerNeeded(_)) => (409, "issuer_needed", None),
        ServiceError::Ca(CaError::RootKeyAway | CaError::FormerRootKeyAway { .. }) => {
            (409, "root_key_away", None)
        }
        ServiceError::Ca(CaError::Imported) => (409, "ca_imported", None),
        ServiceError::Ca(CaError::IssuingInUse) => (409, "issuing_ca_in_use", None),
        ServiceError::Ca(CaError::UnknownIssuing { .. }) => (404, "not_found", None),
        ServiceError::Ca(CaError::RootExpired | CaError::RootFromFuture { .. }) => {
            (409, "root_expired", None)
        }
        ServiceError::Account(
            AccountError::Unauthenticated
            | AccountError::ApiKeyNotGood
            | AccountError::CallerGone
            | AccountError::SessionOver,
        ) => (401, "unauthenticated", None),
        ServiceError::Account(AccountError::ApiKeySuspended) => (403, "api_key_suspended", None),
        ServiceError::Account(AccountError::UserExists) => (409, "user_exists", None),
        ServiceError::Account(AccountError::LastAdmin) => (409, "last_admin", None),
        ServiceError::Account(AccountError::RightsChanged) => (409, "rights_changed", None),
        ServiceError::Account(AccountError::TooManyApiKeys { .. }) => (409, "too_many_api_keys", None),
        ServiceError::RateLimited(limited) => (429, "rate_limited", Some(limited.retry_after)),
        ServiceError::Account(AccountError::SignInBusy) => (429, "too_many_requests", Some(1)),
        ServiceError::Clock(_) => (503, "clock_in_doubt", Some(60)),
        ServiceError::Store(StoreError::Contended) => (503, "contended", Some(1)),
        ServiceError::Store(StoreError::Overloaded) => (503, "store_unavailable", Some(1)),
        ServiceError::Store(_) => (503, "store_unavailable", Some(10)),
        ServiceError::Keys(
            KeysError::Vault(_) | KeysError::MalformedKey { .. } | KeysError::Unreadable { .. },
        ) => (503, "keys_unavailable", Some(10)),
        ServiceError::Ca(CaError::ImportedNotValid { .. }) => (503, "ca_not_valid", Some(60)),
        ServiceError::Ca(CaError::Issue(IssueError::IssuerNotValid { .. })) => {
            (503, "ca_not_valid", Some(60))
        }
        ServiceError::Keys(KeysError::Malformed(_)) | ServiceError::Ca(CaError::Issue(_)) => {
            (500, "internal_error", None)
        }
    }
}

/// The same of a wrong request.
const fn pinned_request(error: &RequestError) -> (u16, &'static str, Option<u32>) {
    match error {
        RequestError::Fields(_) => (400, "invalid_request", None),
        RequestError::BeyondLimits(_) => (403, "beyond_limits", None),
        RequestError::NotFound { .. } => (404, "not_found", None),
        RequestError::IdempotencyConflict => (409, "idempotency_conflict", None),
        RequestError::Stale => (412, "stale", None),
        RequestError::TooManyRules { .. } => (409, "too_many_rules", None),
        RequestError::TooManyPolicies { .. } => (409, "too_many_policies", None),
        RequestError::PolicyExists { .. } => (409, "policy_exists", None),
        RequestError::PolicyInUse { .. } => (409, "policy_in_use", None),
        RequestError::TooManyOutputs { .. } => (409, "too_many_outputs", None),
        RequestError::OutputExists { .. } => (409, "output_exists", None),
        RequestError::OutputInUse { .. } => (409, "output_in_use", None),
        RequestError::CountChanged { .. } => (409, "count_changed", None),
    }
}

const fn pinned_host(error: &HostError) -> (u16, &'static str, Option<u32>) {
    match error {
        HostError::Revoked => (403, "host_revoked", None),
        HostError::Unknown => (403, "host_unknown", None),
        HostError::CertificateRevoked | HostError::NameWithdrawn | HostError::IssuerRevoked => {
            (403, "certificate_revoked", None)
        }
        HostError::CertificateSuperseded => (403, "certificate_superseded", None),
        HostError::LineageConflict => (403, "lineage_conflict", None),
        HostError::Quarantined => (403, "host_quarantined", None),
        HostError::NoPolicy => (403, "no_policy", None),
        HostError::AudienceNotAllowed => (403, "audience_not_allowed", None),
        HostError::CredentialNotAllowed => (403, "credential_not_allowed", None),
        HostError::KeyNotGood => (401, "unauthenticated", None),
        HostError::NotQuarantined => (409, "host_not_quarantined", None),
        HostError::NameTaken => (409, "name_taken", None),
        HostError::NodeLimit => (403, "node_limit_exceeded", None),
        HostError::Denied { .. } => (403, "enrollment_denied", None),
        HostError::EnrollmentChanged => (403, "enrollment_changed", None),
        HostError::EnrollmentExpired => (410, "enrollment_expired", None),
        HostError::TooManyWaiting => (429, "too_many_waiting", Some(60)),
        HostError::AlreadyDecided { .. } => (409, "already_decided", None),
        HostError::FourEyes => (403, "four_eyes", None),
        HostError::NoCertificate => (401, "unauthenticated", None),
        HostError::Ended => (409, "host_ended", None),
        HostError::RolesNotInPolicy { .. } | HostError::RoleOutsidePolicy { .. } => {
            (409, "roles_not_in_policy", None)
        }
        HostError::RenewedTooOften => (429, "too_many_requests", Some(3600)),
    }
}

fn pinned_token(error: &TokenError) -> (u16, &'static str, Option<u32>) {
    match error {
        TokenError::Invalid(_) => (401, "invalid_token", None),
        TokenError::Expired => (410, "token_expired", None),
        TokenError::Used => (410, "token_used", None),
        TokenError::Exhausted => (410, "token_exhausted", None),
        TokenError::Revoked => (410, "token_revoked", None),
        TokenError::Suspended => (403, "token_suspended", Some(60)),
        TokenError::Binding(_) => (403, "binding_mismatch", None),
        TokenError::Emergency | TokenError::EmergencyNotRotated => (409, "emergency_token", None),
        TokenError::EmergencyOfAdmins => (403, "forbidden", None),
        TokenError::UsesLeftRequired { .. } => (409, "uses_left_required", None),
        TokenError::AlreadyRotated { .. } => (409, "already_rotated", None),
        TokenError::BulkRuns | TokenError::TooManyBulks { .. } => (429, "too_many_requests", Some(5)),
        TokenError::Mint(MintError::Sign(_)) => (503, "keys_unavailable", Some(10)),
        TokenError::Mint(MintError::NoUses | MintError::NoExpiry) => (400, "invalid_request", None),
        TokenError::Mint(_) => (500, "internal_error", None),
    }
}

fn of_cas() -> [CaError; 11] {
    [
        CaError::Csr(CsrError::Signature),
        CaError::RootKeyAway,
        CaError::RootExpired,
        CaError::RootFromFuture { not_before: NOW },
        CaError::FormerRootKeyAway { file: "ca-root-1.key".to_owned() },
        CaError::Imported,
        CaError::ImportedNotValid { not_before: NOW, not_after: NOW },
        CaError::IssuingInUse,
        CaError::UnknownIssuing { known: "0a, 0b".to_owned() },
        CaError::Issue(IssueError::EmptyLifetime),
        CaError::Issue(IssueError::IssuerNotValid { not_before: NOW, not_after: NOW }),
    ]
}

const fn of_hosts() -> [HostError; 24] {
    [
        HostError::Revoked,
        HostError::Unknown,
        HostError::CertificateRevoked,
        HostError::NameWithdrawn,
        HostError::IssuerRevoked,
        HostError::CertificateSuperseded,
        HostError::LineageConflict,
        HostError::Quarantined,
        HostError::NotQuarantined,
        HostError::NameTaken,
        HostError::NodeLimit,
        HostError::Denied { reason: String::new() },
        HostError::RolesNotInPolicy { roles: String::new(), hosts: 1 },
        HostError::RoleOutsidePolicy { roles: String::new() },
        HostError::EnrollmentChanged,
        HostError::EnrollmentExpired,
        HostError::TooManyWaiting,
        HostError::AlreadyDecided { state: "denied" },
        HostError::FourEyes,
        HostError::NoCertificate,
        HostError::Ended,
        HostError::NoPolicy,
        HostError::AudienceNotAllowed,
        HostError::RenewedTooOften,
    ]
}

fn of_policies() -> [RequestError; 6] {
    [
        RequestError::TooManyPolicies { most: 1000 },
        RequestError::PolicyExists { name: String::from("edge") },
        RequestError::PolicyInUse { hosts: 2 },
        RequestError::TooManyOutputs { most: 1000 },
        RequestError::OutputExists { name: String::from("logs") },
        RequestError::OutputInUse { policies: 2 },
    ]
}

fn of_keys() -> [KeysError; 8] {
    let (output, field) = (OutputId::generate(NOW), "password".to_owned());
    [
        KeysError::Needed { tokens: 3 },
        KeysError::InUse,
        KeysError::IssuerInUse,
        KeysError::IssuerNeeded(crate::service::issuers::IssuerNeeds::default()),
        KeysError::Vault(VaultError::Missing { path: "keys/x".to_owned() }),
        KeysError::MalformedKey { path: "keys/fleet-1.key".to_owned() },
        KeysError::Unreadable { output, field, cause: SealError::Damaged },
        KeysError::Malformed(KeyError::NotPkcs8),
    ]
}

/// One value of each variant.
fn every_variant() -> Vec<ServiceError> {
    let detail = || "it said so".to_owned();
    let stores = [
        StoreError::Full,
        StoreError::ReadOnly,
        StoreError::Gone,
        StoreError::Removed { path: detail() },
        StoreError::Busy,
        StoreError::Overloaded,
        StoreError::Contended,
        StoreError::Failed { detail: detail() },
        StoreError::Damaged { detail: detail() },
        StoreError::Closed,
    ];
    let sign = SignError::Unavailable { id: SigningKey::generate().id(), detail: detail() };
    let mints = [MintError::NoUses, MintError::NoExpiry, MintError::SaysSomethingElse, MintError::Sign(sign)];
    let mut all = vec![
        ServiceError::Request(RequestError::Fields(vec![FieldError::new("roles[1]", "unknown role")])),
        ServiceError::Token(TokenError::Invalid(VerifyError::BadSignature)),
        ServiceError::Account(AccountError::SessionOver),
        ServiceError::Token(TokenError::Expired),
        ServiceError::Token(TokenError::Used),
        ServiceError::Token(TokenError::Exhausted),
        ServiceError::Token(TokenError::Revoked),
        ServiceError::Token(TokenError::Suspended),
        ServiceError::Token(TokenError::Binding(BindingError::Key)),
        ServiceError::Request(RequestError::NotFound { what: "token", id: "x".to_owned() }),
        ServiceError::Token(TokenError::Emergency),
        ServiceError::Token(TokenError::EmergencyNotRotated),
        ServiceError::Token(TokenError::EmergencyOfAdmins),
        ServiceError::Account(AccountError::NotByApiKey),
        ServiceError::Account(AccountError::CurrentPasswordRequired),
        ServiceError::Token(TokenError::AlreadyRotated { successor: TokenId::generate(NOW) }),
        ServiceError::Token(TokenError::UsesLeftRequired { left: 3 }),
        ServiceError::Token(TokenError::BulkRuns),
        ServiceError::Token(TokenError::TooManyBulks { most: 2 }),
        ServiceError::Request(RequestError::IdempotencyConflict),
        ServiceError::Request(RequestError::Stale),
        ServiceError::Request(RequestError::TooManyRules { most: 1000 }),
        ServiceError::Request(RequestError::CountChanged { count: 3 }),
        ServiceError::Account(AccountError::Unauthenticated),
        ServiceError::Account(AccountError::ApiKeyNotGood),
        ServiceError::Account(AccountError::ApiKeySuspended),
        ServiceError::Account(AccountError::CallerGone),
        ServiceError::Account(AccountError::UserExists),
        ServiceError::Account(AccountError::LastAdmin),
        ServiceError::Account(AccountError::TooManyApiKeys { most: 1000 }),
        ServiceError::RateLimited(RateLimited { limit: Limit::RefusedToken, retry_after: 7 }),
        ServiceError::Account(AccountError::SignInBusy),
        ServiceError::Clock(ClockDoubt::Behind { wall: NOW, mark: NOW }),
    ];
    let copy = CopyError::Unsound { fault: detail() };
    let refusals = [BackupRefusal::NotConfigured, BackupRefusal::Running, BackupRefusal::Copy(copy)];
    all.extend(refusals.map(ServiceError::Backup));
    all.extend(of_policies().map(ServiceError::Request));
    all.extend(of_keys().map(ServiceError::Keys));
    all.extend(of_cas().map(ServiceError::Ca));
    all.extend(of_hosts().map(ServiceError::Host));
    all.extend(stores.map(ServiceError::Store));
    all.extend(mints.map(|error| TokenError::Mint(error).into()));
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
        assert_eq!((problem.status().as_u16(), problem.code.as_str()), (status, code), "{error:?}");
        let reply = problem.render(&NATIVE);
        let header = |name: &str| reply.0.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/problem+json"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("retry-after"), seconds.map(|seconds| seconds.to_string()).as_deref());
        assert_eq!(header("www-authenticate").is_some(), code == "unauthenticated");
        let mut expected = json!({
            "type": format!("urn:gatepass:problem:{code}"), "title": problem.code.title(), "status": status,
            "detail": problem.detail, "code": code,
        });
        if let ServiceError::Request(RequestError::Fields(_)) = &error {
            expected["fields"] = json!([{ "field": "roles[1]", "message": "unknown role" }]);
        }
        assert_eq!(body(&reply), expected);
    }
}

#[test]
fn every_failure_is_one_error_of_elastic() {
    for error in every_variant() {
        let problem = Problem::from(error.clone());
        let reply = problem.render(&ECE);
        assert_eq!(reply.0.status(), problem.status());
        assert_eq!(reply.0.headers()["content-type"], "application/json");
        let body = body(&reply);
        let errors = body["errors"].as_array().unwrap();
        assert_eq!((body.as_object().unwrap().len(), errors.len()), (1, 1), "{error:?}");
        let code = errors[0]["code"].as_str().unwrap();
        let expected = match problem.status().as_u16() {
            400 => "enrollment_tokens.invalid_token_request",
            401 => "root.unauthenticated",
            403 => "root.unauthorized",
            404 => "root.resource_not_found",
            409 => "enrollment_tokens.emergency_token",
            429 => "root.too_many_requests",
            410 | 412 | 422 => "root.bad_request",
            _ => "root.unavailable",
        };
        assert_eq!(code, expected, "{error:?}");
        assert_eq!(errors[0]["message"], problem.detail);
    }
}

#[test]
fn every_invalid_token_gets_the_same_response() {
    let causes =
        [VerifyError::TooLong, VerifyError::BadSignature, VerifyError::UnknownKey, VerifyError::NotYetValid];
    let told = causes.map(|cause| Problem::from(ServiceError::Token(TokenError::Invalid(cause))));
    assert!(told.iter().all(|problem| *problem == told[0]));
}
