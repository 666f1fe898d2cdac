//! A policy or an output on the command line: by its name, its id, or the last characters of its id.

use std::fmt::Display;
use std::marker::PhantomData;

use serde_json::Value;

use super::error::CliError;
use super::output::text_at;
use crate::client::api::Api;
use crate::id::{OutputId, PolicyId, ShortId};

/// A kind of thing with a unique name.
pub(crate) trait Named: Copy + Display + PartialEq + Send + Sync + 'static {
    /// The noun for one of them, and for several.
    const NOUNS: (&'static str, &'static str);
    /// The list that contains all of them.
    const LIST: &'static str;

    /// Reads a whole id.
    fn read(text: &str) -> Option<Self>;
}

impl Named for PolicyId {
    const NOUNS: (&'static str, &'static str) = ("policy", "policies");
    const LIST: &'static str = "/api/v1/policies";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl Named for OutputId {
    const NOUNS: (&'static str, &'static str) = ("output", "outputs");
    const LIST: &'static str = "/api/v1/outputs";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// A name or an id as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenName<Id>(String, PhantomData<Id>);

/// A policy as it was given.
pub(crate) type GivenPolicy = GivenName<PolicyId>;

/// An output as it was given.
pub(crate) type GivenOutput = GivenName<OutputId>;

impl<Id: Named> GivenName<Id> {
    /// Reads the argument. A name may be any text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Err(format!("the name or the id of a {}", Id::NOUNS.0))
        } else {
            Ok(Self(text.to_owned(), PhantomData))
        }
    }

    /// The thing with an id.
    pub(crate) fn of(id: Id) -> Self {
        Self(id.to_string(), PhantomData)
    }

    /// The argument.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id. A name and a short id are looked up.
    ///
    /// # Errors
    /// Exit code 1 if nothing has it, 2 if several have the short id.
    pub(crate) async fn whole(&self, api: &Api) -> Result<Id, CliError> {
        match Id::read(&self.0) {
            Some(id) => Ok(id),
            None => self.among(&api.list(Id::LIST, usize::MAX).await?),
        }
    }

    fn among(&self, items: &[Value]) -> Result<Id, CliError> {
        let id = |item: &Value| item["id"].as_str().and_then(Id::read);
        if let Some(id) = items.iter().find(|item| item["name"] == self.0.as_str()).and_then(id) {
            return Ok(id);
        }
        let short = ShortId::parse(&self.0).map(|short| short.to_string());
        let ends =
            |item: &&Value| short.as_ref().is_some_and(|short| text_at(item, "id").ends_with(short.as_str()));
        match items.iter().filter(ends).collect::<Vec<_>>()[..] {
            [item] => id(item).ok_or_else(|| self.unknown()),
            [] => Err(self.unknown()),
            _ => Err(CliError::Usage(format!(
                "several {} have an id that ends with {}: nothing was done; give a name or a whole id",
                Id::NOUNS.1,
                self.0
            ))),
        }
    }

    fn unknown(&self) -> CliError {
        let (noun, given) = (Id::NOUNS.0, &self.0);
        CliError::Unsound(format!(
            "no {noun} has the name or the id {given}: `gatepass {noun} list` shows all"
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
        assert_eq!(GivenPolicy::parse("").unwrap_err(), "the name or the id of a policy");
    }

    #[test]
    fn an_unknown_output_is_called_one() {
        let refused = GivenOutput::parse("logs").unwrap().among(&[json!({ "id": ID, "name": "events" })]);
        let text = "no output has the name or the id logs: `gatepass output list` shows all";
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
}
