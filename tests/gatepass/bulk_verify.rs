//! `POST /api/v1/verify`: many tokens in one call.

use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, token_of};
use crate::support::{Host, Running, Said, database};

const VERIFY: &str = "/api/v1/verify";

async fn start() -> Running {
    let both = format!("{AUDIENCE},urn:example:files");
    Running::start_with(&[("tokens.audiences", &both)]).await
}

async fn verify(at: &Running, tokens: &[&str]) -> Said {
    at.admin().post(VERIFY, &json!({ "tokens": tokens })).await
}

/// The answers in short: the kind of a good token, the reason of a bad one.
fn short(said: &Said) -> Vec<String> {
    assert_eq!(said.status, 200, "{}", said.text);
    let word = |result: &Value| {
        let word = if result["valid"] == true { &result["kind"] } else { &result["reason"] };
        word.as_str().unwrap().to_owned()
    };
    said.json["results"].as_array().unwrap().iter().map(word).collect()
}

fn broken(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{first}{}", &signature[1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_token_is_answered_in_its_place() {
    let at = start().await;
    let service = at.mint_service(json!({ "roles": ["proxy"] })).await;
    let enrollment = token_of(&at.mint(json!({ "persistent": true, "roles": ["director"] })).await);
    let (good, used) = (token_of(&service), at.mint_once().await);
    assert_eq!(Host::new().redeem(&at, &used).await.status, 200);
    let revoked = at.mint_service(json!({})).await;
    at.admin().delete(&format!("/api/v1/service-tokens/{}", revoked["token_id"].as_str().unwrap())).await;
    let (revoked, forged, long) = (token_of(&revoked), broken(&good), "x".repeat(4097));
    let tokens = [good.as_str(), &forged, &enrollment, &revoked, &used, "x", "", &long, &good];
    let expected = [
        "service",
        "token_bad_signature",
        "enrollment",
        "token_revoked",
        "token_used_up",
        "token_malformed",
        "token_malformed",
        "token_too_long",
        "service",
    ];
    for when in ["cold", "hot"] {
        let said = verify(&at, &tokens).await;
        assert_eq!(short(&said), expected, "{when}");
        assert_eq!(said.headers["cache-control"], "no-store");
        let first = json!({ "valid": true, "kind": "service", "token_id": service["token_id"], "issuer": at.url,
            "audience": AUDIENCE, "roles": ["proxy"], "expires_at": service["expires_at"] });
        assert_eq!(said.json["results"][0], first);
        assert_eq!(said.json["results"][1], json!({ "valid": false, "reason": "token_bad_signature" }));
        assert_eq!(said.json["results"][2]["expires_at"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_to_a_thousand_tokens_are_accepted() {
    let at = start().await;
    let (good, mut minted) = (token_of(&at.mint_service(json!({})).await), Vec::new());
    for _ in 0..5 {
        minted.push(token_of(&at.mint_service(json!({})).await));
    }
    let forged = broken(&good);
    let mut tokens = minted.iter().map(String::as_str).cycle().take(1000).collect::<Vec<_>>();
    tokens[700] = &forged;
    let answers = short(&verify(&at, &tokens).await);
    let bad = answers.iter().enumerate().filter(|(_, answer)| *answer != "service").collect::<Vec<_>>();
    assert_eq!((answers.len(), bad), (1000, vec![(700, &"token_bad_signature".to_owned())]));
    tokens.push(&good);
    for tokens in [&tokens[..], &[]] {
        let said = verify(&at, tokens).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("tokens")), "{}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_longest_tokens_fit_a_body() {
    let at = start().await;
    let longest = "x".repeat(4096);
    assert_eq!(short(&verify(&at, &[longest.as_str(); 1000]).await), ["token_malformed"; 1000]);
    let said = verify(&at, &[&"x".repeat(4_800_000)]).await;
    assert_eq!((said.status, said.code()), (413, "body_too_large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_an_audience_only_its_service_tokens_are_good() {
    let at = start().await;
    let (service, enrollment) = (token_of(&at.mint_service(json!({})).await), at.mint_once().await);
    let ask = |audience: &str| json!({ "tokens": [service, enrollment], "audience": audience });
    let own = at.admin().post(VERIFY, &ask(AUDIENCE)).await;
    assert_eq!(short(&own), ["service", "token_wrong_audience"]);
    let other = at.admin().post(VERIFY, &ask("urn:example:files")).await;
    assert_eq!(short(&other), ["token_wrong_audience", "token_wrong_audience"]);
    let unknown = at.admin().post(VERIFY, &ask("urn:example:none")).await;
    assert_eq!((unknown.status, &unknown.json["fields"][0]["field"]), (400, &json!("audience")));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_verify_tokens_and_strangers_do_not() {
    let at = start().await;
    let (host, token) = (Host::new(), token_of(&at.mint_service(json!({})).await));
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let ask = json!({ "tokens": [token, broken(&token), "x"] });
    // The first use of a certificate is marked.
    assert_eq!(host.client(&at, &enrolled).get("/api/v1/whoami").await.status, 200);
    let kept = || {
        let mut content = database::content(at.data_dir());
        content.retain(|table, _| table != "crl_numbers" && table != "meta");
        content
    };
    let before = kept();
    for client in [at.stranger(), at.stranger().bearer(&token)] {
        let said = client.post(VERIFY, &ask).await;
        assert_eq!((said.status, said.code()), (401, "unauthenticated"));
    }
    let said = host.client(&at, &enrolled).post(VERIFY, &ask).await;
    assert_eq!(short(&said), ["service", "token_bad_signature", "token_malformed"]);
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(kept(), before);
}
