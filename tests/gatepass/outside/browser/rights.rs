//! The pages of a viewer: acts are not offered, and refused if tried.

use serde_json::json;

use super::super::served::{PASSWORD, Served};
use super::sample;
use super::session::Browser;

/// Posts a form with the session's CSRF token; the status of the answer.
const POST: &str = "
    fetch('PATH', {
        method: 'POST',
        body: new URLSearchParams({ csrf_token: document.querySelector('[name=csrf_token]').value }),
    }).then(answer => answer.status)";

#[test]
fn a_viewer_sees_no_acts_and_is_refused() {
    let served = Served::start();
    let user = json!({ "username": "vera", "role": "viewer", "password": PASSWORD });
    let created = served.admin("POST", "/api/v1/users", &user);
    assert_eq!(created.status, 201, "{}", created.body);
    let browser = Browser::start(&served);
    browser.sign_in("vera", PASSWORD);
    browser.wait_for_path("/");
    let token = sample::ids(&served, "/api/v1/enrollment-tokens").pop().unwrap();
    let token = format!("/tokens/{token}");
    for path in ["/", "/tokens", &token] {
        browser.open(path);
        let text = browser.text();
        for act in ["Add host", "New token", "Revoke", "Rotate"] {
            assert!(!text.lines().any(|line| line == act), "{path} offers {act}:\n{text}");
        }
    }
    browser.expect_in_console("the server responded with a status of 403");
    let world = browser.world();
    for path in ["/add-host".to_owned(), format!("{token}/revoke"), format!("{token}/rotate")] {
        assert_eq!(browser.evaluate(&world, &POST.replace("PATH", &path)), 403, "{path}");
    }
}
