//! The identity of the server: its URL, its names and its trust domain, as configured and as the database has them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::StartError;
use crate::config::ServerConfig;
use crate::host_certificate::HostPeer;
use crate::name::DnsName;
use crate::server_url::ServerName;
use crate::store::{AuthorityIdentity, Store};

/// The identity that a start records and serves under.
pub(super) struct ServerIdentity {
    /// The part that the database keeps.
    pub(super) recorded: AuthorityIdentity,
    /// The names besides the hosts of the external URLs.
    pub(super) fixed: BTreeSet<ServerName>,
}

/// Finds the identity of a server that listens on `local`, with the names in an external certificate.
///
/// # Errors
/// The configuration contradicts the database.
pub(super) async fn settle(
    config: &ServerConfig,
    store: &dyn Store,
    local: SocketAddr,
    outside: Vec<DnsName>,
) -> Result<ServerIdentity, StartError> {
    let url = config.url_at(local);
    let fixed = fixed_names(config, local.ip(), outside);
    let names = fixed.iter().chain([url.server_name()]).filter_map(ServerName::dns).cloned().collect();
    let known = known_trust_domain(store).await?;
    let trust_domain = match (&config.trust_domain, known) {
        (Some(configured), Some(known)) if *configured != known => {
            return Err(other_trust_domain(config, configured, &known));
        }
        (_, Some(known)) => known,
        (Some(configured), None) => configured.clone(),
        (None, None) => url.default_trust_domain(),
    };
    let recorded = AuthorityIdentity { issuer: url.to_string(), names, trust_domain };
    Ok(ServerIdentity { recorded, fixed })
}

/// The trust domain in the database. A database of an earlier version has it in the certificates of its hosts alone.
pub(super) async fn known_trust_domain(store: &dyn Store) -> Result<Option<String>, StartError> {
    if let Some(recorded) = store.trust_domain().await.map_err(StartError::of)? {
        return Ok(Some(recorded));
    }
    let newest = store.newest_certificate().await.map_err(StartError::of)?;
    let peer = newest.and_then(|der| HostPeer::parse(&der));
    Ok(peer.map(|peer| peer.trust_domain().to_owned()))
}

fn other_trust_domain(config: &ServerConfig, configured: &str, known: &str) -> StartError {
    StartError::of(format!(
        "server.trust_domain is {configured:?}, but the certificates of this authority have {known:?}: remove the setting, or \
         run `gatepass issuer set-trust-domain {configured} --data-dir {}`",
        config.data_dir.display()
    ))
}

/// The names of the server besides the hosts of its external URLs.
fn fixed_names(config: &ServerConfig, listen: IpAddr, outside: Vec<DnsName>) -> BTreeSet<ServerName> {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let addresses = loopback.into_iter().chain(Some(listen).filter(|address| !address.is_unspecified()));
    let localhost = DnsName::parse("localhost").ok();
    let names = localhost.into_iter().chain(outside).map(ServerName::Dns);
    names.chain(addresses.map(ServerName::Address)).chain(config.names.iter().cloned()).collect()
}
