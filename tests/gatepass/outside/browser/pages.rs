//! The bars of every page.

use gatepass::text::percent_encoded;

use super::super::served::{PASSWORD, Served, eventually};
use super::sample::{self, HOSTILE};
use super::session::Browser;
use super::{check, html};

/// Pages of a signed-in admin with the names of their pictures. Words in braces stand for ids.
const PAGES: &[(&str, &str)] = &[
    ("overview", "/"),
    ("account", "/account"),
    ("tokens", "/tokens"),
    ("token", "/tokens/{token}"),
    ("revoke-token", "/tokens/{token}/revoke"),
    ("rotate-token", "/tokens/{token}/rotate"),
    ("add-host", "/add-host"),
    ("add-cluster", "/add-host?kind=cluster"),
    ("add-policy", "/add-host?kind=policy"),
    ("hosts", "/hosts"),
    ("host", "/hosts/{host}"),
    ("host-roles", "/hosts/{host}/roles"),
    ("revoke-host", "/hosts/{host}/revoke"),
    ("approvals", "/approvals"),
    ("approval", "/approvals/{enrollment}"),
    ("rule", "/rules/{rule}"),
    ("delete-rule", "/rules/{rule}/delete"),
    ("rules", "/rules?try=on&address=192.0.2.7"),
    ("new-rule", "/rules/new"),
    ("policies", "/policies"),
    ("policy", "/policies/{policy}"),
    ("new-policy", "/policies/new"),
    ("policy-edit", "/policies/{policy}/edit"),
    ("restore-policy", "/policies/{policy}/restore?earlier=1"),
    ("delete-policy", "/policies/{policy}/delete"),
    ("output", "/outputs/{output}"),
    ("output-edit", "/outputs/{output}/edit"),
    ("new-output", "/outputs/new"),
    ("new-kafka-output", "/outputs/new?type=kafka"),
    ("delete-output", "/outputs/{output}/delete"),
    ("admin", "/admin"),
    ("users", "/admin/users"),
    ("user", "/admin/users/olaf"),
    ("new-user", "/admin/new-user"),
    ("change-user", "/admin/users/olaf/change"),
    ("user-password", "/admin/users/olaf/password"),
    ("disable-user", "/admin/users/olaf/disable"),
    ("sign-out-user", "/admin/users/olaf/sign-out"),
    ("delete-user", "/admin/users/olaf/delete"),
    ("api-keys", "/admin/keys"),
    ("api-key", "/admin/keys/{key}"),
    ("new-api-key", "/admin/keys/new"),
    ("delete-api-key", "/admin/keys/{key}/delete"),
    ("roles", "/admin/roles"),
    ("settings", "/admin/settings"),
    ("clock", "/admin/clock"),
    ("signing-keys", "/admin/signing-keys"),
    ("rotate-keys", "/admin/signing-keys/rotate?use=enrollment"),
    ("retire-key", "/admin/signing-keys/{signing}/retire"),
    ("backup", "/admin/backup"),
    ("ca", "/admin/ca"),
    ("rotate-ca", "/admin/ca/rotate"),
    ("ledger", "/ledger"),
    ("ledger-entry", "/ledger/2"),
];

/// The most that the first page may need: bytes as sent, and requests after the HTML.
const MOST_BYTES: f64 = 25.0 * 1024.0;
const MOST_REQUESTS: usize = 3;

/// The pages with the ids of this server.
fn pages(served: &Served) -> Vec<(&'static str, String)> {
    let host = sample::ids(served, "/api/v1/hosts").pop().unwrap();
    let token = sample::ids(served, "/api/v1/enrollment-tokens").pop().unwrap();
    let enrollment = sample::ids(served, "/api/v1/enrollments").pop().unwrap();
    let rule = sample::ids(served, "/api/v1/auto-approve-rules").pop().unwrap();
    let key = sample::ids(served, "/api/v1/api-keys").pop().unwrap();
    let signing = sample::ids(served, "/api/v1/signing-keys").remove(0);
    let policy = sample::ids(served, "/api/v1/policies").pop().unwrap();
    let output = sample::ids(served, "/api/v1/outputs").pop().unwrap();
    let ids = [("{host}", &host), ("{token}", &token), ("{enrollment}", &enrollment), ("{rule}", &rule)];
    let more = [("{key}", &key), ("{signing}", &signing), ("{policy}", &policy), ("{output}", &output)];
    let ids = ids.into_iter().chain(more).collect::<Vec<_>>();
    let filled = |path: &str| ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
    PAGES.iter().map(|(name, path)| (*name, filled(path))).collect()
}

#[test]
fn every_page_passes_the_checks() {
    let served = sample::populated();
    let browser = Browser::start(&served);
    let mut found = browser.findings_in(&[("sign-in", "/sign-in".to_owned())]);
    browser.sign_in_admin();
    found.extend(browser.findings_in(&pages(&served)));
    browser.expect_in_console("the server responded with a status of 404");
    found.extend(browser.findings_in(&[("not-found", "/no-such-page".to_owned())]));
    assert_eq!(browser.status(), 404);
    check::none(&found);
}

#[test]
fn the_first_page_is_small() {
    let served = Served::start();
    let browser = Browser::start(&served);
    let sign_in = browser.weigh("/sign-in");
    browser.sign_in_admin();
    let overview = browser.weigh("/");
    for weight in [sign_in, overview] {
        println!("{weight:#?}");
        assert!(weight.bytes <= MOST_BYTES && weight.requests.len() <= MOST_REQUESTS, "{weight:#?}");
    }
}

#[test]
fn hostile_names_show_as_text() {
    let served = sample::populated();
    let browser = Browser::start(&served);
    browser.expect_in_console("the server responded with a status of 401");
    browser.sign_in(HOSTILE, PASSWORD);
    browser.wait_for("The user name or the password is wrong.");
    browser.sign_in_admin();
    browser.open(&format!("/add-host?label={}", percent_encoded(HOSTILE)));
    assert_eq!(browser.value("Node name"), HOSTILE);
    for (name, path) in pages(&served) {
        browser.open(&path);
        assert_eq!(browser.execute("return document.images.length", &[]), 0, "{path}");
        let shows = ["tokens", "hosts", "host", "approvals", "approval", "rules", "api-keys", "api-key"];
        let policies = ["policies", "policy", "policy-edit", "output", "delete-policy", "delete-output"];
        let shows = shows.contains(&name) || policies.contains(&name);
        assert!(!shows || browser.text().contains(HOSTILE), "{path}: {}", browser.text());
    }
}

#[test]
fn the_checks_find_mistakes() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.open("/sign-in");
    let world = browser.world();
    let spoil = "
        document.documentElement.removeAttribute('lang');
        document.body.style.width = '2000px';
        document.querySelector('h1').animate([{ opacity: 0 }, { opacity: 1 }], { duration: 1e7 });
        document.querySelector('h1').textContent;";
    browser.evaluate(&world, spoil);
    let found = browser.findings("spoilt").join("\n");
    for part in ["html-has-lang", "px wider than the window", "prefers-reduced-motion"] {
        assert!(found.contains(part), "{part}: {found}");
    }
    assert!(!html::findings("<p><b>text</p></b>").is_empty());
}

#[test]
fn a_violation_of_the_policy_is_found() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.open("/sign-in");
    browser.execute("new Image().src = 'https://elsewhere.example/';", &[]);
    let found = eventually("an entry", || browser.unexpected().pop());
    assert!(found.contains("Content Security Policy"), "{found}");
}
