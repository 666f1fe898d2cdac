//! Filters of lists: query parameters are validated and become the store's filter.

mod enrollments;
mod entries;
mod host_state;
mod order;

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use strum::VariantArray;
use utoipa::ToSchema;

pub use self::enrollments::EnrollmentWords;
pub use self::entries::EntryWords;
use self::host_state::HostStateWord;
pub use self::order::{HostOrderWords, ORDER_PARAMETERS, TokenOrderWords};
use super::valid;
use crate::access::Actor;
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, BatchId, PolicyId, ShortId, TokenId};
use crate::name::{Cluster, LONGEST_FREE_TEXT, Role};
use crate::service::{FieldError, RequestError};
use crate::span::parse_span;
use crate::store::{
    EndedTokens, HostFilter, HostTexts, NameFilter, TokenFilter, TokenKind, TokenState, TokenType,
};

/// A filter of tokens, not yet validated, from a query or a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(as = TokenFilter, example = json!({ "state": ["pending", "active"], "unused_for": "30d" }))]
#[serde(default, deny_unknown_fields)]
pub struct TokenWords {
    /// The last eight digits of the id. Several tokens can share them.
    #[param(example = "4e6f7081")]
    pub short_id: Option<String>,
    /// Also tokens that ended before the retention time.
    #[param(example = true)]
    #[serde(deserialize_with = "flag")]
    pub ended: Option<bool>,
    /// States, one of which the tokens have.
    #[param(value_type = Option<Vec<TokenState>>, style = Form, explode = false, example = json!(["pending", "active"]))]
    #[schema(value_type = Option<Vec<TokenState>>)]
    #[serde(deserialize_with = "joined")]
    pub state: Option<String>,
    /// A role that the tokens give.
    #[param(example = "proxy")]
    pub role: Option<String>,
    /// The label itself, or a pattern in which `*` stands for any text and ASCII letters match in either case.
    #[param(example = "rack-*")]
    pub label: Option<String>,
    /// Kinds, one of which the tokens have.
    #[param(value_type = Option<Vec<TokenKind>>, style = Form, explode = false, example = json!(["cluster", "rollout"]))]
    #[schema(value_type = Option<Vec<TokenKind>>)]
    #[serde(deserialize_with = "joined")]
    pub kind: Option<String>,
    /// The minter, as the ledger names actors; a bare name is a user's.
    #[param(example = "user:admin")]
    pub minter: Option<String>,
    /// The batch in which the tokens were minted.
    #[param(example = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7082")]
    pub batch: Option<String>,
    /// The policy of the tokens' hosts.
    #[param(example = "0198c0de-e2e3-7f50-8162-738495a6b7c8")]
    pub policy: Option<String>,
    /// `true` for persistent tokens, `false` for ephemeral ones.
    #[param(example = false)]
    #[serde(deserialize_with = "flag")]
    pub persistent: Option<bool>,
    /// A span such as `30d`, in which the tokens were neither minted nor used.
    #[param(example = "30d")]
    pub unused_for: Option<String>,
}

/// A filter of hosts, not yet validated, from a query or a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(as = HostFilter, example = json!({ "state": ["live"], "role": "proxy" }))]
#[serde(default, deny_unknown_fields)]
pub struct HostWords {
    /// The last eight digits of the id. Several hosts can share them.
    #[param(example = "4e6f7081")]
    pub short_id: Option<String>,
    /// The token that admitted the hosts.
    #[param(example = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081")]
    pub token: Option<String>,
    /// States, one of which the hosts have. `live` is active or expiring, and `expired` is lapsed.
    #[param(value_type = Option<Vec<HostStateWord>>, style = Form, explode = false, example = json!(["live"]))]
    #[schema(value_type = Option<Vec<HostStateWord>>)]
    #[serde(deserialize_with = "joined")]
    pub state: Option<String>,
    /// A role of the hosts.
    #[param(example = "proxy")]
    pub role: Option<String>,
    /// The DNS name itself, or a pattern in which `*` stands for any text.
    #[param(example = "node-7*")]
    pub name: Option<String>,
    /// The label, or a pattern in which `*` stands for any text: an administrator's, or else the one that the host reported.
    #[param(example = "rack-*")]
    pub label: Option<String>,
    /// The hostname that the host reported, or a pattern in which `*` stands for any text. It selects nothing to revoke.
    #[param(example = "web-*")]
    pub hostname: Option<String>,
    /// `false`: a host's own words match nothing, only labels from administrators do. A revocation matches as with `false`.
    #[param(example = false)]
    #[serde(deserialize_with = "flag")]
    pub reported_words: Option<bool>,
    /// The cluster of the hosts.
    #[param(example = "eu-1")]
    pub cluster: Option<String>,
    /// The policy of the hosts.
    #[param(example = "0198c0de-e1e2-7f50-9162-738495a6b7c8")]
    pub policy: Option<String>,
    /// A span such as `7d`, in which the hosts were not seen.
    #[param(example = "7d")]
    pub seen_before: Option<String>,
    /// A span such as `7d`, within which the valid certificates of the hosts expire.
    #[param(example = "7d")]
    pub expires_within: Option<String>,
    /// `true` for hosts that have not renewed although it was time, expired ones included; `false` for any.
    #[param(example = true)]
    #[serde(deserialize_with = "flag")]
    pub overdue: Option<bool>,
}

/// Reads `true` or `false`, also as text in a query.
///
/// # Errors
/// It is neither.
pub(in crate::http) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Text(String),
    }
    match Option::<Flag>::deserialize(deserializer) {
        Ok(None) => Ok(None),
        Ok(Some(Flag::Bool(flag))) => Ok(Some(flag)),
        Ok(Some(Flag::Text(text))) if text == "true" || text.is_empty() => Ok(Some(true)),
        Ok(Some(Flag::Text(text))) if text == "false" => Ok(Some(false)),
        _ => Err(serde::de::Error::custom("true or false")),
    }
}

/// Reads a list, or words separated by commas as a query has them, and joins them by commas.
fn joined<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        List(Vec<String>),
        Text(String),
    }
    match Option::<Words>::deserialize(deserializer) {
        Ok(words) => Ok(words.map(|words| match words {
            Words::List(words) => words.join(","),
            Words::Text(text) => text,
        })),
        Err(_) => Err(serde::de::Error::custom("a list of words")),
    }
}

impl TokenWords {
    /// Returns the filter at `now` for tokens of `token_type`. Tokens that ended before `retention` are hidden unless requested.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field.
    pub fn judge(
        &self,
        token_type: TokenType,
        now: Timestamp,
        retention: Duration,
    ) -> Result<TokenFilter, RequestError> {
        let mut faults = Vec::new();
        let short_id = short_id(self.short_id.as_deref(), &mut faults);
        let states = words("state", self.state.as_deref(), &mut faults);
        let kinds = words("kind", self.kind.as_deref(), &mut faults);
        let role = role(self.role.as_deref(), &mut faults);
        let label = text("label", self.label.as_deref(), &mut faults).map(NameFilter::new);
        let unused_since = span("unused_for", self.unused_for.as_deref(), &mut faults);
        let unused_since = unused_since.map(|span| now.minus(span));
        let ended = match self.ended {
            Some(true) => EndedTokens::All,
            _ => EndedTokens::Since(now.minus(retention)),
        };
        let minter = text("minter", self.minter.as_deref(), &mut faults).as_deref().map(actor);
        let batch = id("batch", self.batch.as_deref(), BatchId::parse, "not the id of a batch", &mut faults);
        let policy =
            id("policy", self.policy.as_deref(), PolicyId::parse, "not the id of a policy", &mut faults);
        let persistent = self.persistent;
        RequestError::refuse(faults)?;
        Ok(TokenFilter {
            short_id,
            states,
            role,
            label,
            kinds,
            minter,
            batch,
            policy,
            persistent,
            unused_since,
            ..TokenFilter::every(token_type, ended, now)
        })
    }
}

impl HostWords {
    /// Returns the filter at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field.
    pub fn judge(&self, now: Timestamp) -> Result<HostFilter, RequestError> {
        let mut faults = Vec::new();
        let short_id = short_id(self.short_id.as_deref(), &mut faults);
        let states: Option<Vec<HostStateWord>> = words("state", self.state.as_deref(), &mut faults);
        let states =
            states.map(|states| states.into_iter().flat_map(HostStateWord::states).copied().collect());
        let role = role(self.role.as_deref(), &mut faults);
        let name = text("name", self.name.as_deref(), &mut faults).map(NameFilter::new);
        let token = id("token", self.token.as_deref(), TokenId::parse, "not the id of a token", &mut faults);
        let label = text("label", self.label.as_deref(), &mut faults).map(NameFilter::new);
        let hostname = text("hostname", self.hostname.as_deref(), &mut faults).map(NameFilter::new);
        let reported_words = self.reported_words.unwrap_or(true);
        if hostname.is_some() && !reported_words {
            let message = "a host reports it and could report another: list the hosts, and revoke them by id";
            faults.push(FieldError::new("hostname", message));
        }
        let cluster = self.cluster.as_deref();
        let cluster = cluster.and_then(|id| valid("cluster", Cluster::parse(id), &mut faults));
        let policy = self.policy.as_deref();
        let policy = id("policy", policy, PolicyId::parse, "not the id of a policy", &mut faults);
        let unseen_since = span("seen_before", self.seen_before.as_deref(), &mut faults);
        let expires_by = span("expires_within", self.expires_within.as_deref(), &mut faults);
        RequestError::refuse(faults)?;
        Ok(HostFilter {
            short_id,
            states,
            role,
            texts: HostTexts { name, label, hostname, reported_words },
            cluster,
            policy,
            unseen_since: unseen_since.map(|span| now.minus(span)),
            expires_by: expires_by.map(|span| now.plus(span)),
            overdue: self.overdue.unwrap_or(false),
            ..HostFilter::every(token, now)
        })
    }
}

/// Reads the end of an id.
pub(in crate::http) fn short_id(word: Option<&str>, faults: &mut Vec<FieldError>) -> Option<ShortId> {
    let word = word?;
    let short = ShortId::parse(word);
    if short.is_none() {
        faults.push(FieldError::new("short_id", "the last 8 characters of an id, lower-case hexadecimal"));
    }
    short
}

/// Reads an id by `parse`.
fn id<Id>(
    field: &str,
    word: Option<&str>,
    parse: impl Fn(&str) -> Option<Id>,
    fault: &str,
    faults: &mut Vec<FieldError>,
) -> Option<Id> {
    let id = parse(word?);
    if id.is_none() {
        faults.push(FieldError::new(field, fault));
    }
    id
}

/// Reads names of a list separated by commas.
fn words<S>(field: &str, words: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Vec<S>>
where
    S: Copy + FromStr + Into<&'static str> + VariantArray,
{
    let found: Option<Vec<S>> = words?.split(',').map(|wanted| wanted.trim().parse().ok()).collect();
    if found.is_none() {
        let known = S::VARIANTS.iter().map(|state| (*state).into()).collect::<Vec<_>>().join(", ");
        faults.push(FieldError::new(field, format!("one or more of {known}, separated by commas")));
    }
    found
}

/// Checks only the form of a role: it may have left the catalogue while tokens and hosts still have it.
fn role(word: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Role> {
    Role::parse(word?).map_err(|error| faults.push(FieldError::of("role", &error))).ok()
}

fn text(field: &str, word: Option<&str>, faults: &mut Vec<FieldError>) -> Option<String> {
    let word = word?;
    if word.is_empty() || word.chars().count() > LONGEST_FREE_TEXT {
        faults.push(FieldError::new(field, format!("1 to {LONGEST_FREE_TEXT} characters to search for")));
    }
    Some(word.to_owned())
}

fn span(field: &str, word: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Duration> {
    valid(field, parse_span(word?), faults)
}

/// Returns the actor as the ledger names it. A name without a colon is reserved, an API key's id or a user's name.
fn actor(word: &str) -> String {
    match word {
        single if Actor::SINGLE.contains(&single) => word.to_owned(),
        word if word.contains(':') => word.to_owned(),
        // A user of that name is requested as `user:…`.
        id if ApiKeyId::parse(id).is_some() => format!("api_key:{id}"),
        user => format!("user:{user}"),
    }
}

#[cfg(test)]
mod tests;
