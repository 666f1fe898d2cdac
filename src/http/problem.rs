//! What goes wrong, as it stands on the wire: RFC 9457 problems, and the dialects of compat routes.

pub(super) mod body;
pub mod code;
mod echo;
mod forbidden;

use http::StatusCode;
use serde_json::{Value, json};

use self::body::{NativeBody, OAuthBody};
use super::reply::Reply;
use crate::access::throttle::RateLimited;
use crate::ca::IssueError;
use crate::service::{
    AccountError, CaError, FieldError, HostError, KeysError, RequestError, ServiceError, TokenError,
};
use crate::store::StoreError;
use crate::token::MintError;

/// In which words a route's errors are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// RFC 9457 problems.
    Native,
    /// Elastic Cloud Enterprise's `{"errors":[…]}`.
    Ece,
    /// OAuth's `{"error","error_description"}` (RFC 6749 section 5.2).
    OAuth,
}

/// How many wrong fields one answer names.
const MOST_FAULTS: usize = 20;

/// A failed request: what every dialect renders its error from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code that scripts match; also the end of the problem's `type`.
    pub code: &'static str,
    /// What happened and what to do, for people. It never holds a secret.
    pub detail: String,
    /// What is wrong with which field.
    pub fields: Vec<FieldError>,
    /// In how many seconds to try again.
    pub retry_after: Option<u32>,
    /// What the Elastic dialect calls it, where that differs by route.
    pub ece_code: Option<&'static str>,
}

impl Problem {
    /// A problem with this status, code and text.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), fields: Vec::new(), retry_after: None, ece_code: None }
    }

    /// The same, worth trying again in `seconds`.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same, with what is wrong in which field.
    #[must_use]
    pub fn fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
    }

    /// 401: a credential is needed that was not given, or not a good one.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 400: the request makes no sense as a whole.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// 400: these fields are wrong. So many are named that people will read; a request must not grow into a longer answer.
    pub fn invalid_fields(mut fields: Vec<FieldError>) -> Self {
        let more = fields.len().saturating_sub(MOST_FAULTS);
        fields.truncate(MOST_FAULTS);
        let mut named =
            fields.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect::<Vec<_>>();
        if more > 0 {
            named.push(format!("and {more} more"));
        }
        Self::bad_request(named.join("; ")).fields(fields)
    }

    /// The answer in `dialect`.
    pub fn render(&self, dialect: Dialect) -> Reply {
        let shown = self.masked();
        let reply = match dialect {
            Dialect::Native => {
                Reply::json(self.status, &shown.native()).header("content-type", "application/problem+json")
            }
            Dialect::Ece => Reply::json(self.status, &shown.ece()),
            Dialect::OAuth => Reply::json(self.status, &shown.oauth()),
        };
        let reply = match self.retry_after {
            Some(seconds) => reply.header("retry-after", &seconds.to_string()),
            None => reply,
        };
        match self.status {
            StatusCode::UNAUTHORIZED if self.code == "unauthenticated" => {
                reply.header("www-authenticate", "Basic realm=\"gatepass\", charset=\"UTF-8\"")
            }
            _ => reply,
        }
    }

    fn native(&self) -> Value {
        json!(NativeBody {
            kind: format!("urn:gatepass:problem:{}", self.code),
            title: title(self.code),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            fields: &self.fields,
        })
    }

    fn oauth(&self) -> Value {
        json!(OAuthBody { error: in_oauth(self.status.as_u16(), self.code), error_description: &self.detail })
    }

    fn ece(&self) -> Value {
        let code = self.ece_code.unwrap_or(match self.status {
            StatusCode::UNAUTHORIZED => "root.unauthenticated",
            StatusCode::FORBIDDEN => "root.unauthorized",
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
                "enrollment_tokens.invalid_token_request"
            }
            StatusCode::NOT_FOUND => "root.resource_not_found",
            StatusCode::METHOD_NOT_ALLOWED => "root.method_not_allowed",
            StatusCode::CONFLICT => "enrollment_tokens.emergency_token",
            StatusCode::TOO_MANY_REQUESTS => "root.too_many_requests",
            status if status.is_client_error() => "root.bad_request",
            _ => "root.unavailable",
        });
        let fields = self.fields.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>();
        let mut error = json!({ "code": code, "message": self.detail });
        if !fields.is_empty() {
            error["fields"] = json!(fields);
        }
        json!({ "errors": [error] })
    }
}

/// A code in words.
pub(super) fn title(code: &str) -> String {
    match code {
        "node_limit_exceeded" => "NodeLimitExceeded".to_owned(),
        "csrf" => "CSRF".to_owned(),
        code => {
            let words = code.replace('_', " ");
            let (first, rest) = words.split_at(words.len().min(1));
            first.to_uppercase() + rest
        }
    }
}

/// RFC 6749 section 5.2 has codes for some of it; what it has none for keeps ours.
pub(super) fn in_oauth(status: u16, code: &str) -> &str {
    match code {
        "unauthenticated" => "invalid_client",
        "forbidden" => "unauthorized_client",
        "internal_error" => "server_error",
        _ if status == 503 => "temporarily_unavailable",
        code => code,
    }
}

/// The problem of each failure of a use case: a mapping per family, each exhaustive.
impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Request(error) => error.into(),
            ServiceError::Token(error) => error.into(),
            ServiceError::Host(error) => error.into(),
            ServiceError::Account(error) => error.into(),
            ServiceError::Ca(error) => error.into(),
            ServiceError::Keys(error) => error.into(),
            ServiceError::RateLimited(limited) => limited.into(),
            ServiceError::Clock(doubt) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "clock_in_doubt", doubt.to_string())
                    .retry_after(60)
            }
            ServiceError::Store(error) => error.into(),
        }
    }
}

impl From<RequestError> for Problem {
    fn from(error: RequestError) -> Self {
        use StatusCode as S;
        let detail = error.to_string();
        match error {
            RequestError::Fields(fields) => Self::invalid_fields(fields),
            RequestError::BeyondLimits(excess) => {
                let fields = excess.into_iter().map(|excess| FieldError::new(excess.limit, excess.message));
                Self::new(S::FORBIDDEN, "beyond_limits", detail).fields(fields.collect())
            }
            RequestError::NotFound { .. } => Self::new(S::NOT_FOUND, "not_found", detail),
            RequestError::CountChanged { .. } => Self::new(S::CONFLICT, "count_changed", detail),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        use StatusCode as S;
        let of = |status, code| Self::new(status, code, error.to_string());
        match &error {
            TokenError::Invalid(_) => of(S::UNAUTHORIZED, "invalid_token"),
            TokenError::Expired => of(S::GONE, "token_expired"),
            TokenError::Used => of(S::GONE, "token_used"),
            TokenError::Exhausted => of(S::GONE, "token_exhausted"),
            TokenError::Revoked => of(S::GONE, "token_revoked"),
            TokenError::Binding(_) => of(S::FORBIDDEN, "binding_mismatch"),
            TokenError::Emergency | TokenError::EmergencyNotRotated => of(S::CONFLICT, "emergency_token"),
            TokenError::AlreadyRotated { .. } => of(S::CONFLICT, "already_rotated"),
            TokenError::Mint(error) => unminted(error),
        }
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        use StatusCode as S;
        let of = |status, code| Self::new(status, code, error.to_string());
        match error {
            HostError::Revoked => of(S::FORBIDDEN, "host_revoked"),
            HostError::CertificateRevoked => of(S::FORBIDDEN, "certificate_revoked"),
            HostError::LineageConflict => of(S::FORBIDDEN, "lineage_conflict"),
            HostError::NameTaken => of(S::CONFLICT, "name_taken"),
            HostError::NoCertificate => Self::unauthenticated(error.to_string()),
            HostError::RenewedTooOften => of(S::TOO_MANY_REQUESTS, "too_many_requests").retry_after(3600),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        use StatusCode as S;
        let of = |status, code| Self::new(status, code, error.to_string());
        match error {
            AccountError::Unauthenticated
            | AccountError::ApiKeyNotGood
            | AccountError::CallerGone
            | AccountError::SessionOver => Self::unauthenticated(error.to_string()),
            AccountError::RightsChanged => of(S::CONFLICT, "rights_changed"),
            AccountError::UserExists => of(S::CONFLICT, "user_exists"),
            AccountError::LastAdmin => of(S::CONFLICT, "last_admin"),
            AccountError::TooManyApiKeys { .. } => of(S::CONFLICT, "too_many_api_keys"),
            AccountError::SignInBusy => of(S::TOO_MANY_REQUESTS, "too_many_requests").retry_after(1),
        }
    }
}

impl From<CaError> for Problem {
    fn from(error: CaError) -> Self {
        use StatusCode as S;
        let of = |status, code| Self::new(status, code, error.to_string());
        match error {
            CaError::Csr(_) => of(S::UNPROCESSABLE_ENTITY, "csr_rejected"),
            CaError::Issue(IssueError::IssuerNotValid { .. }) => {
                of(S::SERVICE_UNAVAILABLE, "ca_not_valid").retry_after(60)
            }
            CaError::Issue(_) => of(S::INTERNAL_SERVER_ERROR, "internal_error"),
            CaError::RootKeyAway => of(S::CONFLICT, "root_key_away"),
            CaError::RootExpired => of(S::CONFLICT, "root_expired"),
        }
    }
}

impl From<KeysError> for Problem {
    fn from(error: KeysError) -> Self {
        use StatusCode as S;
        let of = |status, code| Self::new(status, code, error.to_string());
        match error {
            KeysError::Needed { .. } => of(S::CONFLICT, "key_needed"),
            KeysError::InUse => of(S::CONFLICT, "key_in_use"),
            KeysError::IssuerNeeded { .. } => of(S::CONFLICT, "issuer_needed"),
            KeysError::IssuerInUse => of(S::CONFLICT, "issuer_in_use"),
            KeysError::Vault(_) => of(S::SERVICE_UNAVAILABLE, "keys_unavailable").retry_after(10),
            KeysError::Malformed(_) => of(S::INTERNAL_SERVER_ERROR, "internal_error"),
        }
    }
}

impl From<RateLimited> for Problem {
    fn from(limited: RateLimited) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", limited.to_string());
        problem.retry_after(limited.retry_after)
    }
}

/// What cannot be minted was asked for wrongly, or cannot be signed now, or is a fault of ours.
fn unminted(error: &MintError) -> Problem {
    let of = |status, code| Problem::new(status, code, error.to_string());
    match error {
        MintError::TooLong { .. }
        | MintError::TooManyRoles { .. }
        | MintError::TooManyPatterns { .. }
        | MintError::NoUses
        | MintError::NoExpiry
        | MintError::AlreadyExpired { .. }
        | MintError::UnusableTime { .. } => of(StatusCode::BAD_REQUEST, "invalid_request"),
        MintError::Sign(_) => of(StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable").retry_after(10),
        MintError::IndexOutOfRange { .. }
        | MintError::NotJson
        | MintError::DoesNotVerify(_)
        | MintError::SaysSomethingElse => of(StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let seconds = match error {
            StoreError::Overloaded => 1,
            _ => 10,
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", error.to_string())
            .retry_after(seconds)
    }
}

#[cfg(test)]
mod tests;
