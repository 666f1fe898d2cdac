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
    let host = sample::enroll(&served, "web-1", &["proxy"]);
    let user = json!({ "username": "vera", "role": "viewer", "password": PASSWORD });
    let created = served.admin("POST", "/api/v1/users", &user);
    assert_eq!(created.status, 201, "{}", created.body);
    let browser = Browser::start(&served);
    browser.sign_in("vera", PASSWORD);
    browser.wait_for_path("/");
    let token = sample::ids(&served, "/api/v1/enrollment-tokens").pop().unwrap();
    let (token, host) = (format!("/tokens/{token}"), format!("/hosts/{host}"));
    for path in ["/", "/tokens", &token, "/hosts", &host] {
        browser.open(path);
        let text = browser.text();
        for act in ["Add host", "New token", "Revoke", "Rotate", "Change roles", "Re-enroll"] {
            assert!(!text.lines().any(|line| line == act), "{path} offers {act}:\n{text}");
        }
    }
    browser.expect_in_console("the server responded with a status of 403");
    let world = browser.world();
    let acts =
        [("/add-host", ""), (&token, "/revoke"), (&token, "/rotate"), (&host, "/revoke"), (&host, "/roles")];
    for (page, act) in acts {
        let post = POST.replace("PATH", &format!("{page}{act}"));
        assert_eq!(browser.evaluate(&world, &post), 403, "{page}{act}");
    }
}
