//! The tools of lists: filters, headings that sort, the link to the next page.

use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::dialect::sentence;
use super::form::Choice;
use crate::access::mask;
use crate::http::api::paging::{Ordered, Paging};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::query;
use crate::text::percent_encoded;

/// The fields that select no rows.
const NO_FILTERS: [&str; 3] = ["sort", "cursor", "limit"];

/// The query of a list, without empty fields: a browser sends every field of a form.
pub(super) struct Listing {
    path: String,
    pairs: Vec<(String, String)>,
}

/// The rows of a page of a list, or the refusal of its filters.
pub(super) struct Rows<R> {
    pub(super) rows: Vec<R>,
    /// The cursor of the next page.
    pub(super) next: Option<String>,
    pub(super) fault: Option<String>,
    pub(super) status: StatusCode,
}

impl<R> From<Result<(Vec<R>, Option<String>), Problem>> for Rows<R> {
    fn from(found: Result<(Vec<R>, Option<String>), Problem>) -> Self {
        match found {
            Ok((rows, next)) => Self { rows, next, fault: None, status: StatusCode::OK },
            Err(problem) => Self {
                rows: Vec::new(),
                next: None,
                fault: Some(sentence(&problem.detail)),
                status: problem.status(),
            },
        }
    }
}

/// The heading of a column that sorts.
pub(super) struct Heading {
    pub(super) name: &'static str,
    /// The address of the list in the other order.
    pub(super) path: String,
    /// The value of `aria-sort`.
    pub(super) order: &'static str,
}

impl Listing {
    /// The query of this call.
    pub(super) fn of(call: &Call) -> Result<Self, Problem> {
        let path = call.head.path().to_owned();
        let mut pairs = given(call)?;
        // A page repeats its filters in its links and fields (I7).
        pairs.retain(|(name, value)| !mask::holds_secret(name) && !mask::holds_secret(value));
        Ok(Self { path, pairs })
    }

    /// The value of a field; empty without one.
    pub(super) fn value(&self, name: &str) -> &str {
        self.pairs.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Returns true if the list is filtered.
    pub(super) fn is_filtered(&self) -> bool {
        self.pairs.iter().any(|(name, _)| !NO_FILTERS.contains(&name.as_str()))
    }

    /// The filters that have no field among these: a form sends them along.
    pub(super) fn others(&self, fields: &[&str]) -> Vec<(String, String)> {
        let is_other = |name: &str| !fields.contains(&name) && !NO_FILTERS.contains(&name);
        self.pairs.iter().filter(|(name, _)| is_other(name)).cloned().collect()
    }

    /// The choices of a select field.
    pub(super) fn choices<'c>(
        &self,
        field: &str,
        choices: impl IntoIterator<Item = (&'c str, &'c str)>,
    ) -> Vec<Choice> {
        let chosen = self.value(field);
        let choice = |(value, name): (&str, &str)| Choice {
            value: value.to_owned(),
            name: name.to_owned(),
            selected: value == chosen,
        };
        let mut choices = choices.into_iter().map(choice).collect::<Vec<_>>();
        // A link may filter by several values: the form must not drop them.
        if !choices.iter().any(|choice| choice.selected) {
            choices.push(choice((chosen, chosen)));
        }
        choices
    }

    /// The heading of a column that sorts by `key`.
    pub(super) fn heading(&self, name: &'static str, key: &str) -> Heading {
        let descending = format!("-{key}");
        let (order, next) = match self.value("sort") {
            sort if sort == key => ("ascending", descending.as_str()),
            sort if sort == descending => ("descending", key),
            _ => ("none", key),
        };
        Heading { name, path: self.with("sort", next), order }
    }

    /// The address of this page.
    pub(super) fn here(&self) -> String {
        address(&self.path, &self.pairs)
    }

    /// The address of the page after this cursor.
    pub(super) fn after(&self, cursor: &str) -> String {
        self.with("cursor", cursor)
    }

    /// The address of another form of the list, with the same filters, from its beginning.
    pub(super) fn at(&self, path: &str, more: &[(&str, &str)]) -> String {
        let is_place = |name: &str| name == "cursor" || name == "limit";
        let kept = self.pairs.iter().filter(|(name, _)| !is_place(name)).cloned();
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        address(path, &kept.chain(more).collect::<Vec<_>>())
    }

    /// The address of the list with another value of a field, from its first page on.
    fn with(&self, field: &str, value: &str) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| name != field && name != "cursor").cloned();
        let pairs = kept.chain([(field.to_owned(), value.to_owned())]).collect::<Vec<_>>();
        address(&self.path, &pairs)
    }
}

/// The address of `path` with these parameters.
fn address(path: &str, pairs: &[(String, String)]) -> String {
    let pair =
        |(name, value): &(String, String)| format!("{}={}", percent_encoded(name), percent_encoded(value));
    let query = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The requested page of a list, its filters and its order.
pub(super) fn ordered<F, O>(call: &Call, list: &str) -> Result<(Paging, Ordered<F, O>), Problem>
where
    F: DeserializeOwned + Serialize,
    O: DeserializeOwned + Serialize,
{
    Paging::ordered(given(call)?, list)
}

/// The requested page of a list in its one order, and its filters.
pub(super) fn paging<F: DeserializeOwned + Serialize>(
    call: &Call,
    list: &str,
) -> Result<(Paging, F), Problem> {
    Paging::of(given(call)?, list)
}

fn given(call: &Call) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs = query::once(call.head.raw_query())?;
    pairs.retain(|(_, value)| !value.trim().is_empty());
    Ok(pairs)
}
