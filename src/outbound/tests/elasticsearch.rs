//! Requests for API keys and their answers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::HERE;
use super::stand::{Names, Stand, outbound};
use crate::clock::Timestamp;
use crate::http::listener::trial::within;
use crate::id::{AttemptId, HostId, OutputId};
use crate::outbound::{Cluster, ClusterError, Credential, KeyName, MadeKey, Outbound, Which};
use crate::secret::Secret;

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

/// A cluster with a client that may call it.
struct Trial {
    stand: Arc<Stand>,
    outbound: Outbound,
    token: Secret<String>,
    name: KeyName,
}

impl Trial {
    async fn new() -> Self {
        Self {
            stand: Stand::at(HERE).await,
            outbound: outbound(&[HERE], Names::answering(&[&[HERE]])),
            token: Secret::new(String::from("AAEAAWVsYXN0aWM")),
            name: KeyName {
                output: OutputId::generate(NOW),
                host: HostId::generate(NOW),
                attempt: AttemptId::generate(NOW),
            },
        }
    }

    async fn with<T>(&self, act: impl AsyncFnOnce(&Cluster<'_>, &Outbound) -> T) -> T {
        let (url, credential) = (self.stand.url(), Credential::ServiceToken(&self.token));
        let cluster = Cluster { url: &url, ca: Some(&self.stand.ca), credential };
        within(act(&cluster, &self.outbound)).await
    }

    async fn create(&self, status: u16, answer: &str) -> Result<MadeKey, ClusterError> {
        self.stand.will_answer(status, answer.to_owned());
        let privileges = json!({ "host": { "cluster": ["auto_configure"] } });
        self.with(async |cluster, outbound| cluster.create_key(outbound, self.name, &privileges).await).await
    }

    async fn is_valid(&self, status: u16, answer: Value) -> Result<bool, ClusterError> {
        self.stand.will_answer(status, answer.to_string());
        self.with(async |cluster, outbound| cluster.is_valid(outbound, "abc-1").await).await
    }

    async fn invalidate(&self, which: Which<'_>, answer: Value) -> Result<bool, ClusterError> {
        self.stand.will_answer(200, answer.to_string());
        self.with(async |cluster, outbound| cluster.invalidate(outbound, &which).await).await
    }

    fn last(&self) -> (String, String, Value) {
        let asked = self.stand.asked.lock().last().unwrap().clone();
        (asked.method, asked.target, serde_json::from_str(&asked.body).unwrap_or_default())
    }

    fn created(&self) -> Value {
        json!({ "id": "abc-1", "name": self.name.to_string(), "api_key": "s3cret", "encoded": "YWJj" })
    }
}

/// "For the Elasticsearch and remote Elasticsearch outputs, it passes an output API key."
#[tokio::test]
async fn a_key_is_created_with_name_and_privileges() {
    let trial = Trial::new().await;
    let made = trial.create(200, &trial.created().to_string()).await.ok().unwrap();
    assert_eq!((made.id.as_str(), made.secret.expose().as_str()), ("abc-1", "s3cret"));
    let KeyName { output, host, attempt } = trial.name;
    let expected = json!({
        "name": format!("gatepass:{output}:{host}:{attempt}"),
        "role_descriptors": { "host": { "cluster": ["auto_configure"] } },
        "metadata": { "managed_by": "gatepass", "output": output, "host": host },
    });
    assert_eq!(trial.last(), (String::from("POST"), String::from("/_security/api_key"), expected));
    let asked = trial.stand.asked.lock().last().unwrap().clone();
    assert_eq!(asked.authorization, "Bearer AAEAAWVsYXN0aWM");
}

#[tokio::test]
async fn a_user_authenticates_with_the_password() {
    let trial = Trial::new().await;
    let password = Secret::new(String::from("p:w"));
    let url = trial.stand.url();
    let credential = Credential::User("elastic", &password);
    let cluster = Cluster { url: &url, ca: Some(&trial.stand.ca), credential };
    let _ = within(cluster.is_valid(&trial.outbound, "abc-1")).await;
    let asked = trial.stand.asked.lock().last().unwrap().clone();
    assert_eq!(asked.authorization, "Basic ZWxhc3RpYzpwOnc=");
}

#[tokio::test]
async fn an_answer_that_is_no_key_is_unusable() {
    let trial = Trial::new().await;
    let change = |member: &str, value: Value| {
        let mut answer = trial.created();
        answer[member] = value;
        answer.to_string()
    };
    for answer in [
        String::from("<html>"),
        String::from("{}"),
        change("name", json!("gatepass:other")),
        change("id", json!("a b")),
        change("id", json!("")),
        change("id", json!("x".repeat(257))),
        change("api_key", json!("a\r\nb")),
        change("api_key", json!(1)),
        change("api_key", json!(null)),
    ] {
        let error = trial.create(200, &answer).await.err();
        assert!(matches!(error, Some(ClusterError::Unusable(_))), "{answer}: {error:?}");
        assert!(error.unwrap().may_have_acted());
    }
}

#[tokio::test]
async fn a_status_tells_refused_from_unknown() {
    let trial = Trial::new().await;
    for (status, refused) in [
        (400, true),
        (401, true),
        (403, true),
        (404, false),
        (408, false),
        (429, false),
        (307, false),
        (201, false),
        (500, false),
        (503, false),
    ] {
        let error = trial.create(status, &trial.created().to_string()).await.err().unwrap();
        assert_eq!(matches!(error, ClusterError::Refused(_)), refused, "{status}");
        assert_eq!(error.may_have_acted(), !refused && status != 404, "{status}");
        assert!(!error.to_string().contains("s3cret"));
    }
}

#[tokio::test]
async fn only_the_cluster_says_that_a_key_is_invalid() {
    let trial = Trial::new().await;
    let key = |id: &str, invalidated: bool| json!({ "api_keys": [{ "id": id, "invalidated": invalidated }] });
    assert_eq!(trial.is_valid(200, key("abc-1", false)).await, Ok(true));
    let asked = (String::from("GET"), String::from("/_security/api_key?id=abc-1&owner=true"), Value::Null);
    assert_eq!(trial.last(), asked);
    assert_eq!(trial.is_valid(200, key("abc-1", true)).await, Ok(false));
    assert_eq!(trial.is_valid(404, json!({ "api_keys": [] })).await, Ok(false));
    for (status, answer) in
        [(200, key("other", true)), (404, json!({ "error": "no route" })), (200, json!([]))]
    {
        let error = trial.is_valid(status, answer).await.unwrap_err();
        assert!(matches!(error, ClusterError::Unusable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_key_is_invalidated_by_id_or_name() {
    let trial = Trial::new().await;
    let answer = |now: &[&str], before: &[&str], errors: u64| json!({ "invalidated_api_keys": now, "previously_invalidated_api_keys": before, "error_count": errors });
    assert_eq!(trial.invalidate(Which::Id("abc-1"), answer(&["abc-1"], &[], 0)).await, Ok(true));
    let (method, target, body) = trial.last();
    assert_eq!((method.as_str(), target.as_str()), ("DELETE", "/_security/api_key"));
    assert_eq!(body, json!({ "ids": ["abc-1"], "owner": true }));
    assert_eq!(trial.invalidate(Which::Id("abc-1"), answer(&[], &["abc-1"], 0)).await, Ok(true));
    assert_eq!(trial.invalidate(Which::Name(trial.name), answer(&[], &[], 0)).await, Ok(false));
    assert_eq!(trial.last().2, json!({ "name": trial.name.to_string(), "owner": true }));
    assert_eq!(trial.invalidate(Which::Id("abc-1"), answer(&[], &[], 0)).await, Ok(false));
    for wrong in [
        answer(&["abc-1"], &[], 1),
        answer(&["some-other"], &[], 0),
        answer(&[], &["some-other"], 0),
        json!({}),
        json!({ "acknowledged": true }),
    ] {
        let error = trial.invalidate(Which::Id("abc-1"), wrong).await.unwrap_err();
        assert!(matches!(error, ClusterError::Unusable(_)), "{error:?}");
    }
}
