//! The identity of the server: its URL, its names and its trust domain, as configured and as the database has them.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::StartError;
use crate::clock::Timestamp;
use crate::config::ServerConfig;
use crate::host_certificate::HostPeer;
use crate::id::HostId;
use crate::name::DnsName;
use crate::server_url::{ServerName, ServerUrl};
use crate::store::{AuthorityIdentity, IssuerRecord, Store};

/// The identity that a start records and serves under.
pub(super) struct ServerIdentity {
    /// The part that the database keeps.
    pub(super) recorded: AuthorityIdentity,
    /// The names besides the hosts of the external URLs.
    pub(super) fixed: BTreeSet<ServerName>,
    /// The live hosts that have one of the names, with that name. `--take-names` takes it over.
    pub(super) taken: Vec<(HostId, DnsName)>,
    /// The external URL of the start before, if it was another one.
    pub(super) changed_from: Option<String>,
}

/// Finds the identity of a server that listens on `local`, with the names in an external certificate.
///
/// # Errors
/// The configuration contradicts the database, or a live host has one of the names. All problems at once.
pub(super) async fn settle(
    config: &ServerConfig,
    store: &dyn Store,
    local: SocketAddr,
    outside: Vec<DnsName>,
    now: Timestamp,
) -> Result<ServerIdentity, StartError> {
    let (url, mut problems) = (config.url_at(local), Vec::new());
    let fixed = fixed_names(config, local.ip(), outside);
    let names =
        fixed.iter().chain([url.server_name()]).filter_map(ServerName::dns).cloned().collect::<Vec<_>>();
    let issuers = store.issuers().await.map_err(StartError::of)?;
    let taken = hosts_with(&names, &issuers, store, now).await?;
    if !config.take_names {
        problems.extend(taken.iter().map(|(host, name)| name_of_a_host(*host, name)));
    }
    let known = known_trust_domain(store).await?;
    let trust_domain = match (config.trust_domain.clone(), known) {
        (Some(configured), Some(known)) if configured != known => {
            problems.push(other_trust_domain(config, &configured, &known));
            known
        }
        (_, Some(known)) => known,
        (Some(configured), None) => configured,
        (None, None) => url.default_trust_domain(),
    };
    if !problems.is_empty() {
        return Err(StartError::all(problems));
    }
    let recorded = AuthorityIdentity { issuer: url.to_string(), names, trust_domain };
    let before = issuers.into_iter().find(|issuer| issuer.current).map(|issuer| issuer.url);
    let changed_from = before.filter(|before| *before != recorded.issuer);
    Ok(ServerIdentity { recorded, fixed, taken, changed_from })
}

/// The live hosts that have a name of the listener in their certificates. Former URLs count until they are retired.
async fn hosts_with(
    names: &[DnsName],
    issuers: &[IssuerRecord],
    store: &dyn Store,
    now: Timestamp,
) -> Result<Vec<(HostId, DnsName)>, StartError> {
    let former = issuers.iter().filter_map(|issuer| ServerUrl::parse(&issuer.url).ok());
    let former = former.filter_map(|url| url.server_name().dns().cloned());
    let mut found = Vec::new();
    for name in names.iter().cloned().chain(former).collect::<BTreeSet<_>>() {
        let host = store.host_named(name.clone(), now).await.map_err(StartError::of)?;
        found.extend(host.map(|host| (host, name)));
    }
    Ok(found)
}

fn name_of_a_host(host: HostId, name: &DnsName) -> String {
    format!(
        "{name} is in the certificate of the live host {host}, which could act as this server: serve under another name, revoke \
         the host, or start once with --take-names, which revokes the host's certificates until it renews without the name"
    )
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

fn other_trust_domain(config: &ServerConfig, configured: &str, known: &str) -> String {
    format!(
        "server.trust_domain is {configured:?}, but the certificates of this authority have {known:?}: remove the setting, or \
         run `gatepass issuer set-trust-domain {configured} --data-dir {}`",
        config.data_dir.display()
    )
}

/// The names of the server besides the hosts of its external URLs.
fn fixed_names(config: &ServerConfig, listen: IpAddr, outside: Vec<DnsName>) -> BTreeSet<ServerName> {
    let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let addresses = loopback.into_iter().chain(Some(listen).filter(|address| !address.is_unspecified()));
    let localhost = DnsName::parse("localhost").ok();
    let names = localhost.into_iter().chain(outside).map(ServerName::Dns);
    names.chain(addresses.map(ServerName::Address)).chain(config.names.iter().cloned()).collect()
}
