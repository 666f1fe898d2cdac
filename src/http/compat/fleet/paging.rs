//! Pages by number, and queries whose unknown parameters are ignored.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::query::decode_query;

/// Maximum number of items of a page.
pub(super) const MOST_PER_PAGE: u32 = 10_000;

/// The parameters of a list.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query")]
pub(super) struct ListQuery {
    /// Number of the page.
    #[param(minimum = 1, default = 1, example = 1)]
    page: Option<u32>,
    /// Items of a page.
    #[param(rename = "perPage", minimum = 1, maximum = 10_000, default = 20, example = 20)]
    per_page: Option<u32>,
    /// `field:value` terms, joined by `and`.
    #[param(example = "policy_id:0198c0de-e2e3-7f50-8162-738495a6b7c8")]
    kuery: Option<String>,
}

/// The known parameters of a query.
pub(super) struct Query(Vec<(String, String)>);

/// A page by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) page: u32,
    pub(super) per_page: u32,
}

/// A list with its page. Its members stand in Kibana's order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageFacts {
    /// Number of items on all pages.
    #[schema(example = 1)]
    total: u64,
    #[schema(example = 1)]
    page: u32,
    #[schema(example = 20)]
    per_page: u32,
}

impl Query {
    /// Reads the query.
    pub(super) fn of(call: &Call) -> Result<Self, Problem> {
        decode_query(call.head.raw_query()).map(Self)
    }

    /// The first value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is true or false; false without it.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::invalid_field(name, "must be true or false")),
        }
    }

    /// The page.
    pub(super) fn paging(&self) -> Result<Paging, Problem> {
        let number = |name: &str, default: u32, most: u32| match self.get(name).map(str::parse::<u32>) {
            None => Ok(default),
            Some(Ok(number)) if (1..=most).contains(&number) => Ok(number),
            Some(_) => Err(Problem::invalid_field(name, format!("must be a whole number from 1 to {most}"))),
        };
        Ok(Paging { page: number("page", 1, u32::MAX)?, per_page: number("perPage", 20, MOST_PER_PAGE)? })
    }
}

impl Paging {
    /// Number of items before the page.
    pub(super) fn offset(self) -> u32 {
        (self.page - 1).saturating_mul(self.per_page)
    }

    pub(super) fn with_total(self, total: u64) -> PageFacts {
        PageFacts { total, page: self.page, per_page: self.per_page }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query(decode_query(text).unwrap())
    }

    #[test]
    fn a_page_has_defaults_and_bounds() {
        let paging = |text: &str| query(text).paging().map(|paging| (paging.page, paging.per_page)).ok();
        assert_eq!(paging(""), Some((1, 20)));
        assert_eq!(paging("page=3&perPage=10000&sortField=x"), Some((3, 10_000)));
        for wrong in ["page=0", "page=-1", "page=x", "perPage=0", "perPage=10001", "page=4294967296", "page="]
        {
            assert_eq!(paging(wrong), None, "{wrong}");
        }
        assert_eq!(query("page=4294967295&perPage=10000").paging().unwrap().offset(), u32::MAX);
        assert_eq!(query("page=2&perPage=7").paging().unwrap().offset(), 7);
    }

    #[test]
    fn a_flag_is_true_or_false() {
        let flag = |text: &str| query(text).flag("forceDelete").ok();
        assert_eq!(
            [flag(""), flag("forceDelete=true"), flag("forceDelete=false")],
            [Some(false), Some(true), Some(false)]
        );
        assert_eq!(flag("forceDelete=1"), None);
    }
}
