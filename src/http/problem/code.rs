//! The table of problems: status, code, title and advice of each, written once. A handler names the codes of its errors in
//! its `#[utoipa::path]`; the codes of a route's credentials and body come from `http/openapi/problems.rs`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::StatusCode;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

/// A row of the table.
struct Row {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    advice: &'static str,
}

/// The responses of utoipa, keyed by code: several codes share one status.
fn raised(code: Code) -> BTreeMap<String, RefOr<Response>> {
    BTreeMap::from([(code.as_str().to_owned(), Response::new(code.as_str()).into())])
}

macro_rules! codes {
    ($($code:ident = $status:ident $name:literal $title:literal, $advice:literal;)*) => {
        /// The code of a problem. Clients match it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $name, "`: ", $advice, ".")] $code,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$code => {
                        Row { status: StatusCode::$status, name: $name, title: $title, advice: $advice }
                    })*
                }
            }
        }

        $(
            #[doc = concat!("`", $name, "` in the OpenAPI document.")]
            #[derive(Clone, Copy, Debug)]
            pub struct $code;

            impl IntoResponses for $code {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    raised(Code::$code)
                }
            }
        )*
    };
}

codes! {
    InvalidRequest = BAD_REQUEST "invalid_request" "Invalid request", "correct the fields that `fields` names";
    UnsupportedTokenType = BAD_REQUEST "unsupported_token_type" "Unsupported token type", "present an enrollment token or a service token";
    Unauthenticated = UNAUTHORIZED "unauthenticated" "Unauthenticated", "sign in, or present the host's certificate";
    InvalidToken = UNAUTHORIZED "invalid_token" "Invalid token", "the token is not valid here: check that it was pasted completely; if its URL or key was retired, ask for a new token";
    Forbidden = FORBIDDEN "forbidden" "Forbidden", "the caller is signed in but not allowed to do this";
    Csrf = FORBIDDEN "csrf" "CSRF", "send the request from a page of this site; with a session cookie, also send the header X-CSRF-Token";
    InsufficientScope = FORBIDDEN "insufficient_scope" "Insufficient scope", "the token or certificate lacks a role";
    BindingMismatch = FORBIDDEN "binding_mismatch" "Binding mismatch", "the token is bound to another name, cluster, key or host";
    BeyondLimits = FORBIDDEN "beyond_limits" "Beyond limits", "the request exceeds the caller's limits: `fields` names each of them";
    CurrentPasswordRequired = FORBIDDEN "current_password_required" "Current password required", "the session also needs the user's own password: send it as `current_password`";
    HostRevoked = FORBIDDEN "host_revoked" "Host revoked", "enroll the host again with a new key and a new token";
    HostUnknown = FORBIDDEN "host_unknown" "Host unknown", "the server was restored from a backup that is older than the host: enroll it again with a new token";
    CertificateRevoked = FORBIDDEN "certificate_revoked" "Certificate revoked", "the certificate carries a role or a name that the host no longer has, the host was enrolled again or released without it, or its issuing CA was revoked: renew it if it lost its name, or else enroll the host again";
    CertificateSuperseded = FORBIDDEN "certificate_superseded" "Certificate superseded", "the host has a newer certificate: reload the service that presented this one, or run the command where the newest is";
    LineageConflict = FORBIDDEN "lineage_conflict" "Lineage conflict", "a superseded certificate renewed, so two machines share one identity: an administrator decides which one stays";
    HostQuarantined = FORBIDDEN "host_quarantined" "Host quarantined", "two machines renewed with certificates of the host: an administrator releases it or re-enrolls it";
    NoPolicy = FORBIDDEN "no_policy" "No policy", "move the host to a policy that names the service";
    AudienceNotAllowed = FORBIDDEN "audience_not_allowed" "Audience not allowed", "add the audience to the policy of the host";
    TokenSuspended = FORBIDDEN "token_suspended" "Token suspended", "the server was restored from a backup: release the token, and the host tries again after Retry-After";
    ApiKeySuspended = FORBIDDEN "api_key_suspended" "API key suspended", "the server was restored from a backup: an admin releases the key";
    CredentialNotAllowed = FORBIDDEN "credential_not_allowed" "Credential not allowed", "the policy does not allow opaque keys: enroll without one, or set `api_key_credential` in the policy";
    NodeLimitExceeded = FORBIDDEN "node_limit_exceeded" "NodeLimitExceeded", "the fleet is at its node limit, and no use was spent: raise `node_limit`, or revoke hosts that are gone";
    EnrollmentDenied = FORBIDDEN "enrollment_denied" "Enrollment denied", "an administrator denied the host: its key is refused under every token";
    EnrollmentChanged = FORBIDDEN "enrollment_changed" "Enrollment changed", "the host waits under another name, cluster or credential: repeat the first request";
    FourEyes = FORBIDDEN "four_eyes" "Four eyes", "the minter of the token may not approve its hosts: ask another approver";
    NotFound = NOT_FOUND "not_found" "Not found", "check the id and the path";
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "Method not allowed", "use a method of the Allow header";
    BodyTimeout = REQUEST_TIMEOUT "body_timeout" "Body timeout", "send the body without pauses";
    BackupNotConfigured = CONFLICT "backup_not_configured" "Backup not configured", "set `backup.directory` and restart the server, or run `gatepass backup` on its machine";
    BackupRunning = CONFLICT "backup_running" "Backup running", "another backup is being made: try again when it is finished";
    NameTaken = CONFLICT "name_taken" "Name taken", "choose another name, or revoke the host that has it; a name of the server itself is never free";
    HostEnded = CONFLICT "host_ended" "Host ended", "the host is revoked for good: mint a plain token, which makes a new host";
    RolesNotInPolicy = CONFLICT "roles_not_in_policy" "Roles not in policy", "the policy does not have every role of the host: take the roles away, or set `drop_roles` in a move";
    HostNotQuarantined = CONFLICT "host_not_quarantined" "Host not quarantined", "the host is not in quarantine, and its newest certificate is another one";
    AlreadyDecided = CONFLICT "already_decided" "Already decided", "the enrollment was decided otherwise: show it";
    UserExists = CONFLICT "user_exists" "User exists", "choose another user name";
    LastAdmin = CONFLICT "last_admin" "Last admin", "create another admin without limits first: this is the last enabled one";
    RightsChanged = CONFLICT "rights_changed" "Rights changed", "the caller's role, limits or password changed while the request ran; the rest was not done: send it again";
    TooManyApiKeys = CONFLICT "too_many_api_keys" "Too many API keys", "delete some API keys of this owner first";
    TooManyRules = CONFLICT "too_many_rules" "Too many rules", "delete some auto-approve rules first";
    TooManyPolicies = CONFLICT "too_many_policies" "Too many policies", "delete some policies first";
    PolicyExists = CONFLICT "policy_exists" "Policy exists", "choose another name";
    PolicyInUse = CONFLICT "policy_in_use" "Policy in use", "move its hosts to another policy, or revoke them";
    TooManyOutputs = CONFLICT "too_many_outputs" "Too many outputs", "delete some outputs first";
    OutputExists = CONFLICT "output_exists" "Output exists", "choose another name";
    OutputInUse = CONFLICT "output_in_use" "Output in use", "take it out of the policies that have it";
    EmergencyToken = CONFLICT "emergency_token" "Emergency token", "confirm with `confirm=emergency`";
    UsesLeftRequired = CONFLICT "uses_left_required" "Uses left required", "the suspended token has a use limit: send `uses_left`, at most the uses that it had left in the backup";
    AlreadyRotated = CONFLICT "already_rotated" "Already rotated", "the token has a successor: rotate the successor";
    IdempotencyConflict = CONFLICT "idempotency_conflict" "Idempotency conflict", "the key was sent with another body within a day: send the same body, or another key";
    CountChanged = CONFLICT "count_changed" "Count changed", "the selection has changed: send a dry run again";
    KeyNeeded = CONFLICT "key_needed" "Key needed", "confirm with `confirm`, or wait until the key's tokens have ended";
    KeyInUse = CONFLICT "key_in_use" "Key in use", "the key is current or prepared: rotate first, or set `compromised`";
    IssuerNeeded = CONFLICT "issuer_needed" "Issuer needed", "confirm with `confirm`: live persistent tokens or live hosts use the URL";
    IssuerInUse = CONFLICT "issuer_in_use" "Issuer in use", "start the server with another external URL first";
    RootKeyAway = CONFLICT "root_key_away" "Root key away", "put the root's key back into the keys directory";
    RootExpired = CONFLICT "root_expired" "Root expired", "rotate with `root`";
    CaImported = CONFLICT "ca_imported" "CA imported", "rotate or revoke the CA where it was made, name the new files in `[ca]`, and restart";
    IssuingCaInUse = CONFLICT "issuing_ca_in_use" "Issuing CA in use", "rotate the CA first";
    TokenExpired = GONE "token_expired" "Token expired", "ask for a new token";
    TokenUsed = GONE "token_used" "Token used", "the token's only use is spent: ask for a new token";
    TokenExhausted = GONE "token_exhausted" "Token exhausted", "the token's last use is spent: ask for a new token";
    TokenRevoked = GONE "token_revoked" "Token revoked", "ask for a new token";
    EnrollmentExpired = GONE "enrollment_expired" "Enrollment expired", "nobody decided in time: enroll again";
    Stale = PRECONDITION_FAILED "stale" "Stale", "it has changed since its ETag was read: read it again";
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large" "Body too large", "send a smaller body";
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported_media_type" "Unsupported media type", "send JSON, with `Content-Type: application/json`";
    CsrRejected = UNPROCESSABLE_ENTITY "csr_rejected" "CSR rejected", "`detail` names the fault of the certificate request; no use was spent";
    TooManyRequests = TOO_MANY_REQUESTS "too_many_requests" "Too many requests", "wait for the seconds in Retry-After";
    TooManyWaiting = TOO_MANY_REQUESTS "too_many_waiting" "Too many waiting", "decide about waiting hosts, then try again after Retry-After";
    RateLimited = TOO_MANY_REQUESTS "rate_limited" "Rate limited", "wait for the seconds in Retry-After";
    InternalError = INTERNAL_SERVER_ERROR "internal_error" "Internal error", "a fault of gatepass: search its log for the `x-request-id`";
    Contended = SERVICE_UNAVAILABLE "contended" "Contended", "other writes changed the same records on every attempt: try again after Retry-After";
    StoreUnavailable = SERVICE_UNAVAILABLE "store_unavailable" "Store unavailable", "the disk is full, read-only or busy; nothing was half done: try again after Retry-After";
    Overloaded = SERVICE_UNAVAILABLE "overloaded" "Overloaded", "requests hold as much memory as they may, and nothing was done: try again after Retry-After";
    TooManyStreams = SERVICE_UNAVAILABLE "too_many_streams" "Too many streams", "the maximum number of event streams is open: poll, and try again after Retry-After";
    ClockInDoubt = SERVICE_UNAVAILABLE "clock_in_doubt" "Clock in doubt", "the server's clock jumped: correct it or accept it";
    CaNotValid = SERVICE_UNAVAILABLE "ca_not_valid" "CA not valid", "the CA has expired or is not valid yet: rotate it, or correct the clock";
    KeysUnavailable = SERVICE_UNAVAILABLE "keys_unavailable" "Keys unavailable", "the keys directory cannot be read or written";
    BackupFailed = SERVICE_UNAVAILABLE "backup_failed" "Backup failed", "no backup was made: `detail` names the file or the fault";
}

impl Code {
    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    /// The code as clients match it.
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The code in words.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// General advice. A response's `detail` is specific.
    pub const fn advice(self) -> &'static str {
        self.row().advice
    }

    /// The code of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let description = "The codes of this version. Treat another one by its status.";
        let names = Self::ALL.iter().map(|code| code.as_str());
        let text = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
        RefOr::T(Schema::Object(text.enum_values(Some(names)).build()))
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ProblemCode")
    }
}

macro_rules! sets {
    ($($(#[$doc:meta])* $set:ident = $($code:ident)*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $set;

            impl IntoResponses for $set {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    let mut all = BTreeMap::new();
                    $(all.extend($code::responses());)*
                    all
                }
            }
        )*
    };
}

sets! {
    /// The codes of signing a token or reading its key.
    Signing = ClockInDoubt KeysUnavailable;
    /// The codes of issuing a certificate.
    Issuing = CsrRejected CaNotValid ClockInDoubt KeysUnavailable;
    /// The codes of a token that has ended or is suspended.
    TokenEnded = TokenExpired TokenUsed TokenExhausted TokenRevoked TokenSuspended;
    /// The codes of signing in, for routes where it is optional.
    SigningIn = Unauthenticated Forbidden TooManyRequests RateLimited InternalError StoreUnavailable;
    /// The codes of forward authentication.
    Guarded = InvalidRequest InvalidToken InsufficientScope HostRevoked HostUnknown HostQuarantined CertificateRevoked CertificateSuperseded StoreUnavailable InternalError;
}

#[cfg(test)]
mod tests;
