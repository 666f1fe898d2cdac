//! Every code of a problem: its status, and what to do. A handler names those that it can raise in its `#[utoipa::path]`;
//! what a row's credentials and body bring with them is said of the row (`http/openapi/problems.rs`).

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{RefOr, Response};

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The HTTP status that it comes with.
    pub status: u16,
    /// The code.
    pub name: &'static str,
    /// What happened and what to do, in general words; an answer's `detail` has the particular ones.
    pub advice: &'static str,
}

impl Code {
    /// The code of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|code| code.name == name)
    }
}

/// As utoipa takes responses: under the code in the place of a status, of which several codes share one.
fn raised(names: &[&str]) -> BTreeMap<String, RefOr<Response>> {
    names.iter().map(|name| ((*name).to_owned(), Response::new(*name).into())).collect()
}

macro_rules! codes {
    ($($type:ident = $status:literal $name:literal, $advice:literal;)*) => {
        $(
            #[doc = concat!($status, " `", $name, "`: ", $advice)]
            #[derive(Clone, Copy, Debug)]
            pub struct $type;

            impl IntoResponses for $type {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    raised(&[$name])
                }
            }
        )*

        /// Every code there is.
        pub const ALL: &[Code] = &[$(Code { status: $status, name: $name, advice: $advice }),*];
    };
}

codes! {
    InvalidRequest = 400 "invalid_request", "correct what `fields` names";
    UnsupportedTokenType = 400 "unsupported_token_type", "present an enrollment token or a service token";
    Unauthenticated = 401 "unauthenticated", "sign in, or present the host's certificate";
    InvalidToken = 401 "invalid_token", "this is no token of this authority: check that it was pasted whole";
    Forbidden = 403 "forbidden", "you are signed in, but may not do this";
    Csrf = 403 "csrf", "from a page of this site only; by cookie with the header X-CSRF-Token";
    InsufficientScope = 403 "insufficient_scope", "the token or certificate lacks a role";
    BindingMismatch = 403 "binding_mismatch", "name, cluster or key is not what the token was made for";
    BeyondLimits = 403 "beyond_limits", "it is over your own limits: `fields` names each";
    HostRevoked = 403 "host_revoked", "enroll again with a new key and a new token";
    CertificateRevoked = 403 "certificate_revoked", "it carried a role that was taken away: enroll the host again";
    LineageConflict = 403 "lineage_conflict", "a newer certificate of this host is in use: find the copy, revoke the host, enroll both";
    NotFound = 404 "not_found", "there is no such thing";
    MethodNotAllowed = 405 "method_not_allowed", "see the Allow header";
    BodyTimeout = 408 "body_timeout", "send the body without pauses";
    NameTaken = 409 "name_taken", "ask for another name, or revoke the host that holds it";
    UserExists = 409 "user_exists", "choose another user name";
    LastAdmin = 409 "last_admin", "make another admin without limits first: this is the last enabled one";
    RightsChanged = 409 "rights_changed", "your role, limits or password changed meanwhile, and what was not done by then is not done: ask again";
    TooManyApiKeys = 409 "too_many_api_keys", "delete some API keys of this owner first";
    EmergencyToken = 409 "emergency_token", "confirm with `confirm=emergency`";
    AlreadyRotated = 409 "already_rotated", "it has a successor: rotate that one";
    CountChanged = 409 "count_changed", "they are more or fewer than `expect` says: count again";
    KeyNeeded = 409 "key_needed", "confirm with `confirm`, or wait until its tokens have ended";
    KeyInUse = 409 "key_in_use", "rotate first, or say `compromised`: current and prepared keys are in use";
    IssuerNeeded = 409 "issuer_needed", "confirm with `confirm`: live persistent tokens name the URL and end with it";
    IssuerInUse = 409 "issuer_in_use", "start the server with another external URL first";
    RootKeyAway = 409 "root_key_away", "bring the root's key back to the keys directory";
    RootExpired = 409 "root_expired", "rotate with `root`";
    TokenExpired = 410 "token_expired", "ask for a new token";
    TokenUsed = 410 "token_used", "its one use is spent: ask for a new token";
    TokenExhausted = 410 "token_exhausted", "its last use is spent: ask for a new token";
    TokenRevoked = 410 "token_revoked", "it was taken back: ask for a new token";
    BodyTooLarge = 413 "body_too_large", "send a smaller body";
    UnsupportedMediaType = 415 "unsupported_media_type", "send JSON, with `Content-Type: application/json`";
    CsrRejected = 422 "csr_rejected", "`detail` says why; no use was spent";
    TooManyRequests = 429 "too_many_requests", "wait for as long as Retry-After says";
    RateLimited = 429 "rate_limited", "wait for as long as Retry-After says";
    InternalError = 500 "internal_error", "a fault of gatepass: its log has the `x-request-id`";
    StoreUnavailable = 503 "store_unavailable", "disk full, read-only or busy; nothing was half done: try again after Retry-After";
    TooManyStreams = 503 "too_many_streams", "as many event streams are open as may be: poll, and try again after Retry-After";
    ClockInDoubt = 503 "clock_in_doubt", "the server's clock jumped: set it right or accept it";
    CaNotValid = 503 "ca_not_valid", "the CA has expired, or its life has not begun: rotate it, or set the clock";
    KeysUnavailable = 503 "keys_unavailable", "the keys directory cannot be read or written";
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
    /// What signing a token or reading its key meets.
    Signing = ClockInDoubt KeysUnavailable;
    /// What keeps a certificate from being issued.
    Issuing = CsrRejected CaNotValid ClockInDoubt KeysUnavailable;
    /// The ends of a token.
    TokenEnded = TokenExpired TokenUsed TokenExhausted TokenRevoked;
    /// What signing in meets, where a route may want it.
    SigningIn = Unauthenticated Forbidden TooManyRequests RateLimited InternalError StoreUnavailable;
    /// What forward authentication says instead of yes.
    Guarded = InvalidRequest InvalidToken InsufficientScope HostRevoked CertificateRevoked LineageConflict StoreUnavailable InternalError;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_is_found_by_its_name() {
        for code in ALL {
            assert_eq!(ALL.iter().filter(|other| other.name == code.name).count(), 1, "{}", code.name);
            assert_eq!(Code::find(code.name), Some(code));
            assert!((400..600).contains(&code.status), "{}", code.name);
        }
        assert_eq!(Code::find("teapot"), None);
    }

    #[test]
    fn a_set_has_all_of_its_codes_though_they_share_a_status() {
        let names = TokenEnded::responses().into_keys().collect::<Vec<_>>();
        assert_eq!(names, ["token_exhausted", "token_expired", "token_revoked", "token_used"]);
    }
}
