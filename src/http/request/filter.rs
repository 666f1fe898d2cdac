//! Filters of lists: query parameters are validated and become the store's filter.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use strum::VariantArray;
use utoipa::ToSchema;

use crate::access::Actor;
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, TokenId};
use crate::name::Role;
use crate::service::{FieldError, RequestError};
use crate::span::parse_span;
use crate::store::{EndedTokens, HostFilter, HostState, NameFilter, TokenFilter, TokenKind, TokenState};

/// Maximum length of a searched text.
const LONGEST_TEXT: usize = 128;

/// A filter of tokens, not yet validated, from a query or a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(as = TokenFilter, example = json!({ "state": ["pending", "active"], "unused_for": "30d" }))]
#[serde(default, deny_unknown_fields)]
pub struct TokenWords {
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
    /// The minter, as the ledger names actors; a bare name is a user's.
    #[param(example = "user:admin")]
    pub minter: Option<String>,
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
    /// The token that admitted the hosts.
    #[param(example = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081")]
    pub token: Option<String>,
    /// States, one of which the hosts have.
    #[param(value_type = Option<Vec<HostState>>, style = Form, explode = false, example = json!(["live"]))]
    #[schema(value_type = Option<Vec<HostState>>)]
    #[serde(deserialize_with = "joined")]
    pub state: Option<String>,
    /// A role of the hosts.
    #[param(example = "proxy")]
    pub role: Option<String>,
    /// The DNS name itself, or a pattern in which `*` stands for any text.
    #[param(example = "node-7*")]
    pub name: Option<String>,
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
    /// Returns the filter at `now` for tokens of `kind`. Tokens that ended before `retention` are hidden unless requested.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field.
    pub fn judge(
        &self,
        kind: TokenKind,
        now: Timestamp,
        retention: Duration,
    ) -> Result<TokenFilter, RequestError> {
        let mut faults = Vec::new();
        let states = states(self.state.as_deref(), &mut faults);
        let role = role(self.role.as_deref(), &mut faults);
        let label = text("label", self.label.as_deref(), &mut faults).map(NameFilter::new);
        let unused_since = self.unused_for.as_deref().and_then(|span| match parse_span(span) {
            Ok(span) => Some(now.minus(span)),
            Err(error) => {
                faults.push(FieldError::new("unused_for", error.to_string()));
                None
            }
        });
        let ended = match self.ended {
            Some(true) => EndedTokens::All,
            _ => EndedTokens::Since(now.minus(retention)),
        };
        let minter = text("minter", self.minter.as_deref(), &mut faults).as_deref().map(actor);
        let persistent = self.persistent;
        RequestError::refuse(faults)?;
        Ok(TokenFilter { kind, ended, states, role, label, minter, persistent, unused_since, now })
    }
}

impl HostWords {
    /// Returns the filter at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field.
    pub fn judge(&self, now: Timestamp) -> Result<HostFilter, RequestError> {
        let mut faults = Vec::new();
        let states = states(self.state.as_deref(), &mut faults);
        let role = role(self.role.as_deref(), &mut faults);
        let name = text("name", self.name.as_deref(), &mut faults).map(NameFilter::new);
        let token = self.token.as_deref().and_then(|id| {
            let token = TokenId::parse(id);
            if token.is_none() {
                faults.push(FieldError::new("token", "not the id of a token"));
            }
            token
        });
        RequestError::refuse(faults)?;
        Ok(HostFilter { token, states, role, name, now })
    }
}

/// Reads states separated by commas.
fn states<S>(words: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Vec<S>>
where
    S: Copy + FromStr + Into<&'static str> + VariantArray,
{
    let found: Option<Vec<S>> = words?.split(',').map(|wanted| wanted.trim().parse().ok()).collect();
    if found.is_none() {
        let known = S::VARIANTS.iter().map(|state| (*state).into()).collect::<Vec<_>>().join(", ");
        faults.push(FieldError::new("state", format!("one or more of {known}, separated by commas")));
    }
    found
}

/// Checks only the form of a role: it may have left the catalogue while tokens and hosts still have it.
fn role(word: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Role> {
    Role::parse(word?).map_err(|error| faults.push(FieldError::of("role", &error))).ok()
}

fn text(field: &str, word: Option<&str>, faults: &mut Vec<FieldError>) -> Option<String> {
    let word = word?;
    if word.is_empty() || word.chars().count() > LONGEST_TEXT {
        faults.push(FieldError::new(field, format!("1 to {LONGEST_TEXT} characters to search for")));
    }
    Some(word.to_owned())
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
