//! Decisions about waiting hosts: how many at once, and the reason of a denial, which the host shows.

use crate::service::{FieldError, RequestError};
use crate::text::is_plain;

/// Maximum number of enrollments in a request.
pub const MOST_DECISIONS: usize = 1000;

/// Longest reason, in characters.
const LONGEST: usize = 256;

/// Judges the reason; it may be empty.
///
/// # Errors
/// [`RequestError::Fields`]: it is too long, or has control characters.
pub fn denial_reason(reason: String) -> Result<String, RequestError> {
    match reason.chars().count() <= LONGEST && is_plain(&reason) {
        true => Ok(reason),
        false => {
            let message = format!("at most {LONGEST} characters, without control characters");
            Err(RequestError::Fields(vec![FieldError::new("reason", message)]))
        }
    }
}
