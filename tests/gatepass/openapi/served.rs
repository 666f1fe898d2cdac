//! The document from a server, and without one.

use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::support::Running;
use crate::support::described::DOCUMENT;
use crate::support::process::gatepass;

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_public_and_names_the_server() {
    let at = Running::start().await;
    let said = at.stranger().get("/openapi.json").await;
    assert_eq!(said.status, 200);
    assert_eq!(said.headers["content-type"], "application/json");
    let mut expected = DOCUMENT.clone();
    expected["servers"] = json!([{ "url": at.url }]);
    assert_eq!(said.json, expected);
    assert_eq!(said.json["openapi"], "3.1.0");
    assert_eq!(said.json["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(said.json["info"]["license"]["identifier"], "Apache-2.0");
    let tag = said.headers["etag"].to_str().unwrap();
    let again = at.stranger().header(IF_NONE_MATCH, tag).get("/openapi.json").await;
    assert_eq!((again.status, again.text.len()), (304, 0));
    let gzip = at.stranger().header(ACCEPT_ENCODING, "gzip").get("/openapi.json").await;
    assert_eq!(gzip.headers["content-encoding"], "gzip");
    assert!(gzip.bytes.len() * 5 < said.bytes.len(), "{} of {}", gzip.bytes.len(), said.bytes.len());
    at.stop().await;
}

#[test]
fn the_command_line_prints_it_without_a_server() {
    let printed = |arguments: &[&str]| -> Value {
        let output = gatepass().arg("openapi").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(printed(&[]), *DOCUMENT);
    let named = printed(&["--url", "https://gate.example.org"]);
    assert_eq!(named["servers"], json!([{ "url": "https://gate.example.org" }]));
}
