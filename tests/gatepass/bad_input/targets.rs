//! Requests whose host or target two readers could understand differently.

use crate::support::Running;
use crate::support::wire::{Heard, Wire};

/// The answer to this request line and these header lines, on a connection of its own.
async fn ask(at: &Running, line: &str, headers: &[&str]) -> Heard {
    let mut wire = Wire::open(at).await;
    let headers = headers.iter().map(|header| format!("{header}\r\n")).collect::<String>();
    wire.write(&format!("{line}\r\n{headers}\r\n")).await;
    wire.hear(false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_one_host() {
    let at = Running::start().await;
    let host = format!("host: {}", at.url.strip_prefix("https://").unwrap());
    let absolute = format!("GET {}/livez HTTP/1.1", at.url);
    for (line, headers, status) in [
        ("GET /livez HTTP/1.1", &[host.as_str()][..], 200),
        ("GET /livez HTTP/1.0", &[], 200),
        (absolute.as_str(), &[&host], 200),
        ("GET /livez HTTP/1.1", &[], 400),
        ("GET /livez HTTP/1.1", &[&host, &host], 400),
        ("GET /livez HTTP/1.0", &[&host, &host], 400),
        ("GET /livez HTTP/1.1", &["host:"], 400),
        ("GET /livez HTTP/1.1", &["host: user@gate"], 400),
        ("GET /livez HTTP/1.1", &["host: a/b"], 400),
        (absolute.as_str(), &["host: other.example.org"], 400),
        (absolute.as_str(), &[], 400),
    ] {
        assert_eq!(ask(&at, line, headers).await.status, status, "{line} {headers:?}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fragment_drops_no_demand() {
    let at = Running::start().await;
    let long = format!("/api/v1/authorize?audience={}#&role=director", "a".repeat(9000));
    for target in ["/livez#x", "/api/v1/authorize?audience=urn:a#&role=director", "/#", "/livez?a=b#", &long]
    {
        let heard = Wire::open(&at).await.ask("GET", target, &[], "").await;
        assert_eq!(
            (heard.status, heard.json()["code"].as_str()),
            (400, Some("invalid_request")),
            "{target:.40}"
        );
    }
    assert_eq!(Wire::open(&at).await.ask("GET", "/livez", &["x: /# HTTP/1.1"], "").await.status, 200);
    let host = at.url.strip_prefix("https://").unwrap();
    let mut pipelined = Wire::open(&at).await;
    let request = |target: &str| format!("\r\nGET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    pipelined.write(&format!("{}{}", request("/livez"), request("/livez#"))).await;
    pipelined.hear(false).await;
    assert_eq!(pipelined.hear(false).await.status, 400);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_escapes_are_refused() {
    let at = Running::start().await;
    for path in [
        "/api/v1/hosts/%+f",
        "/api/v1/hosts/100%",
        "/status/%e4",
        "/api/v1/authorize?role=%+f",
        "/api/v1/hosts?limit=%zz",
        "/ca/crl/%zz",
    ] {
        assert_eq!(at.admin().get(path).await.status, 400, "{path}");
    }
    at.stop().await;
}
