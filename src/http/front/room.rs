//! Memory for answers whose size is known only when they are made.

use std::time::Duration;

use http::Method;
use hyper::body::Body as _;

use crate::access::Permission;
use crate::http::budget::Held;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::query::decode_query;
use crate::http::route::{HttpResponse, Route};

/// About the size of an item of a list, and the numbers of items on a page: without `limit`, and at most.
const ITEM: usize = 512;
const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// Size of an answer that is never refused.
const SMALL: usize = 16 * 1024;

/// Maximum time that a request waits for the client to read earlier answers.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes memory for a list or for verdicts before the store is read. Small answers are never refused, so that a client that
/// reads no lists keeps no host behind its address from enrolling.
///
/// # Errors
/// 503: earlier answers are not read.
pub(super) async fn make(route: &Route, call: &Call, held: &mut Held) -> Result<(), Problem> {
    let expected = match route.permission {
        // A verdict for each token, which has half its size at most.
        Permission::Introspect => call.body.len() / 2,
        _ => of_list(route, call.head.raw_query()),
    };
    match expected {
        0 => Ok(()),
        bytes => Ok(held.wait_for(bytes, PATIENCE).await?),
    }
}

/// Keeps an answer within the budget, whatever was expected. An act that was done is always answered.
///
/// # Errors
/// 503: there is no memory for it.
pub(super) fn fit(route: &Route, answer: HttpResponse, held: &mut Held) -> Result<HttpResponse, Problem> {
    let size = answer.body().size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    if size > SMALL && !route.writes_entries() {
        held.fit(size)?;
    }
    Ok(answer)
}

/// The expected size of a list; 0 for another answer.
fn of_list(route: &Route, query: &str) -> usize {
    let lists = match route.permission {
        Permission::Anyone | Permission::SignIn | Permission::Redeem | Permission::BeHost => false,
        Permission::HostOrKey | Permission::Renew | Permission::Introspect => false,
        // The pages of forms show lists too.
        _ => route.method == Method::GET || route.dialect.page.is_some(),
    };
    if !lists {
        return 0;
    }
    // The handler refuses a malformed query.
    let pairs = decode_query(query).unwrap_or_default();
    let limit = pairs.into_iter().find(|(name, _)| name == "limit");
    let items = limit.and_then(|(_, limit)| limit.parse::<usize>().ok()).unwrap_or(USUAL_PAGE);
    items.min(LARGEST_PAGE) * ITEM
}
