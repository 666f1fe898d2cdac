//! The bodies of requests that give rights or change them, and the filters of lists. Each is judged as a whole, so that one
//! response lists every invalid field, and becomes an order of a use case or a filter.

mod api_key;
mod checkin;
mod filter;
mod life;
mod mint;
pub(super) mod object;
mod output;
mod policy;
mod preset;
mod reenrollment;
mod report;
mod rule;
mod service_token;
mod settings;
mod user;

use std::fmt::Display;

pub use self::api_key::ApiKeyRequest;
pub(super) use self::checkin::judge_checkin;
pub use self::filter::{EnrollmentWords, EntryWords, HostWords, TokenWords};
pub(super) use self::filter::{flag, short_id};
pub use self::mint::{MintRequest, RequestedBindings};
pub use self::output::{NewOutputRequest, OutputRequest};
pub use self::policy::{PolicyChangeRequest, PolicyRequest};
pub use self::reenrollment::ReenrollmentRequest;
pub(super) use self::report::judge_report;
pub use self::rule::{ApplicantRequest, RuleChangeRequest, RuleRequest};
pub use self::service_token::ServiceTokenRequest;
pub use self::settings::SettingsRequest;
pub use self::user::{UserChangeRequest, UserRequest};
use crate::service::FieldError;

/// The value of a field. The error of its parsing goes to `faults`.
pub(super) fn valid<T>(
    field: &str,
    parsed: Result<T, impl Display>,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    parsed.map_err(|error| faults.push(FieldError::of(field, &error))).ok()
}
