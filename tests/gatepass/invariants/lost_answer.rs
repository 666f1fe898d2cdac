//! I2 for an answer that was lost on its way: the same token and key again end with one host.

use http::Method;
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::database::{one, reader};
use crate::support::wire::trusting;
use crate::support::{Host, Running, eventually};

/// A bare connection, over which a test says as much as it likes.
async fn connect(at: &Running) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(at.url.trim_start_matches("https://")).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    trusting(at).connect(name, tcp).await.unwrap()
}

async fn send_redemption(stream: &mut TlsStream<TcpStream>, token: &str, csr: &str) {
    let body = json!({ "token": token, "csr": csr }).to_string();
    let head = format!(
        "{} /api/v1/bootstrap HTTP/1.1\r\nhost: gate\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        Method::POST,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

fn hosts(at: &Running) -> i64 {
    one(&reader(at.data_dir()), "SELECT count(*) FROM hosts")
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_a_cut_connection_ends_with_one_host() {
    let at = Running::start().await;
    let (token, host) = (at.mint_once().await, Host::new());
    let mut stream = connect(&at).await;
    send_redemption(&mut stream, &token, &host.csr()).await;
    eventually("the host is enrolled", async || (hosts(&at) == 1).then_some(())).await;
    drop(stream);
    let again = host.redeem(&at, &token).await;
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!((hosts(&at), at.entries("host_enrolled").await), (1, 1));
    assert_eq!(host.redeem(&at, &token).await.json, again.json);
    assert_eq!(Host::new().redeem(&at, &token).await.code(), "token_used");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i2_closing_clients_end_with_one_host_each() {
    let at = Running::start().await;
    for round in 1..=20 {
        let (token, host) = (at.mint_once().await, Host::new());
        let mut stream = connect(&at).await;
        send_redemption(&mut stream, &token, &host.csr()).await;
        drop(stream);
        let again = host.redeem(&at, &token).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(Host::new().redeem(&at, &token).await.code(), "token_used");
        assert_eq!(hosts(&at), round);
    }
    at.stop().await;
}
