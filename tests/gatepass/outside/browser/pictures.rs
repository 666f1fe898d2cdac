//! The pictures of the README: a calm day of a small platform.

use serde_json::json;

use super::super::served::{Served, eventually};
use super::look::{FIRST, Look};
use super::sample;
use super::session::Browser;
use crate::support::database;

/// The look of the pictures: sharp on a dense screen too.
const LOOK: Look = Look { width: 1200, scale: 1, ..FIRST };

const HOSTS: [(&str, &[&str]); 6] = [
    ("gate-1.example.org", &["proxy"]),
    ("gate-2.example.org", &["proxy"]),
    ("rack-1.example.org", &["allocator"]),
    ("rack-2.example.org", &["allocator"]),
    ("rack-3.example.org", &["allocator"]),
    ("console.example.org", &["coordinator", "director"]),
];

/// A month of enrollments and refusals: the counters of a server that has run for that long.
const MONTH: &str = "
    WITH RECURSIVE hour(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM hour WHERE n < 720)
    INSERT OR REPLACE INTO hourly_counters (begin_at, kind, number)
    SELECT (unixepoch() / 3600 - n) * 3600000, 'enrollments', (n * 7 + n / 24 * 5) % 9 FROM hour WHERE n % 24 < 15
    UNION ALL
    SELECT (unixepoch() / 3600 - n) * 3600000, 'refusals', n % 3 FROM hour WHERE n % 11 = 0";

#[test]
fn the_readme_has_its_pictures() {
    let served =
        Served::start_with(&[("GATEPASS_SERVER__INSTALL_URL", "https://files.example.org/gatepass")]);
    for secret in ["first-roles.token", "emergency.token"] {
        let file = served.path("data").join(secret);
        eventually("the secrets of the first start", || std::fs::remove_file(&file).ok());
    }
    let names = HOSTS.map(|(name, _)| name);
    HOSTS.iter().for_each(|(name, roles)| drop(sample::enroll(&served, name, roles)));
    database::execute(&served.path("data"), MONTH);
    served.mint(&json!({ "roles": ["allocator"], "label": "rack 4", "persistent": true }));
    let rule =
        json!({ "cluster_id": "eu-1", "label": "edge nodes", "allowed_roles": ["proxy"], "max_nodes": 50 });
    assert_eq!(served.admin("POST", "/api/v1/auto-approve-rules", &rule).status, 201);
    let token = served.mint(&json!({ "roles": ["proxy"], "label": "edge 7", "approval": "require" }));
    let csr = served.request("waiting", &["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    assert_eq!(served.redeem(&token, &csr).status, 202);

    let browser = Browser::start(&served);
    browser.sign_in_admin();
    browser.look_as(LOOK);
    browser.open("/");
    browser.wait_for("Last 30 days");
    browser.photograph("readme-overview");
    browser.open("/hosts");
    assert!(names.iter().all(|name| browser.text().contains(name)), "{}", browser.text());
    browser.open("/add-host");
    browser.fill("Node name", "gate-3.example.org");
    browser.tick("proxy");
    browser.click("Create token");
    browser.wait_for("Treat it like a password");
    browser.photograph("readme-add-host");
    browser.open(&format!("/approvals/{}", sample::ids(&served, "/api/v1/enrollments").pop().unwrap()));
    browser.photograph("readme-approval");
}
