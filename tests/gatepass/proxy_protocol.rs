//! Behind a balancer that passes TLS on: the client's address is the one that the PROXY header names, everywhere.

use base64::Engine as _;

use crate::support::Running;
use crate::support::authority::PASSWORD;
use crate::support::wire::Wire;

/// The header of a client with this address.
fn header(client: [u8; 4]) -> Vec<u8> {
    let fixed = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), &[0x21, 0x11, 0, 12]].concat();
    [&fixed, &client[..], &[192, 0, 2, 1, 0x10, 0, 0x20, 0xfb]].concat()
}

fn signed_in() -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("admin:{PASSWORD}"));
    format!("authorization: Basic {encoded}")
}

#[tokio::test(flavor = "multi_thread")]
async fn ledger_and_limits_use_the_headers_client() {
    let set = [("http.proxy_protocol", "127.0.0.0/8"), ("limits.address", "2/h")];
    let at = Running::start_with(&set).await;
    assert!(Wire::open_after(&at, &[]).await.is_err(), "without a header nobody is let in");
    let authorization = signed_in();
    let get = async |client, target| {
        let mut wire = Wire::open_after(&at, &header(client)).await.unwrap();
        wire.ask("GET", target, &[&authorization], "").await
    };
    let mut wire = Wire::open_after(&at, &header([198, 51, 100, 7])).await.unwrap();
    let json = "content-type: application/json";
    let minted = wire.ask("POST", "/api/v1/enrollment-tokens", &[&authorization, json], "{}").await;
    assert_eq!(minted.status, 201, "{}", minted.body);
    let ledger = get([198, 51, 100, 7], "/api/v1/ledger?limit=1").await;
    assert_eq!(ledger.json()["items"][0]["address"], "198.51.100.7", "{}", ledger.body);
    assert_eq!(get([198, 51, 100, 7], "/api/v1/roles").await.status, 429);
    assert_eq!(get([198, 51, 100, 8], "/api/v1/roles").await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_behind_a_balancer_names_its_client() {
    let set = [
        ("http.proxy_protocol", "127.0.0.0/8"),
        ("http.trusted_proxies", "10.0.0.0/8"),
        ("limits.address", "1/h"),
    ];
    let at = Running::start_with(&set).await;
    let authorization = signed_in();
    let get = async |client, forwarded: &str| {
        let mut wire = Wire::open_after(&at, &header(client)).await.unwrap();
        let forwarded = format!("x-forwarded-for: {forwarded}");
        wire.ask("GET", "/api/v1/roles", &[&authorization, &forwarded], "").await.status
    };
    assert_eq!(get([10, 1, 1, 1], "203.0.113.1").await, 200);
    assert_eq!(get([10, 1, 1, 2], "203.0.113.1").await, 429);
    assert_eq!(get([10, 1, 1, 2], "203.0.113.2").await, 200);
    // An untrusted proxy counts as the client.
    assert_eq!(get([192, 0, 2, 9], "203.0.113.3").await, 200);
    assert_eq!(get([192, 0, 2, 9], "203.0.113.4").await, 429);
    at.stop().await;
}
