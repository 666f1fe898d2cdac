//! An HTTP proxy that opens tunnels by CONNECT (RFC 9110 section 9.3.6), or answers a text.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

/// The answer to CONNECT.
#[derive(Clone, Copy)]
pub(crate) enum Answering {
    /// A tunnel to this address, whatever the name.
    Tunnel(SocketAddr),
    /// This text, and no tunnel.
    Text(&'static str),
}

/// A running proxy, which ends with the process.
pub(crate) struct TunnelProxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TunnelProxy {
    pub(crate) fn start(answering: Answering) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), heads: Arc::default() };
        let heads = Arc::clone(&proxy.heads);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, heads) = (client.unwrap(), Arc::clone(&heads));
                // A client that leaves is no failure of the proxy.
                thread::spawn(move || drop(serve(client, answering, &heads)));
            }
        });
        proxy
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }
}

fn serve(mut client: TcpStream, answering: Answering, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    heads.lock().push(String::from_utf8(head).unwrap());
    let address = match answering {
        Answering::Text(text) => return client.write_all(text.as_bytes()),
        Answering::Tunnel(address) => address,
    };
    let server = TcpStream::connect(address)?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 squid\r\n\r\n")?;
    let (up_from, up_to) = (client.try_clone()?, server.try_clone()?);
    let up = thread::spawn(move || pass(up_from, up_to));
    let _ = pass(server, client);
    let _ = up.join();
    Ok(())
}

/// Passes bytes on until the end, and passes the end on.
fn pass(mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    let passed = io::copy(&mut from, &mut to);
    to.shutdown(std::net::Shutdown::Write)?;
    passed.map(drop)
}
