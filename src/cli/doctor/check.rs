//! One check of the doctor.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::text::printable;

/// Width of the names.
const NAMES: usize = 13;

/// The result of a check, and the remedy of a problem.
#[derive(Debug, Serialize)]
pub(super) struct DoctorCheck {
    name: &'static str,
    pub(super) state: CheckState,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// The state of a checked part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckState {
    /// It is as it should be.
    Ok,
    /// It works, and somebody should act.
    Warning,
    /// It does not work.
    Failed,
}

impl DoctorCheck {
    pub(super) fn ok(name: &'static str, detail: impl Display) -> Self {
        Self { name, state: CheckState::Ok, detail: detail.to_string(), remedy: None }
    }

    pub(super) fn warning(name: &'static str, detail: impl Display, remedy: impl Display) -> Self {
        let remedy = Some(remedy.to_string());
        Self { name, state: CheckState::Warning, detail: detail.to_string(), remedy }
    }

    pub(super) fn failed(name: &'static str, detail: impl Display, remedy: impl Display) -> Self {
        Self { state: CheckState::Failed, ..Self::warning(name, detail, remedy) }
    }
}

impl Display for DoctorCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            CheckState::Ok => "ok",
            CheckState::Warning => "WARNING",
            CheckState::Failed => "FAILED",
        };
        writeln!(f, "  {state:7}  {:NAMES$}  {}", self.name, printable(&self.detail))?;
        match &self.remedy {
            Some(remedy) => writeln!(f, "           {:NAMES$}  remedy: {}", "", printable(remedy)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_its_remedy_below() {
        let check = DoctorCheck::failed("clock", "an hour\u{1b}[2J ahead", "start chrony");
        let shown = check.to_string();
        assert!(shown.starts_with("  FAILED   clock          an hour\\u{1b}[2J ahead\n"), "{shown}");
        assert!(shown.ends_with("   remedy: start chrony\n"), "{shown}");
        assert_eq!(DoctorCheck::ok("clock", "good").to_string().lines().count(), 1);
    }
}
