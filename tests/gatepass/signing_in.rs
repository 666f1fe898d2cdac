//! What somebody hears whose password is wrong.

use crate::support::Running;

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_called_one_and_an_unknown_user_hears_the_same() {
    let at = Running::start().await;
    let wrong = at.stranger().basic("admin", "not the password").get("/api/v1/hosts").await;
    let unknown = at.stranger().basic("nobody", "not the password").get("/api/v1/hosts").await;
    assert_eq!((wrong.status, wrong.code()), (401, "unauthenticated"));
    assert!(wrong.text.contains("the password is wrong"), "{}", wrong.text);
    assert_eq!(wrong.text, unknown.text);
    at.stop().await;
}
