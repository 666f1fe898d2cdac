//! The names under which hosts reach this server.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::base::Base;
use super::trust::LiveTrust;
use super::{Caller, ServiceError};
use crate::ledger::Action;
use crate::name::DnsName;
use crate::server_url::{ServerName, ServerUrl};
use crate::store::{AuthorityIdentity, RecordIdentity};

/// The names of the server: those of its configuration, and the hosts of the external URLs that are not retired.
pub struct OwnNames {
    base: Base,
    trust: Arc<LiveTrust>,
    recorded: AuthorityIdentity,
    fixed: ArcSwap<BTreeSet<ServerName>>,
}

impl OwnNames {
    /// The names of a server with a recorded identity and these names besides its external URLs.
    pub fn new(
        base: Base,
        trust: Arc<LiveTrust>,
        recorded: AuthorityIdentity,
        fixed: BTreeSet<ServerName>,
    ) -> Self {
        Self { base, trust, recorded, fixed: ArcSwap::from_pointee(fixed) }
    }

    /// All names of now: a URL may have been retired since the last call.
    pub fn all(&self) -> BTreeSet<ServerName> {
        let issuers = self.trust.issuers();
        let urls = issuers.accepted().iter().filter_map(|url| ServerUrl::parse(url).ok());
        let fixed = self.fixed.load();
        fixed.iter().cloned().chain(urls.map(|url| url.server_name().clone())).collect()
    }

    /// Returns whether the name stays whatever URL is retired.
    pub fn is_fixed(&self, name: &ServerName) -> bool {
        self.fixed.load().contains(name)
    }

    /// The URL at which a request to `authority` reached the server, unless it is `known` or has none of the names.
    ///
    /// The client takes `:authority` or `Host` and the name in TLS from one URL. Only the former has the port and can be an IP
    /// address.
    pub fn reached(&self, authority: &str, known: Option<&str>) -> Option<String> {
        let url = ServerUrl::of_authority(authority)?;
        let text = url.to_string();
        let other = known != Some(&*text) && self.all().contains(url.server_name());
        other.then_some(text)
    }

    /// Adds the names of another external certificate. From now on no host gets one of them, and a host that has one loses it
    /// at its next renewal.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn add(&self, names: Vec<DnsName>) -> Result<(), ServiceError> {
        let (store, now) = (&self.base.store, self.base.time.now());
        let known = self.all();
        let new = names.into_iter().filter(|name| !known.contains(&ServerName::Dns(name.clone())));
        let new = new.collect::<Vec<_>>();
        if new.is_empty() {
            return Ok(());
        }
        for name in &new {
            if let Some(host) = store.host_named(name.clone(), now).await? {
                tracing::warn!(%host, %name, "the new certificate has a host's name; the host loses it at its next renewal");
            }
        }
        let entry = Caller::SYSTEM.did(Action::AuthorityChanged, now);
        let identity = AuthorityIdentity { names: new.clone(), ..self.recorded.clone() };
        store.record_identity(RecordIdentity { identity, taken: Vec::new(), entry }).await?;
        let new = new.into_iter().map(ServerName::Dns);
        self.fixed.store(Arc::new(self.fixed.load().iter().cloned().chain(new).collect()));
        Ok(())
    }
}
