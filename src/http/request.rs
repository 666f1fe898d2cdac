//! The bodies of requests that give rights or change them, and the filters of lists. Each is judged as a whole, so that one
//! response lists every invalid field, and becomes an order of a use case or a filter.

mod api_key;
mod checkin;
mod denial;
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
use std::sync::Arc;

pub use self::api_key::ApiKeyRequest;
pub(super) use self::checkin::judge_checkin;
pub use self::denial::{MOST_DECISIONS, denial_reason};
pub use self::filter::{
    EnrollmentWords, EntryWords, HostOrderWords, HostWords, ORDER_PARAMETERS, TokenOrderWords, TokenWords,
};
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
use crate::id::PolicyId;
use crate::service::FieldError;
use crate::service::policies::live::LivePolicies;
use crate::store::Policy;

/// The value of a field. The error of its parsing goes to `faults`.
pub(super) fn valid<T>(
    field: &str,
    parsed: Result<T, impl Display>,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    parsed.map_err(|error| faults.push(FieldError::of(field, &error))).ok()
}

/// The policy with this id. Another text goes to `faults`.
fn known_policy(
    id: Option<&str>,
    policies: &LivePolicies,
    faults: &mut Vec<FieldError>,
) -> Option<Arc<Policy>> {
    let policy = PolicyId::parse(id?).and_then(|id| policies.get(id));
    if policy.is_none() {
        faults.push(FieldError::new("policy", "no such policy: give the id of one"));
    }
    policy
}
