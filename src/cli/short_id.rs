//! Ids on the command line: whole, or in short, their last eight characters. Requests have whole ids only.

use std::fmt::{self, Display};

use serde_json::Value;

use super::error::CliError;
use super::output::{SHORT, text_at};
use crate::client::api::Api;
use crate::id::{ApiKeyId, EnrollmentId, HostId, ListedKey, RuleId, ShortId, TokenId};

/// A kind of thing that people name by an id.
pub(crate) trait Identified: Copy + Display + PartialEq + Send + Sync + 'static {
    /// The noun for one of them.
    const NOUN: &'static str;
    /// An id as people see it.
    const EXAMPLE: &'static str = "0190a0b0-0000-7000-8000-000000000000";
    /// The lists that contain all of them. A short id is appended to a filter.
    const LISTS: &'static [&'static str];

    /// Reads a whole id.
    fn read(text: &str) -> Option<Self>;

    /// Returns true if a whole id can end with this text.
    fn may_end_with(text: &str) -> bool {
        ShortId::parse(text).is_some()
    }
}

impl Identified for HostId {
    const NOUN: &'static str = "host";
    const LISTS: &'static [&'static str] = &["/api/v1/hosts?short_id="];

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Identified for EnrollmentId {
    const NOUN: &'static str = "enrollment";
    const LISTS: &'static [&'static str] = &["/api/v1/enrollments?short_id="];

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Identified for TokenId {
    const NOUN: &'static str = "token";
    const LISTS: &'static [&'static str] =
        &["/api/v1/enrollment-tokens?ended=true&short_id=", "/api/v1/service-tokens?ended=true&short_id="];

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Identified for ApiKeyId {
    const NOUN: &'static str = "API key";
    const LISTS: &'static [&'static str] = &["/api/v1/api-keys"];

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Identified for RuleId {
    const NOUN: &'static str = "rule";
    const LISTS: &'static [&'static str] = &["/api/v1/auto-approve-rules"];

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Identified for ListedKey {
    const NOUN: &'static str = "signing key";
    const EXAMPLE: &'static str = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";
    const LISTS: &'static [&'static str] = &["/api/v1/signing-keys"];

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn may_end_with(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.len() == SHORT && text.bytes().all(plain)
    }
}

/// An id as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GivenId<Id> {
    /// The whole id.
    Whole(Id),
    /// Its last characters.
    Short(String),
}

impl<Id: Display> Display for GivenId<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(id) => id.fmt(f),
            Self::Short(short) => f.write_str(short),
        }
    }
}

impl<Id: Identified> GivenId<Id> {
    /// Parser of ids, for clap. The error does not repeat the text, which may be a secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (noun, example) = (Id::NOUN, Id::EXAMPLE);
        match Id::read(text) {
            Some(id) => Ok(Self::Whole(id)),
            None if Id::may_end_with(text) => Ok(Self::Short(text.to_owned())),
            None => Err(format!("write the {noun}'s id, like {example}, or its last {SHORT} characters")),
        }
    }

    /// Returns the whole id. A short one is looked up.
    ///
    /// # Errors
    /// Exit code 1 if nothing has the id, 2 with the matches if several have it.
    pub(crate) async fn whole(&self, api: &Api) -> Result<Id, CliError> {
        let short = match self {
            Self::Whole(id) => return Ok(*id),
            Self::Short(short) => short,
        };
        let mut found = Vec::new();
        for list in Id::LISTS {
            let filter = if list.ends_with('=') { short.as_str() } else { "" };
            found.extend(api.list(&format!("{list}{filter}"), usize::MAX).await?);
        }
        found.retain(|item| item["id"].as_str().is_some_and(|id| id.ends_with(short)));
        one_of(short, &found)
    }
}

/// Returns the whole ids, each once. If one of them is unknown or ambiguous, nothing can be done with the others.
pub(crate) async fn whole<Id: Identified>(given: &[GivenId<Id>], api: &Api) -> Result<Vec<Id>, CliError> {
    let mut ids = Vec::with_capacity(given.len());
    for id in given {
        let id = id.whole(api).await?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// An actor as the server names it. Lists show some actors by a kind and a short id, such as `token 0f1e2d3c`.
///
/// # Errors
/// The short id is malformed, unknown or ambiguous.
pub(crate) async fn whole_actor(word: &str, api: &Api) -> Result<String, CliError> {
    async fn id<Id: Identified>(short: &str, api: &Api) -> Result<Id, CliError> {
        GivenId::<Id>::parse(short).map_err(CliError::Usage)?.whole(api).await
    }
    // The name of a user has no space.
    Ok(match word.split_once(' ') {
        Some(("api-key", short)) => format!("api_key:{}", id::<ApiKeyId>(short, api).await?),
        Some(("token", short)) => format!("token:{}", id::<TokenId>(short, api).await?),
        Some(("host", short)) => format!("host:{}", id::<HostId>(short, api).await?),
        _ => word.to_owned(),
    })
}

/// The id of the only item found.
fn one_of<Id: Identified>(short: &str, found: &[Value]) -> Result<Id, CliError> {
    let noun = Id::NOUN;
    match found {
        [item] => item["id"].as_str().and_then(Id::read).ok_or_else(|| none(noun, short)),
        [] => Err(none(noun, short)),
        several => Err(CliError::Usage(format!(
            "{} {noun}s have an id that ends with {short}: nothing was done; give a whole id\n{}",
            several.len(),
            several.iter().map(recognisable).collect::<Vec<_>>().join("\n")
        ))),
    }
}

fn none(noun: &str, short: &str) -> CliError {
    CliError::Unsound(format!("no {noun} has an id that ends with {short}"))
}

/// The line by which people recognise an item.
fn recognisable(item: &Value) -> String {
    let [id, state, name] =
        ["id", "state", "name|label|token_label|(reported.hostname)"].map(|place| text_at(item, place));
    format!("  {id}  {state}  {name}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "0190a0b0-c0d0-7abc-8def-0123456789ab";

    #[test]
    fn an_id_is_whole_or_its_last_eight_characters() {
        assert_eq!(GivenId::<HostId>::parse(ID).ok(), HostId::parse(ID).map(GivenId::Whole));
        assert_eq!(GivenId::<HostId>::parse("456789ab"), Ok(GivenId::Short(String::from("456789ab"))));
        assert_eq!(GivenId::<ListedKey>::parse("-_Az0189"), Ok(GivenId::Short(String::from("-_Az0189"))));
        for wrong in ["", "56789ab", "3456789ab", "456789AB", "456789ag", "rack 789", &ID[1..]] {
            let why = GivenId::<TokenId>::parse(wrong).unwrap_err();
            assert!(why.contains("last 8 characters") && !why.contains("rack"), "{why}");
        }
    }

    #[test]
    fn an_ambiguous_id_names_every_match() {
        let item = |begin: &str, label: &str| json!({ "id": format!("{begin}{}", &ID[4..]), "state": "active", "name": null, "label": label });
        let two = [item("0190", "rack 7"), item("0191", "rack 8")];
        let refused = one_of::<HostId>("456789ab", &two).unwrap_err();
        let text = refused.to_string();
        assert_eq!(refused.exit_code(), 2);
        assert!(text.contains("2 hosts") && text.contains("nothing was done"), "{text}");
        for word in ["0190a0b0", "0191a0b0", "rack 7", "rack 8"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert_eq!(one_of::<HostId>("456789ab", &two[..1]).unwrap().to_string(), ID);
        let refused = one_of::<HostId>("456789ab", &[]).unwrap_err();
        assert_eq!((refused.exit_code(), refused.to_string().contains("no host")), (1, true));
    }
}
