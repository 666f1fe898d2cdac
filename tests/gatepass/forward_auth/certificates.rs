//! Host certificates at the same door: of the connection, or passed by a proxy that is trusted.

use http::HeaderName;
use serde_json::{Value, json};

use super::{AUTHORIZE, header, start};
use crate::support::authority::{AUDIENCE, token_of};
use crate::support::client::Client;
use crate::support::{Host, Running, Said};

pub(super) const XFCC: &str = "x-forwarded-client-cert";

pub(super) async fn behind_a_proxy(more: &[(&str, &str)]) -> Running {
    let set =
        [&[("tokens.audiences", AUDIENCE), ("http.trusted_proxies", "127.0.0.0/8, ::1")], more].concat();
    Running::start_with(&set).await
}

pub(super) async fn enrolled(at: &Running, roles: Value) -> (Host, Value) {
    let host = Host::new();
    let token = token_of(&at.mint(json!({ "roles": roles })).await);
    let said = host.redeem(at, &token).await;
    (host, said.json)
}

/// Everything but letters and digits escaped, as nginx and Envoy do.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(escape).collect()
}

fn leaf(enrolled: &Value) -> &str {
    enrolled["certificate"].as_str().unwrap()
}

/// An element as Envoy writes it.
pub(super) fn element(enrolled: &Value) -> String {
    format!(
        "Hash=00ff;Cert=\"{}\";Subject=\"CN=x,O=\\\"y\\\"\";URI=spiffe://127.0.0.1/host/x",
        escaped(leaf(enrolled))
    )
}

fn passing(at: &Running, name: &'static str, value: &str) -> Client {
    at.stranger().header(HeaderName::from_static(name), value)
}

fn is_let_in_as(said: &Said, host: &Value) {
    assert!(matches!(said.status, 200 | 204), "{}: {}", said.status, said.text);
    let id = host["host_id"].as_str();
    assert_eq!((header(said, "x-gatepass-subject"), header(said, "x-gatepass-host")), (id, id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_let_through_by_its_own_connection() {
    let at = start().await;
    let (host, enrolled) = enrolled(&at, json!(["allocator", "proxy"])).await;
    let client = host.client(&at, &enrolled);
    let said = client.get("/api/v1/authorize?role=proxy").await;
    is_let_in_as(&said, &enrolled);
    assert_eq!(header(&said, "x-gatepass-roles"), Some("allocator,proxy"));
    let said = client.get("/api/v1/authorize-with/role=proxy/guarded?role=director").await;
    is_let_in_as(&said, &enrolled);
    let said = client.get("/api/v1/authorize?role=director").await;
    assert_eq!((said.status, said.code()), (403, "insufficient_scope"));
    let revoked =
        at.admin().delete(&format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap())).await;
    assert_eq!(revoked.status, 200);
    let said = client.get(AUTHORIZE).await;
    assert_eq!((said.status, said.code()), (403, "host_revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_does_not_repair_a_bad_token() {
    let at = start().await;
    let (host, enrolled) = enrolled(&at, json!([])).await;
    let said = host.client(&at, &enrolled).bearer(&at.mint_once().await).get(AUTHORIZE).await;
    assert_eq!((said.status, said.code()), (401, "invalid_token"));
    let token = token_of(&at.mint_service(json!({})).await);
    let said = host.client(&at, &enrolled).bearer(&token).get(AUTHORIZE).await;
    assert_eq!((said.status, header(&said, "x-gatepass-host")), (204, None), "the token decides");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_passes_a_certificate_in_envoys_form() {
    let at = behind_a_proxy(&[]).await;
    let (host, enrolled) = enrolled(&at, json!(["proxy"])).await;
    is_let_in_as(
        &passing(&at, XFCC, &element(&enrolled)).get("/api/v1/authorize?role=proxy").await,
        &enrolled,
    );
    let two = format!("{},{}", element(&json!({ "certificate": "x" })), element(&enrolled));
    is_let_in_as(&passing(&at, XFCC, &two).get(AUTHORIZE).await, &enrolled);
    let said = passing(&at, XFCC, &format!("{},Hash=1", element(&enrolled))).get(AUTHORIZE).await;
    assert_eq!(said.status, 401, "the last element counts");
    let said = host.client(&at, &enrolled).get(AUTHORIZE).await;
    assert_eq!(said.status, 401, "the proxy's own certificate speaks for none of its clients");
    let said = passing(&at, "x-client-cert", &escaped(leaf(&enrolled))).get(AUTHORIZE).await;
    assert_eq!(said.status, 401, "another header than the configured one is the client's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_passes_a_certificate() {
    let at = behind_a_proxy(&[("http.client_certificate_header", "X-Client-Cert")]).await;
    let (_, enrolled) = enrolled(&at, json!(["proxy"])).await;
    is_let_in_as(&passing(&at, "x-client-cert", &escaped(leaf(&enrolled))).get(AUTHORIZE).await, &enrolled);
    let bare = leaf(&enrolled).lines().filter(|line| !line.starts_with("--")).collect::<String>();
    is_let_in_as(&passing(&at, "x-client-cert", &escaped(&bare)).get(AUTHORIZE).await, &enrolled);
    assert_eq!(passing(&at, "x-client-cert", "").get(AUTHORIZE).await.status, 401);
    assert_eq!(passing(&at, XFCC, &element(&enrolled)).get(AUTHORIZE).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_header_from_an_untrusted_address_is_ignored() {
    let at = Running::start_with(&[("tokens.audiences", AUDIENCE), ("http.trusted_proxies", "192.0.2.0/24")])
        .await;
    let (_, victim) = enrolled(&at, json!(["director"])).await;
    let said = passing(&at, XFCC, &element(&victim)).get(AUTHORIZE).await;
    assert_eq!((said.status, said.code()), (401, "invalid_token"));
    let (host, own) = enrolled(&at, json!([])).await;
    let client = host.client(&at, &own).header(HeaderName::from_static(XFCC), &element(&victim));
    let said = client.get(AUTHORIZE).await;
    assert_eq!(
        (said.status, header(&said, "x-gatepass-subject")),
        (401, None),
        "nor does it help beside one's own"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passed_certificate_is_verified_whole() {
    let (at, elsewhere) = (behind_a_proxy(&[]).await, Running::start().await);
    let (_, good) = enrolled(&at, json!(["proxy"])).await;
    let (_, foreign) = enrolled(&elsewhere, json!(["proxy"])).await;
    let own = at.authority.cas.load().current().issuing_pem().to_owned();
    let mut broken = leaf(&good).to_owned();
    let place = broken.len() - 60;
    let other = if broken.as_bytes()[place] == b'A' { "B" } else { "A" };
    broken.replace_range(place..=place, other);
    for (pem, why) in [
        (leaf(&foreign).to_owned(), "another authority signed it"),
        (own, "it is a CA's"),
        (broken, "its signature does not match"),
        (format!("{}{}", leaf(&good), leaf(&foreign)), "it is two"),
        (String::new(), "it is not a certificate"),
    ] {
        let said = passing(&at, XFCC, &element(&json!({ "certificate": pem }))).get(AUTHORIZE).await;
        assert_eq!((said.status, said.code()), (401, "invalid_token"), "{why}");
    }
    is_let_in_as(&passing(&at, XFCC, &element(&good)).get(AUTHORIZE).await, &good);
    at.clock.advance(std::time::Duration::from_secs(31 * 86_400));
    assert_eq!(passing(&at, XFCC, &element(&good)).get(AUTHORIZE).await.status, 401, "it has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_revoked_hosts_passed_certificate_is_refused() {
    let at = behind_a_proxy(&[]).await;
    let (host, first) = enrolled(&at, json!([])).await;
    let client = passing(&at, XFCC, &element(&first));
    is_let_in_as(&client.get(AUTHORIZE).await, &first);
    let renewed = host.client(&at, &first).post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let next = passing(&at, XFCC, &element(&renewed.json));
    is_let_in_as(&next.get(AUTHORIZE).await, &renewed.json);
    is_let_in_as(&client.get(AUTHORIZE).await, &first);
    at.clock.advance(std::time::Duration::from_secs(3600));
    let said = client.get(AUTHORIZE).await;
    assert_eq!((said.status, said.code()), (403, "certificate_superseded"));
    at.admin().delete(&format!("/api/v1/hosts/{}", first["host_id"].as_str().unwrap())).await;
    let said = next.get(AUTHORIZE).await;
    assert_eq!((said.status, said.code()), (403, "host_revoked"));
}
