//! The clock steps while the server runs: 503 that says so, until it is right again or accepted.

use std::time::Duration;

use serde_json::json;

use crate::support::authority::{AUDIENCE, PASSWORD, token_of};
use crate::support::client::Client;
use crate::support::{Host, Running, Said};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// A running authority, a host of its, and tokens that were minted before the step.
struct World {
    at: Running,
    host: Client,
    csr: String,
    token: String,
    persistent: String,
}

impl World {
    async fn new() -> Self {
        let at = Running::start().await;
        let machine = Host::new();
        let enrolled = machine.redeem(&at, &at.mint_once().await).await.json;
        let host = machine.client(&at, &enrolled);
        let persistent = token_of(&at.mint(json!({ "persistent": true })).await);
        let token = token_of(&at.mint(json!({ "ttl": "24h" })).await);
        Self { host, csr: machine.csr(), token, persistent, at }
    }

    async fn mint(&self) -> Said {
        self.at.admin().post("/api/v1/enrollment-tokens", &json!({})).await
    }

    async fn renew(&self) -> Said {
        self.host.post("/api/v1/renew", &json!({ "csr": self.csr })).await
    }

    /// Minting, redeeming and renewing say why not; nothing is signed or collected; what is published stays.
    async fn nothing_is_decided(&self, why: &str) {
        let at = &self.at;
        let entries = at.ledger().await.len();
        for said in [self.mint().await, Host::new().redeem(at, &self.token).await, self.renew().await] {
            assert_eq!((said.status, said.code()), (503, "clock_in_doubt"), "{}", said.text);
            assert_eq!(said.headers["retry-after"], "60");
            let detail = said.json["detail"].as_str().unwrap();
            assert!(detail.contains(why) && detail.contains("gatepass clock accept"), "{detail}");
        }
        assert!(at.authority.ca.crls.sign().await.unwrap_err().to_string().contains(why));
        assert!(at.authority.upkeep.collect().await.unwrap_err().to_string().contains(why));
        assert!(at.authority.upkeep.mark_clock().await.is_err());
        let ready = at.stranger().get("/readyz").await;
        assert!(ready.status == 503 && ready.text.contains(why), "{}", ready.text);
        for path in ["/livez", "/.well-known/jwks.json", "/ca/root.pem"] {
            assert_eq!(at.stranger().get(path).await.status, 200, "{path}");
        }
        assert_eq!(at.ledger().await.len(), entries, "nothing is written");
    }

    async fn all_is_well(&self) {
        assert_eq!(self.mint().await.status, 201);
        let enrolled = Host::new().redeem(&self.at, &self.persistent).await;
        assert_eq!(enrolled.status, 200, "{}", enrolled.text);
        assert_eq!(self.renew().await.status, 200);
        self.at.authority.ca.crls.sign().await.unwrap();
        self.at.authority.upkeep.collect().await.unwrap();
        assert_eq!(self.at.stranger().get("/readyz").await.status, 200);
    }

    fn wall(&self) -> gatepass::clock::Timestamp {
        self.at.authority.time.wall()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_minutes_back_is_503_until_corrected() {
    let world = World::new().await;
    let right = world.wall();
    world.at.clock.step_to(right.minus(Duration::from_secs(600)));
    world.nothing_is_decided("has already seen").await;
    world.at.clock.step_to(right);
    world.all_is_well().await;
    assert_eq!(Host::new().redeem(&world.at, &world.token).await.status, 200, "tokens are as good as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_days_ahead_is_503_until_corrected() {
    let world = World::new().await;
    let right = world.wall();
    world.at.clock.step_to(right.plus(2 * DAY));
    world.nothing_is_decided("jumped ahead by 48 h").await;
    world.at.clock.step_to(right);
    world.all_is_well().await;
    assert_eq!(Host::new().redeem(&world.at, &world.token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_clock_ends_every_ephemeral_token() {
    for step in [-600_i64, 2 * 86_400] {
        let world = World::new().await;
        let right = world.wall();
        world.at.clock.step_to(gatepass::clock::Timestamp::from_secs(right.secs() + step));
        assert_eq!(world.mint().await.status, 503);
        let accepted = world.at.admin().post("/api/v1/clock/accept", &json!({})).await;
        assert_eq!((accepted.status, &accepted.json["state"]), (200, &json!("good")), "{}", accepted.text);
        // The CA was made just now, and is valid from five minutes before.
        world.at.clock.advance(Duration::from_secs(600));
        world.all_is_well().await;
        let refused = Host::new().redeem(&world.at, &world.token).await;
        assert_eq!((refused.status, refused.code()), (410, "token_expired"), "a new ephemeral epoch");
        assert_eq!(world.at.entries("clock_accepted").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_a_step_in_doubt() {
    let at = Running::start().await;
    at.mint_once().await;
    let right = at.authority.time.wall();
    at.clock.step_to(right.minus(Duration::from_secs(600)));
    let at = at.restart().await;
    let refused = at.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
    assert_eq!((refused.status, refused.code()), (503, "clock_in_doubt"), "{}", refused.text);
    at.clock.step_to(right);
    at.mint_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_revoked_while_the_clock_is_in_doubt() {
    let world = World::new().await;
    let right = world.wall();
    world.at.clock.step_to(right.plus(2 * DAY));
    let hosts = world.at.admin().get("/api/v1/hosts").await.json;
    let id = hosts["items"][0]["id"].as_str().unwrap();
    assert_eq!(world.at.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    let refused = world.host.get("/api/v1/whoami").await;
    assert_eq!((refused.status, refused.code()), (403, "host_revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_expire_while_the_clock_is_in_doubt() {
    for forward in [false, true] {
        let at = Running::start_with(&[("tokens.audiences", AUDIENCE)]).await;
        let service = token_of(&at.mint_service(json!({ "ttl": "10m" })).await);
        let key = at.api_key(&at.admin(), json!({ "scopes": ["tokens:read"], "ttl": "10m" })).await;
        let session = json!({ "username": "admin", "password": PASSWORD, "kind": "bearer" });
        let session = at.stranger().post("/api/v1/session", &session).await.json;
        let by_key = at.stranger().bearer(key["api_key"].as_str().unwrap());
        let by_session = at.stranger().bearer(session["session"].as_str().unwrap());
        let right = at.authority.time.wall();
        at.clock.step_to(if forward { right.plus(2 * DAY) } else { right.minus(DAY) });
        assert!(at.authority.time.trusted().is_err());
        assert!(is_active(&at, &service).await);
        for client in [&by_key, &by_session] {
            assert_eq!(client.get("/api/v1/roles").await.status, 200);
        }
        at.clock.advance(Duration::from_secs(32 * 60));
        assert!(at.authority.time.trusted().is_err());
        assert!(!is_active(&at, &service).await, "it lasts ten minutes");
        for client in [&by_key, &by_session] {
            assert_eq!(client.get("/api/v1/roles").await.status, 401);
        }
        at.stop().await;
    }
}

async fn is_active(at: &Running, token: &str) -> bool {
    let form = at.admin().header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let said = form.send(http::Method::POST, "/oauth2/introspect", Some(format!("token={token}"))).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json["active"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_certificate_expires_while_in_doubt() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "1h")]).await;
    let machine = Host::new();
    let enrolled = machine.redeem(&at, &at.mint_once().await).await.json;
    at.clock.step_to(at.authority.time.wall().plus(2 * DAY));
    assert_eq!(machine.client(&at, &enrolled).get("/api/v1/whoami").await.status, 200, "the handshake too");
    let kept = machine.client(&at, &enrolled);
    assert_eq!(kept.get("/api/v1/whoami").await.status, 200);
    at.clock.advance(Duration::from_secs(3700));
    assert_eq!(kept.get("/api/v1/whoami").await.status, 401, "on an open connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_in_doubt_leave_the_mark() {
    let world = World::new().await;
    let right = world.wall();
    world.at.clock.step_to(right.minus(10 * MINUTE));
    world.at.clock.advance(5 * MINUTE);
    let hosts = world.at.admin().get("/api/v1/hosts").await.json;
    let id = hosts["items"][0]["id"].as_str().unwrap();
    assert_eq!(world.at.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    assert_eq!(world.at.ledger().await[0]["at"], json!(right.plus(5 * MINUTE).to_string()));
    let at = world.at.restart().await;
    assert_eq!(at.authority.time.mark(), right);
    at.clock.advance(3 * MINUTE);
    at.mint_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubtful_clock_still_ends_a_proof() {
    let at = Running::start().await;
    at.clock.step_to(at.authority.time.now().minus(DAY));
    assert_eq!(at.admin().get("/api/v1/hosts").await.status, 200);
    let beside = rusqlite::Connection::open(crate::support::database::file(at.data_dir())).unwrap();
    assert_eq!(beside.execute("UPDATE users SET password_hash = 'none'", []).unwrap(), 1);
    at.clock.advance(Duration::from_secs(59));
    assert_eq!(at.admin().get("/api/v1/hosts").await.status, 200, "it is remembered");
    at.clock.advance(Duration::from_secs(1));
    assert_eq!(at.admin().get("/api/v1/hosts").await.status, 401, "and checked again after a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_clock_dates_no_certificate_ahead() {
    let at = Running::start().await;
    let right = at.clock_reading();
    let first = at.authority.health.server_certificate_expires_at().unwrap();
    at.clock.advance(Duration::from_secs(7200));
    at.mint_once().await;
    at.clock.step_to(right);
    let at = at.restart().await;
    assert!(at.authority.time.now() > right, "the mark is ahead");
    let again = at.authority.health.server_certificate_expires_at().unwrap();
    assert!(again.since(first) < Duration::from_secs(60), "{first} and then {again}");
}
