//! Agent policies.

use serde_json::json;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_policy_has_the_members_of_kibana() {
    let at = Running::start().await;
    let body =
        json!({ "name": "edge", "namespace": "default", "description": "proxies", "monitoring_enabled": [] });
    let made = kibana(at.admin()).post(&format!("{POLICIES}?sys_monitoring=true"), &body).await;
    let id = text(&made.json["item"], "id").to_owned();
    let updated = made.json["item"]["updated_at"].clone();
    let object = |revision: u32, name: &str, agents: u32, updated: &Value| {
        format!(
            r#"{{"id":"{id}","name":"{name}","namespace":"default","description":"proxies","status":"active","is_managed":false,"revision":{revision},"updated_at":{updated},"updated_by":"user:admin","agents":{agents}}}"#
        )
    };
    let first = object(1, "edge", 0, &updated);
    assert_eq!((made.status, made.text), (200, format!(r#"{{"item":{first}}}"#)));
    let listed = at.admin().get(&format!("{POLICIES}?full=false&withAgentCount=true")).await;
    assert_eq!(listed.text, format!(r#"{{"items":[{first}],"total":1,"page":1,"perPage":20}}"#));
    let body = json!({ "name": "edge 2", "namespace": "default" });
    let changed = kibana(at.admin()).put(&format!("{POLICIES}/{id}"), &body).await;
    let second = object(2, "edge 2", 0, &changed.json["item"]["updated_at"]);
    assert_eq!((changed.status, changed.text), (200, format!(r#"{{"item":{second}}}"#)));
    let shown = at.admin().get(&format!("{POLICIES}/{id}")).await;
    assert_eq!((shown.status, shown.text), (200, format!(r#"{{"item":{second}}}"#)));
    assert_eq!(at.admin().get(&format!("/api/v1/policies/{id}")).await.json["name"], "edge 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unused_policy_is_deleted_with_its_tokens() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let page = listed(&at.admin(), "").await;
    let api_key = text(&page["items"][0], "api_key");
    let said =
        kibana(at.admin()).post(&format!("{POLICIES}/delete"), &json!({ "agentPolicyId": policy })).await;
    assert_eq!((said.status, said.text), (200, format!(r#"{{"id":"{policy}","name":"edge"}}"#)));
    assert_eq!(redeem(&at, &Host::new(), api_key).await.status, 410);
    assert_eq!(listed(&at.admin(), "?kuery=active:true").await["total"], 0);
    let unknown = format!(
        r#"{{"statusCode":404,"error":"Not Found","message":"Agent policy \"{policy}\" not found"}}"#
    );
    let again =
        kibana(at.admin()).post(&format!("{POLICIES}/delete"), &json!({ "agentPolicyId": policy })).await;
    assert_eq!((again.status, again.text), (404, unknown.clone()));
    let shown = at.admin().get(&format!("{POLICIES}/{policy}")).await;
    assert_eq!((shown.status, shown.text), (404, unknown.clone()));
    let body = json!({ "name": "edge", "namespace": "default" });
    let changed = kibana(at.admin()).put(&format!("{POLICIES}/{policy}"), &body).await;
    assert_eq!((changed.status, changed.text), (404, unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_needs_a_name_and_a_namespace() {
    let at = Running::start().await;
    for body in [
        json!({}),
        json!({ "name": "edge" }),
        json!({ "namespace": "default" }),
        json!({ "name": "", "namespace": "default" }),
    ] {
        let said = kibana(at.admin()).post(POLICIES, &body).await;
        assert_eq!((said.status, &said.json["error"]), (400, &json!("Bad Request")), "{body}: {}", said.text);
    }
    let body = json!({ "name": "edge", "namespace": "default" });
    assert_eq!(kibana(at.admin()).post(POLICIES, &body).await.status, 200);
    let twice = kibana(at.admin()).post(POLICIES, &body).await;
    assert_eq!((twice.status, &twice.json["error"]), (409, &json!("Conflict")), "{}", twice.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_found_by_name() {
    let at = Running::start().await;
    let refused = at.admin().get(&format!("{POLICIES}?kuery=is_managed:false")).await;
    assert_eq!(refused.status, 400, "also without policies: {}", refused.text);
    let one = policy(&at, "one", &[]).await;
    policy(&at, "the other", &[]).await;
    for (kuery, total) in [
        ("name:one", 1),
        ("ingest-agent-policies.name:%22the%20other%22", 1),
        (&*format!("id:{one}"), 1),
        ("name:three", 0),
        ("", 2),
    ] {
        let said = at.admin().get(&format!("{POLICIES}?kuery={kuery}&perPage=1")).await;
        assert_eq!((said.status, &said.json["total"]), (200, &json!(total)), "{kuery}: {}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_with_hosts_is_not_deleted() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let page = listed(&at.admin(), "").await;
    assert_eq!(redeem(&at, &Host::new(), text(&page["items"][0], "api_key")).await.status, 200);
    let native = at.admin().delete(&format!("/api/v1/policies/{policy}")).await;
    assert_eq!(native.status, 409, "{}", native.text);
    let said =
        kibana(at.admin()).post(&format!("{POLICIES}/delete"), &json!({ "agentPolicyId": policy })).await;
    assert_eq!((said.status, &said.json["message"]), (400, &native.json["detail"]), "{}", said.text);
    let shown = at.admin().get(&format!("{POLICIES}/{policy}")).await;
    assert_eq!(shown.json["item"]["agents"], 1);
}
