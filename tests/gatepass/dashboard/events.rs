//! The stream of changes that pages follow.

use std::time::Duration;

use http::HeaderName;
use http::header::{ACCEPT, AUTHORIZATION, COOKIE};
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::follower::Event;
use crate::support::{Follower, Host, Running, database, eventually};

const EVENTS: &str = "/events";
const PASSWORD: &str = "staple battery horse correct";
const MINUTE: Duration = Duration::from_secs(60);

/// A signed-in browser.
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    async fn sign_in(at: &Running, name: &str) -> Self {
        let body = json!({ "username": name, "password": PASSWORD, "kind": "cookie" });
        let said = at.stranger().post("/api/v1/session", &body).await;
        let cookie = said.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { cookie, csrf: said.json["csrf_token"].as_str().unwrap().to_owned() }
    }

    /// A new user with this role and its browser.
    async fn of(at: &Running, name: &str, role: &str) -> Self {
        at.user(name, PASSWORD, role).await;
        Self::sign_in(at, name).await
    }

    fn client(&self, at: &Running) -> Client {
        let csrf = HeaderName::from_static("x-csrf-token");
        at.stranger().header(COOKIE, &self.cookie).header(csrf, &self.csrf)
    }

    async fn try_follow(&self, at: &Running) -> Result<Follower, u16> {
        Follower::try_open_with(at, EVENTS, &[(COOKIE, self.cookie.parse().unwrap())]).await
    }

    /// Follows the changes from now on.
    async fn follow(&self, at: &Running) -> Follower {
        let mut follower = self.try_follow(at).await.unwrap();
        assert_eq!(follower.event().await.unwrap().name, "hello");
        follower
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_learns_of_changes_before_its_stream() {
    let at = Running::start().await;
    let browser = Browser::of(&at, "operator.one", "operator").await;
    let page = browser.client(&at).header(ACCEPT, "text/html").get("/tokens").await.text;
    let newest = page.split_once("<body data-newest=\"").unwrap().1.split('"').next().unwrap();
    let open = async || {
        let address = format!("{EVENTS}?after={newest}");
        let cookie = [(COOKIE, browser.cookie.parse().unwrap())];
        let mut follower = Follower::try_open_with(&at, &address, &cookie).await.unwrap();
        follower.event().await.unwrap().name
    };
    assert_eq!(open().await, "hello");
    mint(&at).await;
    assert_eq!(open().await, "reload");
    at.stop().await;
}

fn data(event: Option<Event>) -> Value {
    let event = event.expect("the stream has ended");
    assert_eq!(event.name, "change");
    event.data
}

async fn mint(at: &Running) -> String {
    at.mint(json!({ "persistent": true, "label": "rack 7" })).await["token_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_gets_only_the_changes_it_may_list() {
    let at = Running::start().await;
    let viewer = Browser::of(&at, "viewer.one", "viewer").await;
    let mut follower = viewer.follow(&at).await;
    let id = mint(&at).await;
    let created = json!({ "kind": "token", "id": id, "action": "token_created" });
    assert_eq!(data(follower.event().await), created);
    at.user("viewer.two", PASSWORD, "viewer").await;
    let again = mint(&at).await;
    assert_eq!(data(follower.event().await)["id"], json!(again), "neither users nor the ledger");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_follows_hosts_ledger_and_administration() {
    let at = Running::start().await;
    let admin = Browser::of(&at, "admin.two", "admin").await;
    let mut follower = admin.follow(&at).await;
    let token = at.mint_once().await;
    let created = [data(follower.event().await), data(follower.event().await)];
    assert_eq!((&created[0]["kind"], &created[1]["kind"]), (&json!("token"), &json!("ledger")));
    assert_eq!(created[1]["id"], at.ledger().await[0]["id"]);
    let host = Host::new();
    assert_eq!(host.redeem(&at, &token).await.status, 200);
    let enrolled = [data(follower.event().await), data(follower.event().await)];
    assert_eq!(enrolled[0], json!({ "kind": "token", "id": created[0]["id"], "action": "host_enrolled" }));
    assert_eq!((&enrolled[1]["kind"], &enrolled[1]["action"]), (&json!("host"), &json!("host_enrolled")));
    assert_eq!(data(follower.event().await)["kind"], "ledger");
    at.user("anna.one", PASSWORD, "viewer").await;
    assert_eq!(data(follower.event().await), json!({ "kind": "admin", "action": "user_created" }));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_rights_of_its_session() {
    let at = Running::start().await;
    let user = "/api/v1/users/operator.one";
    let operator = Browser::of(&at, "operator.one", "operator").await;
    let patches = [
        json!({ "role": "viewer" }),
        json!({ "limits": { "roles": ["proxy"] } }),
        json!({ "disabled": true }),
        json!({ "disabled": false }),
    ];
    for patch in &patches[..3] {
        let mut follower = operator.follow(&at).await;
        let said = at.admin().patch(user, patch).await;
        assert_eq!(said.status, 200, "{}", said.text);
        ends(&mut follower, &patch.to_string()).await;
    }
    assert_eq!(operator.try_follow(&at).await.err(), Some(401), "a disabled user");
    assert_eq!(at.admin().patch(user, &patches[3]).await.status, 200);
    let (one, other) =
        (Browser::sign_in(&at, "operator.one").await, Browser::sign_in(&at, "operator.one").await);
    let (mut first, mut second) = (one.follow(&at).await, other.follow(&at).await);
    assert_eq!(one.client(&at).delete("/api/v1/session").await.status, 200);
    ends(&mut first, "the session has ended").await;
    mint(&at).await;
    assert_eq!(kind_past_sessions(&mut second).await, "token", "the other session goes on");
    assert_eq!(at.admin().post(&format!("{user}/sign-out"), &json!({})).await.status, 204);
    ends(&mut second, "signed out everywhere").await;
    at.stop().await;
}

/// Waits for the end of the stream. Events of before may still come.
async fn ends(follower: &mut Follower, why: &str) {
    for _ in 0..20 {
        match follower.event().await {
            Some(event) => assert_ne!(event.data["kind"], "admin", "{why}"),
            None => return,
        }
    }
    panic!("{why}: the stream goes on");
}

async fn kind_past_sessions(follower: &mut Follower) -> Value {
    loop {
        let kind = data(follower.event().await)["kind"].clone();
        if kind != "session" && kind != "ledger" {
            return kind;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_no_session_awake() {
    let at = Running::start().await;
    let viewer = Browser::of(&at, "viewer.one", "viewer").await;
    let mut follower = viewer.follow(&at).await;
    at.clock.advance(20 * MINUTE);
    drop(viewer.follow(&at).await);
    at.clock.advance(11 * MINUTE);
    mint(&at).await;
    assert!(follower.event().await.is_none(), "the session idled out");
    assert_eq!(viewer.try_follow(&at).await.err(), Some(401));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_ends_the_stream_of_a_disabled_user() {
    let at = Running::start().await;
    let viewer = Browser::of(&at, "viewer.one", "viewer").await;
    let mut follower = viewer.follow(&at).await;
    // No commit reports this change.
    database::execute(at.data_dir(), "UPDATE users SET disabled_at = 1 WHERE name = 'viewer.one'");
    assert!(follower.block().await.is_none());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eleventh_stream_of_a_user_is_refused() {
    let at = Running::start().await;
    let viewer = Browser::of(&at, "viewer.one", "viewer").await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(viewer.follow(&at).await);
    }
    let said = viewer.client(&at).get(EVENTS).await;
    assert_eq!((said.status, said.headers["retry-after"].to_str().unwrap()), (429, "30"), "{}", said.text);
    let other = Browser::of(&at, "viewer.two", "viewer").await;
    drop(other.follow(&at).await);
    drop(open.pop());
    eventually("the closed stream makes room", async || viewer.try_follow(&at).await.ok().map(drop)).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_cookie_of_a_session_opens_the_stream() {
    let at = Running::start().await;
    let viewer = Browser::of(&at, "viewer.one", "viewer").await;
    let body = json!({ "username": "viewer.one", "password": PASSWORD, "kind": "bearer" });
    let bearer =
        at.stranger().post("/api/v1/session", &body).await.json["session"].as_str().unwrap().to_owned();
    let others = [at.stranger(), at.admin(), at.stranger().bearer(&bearer)];
    for client in others {
        assert_eq!(client.get(EVENTS).await.status, 401);
    }
    let both =
        [(COOKIE, viewer.cookie.parse().unwrap()), (AUTHORIZATION, "Bearer gps_AAAA".parse().unwrap())];
    let mut follower = Follower::try_open_with(&at, EVENTS, &both).await.unwrap();
    assert_eq!(follower.event().await.unwrap().name, "hello");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_opened_again_begins_with_reload() {
    let at = Running::start().await;
    let viewer = Browser::of(&at, "viewer.one", "viewer").await;
    let mut follower = viewer.try_follow(&at).await.unwrap();
    let hello = follower.event().await.unwrap();
    let again = [
        (COOKIE, viewer.cookie.parse().unwrap()),
        (HeaderName::from_static("last-event-id"), hello.id.parse().unwrap()),
    ];
    let mut follower = Follower::try_open_with(&at, EVENTS, &again).await.unwrap();
    assert_eq!(follower.event().await.unwrap().name, "reload");
    at.stop().await;
}
