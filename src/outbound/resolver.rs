//! The name service, which each call asks once.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::net::lookup_host;

/// The addresses of a host, in the order of the name service.
pub type ResolveFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// A name service.
pub trait Resolve: Send + Sync {
    /// Returns the addresses of `host`, which may be an address itself.
    fn addresses<'a>(&'a self, host: &'a str, port: u16) -> ResolveFuture<'a>;
}

/// The name service of the system.
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn addresses<'a>(&'a self, host: &'a str, port: u16) -> ResolveFuture<'a> {
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }
}
