//! The HTTP surface: listener, TLS, front, the table of routes, problems.

pub mod body;
pub mod limits;
pub mod listener;
pub mod tls;

/// The body of every answer: whole or streamed, never failing, sent once.
pub type ResponseBody = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, std::convert::Infallible>;
