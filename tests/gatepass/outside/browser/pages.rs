//! The bars of every page.

use serde_json::json;

use super::super::served::{PASSWORD, Served, eventually};
use super::html;
use super::session::Browser;

/// Pages of a signed-in admin with the names of their pictures.
const PAGES: &[(&str, &str)] = &[("overview", "/"), ("account", "/account")];

/// A name that is script where a page does not escape it.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

/// The most that the first page may need: bytes as sent, and requests after the HTML.
const MOST_BYTES: f64 = 25.0 * 1024.0;
const MOST_REQUESTS: usize = 3;

#[test]
fn every_page_passes_the_checks() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.check_pages(&[("sign-in", "/sign-in")]);
    browser.sign_in_admin();
    browser.check_pages(PAGES);
    browser.expect_in_console("the server responded with a status of 404");
    browser.check_pages(&[("not-found", "/no-such-page")]);
    assert_eq!(browser.status(), 404);
}

#[test]
fn the_first_page_is_light() {
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
    let served = Served::start();
    served.mint(&json!({ "roles": ["proxy"], "label": HOSTILE }));
    let browser = Browser::start(&served);
    browser.expect_in_console("the server responded with a status of 401");
    browser.sign_in(HOSTILE, PASSWORD);
    browser.wait_for("The user name or the password is wrong.");
    assert_eq!(browser.value("User name"), HOSTILE);
    browser.sign_in_admin();
    for (_, path) in PAGES {
        browser.open(path);
        assert_eq!(browser.execute("return document.images.length", &[]), 0, "{path}");
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
