//! Opening: everything is loaded and checked before anything is written.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use super::error::Written;
use super::first_start::Pending;
use super::identity::ServerIdentity;
use super::loaded::Loaded;
use super::local::{self, LocalServer};
use super::preflight::{self, Preflight};
use super::tls_files::{Presented, TlsSource};
use super::{Reload, Server, StartError, ca_files, first_start, notices, process};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, DATABASE, HttpConfig, ServerConfig};
use crate::http::front::Front;
use crate::http::limits::Limits;
use crate::http::table::Table;
use crate::http::tls::{HandshakeTime, Tls};
use crate::id::HostId;
use crate::ledger::{Action, Draft, Subjects};
use crate::name::DnsName;
use crate::outbound::AllowedDestinations;
use crate::service::backups::BackupTerms;
use crate::service::ca::live::LiveCas;
use crate::service::ca::rotation::ROOT_FILE;
use crate::service::emergency::finish_emergency;
use crate::service::installation::Installation;
use crate::service::ledger_mark::MarkKeeper;
use crate::service::own_names::OwnNames;
use crate::service::policies::live::LivePolicies;
use crate::service::rules::LiveRules;
use crate::service::settings::LiveSpans;
use crate::service::status_lists::StreamLimits;
use crate::service::tokens::order::Catalogue;
use crate::service::trust::LiveTrust;
use crate::service::vault::{Vault, write_public};
use crate::service::verification::proxies::TrustedProxies;
use crate::service::{ApprovalTerms, Authority, Base, Caller, CertificateTerms, Parts, Settings};
use crate::span::SettingValues;
use crate::store::sqlite::{Fuse, SqliteStore};
use crate::store::{AuthorityIdentity, RecordIdentity, Store};

pub(super) async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Server, StartError> {
    let open_files = process::harden();
    crate::http::metrics::install();
    let now = clock.read().wall;
    let Preflight { listener, vault, outside_names } = preflight::look(&config, now)?;
    let local_addr = listener.local_addr().map_err(StartError::of)?;
    let database = config.server.data_dir.join(DATABASE);
    let is_there = database.exists();
    preflight::make_directory(&config.server.data_dir)?;
    let opened = SqliteStore::open_on(&database, now, fuse(&config.server)).map_err(StartError::of);
    let made = if !is_there && database.exists() { Written::Part } else { Written::Nothing };
    let store = opened.map_err(|error| error.after(made))?;
    let written = match (is_there, store.was_changed()) {
        (true, true) => Written::Migration,
        (true, false) => Written::Nothing,
        (false, _) => Written::Part,
    };
    let loaded = Loaded::read(&config, clock, store.as_ref(), &vault, (local_addr, outside_names)).await;
    let loaded = loaded.map_err(|error| error.after(written))?;
    let listening = (listener, local_addr, open_files);
    serve(config, &store, vault, loaded, listening).await.map_err(|error| error.after(Written::Part))
}

/// The operator's choice about file systems in user space.
pub(super) const fn fuse(config: &ServerConfig) -> Fuse {
    if config.allow_fuse { Fuse::Allowed } else { Fuse::Refused }
}

/// Writes the files and rows of a start, and listens.
async fn serve(
    config: Config,
    store: &Arc<SqliteStore>,
    vault: Vault,
    loaded: Loaded,
    (listener, local_addr, open_files): (TcpListener, SocketAddr, Option<usize>),
) -> Result<Server, StartError> {
    let AuthorityIdentity { issuer: url, trust_domain, .. } = loaded.identity.recorded.clone();
    let changed_from = loaded.identity.changed_from.clone();
    let (authority, pending) = compose(&config, store, vault, loaded, local_addr).await?;
    let first_start = first_start::finish(&authority, pending, !config.server.no_roles_token).await?;
    if let Some(file) = authority.trust_admin.mint_due_emergency().await.map_err(StartError::of)? {
        tracing::info!(file = %file.display(), "a new emergency token is in this file: move it to a safe place");
    }
    let notices = notices::of_urls(&authority, store.as_ref(), changed_from.as_deref()).await?;
    let root = authority.cas.load().current().root_pem().to_owned();
    write_public(&config.server.data_dir.join(ROOT_FILE), root.as_bytes()).map_err(StartError::of)?;
    // The status of a token can be looked up right after the start.
    if let Err(error) = authority.status_lists.sign().await {
        tracing::warn!(%error, "the status lists could not be signed; the server tries again");
    }
    let source = TlsSource::new(&config, Arc::clone(&authority.names), trust_domain);
    let Presented { identities, expires_at, pins, .. } =
        source.identities(&authority.cas.load(), &authority.time).map_err(StartError::of)?;
    authority.health.server_certificate_is(expires_at);
    if let Some(fault) = authority.health.ca_fault() {
        tracing::warn!(%fault, "the CA cannot issue certificates now");
    }
    let handshake_time = Arc::new(HandshakeTime(Arc::clone(&authority.time)));
    let tls = Tls::new(identities, ca_files::client_anchors(&authority.cas.load()), handshake_time)
        .map_err(StartError::of)?;
    let credential = local::credential();
    // The port is bound. A reader of this file can connect at once, and gets an answer as soon as the server runs.
    let here = LocalServer::new(&url, local_addr, &config.http.proxy_protocol, pins);
    let published = here.publish(&config.server, &credential).map_err(StartError::of)?;
    let table =
        Table::with_pages(config.http.public_metrics, crate::dashboard::routes()).map_err(StartError::of)?;
    crate::http::metrics::begin(table.routes(), authority.time.wall());
    let front = Front::new(Arc::clone(&authority), table, credential, config.http.body_timeout);
    let front = front.with_hsts(config.http.hsts);
    Ok(Server {
        published,
        authority,
        store: Arc::clone(store),
        front: Arc::new(front),
        tls,
        source,
        listener: tokio::net::TcpListener::from_std(listener).map_err(StartError::of)?,
        local_addr,
        limits: limits(&config.http, open_files),
        first_start,
        notices,
        keys_dir: config.server.keys_dir.clone(),
        data_dir: config.server.data_dir.clone(),
        reload: Reload::default(),
        pulse: Arc::default(),
    })
}

/// Records what is new, and builds the authority from the store and the vault.
async fn compose(
    config: &Config,
    store: &Arc<SqliteStore>,
    vault: Vault,
    loaded: Loaded,
    listens_on: SocketAddr,
) -> Result<(Arc<Authority>, Option<Pending>), StartError> {
    let store: Arc<dyn Store> = store.clone();
    let Loaded { stage, time, identity, cas } = loaded;
    let now = time.now();
    let ServerIdentity { recorded, fixed, taken, .. } = identity;
    let trust_domain = recorded.trust_domain.clone();
    preflight::claim(&vault, store.chain_head().await.map_err(StartError::of)?.chain)?;
    // Before the founding: a database that was founded has a CA.
    let cas = ca_files::settle(config, store.as_ref(), &vault, cas, (&trust_domain, now)).await?;
    let pending = first_start::begin(stage, store.as_ref(), &vault, config, (&recorded, now)).await?;
    let entry = Caller::SYSTEM.did(Action::AuthorityChanged, now).with("issuer", recorded.issuer.as_str());
    let entry = entry.with("trust_domain", trust_domain.as_str());
    let taken = taken.into_iter().map(|(host, name)| take_name(host, &name, now)).collect();
    let command = RecordIdentity { identity: recorded.clone(), taken, entry };
    store.record_identity(command).await.map_err(StartError::of)?;
    let tokens = &config.tokens;
    let verifying = (tokens.audiences.clone().into(), tokens.hot_tokens);
    let trust =
        LiveTrust::open(store.as_ref(), vault.clone(), verifying, now).await.map_err(StartError::of)?;
    let lists = store.lists().await.map_err(StartError::of)?;
    let indexes = crate::service::Indexes::resume(&lists);
    let indexes = indexes.ok_or_else(|| StartError::of("the store has no open status list"))?;
    let data_dir = config.server.data_dir.clone();
    finish_emergency(&data_dir, &trust, now).map_err(StartError::of)?;
    let trust = Arc::new(trust);
    let values = SettingValues {
        spans: tokens.spans,
        node_limit: config.hosts.node_limit,
        approval: config.hosts.approval,
    };
    let spans = LiveSpans::open(values, store.as_ref()).await.map_err(StartError::of)?;
    let rules = LiveRules::open(store.as_ref()).await.map_err(StartError::of)?;
    let policies = LivePolicies::open(store.as_ref()).await.map_err(StartError::of)?;
    let backup_times = store.backup_times().await.map_err(StartError::of)?;
    let base = Base { store, time };
    let mark = Arc::new(MarkKeeper::new(base.clone(), vault.clone()));
    let authority = Authority::new(Parts {
        names: Arc::new(OwnNames::new(base.clone(), Arc::clone(&trust), recorded, fixed)),
        base,
        trust,
        cas: Arc::new(LiveCas::new(cas)),
        spans: Arc::new(spans),
        rules: Arc::new(rules),
        policies: Arc::new(policies),
        indexes: Arc::new(indexes),
        mark,
        vault,
        data_dir,
        listens_on,
        backup_times,
        settings: settings(config, trust_domain),
    });
    Ok((Arc::new(authority), pending))
}

/// The entry of a name that is taken over from a host.
fn take_name(host: HostId, name: &DnsName, now: Timestamp) -> (HostId, Draft) {
    tracing::warn!(%host, %name, "took the name over from a host; run `gatepass renew` there: its certificates are revoked");
    let entry = Caller::SYSTEM.did(Action::NameTakenOver, now).about(Subjects::host(host));
    (host, entry.with("name", name.as_str()))
}

fn settings(config: &Config, trust_domain: String) -> Settings {
    let roles = config.roles.iter().map(|role| (role.role.clone(), role.description.clone()));
    Settings {
        roles: Catalogue::new(roles),
        ece_ttl: config.tokens.ece_ttl,
        proxies: TrustedProxies::new(
            config.http.trusted_proxies.clone(),
            &config.http.client_certificate_header,
        ),
        rates: config.limits.clone(),
        sign_in: config.sign_in,
        sessions: config.sessions,
        certificates: CertificateTerms {
            lifetime: config.hosts.certificate_lifetime,
            name_hold: config.hosts.name_hold,
            trust_domain,
            allow_rsa: config.hosts.allow_rsa_keys,
            crl_url: config.hosts.crl_url.clone(),
        },
        approval: ApprovalTerms {
            max_waiting_per_token: u32::try_from(config.hosts.max_waiting_per_token).unwrap_or(u32::MAX),
            four_eyes: config.hosts.four_eyes,
            denied_for: config.hosts.retention,
        },
        checkin: config.hosts.checkin,
        access_ttl: config.tokens.access_ttl,
        destinations: AllowedDestinations::new(config.outputs.allow.clone()),
        overlap: config.hosts.overlap,
        quarantine_most: u32::try_from(config.hosts.quarantine_most).unwrap_or(u32::MAX),
        host_retention: config.hosts.retention,
        outside_ca: config.ca.root.is_some(),
        root_crl: config.ca.root_crl.clone(),
        outside_certificate: config.server.tls.is_some(),
        installation: Installation {
            url: config.server.install_url.clone(),
            chart: config.server.chart.clone(),
        },
        backup: BackupTerms {
            directory: config.backup.directory.clone(),
            recipient: config.backup.recipient.clone(),
            keep: config.backup.keep,
        },
        config_file: config.file.clone(),
        event_streams: StreamLimits {
            total: config.http.max_event_streams,
            per_address: config.http.max_connections_per_address,
        },
    }
}

/// Number of open files besides connections: database, logs, keys that are being read.
const OTHER_FILES: usize = 128;

fn limits(http: &HttpConfig, open_files: Option<usize>) -> Limits {
    let room = open_files.map_or(usize::MAX, |most| most.saturating_sub(OTHER_FILES).max(1));
    if http.max_connections > room {
        let wanted = http.max_connections;
        tracing::warn!(wanted, room, "fewer connections than configured: raise the limit of open files");
    }
    Limits {
        connections: http.max_connections.min(room),
        connections_per_address: http.max_connections_per_address,
        proxy_protocol: http.proxy_protocol.clone().into(),
        handshake_timeout: http.handshake_timeout,
        header_timeout: http.header_timeout,
        body_timeout: http.body_timeout,
        idle_timeout: http.idle_timeout,
        max_age: http.max_connection_age,
        drain_timeout: http.drain_timeout,
        ..Limits::default()
    }
}
