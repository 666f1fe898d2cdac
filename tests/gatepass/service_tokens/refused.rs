//! Every mint of a service token that is refused, with the fields that are wrong.

use gatepass::token::MAX_ROLES;
use serde_json::{Value, json};

use super::{SERVICE, kept, start};
use crate::support::authority::AUDIENCE;
use crate::support::{Running, Said};

async fn refused(at: &Running, request: &Value) -> Said {
    let said = at.admin().post(SERVICE, request).await;
    assert_eq!((said.status, said.code()), (400, "invalid_request"), "{request}: {}", said.text);
    said
}

fn fields(said: &Said) -> Vec<&str> {
    let fields = said.json["fields"].as_array().unwrap();
    fields.iter().map(|fault| fault["field"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_is_named_and_nothing_is_written() {
    let at = start().await;
    let before = kept(&at);
    let many = vec!["proxy"; MAX_ROLES + 1];
    for (field, more) in [
        ("audience", json!({ "audience": "https://other.example.org" })),
        ("audience", json!({ "audience": format!("{AUDIENCE}/") })),
        ("audience", json!({ "audience": "" })),
        ("audience", json!({ "audience": null })),
        ("audience", json!({ "audience": [AUDIENCE] })),
        ("roles[1]", json!({ "roles": ["proxy", "root"] })),
        ("roles", json!({ "roles": many })),
        ("ttl", json!({ "ttl": "soon" })),
        ("ttl", json!({ "ttl": "0s" })),
        ("ttl", json!({ "ttl": "25h" })),
        ("expires_at", json!({ "expires_at": "2001-01-01T00:00:00Z" })),
        ("expires_at", json!({ "expires_at": "2999-01-01T00:00:00Z" })),
        ("expires_at", json!({ "expires_at": "tomorrow" })),
        ("expires_at", json!({ "expires_at": "2999-01-01T00:00:00Z", "ttl": "1m" })),
        ("label", json!({ "label": "x".repeat(129) })),
        ("persistent", json!({ "persistent": true })),
        ("max_uses", json!({ "max_uses": 1 })),
        ("dns_names", json!({ "dns_names": [] })),
        ("key_thumbprint", json!({ "key_thumbprint": "" })),
    ] {
        let mut request = json!({ "audience": AUDIENCE });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(fields(&refused(&at, &request).await), [field], "{request}");
    }
    assert!(kept(&at) == before, "a row changed");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_field_is_reported() {
    let at = start().await;
    let request = json!({ "roles": ["root"], "ttl": "1y", "label": "\u{7}", "persistent": false });
    let said = refused(&at, &request).await;
    let mut fields = fields(&said);
    fields.sort_unstable();
    assert_eq!(fields, ["audience", "label", "persistent", "roles[0]", "ttl"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_audience_names_the_configured_ones() {
    let at = Running::start_with(&[("tokens.audiences", "https://a.example.org,urn:example:b")]).await;
    for audience in ["https://c.example.org", ""] {
        let said = refused(&at, &json!({ "audience": audience })).await;
        let message = said.json["fields"][0]["message"].as_str().unwrap();
        assert!(message.contains("https://a.example.org, urn:example:b"), "{message}");
    }
    at.stop().await;
    let at = Running::start().await;
    let said = refused(&at, &json!({ "audience": AUDIENCE })).await;
    assert!(
        said.json["fields"][0]["message"].as_str().unwrap().contains("tokens.audiences"),
        "{}",
        said.text
    );
    at.stop().await;
}
