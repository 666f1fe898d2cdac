//! Too much of anything: 413 for a body, 431 for a header, and the connection is closed cleanly.

use serde_json::json;

use crate::support::Running;
use crate::support::wire::Wire;

const BOOTSTRAP: &str = "/api/v1/bootstrap";

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_over_64_kib_is_413() {
    let at = Running::start().await;
    let filled = |length: usize| format!("{{\"token\":\"{}\"}}", "x".repeat(length - 12));
    let fits = at.stranger().send(http::Method::POST, BOOTSTRAP, Some(filled(65_536))).await;
    assert_eq!((fits.status, fits.code()), (401, "invalid_token"));
    let over = at.stranger().send(http::Method::POST, BOOTSTRAP, Some(filled(65_537))).await;
    assert_eq!((over.status, over.code()), (413, "body_too_large"), "{}", over.text);
    assert_eq!(
        over.headers["connection"], "close",
        "nobody sends a next request into a connection that ends"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_length_over_64_kib_is_413() {
    let at = Running::start().await;
    let mut wire = Wire::open(&at).await;
    let head = format!(
        "POST {BOOTSTRAP} HTTP/1.1\r\nhost: a\r\ncontent-length: 70000\r\nexpect: 100-continue\r\n\r\n"
    );
    wire.write(&head).await;
    let heard = wire.hear(false).await;
    assert_eq!((heard.status, &heard.json()["code"]), (413, &json!("body_too_large")));
    assert!(wire.is_closed_cleanly().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_over_64_kib_is_413() {
    let at = Running::start().await;
    let mut wire = Wire::open(&at).await;
    wire.write(&format!("POST {BOOTSTRAP} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")).await;
    for _ in 0..9 {
        wire.write(&format!("2000\r\n{}\r\n", "x".repeat(0x2000))).await;
    }
    let heard = wire.hear(false).await;
    assert_eq!((heard.status, &heard.json()["code"]), (413, &json!("body_too_large")));
    assert!(wire.is_closed_cleanly().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_over_its_limit_is_431() {
    let at = Running::start().await;
    let many = (0..200).map(|place| format!("x-filler-{place}: y\r\n")).collect::<String>();
    for filler in [format!("x-filler: {}\r\n", "y".repeat(17 * 1024)), many] {
        let mut wire = Wire::open(&at).await;
        wire.write(&format!("GET /livez HTTP/1.1\r\nhost: a\r\n{filler}\r\n")).await;
        assert_eq!(wire.hear(false).await.status, 431);
        assert!(wire.is_closed_cleanly().await);
    }
    assert_eq!(at.stranger().get("/livez").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_http_is_400() {
    let at = Running::start().await;
    for bytes in ["\r\n\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        let mut wire = Wire::open(&at).await;
        wire.write(bytes).await;
        assert_eq!(wire.hear(false).await.status, 400, "{bytes:?}");
        assert!(wire.is_closed_cleanly().await);
    }
    assert_eq!(at.stranger().get("/livez").await.status, 200);
}
