//! The names under which hosts reach this server.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::trust::LiveTrust;
use crate::server_url::{ServerName, ServerUrl};

/// The names of the server: those of its configuration, and the hosts of the external URLs that are not retired.
pub struct OwnNames {
    fixed: BTreeSet<ServerName>,
    trust: Arc<LiveTrust>,
}

impl OwnNames {
    /// The names of a server with these names besides its external URLs.
    pub const fn new(fixed: BTreeSet<ServerName>, trust: Arc<LiveTrust>) -> Self {
        Self { fixed, trust }
    }

    /// All names of now: a URL may have been retired since the last call.
    pub fn all(&self) -> BTreeSet<ServerName> {
        let issuers = self.trust.issuers();
        let urls = issuers.accepted().iter().filter_map(|url| ServerUrl::parse(url).ok());
        self.fixed.iter().cloned().chain(urls.map(|url| url.server_name().clone())).collect()
    }
}
