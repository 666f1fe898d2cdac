//! The TLS handshake: a post-quantum key exchange first, a classical one where the network drops its larger first message.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, NamedGroup};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address::{Route, ServerAddress};
use super::dial;
use super::{CONNECT_TIMEOUT, ConnectError, Identity};

/// The servers give a handshake as long.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The cryptography of every connection. Its first key exchange is X25519MLKEM768.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Opens TLS connections.
pub(super) struct Handshake {
    hybrid: TlsConnector,
    /// The same without X25519MLKEM768: its first message fits into one packet.
    classical: TlsConnector,
    pub(super) patience: Duration,
}

impl Handshake {
    pub(super) fn new(
        verifier: Arc<dyn ServerCertVerifier>,
        identity: Option<Identity>,
    ) -> Result<Self, ConnectError> {
        let mut classical = aws_lc_rs::default_provider();
        classical.kx_groups.retain(|group| group.name() != NamedGroup::X25519MLKEM768);
        Ok(Self {
            hybrid: connector(provider(), Arc::clone(&verifier), identity.as_ref())?,
            classical: connector(Arc::new(classical), verifier, identity.as_ref())?,
            patience: HANDSHAKE_TIMEOUT,
        })
    }

    /// Connects to the server at `address`. A handshake that times out is tried once more without X25519MLKEM768; any
    /// other failure is final.
    pub(super) async fn open(&self, address: &ServerAddress) -> Result<TlsStream<TcpStream>, ConnectError> {
        let tcp = dial(address).await?;
        if let Ok(done) = timeout(self.patience, shake(&self.hybrid, address, tcp)).await {
            return done;
        }
        let tcp = dial(address).await?;
        let tls = address.within(CONNECT_TIMEOUT, shake(&self.classical, address, tcp)).await?;
        tracing::warn!(
            "TLS with {} works only without the post-quantum key exchange X25519MLKEM768: a device on the way drops its \
             larger first message; each connection takes {} s longer until that device is updated",
            address.label(),
            self.patience.as_secs(),
        );
        Ok(tls)
    }
}

async fn dial(address: &ServerAddress) -> Result<TcpStream, ConnectError> {
    let (host, port) = (address.host(), address.port());
    let connecting = async {
        let tcp = match address.route() {
            Route::Direct => dial::connect(host, port).await,
            Route::Local(local) => local.dial().await,
            Route::Proxy(proxy) => {
                let tunnel = proxy.tunnel(host, port).await;
                return tunnel.map_err(|error| ConnectError::no_tunnel(address, &error));
            }
        };
        tcp.map_err(|error| ConnectError::unreachable(address, &error))
    };
    let tcp = address.within(CONNECT_TIMEOUT, connecting).await?;
    // A socket that rejects the option is closed already; the handshake reports that.
    let _ = tcp.set_nodelay(true);
    Ok(tcp)
}

async fn shake(
    tls: &TlsConnector,
    address: &ServerAddress,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let done = tls.connect(address.name().clone(), tcp).await;
    done.map_err(|error| ConnectError::from_exchange(&address.label(), &error))
}

fn connector(
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<&Identity>,
) -> Result<TlsConnector, ConnectError> {
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(ConnectError::Provider)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match identity {
        Some(Identity { chain, key }) => {
            config.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(ConnectError::Identity)?
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}
