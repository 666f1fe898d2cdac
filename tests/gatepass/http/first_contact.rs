//! The first thing that a person tries: the address in a browser, or plain HTTP.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Running, eventually};

/// The answer to bytes that are sent without TLS.
async fn answer(at: &Running, bytes: &[u8]) -> String {
    let mut tcp = TcpStream::connect(at.url.strip_prefix("https://").unwrap()).await.unwrap();
    tcp.write_all(bytes).await.unwrap();
    let mut text = String::new();
    tcp.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_gets_one_line() {
    let at = Running::start().await;
    let large =
        format!("POST /api/v1/bootstrap HTTP/1.1\r\ncontent-length: 50000\r\n\r\n{}", "x".repeat(50_000));
    for request in ["GET / HTTP/1.1\r\nhost: gate\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &large] {
        let answer = answer(&at, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert_eq!(body, "this port speaks TLS: use https://\r\n");
    }
    let counted = "gatepass_handshake_failures_total{reason=\"plain_http\"} ";
    eventually("they are counted", async || {
        let text = at.stranger().get("/metrics").await.text;
        let count = text.lines().find_map(|line| line.strip_prefix(counted))?.parse::<u64>().unwrap();
        (count >= 3).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_names_the_product() {
    let at = Running::start().await;
    let said = at.stranger().get("/").await;
    assert_eq!((said.status, said.text.lines().count()), (200, 1), "{}", said.text);
    assert!(said.text.starts_with("gatepass, ") && said.text.contains(" /openapi.json."), "{}", said.text);
    assert_eq!(said.headers["link"], "</openapi.json>; rel=\"service-desc\"");
    assert_eq!(at.stranger().get("/openapi.json").await.status, 200);
}
