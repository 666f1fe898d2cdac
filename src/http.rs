//! The HTTP surface: listener, TLS, front, the table of routes, problems.

pub mod api;
pub mod body;
mod budget;
pub mod call;
pub mod compat;
pub mod cookie;
pub mod credential;
pub mod csrf;
pub mod decode;
mod described;
pub mod document;
pub mod event_stream;
pub mod form;
pub mod forwarded;
pub mod front;
pub mod head;
pub mod limits;
pub mod listener;
pub mod meters;
pub mod metrics;
pub mod openapi;
pub mod problem;
pub mod query;
pub mod reply;
pub mod request;
mod revision;
pub mod route;
pub mod table;
pub mod throttle;
pub mod tls;

pub use body::ResponseBody;
