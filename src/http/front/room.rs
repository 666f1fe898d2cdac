//! Memory for answers whose size is known only when they are made.

use std::time::Duration;

use http::Method;

use crate::access::Permission;
use crate::http::budget::Held;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::query::decode_query;
use crate::http::route::Route;

/// About the size of an item of a list, and the numbers of items on a page: without `limit`, and at most.
const ITEM: usize = 512;
const USUAL_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

/// Maximum time that a request waits for the client to read earlier answers.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes memory for a list before the store is read. Other answers are small and are never refused, so that a client that
/// reads no lists keeps no host behind its address from enrolling.
///
/// # Errors
/// 503: earlier answers are not read.
pub(super) async fn make(route: &Route, call: &Call, held: &mut Held) -> Result<(), Problem> {
    match expected(route, call.head.raw_query()) {
        0 => Ok(()),
        bytes => Ok(held.wait_for(bytes, PATIENCE).await?),
    }
}

/// The expected size of a list; 0 for another answer.
fn expected(route: &Route, query: &str) -> usize {
    let lists = match route.permission {
        Permission::Anyone | Permission::SignIn | Permission::Redeem | Permission::BeHost => false,
        Permission::Renew | Permission::Introspect => false,
        _ => route.method == Method::GET,
    };
    if !lists {
        return 0;
    }
    let limit = decode_query(query).into_iter().find(|(name, _)| name == "limit");
    let items = limit.and_then(|(_, limit)| limit.parse::<usize>().ok()).unwrap_or(USUAL_PAGE);
    items.min(LARGEST_PAGE) * ITEM
}
