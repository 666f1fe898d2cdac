//! Pages of lists: `limit`, `cursor`, `{"items":[…],"next":…}`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::cells::{Columns, csv};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::query;
use crate::http::reply::Reply;
use crate::http::request::ORDER_PARAMETERS;
use crate::store::{Page, PageQuery};

/// Bytes of the query's digest in its cursors: enough to rule out another query by chance.
const DIGEST: usize = 8;

/// Items of a page: default and maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PageLimit(u32);

impl Default for PageLimit {
    fn default() -> Self {
        Self(100)
    }
}

impl<'de> Deserialize<'de> for PageLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit =
            String::deserialize(deserializer)?.parse::<u32>().ok().filter(|limit| (1..=1000).contains(limit));
        limit.map(Self).ok_or_else(|| serde::de::Error::custom("a number from 1 to 1000"))
    }
}

/// A list without filters.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFilters {}

/// The parameters of every list.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PageParams {
    /// Items per page.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 1000, default = 100, example = 100)]
    limit: PageLimit,
    /// The `next` of the previous page, with the same list, filters and order.
    #[param(example = "q1ZKyFFQslIK0YFOV5I")]
    cursor: Option<String>,
}

/// JSON, or a form for spreadsheets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ListForm {
    /// A JSON document with the cursor of the next page.
    #[default]
    Json,
    /// Comma-separated values (RFC 4180). The header `Link` has the next page.
    Csv,
}

/// The parameter of a list that is also written as CSV.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FormParams {
    /// `csv` for comma-separated values; `json` if it is left out.
    #[param(value_type = String, required = false, pattern = "^(json|csv)$", example = "csv")]
    format: ListForm,
}

/// The filters of a list with its order and search.
#[derive(Serialize)]
pub(crate) struct Ordered<F, O> {
    pub(crate) filters: F,
    pub(crate) order: O,
}

/// The requested page of one list with one set of filters.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    limit: PageLimit,
    cursor: Option<String>,
    digest: [u8; DIGEST],
}

/// The name of a list with these filters, for cursors.
fn digest(list: &str, filters: &impl Serialize) -> [u8; DIGEST] {
    // A filter is made of texts and flags, which are always JSON.
    let filters = serde_json::to_vec(filters).unwrap_or_default();
    let whole = Sha256::new().chain_update(list).chain_update([0]).chain_update(filters).finalize();
    std::array::from_fn(|place| whole[place])
}

impl Paging {
    /// Reads the query of `list`: the requested page, and the list's own filters.
    pub(super) fn read<F: DeserializeOwned + Serialize>(
        call: &Call,
        list: &str,
    ) -> Result<(Self, F), Problem> {
        Self::of(query::once(call.head.raw_query())?, list)
    }

    /// Reads the query of a `list` that is sorted and searched. A cursor fits its order only.
    pub(super) fn read_ordered<F, O>(call: &Call, list: &str) -> Result<(Self, Ordered<F, O>), Problem>
    where
        F: DeserializeOwned + Serialize,
        O: DeserializeOwned + Serialize,
    {
        Self::ordered(query::once(call.head.raw_query())?, list)
    }

    /// The same of a `list` that has several forms.
    pub(super) fn read_formed<F, O>(
        call: &Call,
        list: &str,
    ) -> Result<(Self, ListForm, Ordered<F, O>), Problem>
    where
        F: DeserializeOwned + Serialize,
        O: DeserializeOwned + Serialize,
    {
        let mut pairs = query::once(call.head.raw_query())?;
        let FormParams { format } = query::take(&mut pairs, &["format"])?;
        let (paging, ordered) = Self::ordered(pairs, list)?;
        Ok((paging, format, ordered))
    }

    /// Reads the pairs of a query of a `list` that is sorted and searched.
    pub(crate) fn ordered<F, O>(
        mut pairs: Vec<(String, String)>,
        list: &str,
    ) -> Result<(Self, Ordered<F, O>), Problem>
    where
        F: DeserializeOwned + Serialize,
        O: DeserializeOwned + Serialize,
    {
        let order = query::take(&mut pairs, &ORDER_PARAMETERS)?;
        let (paging, filters) = Self::of(pairs, list)?;
        let ordered = Ordered { filters, order };
        Ok((Self { digest: digest(list, &ordered), ..paging }, ordered))
    }

    /// Reads the pairs of a query of `list`.
    pub(crate) fn of<F: DeserializeOwned + Serialize>(
        mut pairs: Vec<(String, String)>,
        list: &str,
    ) -> Result<(Self, F), Problem> {
        let PageParams { limit, cursor } = query::take(&mut pairs, &["limit", "cursor"])?;
        let filters = query::read(pairs)?;
        Ok((Self { limit, cursor, digest: digest(list, &filters) }, filters))
    }

    /// The page as the store takes it.
    pub(crate) fn query<Id: DeserializeOwned>(&self) -> Result<PageQuery<Id>, Problem> {
        Ok(PageQuery::new(self.after()?, self.limit.0))
    }

    /// The position that the cursor holds.
    pub(super) fn after<Id: DeserializeOwned>(&self) -> Result<Option<Id>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let position = bytes.as_deref().and_then(|bytes| bytes.strip_prefix(self.digest.as_slice()));
        position.and_then(|last| serde_json::from_slice(last).ok()).map(Some).ok_or_else(wrong_cursor)
    }

    /// The answer with this page. Its cursor holds the last row read.
    pub(super) fn rendered<T, I: Serialize, Id: Serialize>(
        &self,
        page: Page<T, Id>,
        item: impl FnMut(T) -> I,
    ) -> Reply {
        let next = self.cursor_at(page.next);
        Reply::ok(&Listed { items: page.items.into_iter().map(item).collect(), next })
    }

    /// The cursor of the page after the last row read.
    pub(crate) fn cursor_at<Id: Serialize>(&self, last: Option<Id>) -> Option<String> {
        let last = last.and_then(|last| serde_json::to_vec(&last).ok())?;
        Some(URL_SAFE_NO_PAD.encode([&self.digest[..], &last].concat()))
    }

    /// This page as CSV, with headings. The header `Link` (RFC 8288) has the address of the next page.
    pub(super) fn as_csv<T, I: Serialize, Id: Serialize>(
        &self,
        call: &Call,
        page: Page<T, Id>,
        columns: &Columns,
        item: impl FnMut(T) -> I,
    ) -> Reply {
        let next = self.cursor_at(page.next);
        // An item is made of texts and numbers, which are always JSON.
        let items = page.items.into_iter().map(item).filter_map(|item| serde_json::to_value(item).ok());
        let text = csv(&items.collect::<Vec<_>>(), columns.shown, true);
        let reply =
            Reply::bytes(StatusCode::OK, "text/csv; charset=utf-8", text).header("cache-control", "no-store");
        match next {
            Some(cursor) => reply.header("link", &format!("<{}>; rel=\"next\"", with_cursor(call, &cursor))),
            None => reply,
        }
    }
}

/// The address of the same list, after `cursor`.
fn with_cursor(call: &Call, cursor: &str) -> String {
    let others =
        call.head.raw_query().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query = others.map(str::to_owned).chain([format!("cursor={cursor}")]).collect::<Vec<_>>();
    format!("{}?{}", call.head.parts.uri.path(), query.join("&"))
}

fn wrong_cursor() -> Problem {
    let what = "not a cursor of this list with these filters and this order: begin again without one";
    Problem::invalid_field("cursor", what)
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
    use crate::id::TokenId;

    fn paging(list: &str, filter: bool, cursor: Option<String>) -> Paging {
        Paging { limit: PageLimit(10), cursor, digest: digest(list, &filter) }
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
