//! Order and search of lists of tokens and hosts.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::name::LONGEST_FREE_TEXT;
use crate::service::{FieldError, RequestError};
use crate::store::{Direction, HostFilter, HostSort, Search, Sorting, TokenFilter, TokenSort};

/// The query parameters of an order.
pub const ORDER_PARAMETERS: [&str; 2] = ["sort", "search"];

/// Order and search of a list of tokens, not yet validated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct TokenOrderWords {
    /// The value that sorts the list, the least first; with `-` the greatest first. A token without an expiry comes after all
    /// others. `-created` if it is left out.
    #[param(pattern = "^(created|-created|expires|-expires)$", example = "expires")]
    pub sort: Option<String>,
    /// The start of the label, in any case of ASCII letters, or the whole id, or its last eight characters.
    #[param(min_length = 1, max_length = 128, example = "rack")]
    pub search: Option<String>,
}

/// Order and search of a list of hosts, not yet validated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct HostOrderWords {
    /// The value that sorts the list, the least first; with `-` the greatest first. `name` is the DNS name, or else the hostname
    /// that the host reported. A host without either comes before all others. `-enrolled` if it is left out.
    #[param(
        pattern = "^(enrolled|-enrolled|name|-name|last_seen|-last_seen|expires|-expires)$",
        example = "-last_seen"
    )]
    pub sort: Option<String>,
    /// The start of the label, the DNS name or the reported hostname, in any case of ASCII letters. Or the whole id, or its last
    /// eight characters.
    #[param(min_length = 1, max_length = 128, example = "web")]
    pub search: Option<String>,
}

impl TokenOrderWords {
    /// Returns `filter` with this order and search.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, also of the filter.
    pub fn judge(&self, filter: Result<TokenFilter, RequestError>) -> Result<TokenFilter, RequestError> {
        let mut faults = Vec::new();
        let sort = sorting(self.sort.as_deref(), Sorting::<TokenSort>::NEWEST, &mut faults);
        let search = search(self.search.as_deref(), &mut faults);
        Ok(TokenFilter { sort, search, ..together(filter, faults)? })
    }
}

impl HostOrderWords {
    /// Returns `filter` with this order and search.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field, also of the filter.
    pub fn judge(&self, filter: Result<HostFilter, RequestError>) -> Result<HostFilter, RequestError> {
        let mut faults = Vec::new();
        let sort = sorting(self.sort.as_deref(), Sorting::<HostSort>::NEWEST, &mut faults);
        let search = search(self.search.as_deref(), &mut faults);
        Ok(HostFilter { sort, search, ..together(filter, faults)? })
    }
}

/// The filter, if neither it nor the order has a fault.
fn together<F>(filter: Result<F, RequestError>, faults: Vec<FieldError>) -> Result<F, RequestError> {
    match filter {
        Err(RequestError::Fields(known)) => Err(RequestError::Fields([known, faults].concat())),
        filter => RequestError::refuse(faults).and(filter),
    }
}

/// Reads an order, which is `usual` if it is left out.
fn sorting<Key>(sort: Option<&str>, usual: Sorting<Key>, faults: &mut Vec<FieldError>) -> Sorting<Key>
where
    Key: Copy + FromStr + Into<&'static str> + VariantArray,
{
    let Some(word) = sort else { return usual };
    let (key, direction) = match word.strip_prefix('-') {
        Some(key) => (key, Direction::Desc),
        None => (word, Direction::Asc),
    };
    let Ok(by) = key.parse() else {
        let known = Key::VARIANTS.iter().map(|key| (*key).into()).collect::<Vec<_>>().join(", ");
        faults.push(FieldError::new("sort", format!("one of {known}, with `-` for the reverse")));
        return usual;
    };
    Sorting { by, direction }
}

fn search(word: Option<&str>, faults: &mut Vec<FieldError>) -> Option<Search> {
    let search = Search::parse(word?);
    if search.is_none() {
        faults.push(FieldError::new("search", format!("1 to {LONGEST_FREE_TEXT} characters to search for")));
    }
    search
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn judged(sort: Option<&str>) -> Sorting<HostSort> {
        let words = HostOrderWords { sort: sort.map(str::to_owned), search: None };
        words.judge(Ok(HostFilter::every(None, Timestamp::from_secs(1)))).unwrap().sort
    }

    #[test]
    fn a_sign_reverses_an_order() {
        let (asc, desc) = (Direction::Asc, Direction::Desc);
        for (sort, by, direction) in [
            (None, HostSort::Enrolled, desc),
            (Some("enrolled"), HostSort::Enrolled, asc),
            (Some("last_seen"), HostSort::LastSeen, asc),
            (Some("-name"), HostSort::Name, desc),
            (Some("-expires"), HostSort::Expires, desc),
        ] {
            assert_eq!(judged(sort), Sorting { by, direction }, "{sort:?}");
        }
    }

    #[test]
    fn all_faults_of_filter_and_order_are_reported() {
        for sort in ["label", "--expires", "-", "", "Expires"] {
            let (sort, search) = (Some(sort.to_owned()), Some(" ".to_owned()));
            let filter = Err(RequestError::Fields(vec![FieldError::new("state", "x")]));
            let faults = TokenOrderWords { sort, search }.judge(filter);
            let Err(RequestError::Fields(faults)) = faults else { panic!("accepted") };
            let faults: Vec<_> =
                faults.iter().map(|fault| (fault.field.as_str(), fault.message.as_str())).collect();
            let expected = [
                ("state", "x"),
                ("sort", "one of created, expires, with `-` for the reverse"),
                ("search", "1 to 128 characters to search for"),
            ];
            assert_eq!(faults, expected);
        }
    }
}
