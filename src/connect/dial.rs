//! Connecting to a name with several addresses: side by side, so that a silent one holds nothing up (RFC 8305).

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Time until the next address is tried beside the earlier ones (RFC 8305 section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to a host by name or address.
///
/// # Errors
/// The name is unknown, or no address of it answers.
pub(super) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    first_to_answer(lookup_host((host, port)).await?.collect()).await
}

/// Connects to the first of the addresses that answers. After a failure the next one is tried immediately.
///
/// # Errors
/// Every address failed.
pub(crate) async fn first_to_answer(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = interleaved(addresses).into_iter();
    let mut attempts = JoinSet::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(async move { (address, TcpStream::connect(address).await) });
        }
        let delay = async {
            match waiting.len() {
                0 => pending().await,
                _ => sleep(ATTEMPT_DELAY).await,
            }
        };
        tokio::select! {
            done = attempts.join_next() => match done {
                Some(Ok((_, Ok(tcp)))) => return Ok(tcp),
                Some(Ok((address, Err(error)))) => failures.push((address, error)),
                // Its runtime ends.
                Some(Err(cancelled)) => return Err(cancelled.into()),
                None => return Err(together(failures)),
            },
            () = delay => {}
        }
    }
}

/// The addresses in the order of the resolver, with the two families in turn (RFC 8305 section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first);
    let mut other = other.into_iter();
    let mut mixed = Vec::new();
    for address in preferred {
        mixed.push(address);
        mixed.extend(other.next());
    }
    mixed.extend(other);
    mixed
}

/// The error of several addresses.
fn together(mut failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    match failures.len() {
        0 => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
        1 => failures.remove(0).1,
        _ => {
            let each = failures.iter().map(|(address, error)| format!("{}: {error}", address.ip()));
            io::Error::new(failures[0].1.kind(), each.collect::<Vec<_>>().join("; "))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::IpAddr;
    use std::time::Instant;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address that never answers: the queue of its listener is full.
    pub(crate) struct Silent {
        pub(crate) address: SocketAddr,
        _listener: TcpListener,
        _queue: Vec<std::net::TcpStream>,
    }

    impl Silent {
        pub(crate) async fn at(address: SocketAddr) -> Self {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(address).unwrap();
            let listener = socket.listen(0).unwrap();
            let address = listener.local_addr().unwrap();
            let mut queue = Vec::new();
            let patience = Duration::from_millis(100);
            while let Ok(waiting) = std::net::TcpStream::connect_timeout(&address, patience) {
                queue.push(waiting);
            }
            Self { address, _listener: listener, _queue: queue }
        }
    }

    async fn listener(address: &str) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// An address where nobody listens.
    async fn refusing(address: &str) -> SocketAddr {
        listener(address).await.1
    }

    fn v6(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse::<IpAddr>().unwrap(), 443)
    }

    #[tokio::test]
    async fn a_silent_address_delays_by_a_quarter_second() {
        let silent = Silent::at("127.0.0.2:0".parse().unwrap()).await;
        let other = Silent::at("127.0.0.3:0".parse().unwrap()).await;
        let (_listener, good) = listener("127.0.0.1:0").await;
        let began = Instant::now();
        let tcp = first_to_answer(vec![silent.address, other.address, good]).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), good);
        let took = began.elapsed();
        assert!(took >= 2 * ATTEMPT_DELAY && took < Duration::from_secs(5), "{took:?}");
    }

    #[tokio::test]
    async fn an_address_that_refuses_delays_nothing() {
        let (_listener, good) = listener("127.0.0.1:0").await;
        let refusing = [refusing("127.0.0.2:0").await, refusing("127.0.0.3:0").await];
        let began = Instant::now();
        let tcp = first_to_answer([&refusing[..], &[good]].concat()).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), good);
        assert!(began.elapsed() < ATTEMPT_DELAY, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn the_error_names_every_address() {
        let refusing = vec![refusing("127.0.0.2:0").await, refusing("127.0.0.3:0").await];
        let error = first_to_answer(refusing).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let text = error.to_string();
        assert!(text.contains("127.0.0.2: ") && text.contains("; 127.0.0.3: "), "{text}");
        let none = first_to_answer(Vec::new()).await.unwrap_err();
        assert_eq!(none.to_string(), "the name has no address");
    }

    #[test]
    fn families_take_turns_in_the_resolvers_order() {
        let [a, b, c] = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map(v6);
        let [d, e] = ["192.0.2.1", "192.0.2.2"].map(v6);
        assert_eq!(interleaved(vec![a, b, c, d, e]), [a, d, b, e, c]);
        assert_eq!(interleaved(vec![d, a, b]), [d, a, b]);
        assert_eq!(interleaved(vec![d, e]), [d, e]);
    }
}
