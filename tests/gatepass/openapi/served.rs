//! The document from a server, and without one.

use std::collections::BTreeSet;

use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::support::Running;
use crate::support::described::{DOCUMENT, ECE, FLEET, documents};
use crate::support::process::gatepass;

#[tokio::test(flavor = "multi_thread")]
async fn each_document_is_public_and_names_the_server() {
    let at = Running::start().await;
    for (path, document) in
        ["/openapi.json", "/openapi-ece.json", "/openapi-fleet.json"].into_iter().zip(documents())
    {
        let said = at.stranger().get(path).await;
        assert_eq!(said.status, 200);
        assert_eq!(said.headers["content-type"], "application/json");
        let mut expected = document.clone();
        expected["servers"] = json!([{ "url": at.url }]);
        assert_eq!(said.json, expected);
        assert_eq!(said.json["openapi"], "3.1.0");
        assert_eq!(said.json["info"]["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(said.json["info"]["license"]["identifier"], "Apache-2.0");
        let tag = said.headers["etag"].to_str().unwrap();
        let again = at.stranger().header(IF_NONE_MATCH, tag).get(path).await;
        assert_eq!((again.status, again.text.len()), (304, 0));
        let gzip = at.stranger().header(ACCEPT_ENCODING, "gzip").get(path).await;
        assert_eq!(gzip.headers["content-encoding"], "gzip");
        assert!(gzip.bytes.len() * 5 < said.bytes.len(), "{} of {}", gzip.bytes.len(), said.bytes.len());
    }
    at.stop().await;
}

#[test]
fn the_command_line_prints_each_without_a_server() {
    let printed = |arguments: &[&str]| -> Value {
        let output = gatepass().arg("openapi").args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(printed(&[]), *DOCUMENT);
    assert_eq!(printed(&["--ece"]), *ECE);
    assert_eq!(printed(&["--fleet"]), *FLEET);
    let named = printed(&["--ece", "--url", "https://gate.example.org"]);
    assert_eq!(named["servers"], json!([{ "url": "https://gate.example.org" }]));
}

#[test]
fn the_documents_share_no_operation() {
    let paths =
        |document: &Value| document["paths"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let (native, ece, fleet) = (paths(&DOCUMENT), paths(&ECE), paths(&FLEET));
    assert!(native.is_disjoint(&ece) && native.is_disjoint(&fleet) && ece.is_disjoint(&fleet));
    assert!(native.iter().all(|path| !path.contains("/platform/") && !path.contains("/users/auth/")));
    assert_eq!((ece.len(), fleet.len()), (7, 7), "{ece:?} {fleet:?}");
}
