//! `gatepass token release`.

use clap::Args;
use serde_json::{Value, json};

use super::resource::TokenResource;
use super::revoke::named;
use super::token_id;
use crate::cli::error::CliError;
use crate::cli::flags::{Selection, TokenFlags, one_selection, with_query};
use crate::cli::release::release;
use crate::cli::short_id::{GivenId, whole};
use crate::cli::together::{count, of};
use crate::client::api::{Api, given};
use crate::config::Environment;
use crate::id::TokenId;

const RELEASE: &str = "/api/v1/enrollment-tokens/release";

/// Release tokens that a restore suspended
///
/// Hosts can enroll with them again. A token that was revoked after the backup is valid again too: check the tokens
/// before. A token with a use limit needs --uses-left, because hosts may have used it after the backup.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token list --state suspended
  gatepass token release ID
  gatepass token release ID --uses-left 3
  gatepass token release --policy edge
  gatepass token release --all --uses-left 1      shows the number and asks first")]
pub(crate) struct TokenRelease {
    #[command(flatten)]
    selection: Selection<TokenFlags>,
    /// Number of uses that each token with a use limit keeps, at most those that it had left in the backup
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uses_left: Option<u32>,
}

impl TokenRelease {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Selection { consent, ids, which, all } = &self.selection;
        one_selection(ids.len(), which.query().len(), *all, &TokenFlags::NAMES)?;
        let ids = ids.iter().map(token_id).collect::<Result<Vec<_>, _>>()?;
        let api = consent.remote.connect(environment)?;
        let tokens = self.tokens(&ids, &api).await?;
        if tokens.is_empty() {
            return Err(CliError::Unsound("no suspended token matches: nothing was done".to_owned()));
        }
        consent.ask(&question(&tokens, self.uses_left))?;
        let ids: Vec<Value> = tokens.iter().map(|token| token["id"].clone()).collect();
        let post = async |ids: Value| {
            let body = given(json!({ "ids": ids, "uses_left": self.uses_left }));
            Ok(api.post(RELEASE, &body).await?)
        };
        release("token", &ids, consent.remote.output, post).await
    }

    /// The selected suspended tokens.
    async fn tokens(&self, ids: &[GivenId<TokenId>], api: &Api) -> Result<Vec<Value>, CliError> {
        let path = TokenResource::Enrollment.path();
        if ids.is_empty() {
            let which = &self.selection.which;
            let mut query = which.whole(api).await?.query();
            query.extend((!which.has_state()).then(|| String::from("state=suspended")));
            let listed = api.list(&with_query(path, &query), usize::MAX).await?;
            return Ok(listed.into_iter().filter(is_suspended).collect());
        }
        let mut tokens = Vec::with_capacity(ids.len());
        for id in whole(ids, api).await? {
            let token = api.get(&format!("{path}/{id}")).await?;
            if !is_suspended(&token) {
                return Err(CliError::Unsound(format!("token {id} is not suspended: nothing was done")));
            }
            tokens.push(token);
        }
        Ok(tokens)
    }
}

fn is_suspended(token: &Value) -> bool {
    token["state"] == "suspended"
}

fn question(tokens: &[Value], uses_left: Option<u32>) -> String {
    let what = match tokens {
        [token] => named(token),
        _ => count(tokens.len() as u64, "token"),
    };
    let them = of(tokens.len() as u64, "it", "them");
    let limited = tokens.iter().filter(|token| !token["max_uses"].is_null()).count() as u64;
    let uses = match (limited, uses_left) {
        (0, _) => String::new(),
        (_, None) => {
            format!(" {} with a use limit cannot be released without --uses-left.", count(limited, "token"))
        }
        (_, Some(uses)) => {
            let keep = of(limited, "keeps", "keep");
            format!(" {} with a use limit {keep} {}.", count(limited, "token"), count(uses.into(), "use"))
        }
    };
    format!(
        "Release {what}? Hosts can enroll with {them} again. A token that was revoked after the backup is valid again too.{uses}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_limits_and_revocations() {
        let limited = json!({ "id": "0190", "label": "rack 7", "max_uses": 5 });
        let plain = json!({ "id": "0191", "label": "", "max_uses": null });
        let revoked = "A token that was revoked after the backup is valid again too.";
        for (tokens, uses_left, wanted) in [
            (vec![&plain], None, format!("Release token 0191? Hosts can enroll with it again. {revoked}")),
            (
                vec![&limited],
                Some(1),
                format!(
                    "Release token 0190 (rack 7)? Hosts can enroll with it again. {revoked} 1 token with a use limit keeps 1 use."
                ),
            ),
            (
                vec![&plain, &limited],
                None,
                format!(
                    "Release 2 tokens? Hosts can enroll with them again. {revoked} 1 token with a use limit cannot be released without --uses-left."
                ),
            ),
        ] {
            let tokens = tokens.into_iter().cloned().collect::<Vec<_>>();
            assert_eq!(question(&tokens, uses_left), wanted);
        }
    }
}
