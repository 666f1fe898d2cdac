//! Problems: failed requests, before a [dialect] writes them.

pub mod code;
pub mod dialect;
mod forbidden;
mod native;
mod service;

use http::StatusCode;
use serde_json::Value;

pub use self::code::Code;
use self::dialect::Dialect;
pub use self::forbidden::least_role;
pub use self::native::NATIVE;
use super::reply::Reply;
use crate::access::mask::mask;
use crate::service::FieldError;

/// Maximum number of invalid fields that one response names.
const MAX_FIELDS: usize = 20;

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The code, which has a status and a title.
    pub code: Code,
    /// The cause and the next step, for people. Never a secret.
    pub detail: String,
    /// The error of each invalid field.
    pub fields: Vec<FieldError>,
    /// Seconds to wait before the next try.
    pub retry_after: Option<u32>,
    /// The code of the route's own dialect, where that depends on the route.
    pub compat_code: Option<&'static str>,
}

impl Problem {
    /// A problem with this code and text.
    pub fn of(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), fields: Vec::new(), retry_after: None, compat_code: None }
    }

    /// The same problem, worth another try in `seconds`.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same problem, with the errors of fields.
    #[must_use]
    pub fn fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
    }

    /// The same problem, with a code of the route's own dialect.
    #[must_use]
    pub const fn compat_code(mut self, code: &'static str) -> Self {
        self.compat_code = Some(code);
        self
    }

    /// 401: the credential is missing or not valid.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::of(Code::Unauthenticated, detail)
    }

    /// 400: the request as a whole is not valid.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::of(Code::InvalidRequest, detail)
    }

    /// 400: the request has invalid fields. The response names the first `MAX_FIELDS`: it must not outgrow its request.
    pub fn invalid_fields(mut fields: Vec<FieldError>) -> Self {
        let more = fields.len().saturating_sub(MAX_FIELDS);
        fields.truncate(MAX_FIELDS);
        let mut named =
            fields.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect::<Vec<_>>();
        if more > 0 {
            named.push(format!("and {more} more"));
        }
        Self::bad_request(named.join("; ")).fields(fields)
    }

    /// 400: one field is not valid.
    pub fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError::new(field, message)])
    }

    /// 500: a fault of this program.
    pub fn internal() -> Self {
        Self::of(Code::InternalError, "this is a fault of gatepass: see its log")
    }

    /// The HTTP status.
    pub const fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The same problem without the credentials that the request may hold in a wrong place (I7).
    fn masked(&self) -> Self {
        let fields =
            self.fields.iter().map(|fault| FieldError::new(mask(&fault.field), mask(&fault.message)));
        Self { detail: mask(&self.detail), fields: fields.collect(), ..self.clone() }
    }

    /// The body of the response in `dialect`.
    pub fn body(&self, dialect: &Dialect) -> Value {
        serde_json::from_str(&self.text(dialect)).unwrap_or_default()
    }

    /// The same body as text.
    fn text(&self, dialect: &Dialect) -> String {
        (dialect.body)(&self.masked())
    }

    /// The response in `dialect`.
    pub fn render(&self, dialect: &Dialect) -> Reply {
        let reply = Reply::bytes(self.status(), dialect.media_type, self.text(dialect));
        let reply = reply.header("cache-control", "no-store");
        let mut reply = match self.retry_after {
            Some(seconds) => reply.header("retry-after", &seconds.to_string()),
            None => reply,
        };
        // For the log line of the request.
        reply.0.extensions_mut().insert(self.code);
        match self.code {
            Code::Unauthenticated => {
                reply.header("www-authenticate", "Basic realm=\"gatepass\", charset=\"UTF-8\"")
            }
            _ => reply,
        }
    }
}

#[cfg(test)]
mod tests;
