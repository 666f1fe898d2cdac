//! A policy that a command reads before it changes the policy.

use http::Method;
use serde_json::Value;

use super::{POLICIES, at};
use crate::cli::error::CliError;
use crate::cli::given_name::GivenPolicy;
use crate::cli::output::text_at;
use crate::cli::together::{count, of};
use crate::client::ClientError;
use crate::client::api::Api;

/// A policy at the revision that was read.
pub(super) struct ReadPolicy(Value);

impl ReadPolicy {
    /// Reads a policy.
    pub(super) async fn of(given: &GivenPolicy, api: &Api) -> Result<Self, CliError> {
        Ok(Self(api.get(&at(given.whole(api).await?)).await?))
    }

    /// The question before a change. `None` if no host has the policy.
    pub(super) fn question(&self, change: &str) -> Option<String> {
        let hosts = self.0["hosts"].as_u64().filter(|hosts| *hosts > 0)?;
        let (hosts, follow) = (count(hosts, "host"), of(hosts, "follows", "follow"));
        let when = "settings and labels at the next check-in, certificates at the next renewal";
        Some(format!("{change} policy {}? {hosts} {follow}: {when}.", self.named()))
    }

    /// Changes the policy, unless it has another revision by now. `below` is the rest of the path.
    pub(super) async fn change(
        &self,
        api: &Api,
        method: Method,
        below: &str,
        body: &Value,
    ) -> Result<Value, CliError> {
        let path = format!("{POLICIES}/{}{below}", text_at(&self.0, "id"));
        let changed = api.change_read(method, &path, (&self.0, body)).await;
        changed.map_err(|error| self.in_words(error).into())
    }

    /// The refusal of a policy that another caller changed names the policy.
    fn in_words(&self, mut error: ClientError) -> ClientError {
        if let ClientError::Refused(problem) = &mut error
            && problem.body.code == "stale"
        {
            problem.body.detail = format!(
                "policy {} was changed while this command ran; nothing was done: look at it with `gatepass policy show {}`, \
                 then run the command again",
                self.named(),
                text_at(&self.0, "id"),
            );
        }
        error
    }

    /// Its id and its name.
    fn named(&self) -> String {
        format!("{} ({})", text_at(&self.0, "id"), text_at(&self.0, "name"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::problem::ServerProblem;
    use crate::wire::ProblemBody;

    fn policy(hosts: u64) -> ReadPolicy {
        ReadPolicy(json!({ "id": "x", "name": "edge", "hosts": hosts, "revision": 3 }))
    }

    #[test]
    fn only_a_policy_with_hosts_asks() {
        assert_eq!(policy(0).question("Change"), None);
        let text = "Change policy x (edge)? 2 hosts follow: settings and labels at the next check-in, certificates at the next \
                    renewal.";
        assert_eq!(policy(2).question("Change").unwrap(), text);
        let restored = policy(1).question("Restore revision 1 of").unwrap();
        assert!(
            restored.starts_with("Restore revision 1 of policy x (edge)? 1 host follows: "),
            "{restored}"
        );
    }

    #[test]
    fn a_concurrent_change_names_the_policy() {
        let refused = |code: &str| {
            let body = ProblemBody {
                code: code.to_owned(),
                detail: String::from("as it was"),
                ..ProblemBody::default()
            };
            let problem = ServerProblem { body, ..ServerProblem::default() };
            policy(1).in_words(ClientError::Refused(Box::new(problem))).to_string()
        };
        assert!(refused("stale").contains("policy x (edge) was changed while this command ran"));
        assert!(refused("policy_exists").contains("as it was"));
    }
}
