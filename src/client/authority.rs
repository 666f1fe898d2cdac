//! A host's identity, and the trust anchor of its authority.

use std::path::Path;

use http::Method;
use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;

use super::directory::{CertDir, Parts, whole};
use super::error::ClientError;
use super::host::{HostFile, ThisHost, TrustAnchor};
use super::network::Network;
use super::problem::server_time;
use super::servers::{Question, ServerAnswer, Servers, same_server};
use crate::clock::Timestamp;
use crate::connect::{Connector, Trust};
use crate::wire::HostSummary;

/// The route at which a host presents its certificate.
pub(super) const WHOAMI: &str = "/api/v1/whoami";

/// The host file after the certificate was presented, and the answer.
pub(super) type PresentedHost = (HostFile, ServerAnswer<HostSummary>);

/// An enrolled host that asks its authority.
pub(super) struct HostClient<'a> {
    dir: &'a Path,
    parts: Parts,
    network: &'a Network,
    pub(super) host: HostFile,
    /// The servers to ask: those in the file and a given one.
    pub(super) servers: Servers,
}

impl<'a> HostClient<'a> {
    /// The host with the identity in the directory. If it has expired by this machine's clock, the authority's clock counts.
    ///
    /// # Errors
    /// If there is no identity, or it has expired.
    pub(super) async fn open(this: &'a ThisHost, now: Timestamp) -> Result<Self, ClientError> {
        match Self::open_at(this, now) {
            Err(expired @ ClientError::Expired { .. }) => match server_clock(this).await {
                Some(clock) => Self::open_at(this, clock).map_err(|_| expired),
                None => Err(expired),
            },
            opened => opened,
        }
    }

    fn open_at(this: &'a ThisHost, now: Timestamp) -> Result<Self, ClientError> {
        let (host, parts) = whole(&this.cert_dir, |stored| {
            let host = stored.enrolled()?;
            match host.is_live(now) {
                true => Ok((host, stored.parts()?)),
                false => Err(ClientError::Expired { host: host.host_id, at: host.life.expires_at, now }),
            }
        })?;
        let servers = allowed_servers(&host, this.server.as_deref())?;
        Ok(Self { dir: &this.cert_dir, parts, network: &this.network, host, servers })
    }

    /// Asks the authority with the host's certificate.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        question: &Question<'_>,
    ) -> Result<ServerAnswer<T>, ClientError> {
        self.servers.ask(|url| self.connect(url), question).await
    }

    /// Presents the certificate and [adopts](Self::adopt) the answer.
    pub(super) async fn present(self) -> Result<PresentedHost, ClientError> {
        let answer = self.ask(&Question::get(WHOAMI)).await?;
        self.adopt(answer)
    }

    /// Stores the addresses that follow from the answer to a `whoami`, and returns the changed host file.
    pub(super) fn adopt(self, answer: ServerAnswer<HostSummary>) -> Result<PresentedHost, ClientError> {
        if answer.body.host_id != self.host.host_id {
            let what = String::from("it names another host");
            return Err(ClientError::NotGatepass { server: answer.url, what, retry_after: None });
        }
        let host = self.follow(&answer.url, answer.body.server_url.as_deref());
        Ok((host, answer))
    }

    /// Stores the addresses that follow from an answer over `url`, which named the authority's `current` URL. The trust anchor
    /// stays: at any address only the authority is accepted.
    pub(super) fn follow(self, url: &str, current: Option<&str>) -> HostFile {
        let servers = self.servers.after(url, current, false);
        if servers != self.host.servers
            && let Err(error) = CertDir::open(self.dir).and_then(|dir| dir.store_servers(&servers))
        {
            // The next answer brings the same addresses.
            tracing::debug!(%error, "the addresses of the authority could not be stored");
        }
        HostFile { servers, ..self.host }
    }

    fn connect(&self, url: &str) -> Result<Connector, ClientError> {
        let trust = host_trust(&self.host.trust.at(self.dir), self.parts.roots(), self.network)?;
        self.network.connect(url, trust, Some(self.parts.identity()?))
    }
}

/// The addresses to ask: the host's, and a given one. Without a pin, any server with a certificate for its name could replace
/// the root of this host. Such a host asks only the addresses that it knows.
fn allowed_servers(host: &HostFile, given: Option<&str>) -> Result<Servers, ClientError> {
    match (given, &host.trust) {
        (Some(given), TrustAnchor::Outside(_)) if !host.servers.urls().any(|url| same_server(url, given)) => {
            let known = host.servers.urls().map(str::to_owned).collect();
            Err(ClientError::UnknownServer { given: given.to_owned(), known })
        }
        _ => Ok(host.servers.with_own(given)),
    }
}

/// A connection to each address of the authority of the identity in `dir`, without that identity: for public routes.
///
/// # Errors
/// If there is no identity, or its files are damaged.
pub(super) fn connect_public(dir: &Path, network: &Network) -> Result<Vec<Connector>, ClientError> {
    let (host, roots) = whole(dir, |stored| Ok((stored.enrolled()?, stored.roots()?)))?;
    let anchor = host.trust.at(dir);
    let connect = |url| network.connect(url, host_trust(&anchor, Ok(roots.clone()), network)?, None);
    host.servers.urls().map(connect).collect()
}

/// The time of the authority, over a connection without the host's certificate.
pub(super) async fn server_clock(this: &ThisHost) -> Option<Timestamp> {
    for connector in connect_public(&this.cert_dir, &this.network).ok()? {
        let answer = connector.request(Method::GET, "/livez", &[], None).await;
        if let Some(answer) = answer.ok().filter(|answer| answer.status.is_success()) {
            return server_time(&answer.headers);
        }
    }
    None
}

/// The trust anchor of an enrolled host, which has the root certificate in its directory.
fn host_trust(
    anchor: &TrustAnchor,
    roots: Result<Vec<CertificateDer<'static>>, ClientError>,
    network: &Network,
) -> Result<Trust, ClientError> {
    match anchor {
        TrustAnchor::Pinned(_) => roots.map(Trust::Roots),
        TrustAnchor::Outside(_) => network.trust(anchor),
    }
}
