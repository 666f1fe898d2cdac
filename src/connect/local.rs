//! Connections to a server on this machine: to its listener's address, whatever the name in its URL leads to.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

/// A PROXY header of version 2 with the command LOCAL: the connection is for the sender itself.
const LOCAL_HEADER: [u8; 16] = *b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// The address of a listener on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address and port of the listener.
    pub address: SocketAddr,
    /// True if the listener expects a PROXY header from that address.
    pub proxy_header: bool,
}

impl LocalAddress {
    /// Connects from the same address, which only this machine has. So the connection cannot leave it.
    pub(super) async fn dial(self) -> io::Result<TcpStream> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        let mut source = self.address;
        source.set_port(0);
        socket.bind(source)?;
        let mut tcp = socket.connect(self.address).await?;
        if self.proxy_header {
            tcp.write_all(&LOCAL_HEADER).await?;
        }
        Ok(tcp)
    }
}
