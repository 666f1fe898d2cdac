//! The pages of the dashboard, as a browser without script uses them.

mod admin;
mod browser;
mod charts;
mod events;
mod forms;
mod hosts;
mod policies;
mod queue;
mod rights;
mod tokens;

pub(crate) use self::browser::Browser;
use crate::support::Running;

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_and_out() {
    let at = Running::start().await;
    let browser = Browser::admin(&at).await;
    let account = browser.get("/account").await;
    assert_eq!(account.status, 200, "{}", account.text);
    assert!(account.text.contains("Your role is admin."), "{}", account.text);
    let left = browser.submit("/account", "/sign-out", &[]).await;
    assert_eq!((left.status, &left.headers["location"]), (303, &"/sign-in".parse().unwrap()));
    let again = browser.get("/account").await;
    assert_eq!(
        (again.status, &again.headers["location"]),
        (303, &"/sign-in?next=%2Faccount".parse().unwrap())
    );
    at.stop().await;
}
