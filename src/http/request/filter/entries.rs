//! The filter of ledger entries.

use serde::{Deserialize, Serialize};
use strum::VariantArray as _;

use super::{actor, text, valid};
use crate::clock::Timestamp;
use crate::id::{HostId, TokenId};
use crate::ledger::Action;
use crate::service::{FieldError, RequestError};
use crate::span::parse_moment;
use crate::store::EntryFilter;

/// A filter of entries, not yet validated, from a query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct EntryWords {
    /// The `id` of an entry: only later ones.
    #[param(example = "1042")]
    pub after: Option<String>,
    /// The actor, as the ledger names it; a bare name is a user's.
    #[param(example = "user:admin")]
    pub actor: Option<String>,
    /// The act.
    #[param(example = "host_enrolled")]
    pub action: Option<String>,
    /// The end of the act.
    #[param(pattern = "^(done|refused)$", example = "refused")]
    pub outcome: Option<String>,
    /// The token that the entries are about.
    #[param(example = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081")]
    pub token: Option<String>,
    /// The host that the entries are about.
    #[param(example = "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7082")]
    pub host: Option<String>,
    /// The first moment: a time, a date in UTC, or a span before now such as `2h`.
    #[param(example = "2h")]
    pub since: Option<String>,
    /// The moment after the last one, as in `since`.
    #[param(example = "2030-01-31")]
    pub until: Option<String>,
}

impl EntryWords {
    /// Returns the filter at `now`.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field.
    pub fn judge(&self, now: Timestamp) -> Result<EntryFilter, RequestError> {
        let mut faults = Vec::new();
        let filter = EntryFilter {
            after: word(
                "after",
                self.after.as_deref(),
                |id| id.parse().ok(),
                "the id of an entry",
                &mut faults,
            ),
            actor: text("actor", self.actor.as_deref(), &mut faults).as_deref().map(actor),
            action: word("action", self.action.as_deref(), |name| name.parse().ok(), &actions(), &mut faults),
            outcome: word(
                "outcome",
                self.outcome.as_deref(),
                |name| name.parse().ok(),
                "done or refused",
                &mut faults,
            ),
            token: word(
                "token",
                self.token.as_deref(),
                TokenId::parse,
                "the whole id of a token",
                &mut faults,
            ),
            host: word("host", self.host.as_deref(), HostId::parse, "the whole id of a host", &mut faults),
            since: moment("since", self.since.as_deref(), now, &mut faults),
            until: moment("until", self.until.as_deref(), now, &mut faults),
        };
        RequestError::refuse(faults)?;
        Ok(filter)
    }
}

/// Reads a word; `wanted` is the message for a wrong one.
fn word<T>(
    field: &str,
    word: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    wanted: &str,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let read = parse(word?);
    if read.is_none() {
        faults.push(FieldError::new(field, wanted));
    }
    read
}

fn moment(
    field: &str,
    word: Option<&str>,
    now: Timestamp,
    faults: &mut Vec<FieldError>,
) -> Option<Timestamp> {
    valid(field, parse_moment(word?, now), faults)
}

/// The names of all acts, for an error.
fn actions() -> String {
    let names: Vec<&str> = Action::VARIANTS.iter().map(|action| action.as_str()).collect();
    format!("one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    #[test]
    fn every_wrong_field_of_the_ledger_is_named() {
        let some = |word: &str| Some(word.to_owned());
        let wrong = EntryWords {
            after: some("x"),
            actor: some(""),
            action: some("host_enroled"),
            outcome: some("ok"),
            token: some("x"),
            host: some("x"),
            since: some("x"),
            until: some("x"),
        };
        let Err(RequestError::Fields(faults)) = wrong.judge(NOW) else { panic!("taken") };
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["after", "actor", "action", "outcome", "token", "host", "since", "until"]);
        assert!(faults[2].message.contains("host_enrolled"), "{}", faults[2].message);
    }

    #[test]
    fn a_bare_actor_is_a_user() {
        let words = EntryWords { actor: Some("anna".to_owned()), ..EntryWords::default() };
        let filter = words.judge(NOW).unwrap();
        assert_eq!(filter.actor.as_deref(), Some("user:anna"));
    }
}
