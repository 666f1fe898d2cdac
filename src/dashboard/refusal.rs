//! The refusal of a form, which its page shows above the fields.

use http::StatusCode;

use super::dialect::sentence;
use crate::access::mask::mask;
use crate::http::problem::{Code, Problem};

/// The refusal of a form.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

impl Refusal {
    /// The refusal that a form shows. Other problems have a page of their own.
    ///
    /// # Errors
    /// The problem, if sending the form again does not help.
    pub(super) fn of(problem: Problem) -> Result<Self, Problem> {
        let status = problem.status();
        let text = match problem.code {
            Code::Stale => {
                "It has changed since this page was opened. Nothing was done: check it, and send the form again."
                    .to_owned()
            }
            _ => sentence(&mask(&problem.detail)),
        };
        match status {
            StatusCode::BAD_REQUEST
            | StatusCode::FORBIDDEN
            | StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED => Ok(Self { status, text }),
            _ => Err(problem),
        }
    }
}

/// The status and the text of a form that may have been refused.
pub(super) fn parts(refusal: Option<Refusal>) -> (StatusCode, Option<String>) {
    match refusal {
        Some(Refusal { status, text }) => (status, Some(text)),
        None => (StatusCode::OK, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_shows_the_refusals_of_its_fields() {
        let shown = Refusal::of(Problem::invalid_field("roles", "unknown role \"x\"")).ok().unwrap();
        assert_eq!((shown.status.as_u16(), shown.text.as_str()), (400, "Roles: unknown role \"x\"."));
        let stale = Refusal::of(Problem::of(Code::Stale, "read it again")).ok().unwrap();
        assert!(stale.text.contains("send the form again"), "{}", stale.text);
        let missing = Refusal::of(Problem::of(Code::NotFound, "host not found")).err().unwrap();
        assert_eq!(missing.code, Code::NotFound);
    }
}
