//! Hosts of a policy.

use serde_json::{Value, json};

use super::authority::{AUDIENCE, Running, token_of};
use super::client::{Client, Said};
use super::host::Host;

pub(crate) const POLICY: &str = "/api/v1/policy";
pub(crate) const CHECKIN: &str = "/api/v1/checkin";
pub(crate) const ACCESS_TOKEN: &str = "/api/v1/access-token";

/// A host that enrolled with a token of a policy.
pub(crate) struct Member {
    pub(crate) host: Host,
    pub(crate) enrolled: Value,
    pub(crate) client: Client,
}

/// An authority with one service.
pub(crate) async fn start() -> Running {
    Running::start_with(&[("tokens.audiences", AUDIENCE)]).await
}

/// Creates a policy; the answer, with its first token.
pub(crate) async fn policy(at: &Running, name: &str, settings: Value) -> Value {
    let order =
        json!({ "name": name, "roles": ["allocator"], "audiences": [AUDIENCE], "settings": settings });
    let said = at.admin().post("/api/v1/policies", &order).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// Changes a policy; the whole answer.
pub(crate) async fn change(at: &Running, policy: &Value, change: Value) -> Value {
    let path = format!("/api/v1/policies/{}", policy["id"].as_str().unwrap());
    let said = at.admin().patch(&path, &change).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

impl Member {
    /// A new host of the policy.
    pub(crate) async fn of(at: &Running, policy: &Value) -> Self {
        Self::with(at, &token_of(&policy["first_token"])).await
    }

    /// A new host that enrolls with this token.
    pub(crate) async fn with(at: &Running, token: &str) -> Self {
        let host = Host::new();
        let said = host.redeem(at, token).await;
        assert_eq!(said.status, 200, "{}", said.text);
        let client = host.client(at, &said.json);
        Self { host, enrolled: said.json, client }
    }

    pub(crate) fn id(&self) -> &str {
        self.enrolled["host_id"].as_str().unwrap()
    }

    /// The host as administrators see it, once memory is written.
    pub(crate) async fn shown(&self, at: &Running) -> Value {
        at.authority.upkeep.write_uses().await.unwrap();
        at.admin().get(&format!("/api/v1/hosts/{}", self.id())).await.json
    }

    pub(crate) async fn check_in(&self, report: &Value) -> Said {
        self.client.post(CHECKIN, report).await
    }

    /// An access token for the one service.
    pub(crate) async fn access_token(&self) -> String {
        let said = self.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await;
        assert_eq!(said.status, 200, "{}", said.text);
        said.json["access_token"].as_str().unwrap().to_owned()
    }

    /// Renews with a new key, and uses the new certificate. Returns the former identity.
    pub(crate) async fn renew(&mut self, at: &Running) -> Self {
        let next = Host::new();
        let said = self.client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
        assert_eq!(said.status, 200, "{}", said.text);
        let client = next.client(at, &said.json);
        assert_eq!(client.get("/api/v1/whoami").await.status, 200);
        std::mem::replace(self, Self { host: next, enrolled: said.json, client })
    }

    pub(crate) async fn revoke(&self, at: &Running) {
        let said = at.admin().delete(&format!("/api/v1/hosts/{}", self.id())).await;
        assert_eq!(said.status, 200, "{}", said.text);
    }
}
