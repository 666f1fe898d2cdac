//! TLS of the listener: its certificate and the roots of client certificates. Both are replaced while it serves.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use tokio_rustls::TlsAcceptor;

use super::forwarded::ShownCertificate;
use crate::name::DnsName;
use crate::service::TimeKeeper;

/// The cause of a rejected TLS configuration. The one in use stays.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The certificate and the key do not belong together, or one of them is unusable.
    #[error(
        "the listener's certificate and key cannot be used together: {0}; give the key that belongs to the certificate"
    )]
    Identity(rustls::Error),
    /// A root of the client certificates is not a usable certificate.
    #[error(
        "a root certificate for client certificates cannot be used: {0}; give the CA's own root certificate"
    )]
    ClientRoot(rustls::Error),
    /// The list of roots is empty, so that no client certificate could be verified.
    #[error(
        "there is no root certificate to verify client certificates with; give the CA's root certificate"
    )]
    NoClientRoots,
    /// The provider does not support the requested versions.
    #[error("the TLS provider refuses TLS 1.2 and 1.3: {0}; rebuild with the aws-lc-rs provider")]
    Provider(rustls::Error),
}

/// The identity of the listener: its certificate, the CAs above it, the private key.
pub struct TlsIdentity {
    /// The leaf first, then the certificates that the client needs to reach a root. The root itself follows if clients
    /// pin it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key of the leaf.
    pub key: PrivateKeyDer<'static>,
}

/// The identities of a listener. The client chooses one by the server name that it asks for.
pub struct Identities {
    /// The identity for every name without one of its own.
    pub main: TlsIdentity,
    /// True if another CA than that of gatepass issued it.
    pub is_outside: bool,
    /// Identities from elsewhere for single names.
    pub named: Vec<(DnsName, TlsIdentity)>,
}

impl From<TlsIdentity> for Identities {
    fn from(main: TlsIdentity) -> Self {
        Self { main, is_outside: false, named: Vec::new() }
    }
}

/// The certificate that a connection got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedAs {
    /// That of the CA of gatepass, which hosts pin.
    Own,
    /// A certificate from elsewhere for every name.
    Outside,
    /// A certificate from elsewhere for the name that the client asked for.
    Named,
}

impl ServedAs {
    /// Returns whether a CA that browsers know can have issued the certificate.
    pub const fn is_outside(self) -> bool {
        matches!(self, Self::Outside | Self::Named)
    }
}

impl TlsIdentity {
    /// The same identity once more.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }

    fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), provider).map_err(TlsError::Identity)
    }

    /// Checks that the key belongs to the certificate.
    ///
    /// # Errors
    /// [`TlsError::Identity`], if it does not, or one of them is unusable.
    pub fn check(&self) -> Result<(), TlsError> {
        self.certified(&rustls::crypto::aws_lc_rs::default_provider()).map(drop)
    }
}

/// The listener's TLS. It may change while the listener serves: new connections use the newest one.
///
/// TLS 1.2 and 1.3 on aws-lc-rs, ALPN `h2` and `http/1.1`. Client certificates are requested, not required. No CRL is
/// consulted: every request checks the certificate against the revocations. Sessions are not resumed: a resumed one
/// would carry a client certificate past the checks of its handshake.
pub struct Tls {
    serving: ArcSwap<Serving>,
    time: Arc<dyn TimeProvider>,
}

/// The TLS of one connection.
pub struct Serving {
    config: Arc<ServerConfig>,
    certificates: Arc<ByName>,
}

/// The certificates by server name (RFC 6066 section 3). A client that names no server, or another one, gets the main one.
#[derive(Debug)]
struct ByName {
    main: Arc<CertifiedKey>,
    is_outside: bool,
    named: HashMap<String, Arc<CertifiedKey>>,
}

impl ByName {
    fn new(identities: &Identities, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let Identities { main, is_outside, named } = identities;
        let certified = |(name, identity): &(DnsName, TlsIdentity)| {
            Ok((name.to_string(), Arc::new(identity.certified(provider)?)))
        };
        Ok(Self {
            main: Arc::new(main.certified(provider)?),
            is_outside: *is_outside,
            named: named.iter().map(certified).collect::<Result<_, TlsError>>()?,
        })
    }

    fn of(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        self.named.get(&name?.to_ascii_lowercase())
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.of(hello.server_name()).unwrap_or(&self.main)))
    }
}

impl Serving {
    /// The acceptor of the connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// The certificate of a connection whose client asked for this name.
    pub fn served_as(&self, name: Option<&str>) -> ServedAs {
        match (self.certificates.of(name), self.certificates.is_outside) {
            (Some(_), _) => ServedAs::Named,
            (None, true) => ServedAs::Outside,
            (None, false) => ServedAs::Own,
        }
    }
}

/// The time of decisions, for the dates of client certificates. The machine's clock may be in doubt.
pub struct HandshakeTime(pub Arc<TimeKeeper>);

impl fmt::Debug for HandshakeTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandshakeTime")
    }
}

impl TimeProvider for HandshakeTime {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.now().millis()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

impl Tls {
    /// The TLS of a listener with these identities that accepts client certificates under `client_roots`, valid by `time`.
    ///
    /// # Errors
    /// [`TlsError`], if the key does not belong to the certificate or a root is unusable.
    pub fn new(
        identities: impl Into<Identities>,
        client_roots: Vec<CertificateDer<'static>>,
        time: Arc<dyn TimeProvider>,
    ) -> Result<Arc<Self>, TlsError> {
        let serving = serving(&identities.into(), client_roots, Arc::clone(&time))?;
        Ok(Arc::new(Self { serving: ArcSwap::from_pointee(serving), time }))
    }

    /// Replaces both for new connections. Open connections keep the former ones.
    ///
    /// # Errors
    /// [`TlsError`], as [`Tls::new`]; then nothing has changed.
    pub fn swap(
        &self,
        identities: impl Into<Identities>,
        client_roots: Vec<CertificateDer<'static>>,
    ) -> Result<(), TlsError> {
        self.serving.store(Arc::new(serving(&identities.into(), client_roots, Arc::clone(&self.time))?));
        Ok(())
    }

    /// The TLS of the next connection.
    pub fn serving(&self) -> Arc<Serving> {
        self.serving.load_full()
    }
}

/// The request for a client certificate names the roots, so that browsers without a certificate of them ask nobody.
fn serving(
    identities: &Identities,
    client_roots: Vec<CertificateDer<'static>>,
    time: Arc<dyn TimeProvider>,
) -> Result<Serving, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in client_roots {
        roots.add(root).map_err(TlsError::ClientRoot)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .map_err(client_roots_error)?;
    let certificates = Arc::new(ByName::new(identities, &provider)?);
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Provider)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::<ByName>::clone(&certificates));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Serving { config: Arc::new(config), certificates })
}

fn client_roots_error(error: VerifierBuilderError) -> TlsError {
    match error {
        VerifierBuilderError::NoRootAnchors => TlsError::NoClientRoots,
        // No CRL is ever given to the builder. The enum may grow.
        other => TlsError::ClientRoot(rustls::Error::General(other.to_string())),
    }
}

/// The protocol that ALPN chose (RFC 7301). A client without ALPN uses HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 (RFC 9112).
    Http1,
    /// HTTP/2 (RFC 9113).
    Http2,
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The source address of the connection.
    pub address: SocketAddr,
    /// The client's address. Behind trusted proxies it differs from `address`. The front sets it.
    pub client: IpAddr,
    /// The client's certificate. The handshake verified its chain, its dates and that the client holds the key. The front
    /// decides for each request if it counts, and each request checks if it was revoked.
    pub certificate: ShownCertificate,
    /// The certificate that the connection got.
    pub served_as: ServedAs,
    /// The protocol of the connection.
    pub protocol: Protocol,
}
