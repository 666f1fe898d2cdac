//! The answers to wrong passwords.

use crate::support::Running;
use gatepass::access::password;
use gatepass::secret::Secret;
use gatepass::service::Caller;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_name_answer_alike() {
    let at = Running::start().await;
    let wrong = at.stranger().basic("admin", "not the password").get("/api/v1/hosts").await;
    let unknown = at.stranger().basic("nobody", "not the password").get("/api/v1/hosts").await;
    assert_eq!((wrong.status, wrong.code()), (401, "unauthenticated"));
    assert!(wrong.text.contains("the password is wrong"), "{}", wrong.text);
    assert_eq!(wrong.text, unknown.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_old_proof() {
    let at = Running::start().await;
    let (old, new) = (at.admin(), "another horse, another battery");
    assert_eq!(old.get("/api/v1/roles").await.status, 200);
    let hash = password::hash(&Secret::new(new.to_owned()), "admin").unwrap();
    at.authority.accounts.set_password(&Caller::SYSTEM, "admin", hash).await.unwrap();
    assert_eq!(old.get("/api/v1/roles").await.status, 401, "on the very next request");
    assert_eq!(at.stranger().basic("admin", new).get("/api/v1/roles").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_users_password_opens_no_new_account() {
    let at = Running::start().await;
    let (first, second) = ("first horse, first battery", "second horse, second battery");
    at.user("alex", first, "operator").await;
    let gone = at.stranger().basic("alex", first);
    assert_eq!(gone.get("/api/v1/roles").await.status, 200, "it is remembered for a minute");
    assert_eq!(at.admin().delete("/api/v1/users/alex").await.status, 200);
    at.user("alex", second, "operator").await;
    assert_eq!(gone.get("/api/v1/roles").await.status, 401);
    assert_eq!(at.stranger().basic("alex", second).get("/api/v1/roles").await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlong_name_or_password_is_refused() {
    let at = Running::start().await;
    let (long, password) = ("a".repeat(60_000), "correct horse battery staple");
    for (name, password) in [("admin", long.as_str()), (&long, password), ("Admin", password), ("", "")] {
        let body = serde_json::json!({ "username": name, "password": password });
        let said = at.stranger().post("/api/v1/session", &body).await;
        assert_eq!((said.status, said.code()), (401, "unauthenticated"), "{}", said.text);
    }
    at.stop().await;
}
