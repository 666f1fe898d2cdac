//! Properties of every route: HEAD, request ids, caching, entity tags, and refusals in the dialect of the prefix.

use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, IF_NONE_MATCH};
use serde_json::json;

use crate::support::process::Process;
use crate::support::wire::Wire;
use crate::support::{Host, Running, Said, eventually};

const TOKENS: &str = "/api/v1/enrollment-tokens";

#[tokio::test(flavor = "multi_thread")]
async fn head_has_the_headers_of_get() {
    let at = Running::start().await;
    let mut wire = Wire::open(&at).await;
    for path in ["/livez", "/.well-known/jwks.json", "/ca/root.pem", "/nothing"] {
        let get = wire.ask("GET", path, &[], "").await;
        let head = wire.ask("HEAD", path, &[], "").await;
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-length", "content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    assert_eq!(at.admin().send(Method::HEAD, TOKENS, None).await.status, 200);
    assert_eq!(
        at.stranger().send(Method::HEAD, TOKENS, None).await.status,
        401,
        "and asks for the same credential"
    );
    assert_eq!(at.stranger().send(Method::HEAD, "/api/v1/bootstrap", None).await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_ledgers_request_id() {
    let at = Running::start().await;
    let said = at.admin().post(TOKENS, &json!({})).await;
    let id = said.headers["x-request-id"].to_str().unwrap().to_owned();
    assert!(at.ledger().await.iter().any(|entry| entry["request_id"] == *id), "{id}");
    let mut ids = std::collections::BTreeSet::from([id]);
    for path in ["/livez", "/nothing", TOKENS] {
        let said = at.stranger().get(path).await;
        assert_eq!(said.headers["x-content-type-options"], "nosniff");
        ids.insert(said.headers["x-request-id"].to_str().unwrap().to_owned());
    }
    assert_eq!(ids.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_refusals_are_not_cached() {
    let at = Running::start().await;
    let minted = at.admin().post(TOKENS, &json!({})).await;
    let enrolled = Host::new().redeem(&at, minted.json["token"].as_str().unwrap()).await;
    let refused = at.stranger().get(TOKENS).await;
    for said in [&minted, &enrolled, &refused] {
        assert_eq!(said.headers["cache-control"], "no-store", "{}", said.text);
    }
    assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
}

/// The document at `path`, and the answer to a client that has it already. The start may sign a CRL at any moment, so the
/// document must be the same before and after.
async fn twice(at: &Running, path: &str) -> (Said, Said) {
    eventually("the same before and after", async || {
        let first = at.stranger().get(path).await;
        let tag = first.headers["etag"].to_str().unwrap();
        let again = at.stranger().header(IF_NONE_MATCH, tag).get(path).await;
        let last = at.stranger().get(path).await;
        (last.headers["etag"] == tag).then_some((first, again))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_have_an_etag_that_answers_304() {
    let at = Running::start().await;
    at.authority.ca.crls.sign().await.unwrap();
    let ski = gatepass::id::hex(at.authority.cas.load().current().issuing_ski());
    let pinned = format!("/ca/root/{}.pem", at.root);
    let crl = format!("/ca/crl/{ski}.der");
    for (path, media_type) in [
        ("/.well-known/jwks.json", "application/jwk-set+json"),
        ("/ca/root.pem", "application/x-pem-file"),
        ("/ca/chain.pem", "application/x-pem-file"),
        (&pinned, "application/x-pem-file"),
        (&crl, "application/pkix-crl"),
    ] {
        let (first, again) = twice(&at, path).await;
        assert_eq!(
            (first.status, &first.headers[CONTENT_TYPE]),
            (200, &media_type.parse().unwrap()),
            "{path}"
        );
        assert!(first.headers["cache-control"].to_str().unwrap().starts_with("public, max-age="));
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
        assert_eq!(again.headers["etag"], first.headers["etag"]);
        assert_eq!(at.stranger().header(IF_NONE_MATCH, "\"other\"").get(path).await.status, 200);
    }
    for path in ["/ca/crl/00.der", "/ca/crl/x", "/ca/root/00.pem"] {
        assert_eq!(at.stranger().get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_changes_the_crls_etag() {
    let at = Running::start().await;
    at.authority.ca.crls.sign().await.unwrap();
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await.json;
    let path = format!("/ca/crl/{}.der", gatepass::id::hex(at.authority.cas.load().current().issuing_ski()));
    let before = at.stranger().get(&path).await;
    at.admin().delete(&format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap())).await;
    at.authority.ca.crls.sign().await.unwrap();
    let after = at.stranger().get(&path).await;
    assert_ne!(before.headers["etag"], after.headers["etag"]);
    use x509_parser::prelude::FromDer as _;
    let parsed = |der: &[u8]| {
        let (_, crl) = x509_parser::revocation_list::CertificateRevocationList::from_der(der).unwrap();
        (crl.iter_revoked_certificates().count(), crl.crl_number().unwrap().clone())
    };
    let (before, after) = (parsed(&before.bytes), parsed(&after.bytes));
    assert_eq!((before.0, after.0), (0, 1));
    assert!(after.1 > before.1, "its number only grows");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_use_the_dialect_of_the_prefix() {
    let at = Running::start().await;
    let ece = "/api/v1/platform/configuration/security";
    for (method, path, status, code) in [
        (Method::GET, "/nothing", 404, "not_found"),
        (Method::GET, "/api/v1/bootstrap", 405, "method_not_allowed"),
        (Method::PUT, TOKENS, 405, "method_not_allowed"),
        (Method::TRACE, "/livez", 405, "method_not_allowed"),
    ] {
        let said = at.admin().send(method, path, None).await;
        assert_eq!((said.status, said.code()), (status, code), "{path}: {}", said.text);
        assert_eq!(said.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(said.headers.contains_key("allow"), status == 405);
        assert_eq!(said.json["type"], format!("urn:gatepass:problem:{code}"));
        assert_eq!(said.json["status"], status);
    }
    for (path, status) in [("/nothing", 404), ("/enrollment-tokens/a/b", 404)] {
        let said = at.admin().get(&format!("{ece}{path}")).await;
        assert_eq!(said.status, status);
        assert_eq!(said.headers[CONTENT_TYPE], "application/json");
        assert!(said.json["errors"][0]["code"].is_string());
    }
    let xml = at.admin().header(CONTENT_TYPE, "text/xml").post(TOKENS, &json!({})).await;
    assert_eq!((xml.status, xml.code()), (415, "unsupported_media_type"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_credential_only_and_none_of_another_kind() {
    let at = Running::start().await;
    let mut wire = Wire::open(&at).await;
    let twice = ["authorization: Bearer a", "authorization: Bearer b"];
    let said = wire.ask("GET", TOKENS, &twice, "").await;
    assert_eq!((said.status, &said.json()["code"]), (401, &json!("unauthenticated")));
    for value in ["Digest x", "Bearer", "Basic !!!", "Bearer gpl_00"] {
        let said = at.stranger().header(http::header::AUTHORIZATION, value).get(TOKENS).await;
        assert_eq!((said.status, said.code()), (401, "unauthenticated"), "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_site_read_public_documents_only() {
    let at = Running::start().await;
    let list = at.stranger().get("/status").await.json["status_lists"][0].as_str().unwrap().to_owned();
    let list = list.strip_prefix(&at.url).unwrap().to_owned();
    let open = [
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/ca/root.pem",
        "/ca/crl.pem",
        &list,
    ];
    let page = || at.stranger().header(http::header::ORIGIN, "https://other.example.org");
    for path in open {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let said = page().send(method.clone(), path, None).await;
            assert_eq!(said.status, if method == Method::OPTIONS { 204 } else { 200 }, "{method} {path}");
            assert_eq!(said.headers["access-control-allow-origin"], "*", "{method} {path}");
            assert!(!said.headers.contains_key("access-control-allow-credentials"));
        }
        assert_eq!(page().send(Method::OPTIONS, path, None).await.headers["allow"], "GET, HEAD");
    }
    for path in
        ["/", "/livez", "/status", "/openapi.json", "/openapi-ece.json", "/openapi-fleet.json", TOKENS]
    {
        for method in [Method::GET, Method::OPTIONS] {
            let said = page().send(method, path, None).await;
            assert!(!said.headers.contains_key("access-control-allow-origin"), "{path}");
        }
    }
    assert_eq!(page().send(Method::OPTIONS, "/", None).await.status, 204, "a balancer's probe");
    assert_eq!(page().send(Method::OPTIONS, TOKENS, None).await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_plain_utf8_bodies_are_read() {
    let at = Running::start().await;
    let mint = |name, value: &'static str| {
        let admin = at.admin().header(name, value);
        async move { admin.post(TOKENS, &json!({})).await }
    };
    for coding in ["gzip", "br", "identity, gzip", ""] {
        let said = mint(CONTENT_ENCODING, coding).await;
        assert_eq!((said.status, said.code()), (415, "unsupported_media_type"), "{coding}");
        assert_eq!(said.headers["accept-encoding"], "identity");
    }
    assert_eq!(mint(CONTENT_TYPE, "application/json; charset=utf-16").await.status, 415);
    assert_eq!(mint(CONTENT_TYPE, "application/json; charset=\"UTF-8\"").await.status, 201);
    assert_eq!(mint(CONTENT_ENCODING, "identity").await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_logged_at_trace_only() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &["--set", "log.level=debug"]).await;
    let probes = [
        (Method::GET, "/livez"),
        (Method::GET, "/readyz"),
        (Method::GET, "/metrics"),
        (Method::OPTIONS, "/"),
    ];
    for (method, path) in probes.into_iter().chain([(Method::GET, "/.well-known/jwks.json")]) {
        server.stranger().send(method, path, None).await;
    }
    let log = eventually("the key set's line is written", async || {
        Some(server.log()).filter(|log| log.contains("/.well-known/jwks.json"))
    })
    .await;
    for probe in ["/livez", "/readyz", "/metrics", "OPTIONS"] {
        assert!(!log.contains(probe), "{probe}: {log}");
    }
    server.stop().await;
}
