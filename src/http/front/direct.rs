//! Rows that are answered where the request arrives.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::http::problem::Problem;
use crate::http::route::Route;

/// Calls the handler of a direct row. Its panic becomes a 500, as in a task.
pub(super) fn caught<T>(route: &Route, handler: impl FnOnce() -> T) -> Result<T, Problem> {
    // A handler gets nothing that it could leave half changed. Locks are poisoned, and then passed over.
    catch_unwind(AssertUnwindSafe(handler)).map_err(|_| {
        // The panic's own text is in the line of the panic hook.
        tracing::error!(route = route.path, "answering a request panicked");
        metrics::counter!("gatepass_panics_total").increment(1);
        Problem::internal()
    })
}
