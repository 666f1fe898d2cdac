//! What is left of a request's body once its answer is known.

use std::time::{Duration, Instant};

use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use hyper::body::{Body as _, Incoming};

use crate::http::body;

/// Whether the rest of a body has to be taken, and until when.
pub(super) struct Rest {
    taken: bool,
    until: Instant,
}

impl Rest {
    /// The rest of the request that began so at `since`. It may take `timeout` in all, what is read of it included.
    pub(super) fn of(parts: &Parts, since: Instant, timeout: Duration) -> Self {
        // Who waits for `100 Continue` sends nothing before it (RFC 9110 section 10.1.1).
        let taken = parts.version == Version::HTTP_2 && !parts.headers.contains_key(EXPECT);
        Self { taken, until: since + timeout }
    }

    /// Takes what is left, where the client would drop its answer otherwise.
    pub(super) async fn forgo(self, mut body: Incoming) {
        if self.taken && !body.is_end_stream() {
            body::discard(&mut body, self.until.saturating_duration_since(Instant::now())).await;
        }
    }
}
