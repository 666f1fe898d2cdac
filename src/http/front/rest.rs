//! The rest of a request's body after its response is known.

use std::time::{Duration, Instant};

use http::Version;
use http::header::EXPECT;
use http::request::Parts;
use hyper::body::{Body as _, Incoming};

use crate::http::body;

/// Time for the rest of a body while the server is overloaded. A client that has sent its body loses nothing.
const BRIEFLY: Duration = Duration::from_secs(1);

/// The decision to read the rest of a body, with its deadline.
pub(super) struct Rest {
    taken: bool,
    until: Instant,
}

impl Rest {
    /// The rest of the request that began at `since`. Reading the whole body may take `timeout`.
    pub(super) fn of(parts: &Parts, since: Instant, timeout: Duration) -> Self {
        // A client that waits for `100 Continue` sends nothing before it (RFC 9110 section 10.1.1).
        let taken = parts.version == Version::HTTP_2 && !parts.headers.contains_key(EXPECT);
        Self { taken, until: since + timeout }
    }

    /// The same with a short deadline, for a body that no memory was left for.
    pub(super) fn briefly(self) -> Self {
        Self { until: self.until.min(Instant::now() + BRIEFLY), ..self }
    }

    /// Reads the rest, if the client would drop its response otherwise.
    pub(super) async fn forgo(&self, mut body: Incoming) {
        if self.taken && !body.is_end_stream() {
            body::discard(&mut body, self.until.saturating_duration_since(Instant::now())).await;
        }
    }
}
