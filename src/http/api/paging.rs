//! Pages of lists: `limit`, `cursor`, `{"items":[…],"next":…}`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::{ApiKeyId, HostId, TokenId};
use crate::name::UserName;
use crate::service::FieldError;
use crate::store::{Page, PageQuery};

/// Bytes of the query's digest in its cursors: enough to rule out another query by chance.
const DIGEST: usize = 8;

/// Items of a page: default and maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit =
            String::deserialize(deserializer)?.parse::<u32>().ok().filter(|limit| (1..=1000).contains(limit));
        limit.map(Self).ok_or_else(|| serde::de::Error::custom("a number from 1 to 1000"))
    }
}

/// `true` or `false` in a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "true" | "" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(serde::de::Error::custom("true or false")),
        }
    }
}

/// A list without filters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFilters {}

/// The parameters of every list.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// Items per page.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 1000, default = 100, example = 100)]
    limit: Limit,
    /// The `next` of the previous page, with the same list and filters.
    #[param(example = "q1ZKyFFQslIK0YFOV5I")]
    cursor: Option<String>,
}

/// The requested page of one list with one set of filters.
#[derive(Clone, Debug)]
pub(super) struct Paging {
    limit: Limit,
    cursor: Option<String>,
    digest: [u8; DIGEST],
}

/// The end of a page: the last row read.
pub(super) trait Position: Sized {
    fn bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! position {
    ($($name:ident),*) => {$(
        impl Position for $name {
            fn bytes(&self) -> Vec<u8> {
                self.as_bytes().to_vec()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_bytes)
            }
        }
    )*};
}
position!(ApiKeyId, HostId, TokenId);

impl Position for UserName {
    fn bytes(&self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::parse(std::str::from_utf8(bytes).ok()?).ok()
    }
}

impl Position for u64 {
    fn bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

/// Reads the query of `list`: the requested page, and the list's own filters.
pub(super) fn asked<F: DeserializeOwned + Serialize>(
    call: &Call,
    list: &str,
) -> Result<(Paging, F), Problem> {
    let (Asked { limit, cursor }, filters) = call.split_query(&["limit", "cursor"])?;
    Ok((Paging { limit, cursor, digest: digest(list, &filters) }, filters))
}

/// The name of a list with these filters, for cursors.
fn digest(list: &str, filters: &impl Serialize) -> [u8; DIGEST] {
    // A filter is made of texts and flags, which are always JSON.
    let filters = serde_json::to_vec(filters).unwrap_or_default();
    let whole = Sha256::new().chain_update(list).chain_update([0]).chain_update(filters).finalize();
    std::array::from_fn(|place| whole[place])
}

impl Paging {
    /// The page as the store takes it.
    pub(super) fn query<Id: Position>(&self) -> Result<PageQuery<Id>, Problem> {
        Ok(PageQuery::new(self.after()?, self.limit.0))
    }

    /// Number of requested items.
    pub(super) const fn limit(&self) -> u32 {
        self.limit.0
    }

    /// The position that the cursor holds.
    pub(super) fn after<Id: Position>(&self) -> Result<Option<Id>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let position = bytes.as_deref().and_then(|bytes| bytes.strip_prefix(self.digest.as_slice()));
        position.and_then(Id::from_bytes).map(Some).ok_or_else(wrong_cursor)
    }

    /// The answer with this page.
    pub(super) fn rendered<T, I: Serialize, Id: Position>(
        &self,
        page: Page<T, Id>,
        item: impl FnMut(T) -> I,
    ) -> Reply {
        let next = page.next.map(|last| URL_SAFE_NO_PAD.encode([&self.digest[..], &last.bytes()].concat()));
        Reply::ok(&Listed { items: page.items.into_iter().map(item).collect(), next })
    }
}

fn wrong_cursor() -> Problem {
    let what = "not a cursor of this list with these filters: begin again without one";
    Problem::invalid_fields(vec![FieldError::new("cursor", what)])
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub(super) struct Listed<T> {
    items: Vec<T>,
    /// The cursor of the next page; `null` at the end.
    #[schema(required, example = json!(null))]
    next: Option<String>,
}

/// A short list on one page.
pub(super) fn whole<T: Serialize>(items: Vec<T>) -> Reply {
    Reply::ok(&Listed { items, next: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn paging(list: &str, filter: bool, cursor: Option<String>) -> Paging {
        Paging { limit: Limit(10), cursor, digest: digest(list, &Flag(filter)) }
    }

    fn next(paging: &Paging, id: TokenId) -> String {
        let Reply(response) = paging.rendered(Page { items: vec![1], next: Some(id) }, |item| item);
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        body["next"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_cursor_fits_only_its_own_query() {
        let id = TokenId::generate(Timestamp::from_secs(1_900_000_000));
        let cursor = Some(next(&paging("tokens", true, None), id));
        assert_eq!(paging("tokens", true, cursor.clone()).after::<TokenId>().unwrap(), Some(id));
        assert!(paging("tokens", false, cursor.clone()).after::<TokenId>().is_err(), "another filter");
        assert!(paging("hosts", true, cursor.clone()).after::<TokenId>().is_err(), "another list");
        assert!(paging("tokens", true, cursor).after::<u64>().is_err(), "another kind of position");
        for wrong in ["", "x", "%", &id.to_string(), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(paging("tokens", true, Some(wrong.to_owned())).after::<TokenId>().is_err(), "{wrong:?}");
        }
    }
}
