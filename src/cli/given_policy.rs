//! A policy on the command line: by its name, its id, or the last characters of its id.

use serde_json::Value;

use super::error::CliError;
use super::output::text_at;
use crate::client::api::Api;
use crate::id::{PolicyId, ShortId};

/// A policy as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenPolicy(String);

impl GivenPolicy {
    /// Reads the argument. A name may be any text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err(String::from("the name or the id of a policy"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The policy with an id.
    pub(crate) fn of(id: PolicyId) -> Self {
        Self(id.to_string())
    }

    /// The argument.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id. A name and a short id are looked up.
    ///
    /// # Errors
    /// Exit code 1 if no policy has it, 2 if several have the short id.
    pub(crate) async fn whole(&self, api: &Api) -> Result<PolicyId, CliError> {
        match PolicyId::parse(&self.0) {
            Some(id) => Ok(id),
            None => self.among(&api.list("/api/v1/policies", usize::MAX).await?),
        }
    }

    fn among(&self, policies: &[Value]) -> Result<PolicyId, CliError> {
        let id = |policy: &Value| policy["id"].as_str().and_then(PolicyId::parse);
        if let Some(id) = policies.iter().find(|policy| policy["name"] == self.0.as_str()).and_then(id) {
            return Ok(id);
        }
        let short = ShortId::parse(&self.0).map(|short| short.to_string());
        let ends = |policy: &&Value| {
            short.as_ref().is_some_and(|short| text_at(policy, "id").ends_with(short.as_str()))
        };
        match policies.iter().filter(ends).collect::<Vec<_>>()[..] {
            [policy] => id(policy).ok_or_else(|| self.unknown()),
            [] => Err(self.unknown()),
            _ => Err(CliError::Usage(format!(
                "several policies have an id that ends with {}: nothing was done; give a name or a whole id",
                self.0
            ))),
        }
    }

    fn unknown(&self) -> CliError {
        let what = &self.0;
        CliError::Unsound(format!(
            "no policy has the name or the id {what}: `gatepass policy list` shows all"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0190a0b0-c0d0-7abc-8def-0123456789ab";

    #[test]
    fn a_name_precedes_a_short_id() {
        let other = "0190a0b0-c0d0-7abc-8def-0123456789ac";
        let policies = [json!({ "id": ID, "name": "edge" }), json!({ "id": other, "name": "456789ab" })];
        let find = |text: &str| GivenPolicy::parse(text).unwrap().among(&policies);
        assert_eq!(find("edge").ok(), PolicyId::parse(ID));
        assert_eq!(find("456789ab").ok(), PolicyId::parse(other));
        assert_eq!(find("456789ac").ok(), PolicyId::parse(other));
        assert_eq!(find("Edge").unwrap_err().exit_code(), 1);
        let twins =
            [json!({ "id": ID, "name": "a" }), json!({ "id": ID.replace("0190", "0191"), "name": "b" })];
        let ambiguous = GivenPolicy::parse("456789ab").unwrap().among(&twins).unwrap_err();
        assert_eq!(ambiguous.exit_code(), 2);
        assert!(GivenPolicy::parse("").is_err());
    }
}
