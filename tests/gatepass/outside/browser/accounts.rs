//! The session of a browser: sign in and out, with a mouse, by keyboard, without script.

use fantoccini::key::Key;

use super::super::served::{PASSWORD, Served};
use super::session::Browser;

/// The password after a change.
const NEXT: &str = "a fence around the yard";

/// The part of the console entry about a refused sign-in.
const REFUSED: &str = "the server responded with a status of 401";

#[test]
fn a_user_signs_in_and_out() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.open("/account");
    assert_eq!(browser.path(), "/sign-in?next=%2Faccount");
    browser.fill("User name", "admin");
    browser.fill("Password", PASSWORD);
    browser.click("Sign in");
    browser.wait_for_path("/account");
    assert!(browser.text().contains("Your role is admin"));
    browser.click("Sign out");
    browser.wait_for_path("/sign-in");
    browser.open("/");
    assert_eq!(browser.path(), "/sign-in");
}

#[test]
fn a_wrong_password_keeps_the_user_name() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.expect_in_console(REFUSED);
    browser.sign_in("admin", "a wrong password");
    browser.wait_for("The user name or the password is wrong.");
    assert_eq!((browser.status(), browser.path()), (401, "/sign-in".to_owned()));
    browser.check("sign-in-refused");
    browser.fill("Password", PASSWORD);
    browser.click("Sign in");
    browser.wait_for_path("/");
}

#[test]
fn the_account_works_without_script() {
    let served = Served::start();
    let browser = Browser::start_without_script(&served);
    browser.sign_in_admin();
    browser.click("admin (admin)");
    browser.wait_for_path("/account");
    browser.fill("Current password", PASSWORD);
    browser.fill("New password", NEXT);
    browser.fill("New password again", NEXT);
    browser.click("Change password");
    browser.wait_for("Your password is changed.");
    browser.click("Sign out everywhere");
    browser.wait_for_path("/sign-in");
    browser.sign_in("admin", NEXT);
    browser.wait_for_path("/");
}

#[test]
fn the_keyboard_alone_signs_in_and_out() {
    let served = Served::start();
    let browser = Browser::start(&served);
    browser.open("/sign-in");
    browser.type_text("admin");
    browser.tab_to("Password");
    browser.type_text(PASSWORD);
    browser.press(Key::Enter);
    browser.wait_for_path("/");
    browser.tab_to("Skip to content");
    browser.press(Key::Enter);
    browser.wait_for_path("/#main");
    browser.open("/");
    browser.tab_to("Sign out");
    browser.press(Key::Enter);
    browser.wait_for_path("/sign-in");
}
