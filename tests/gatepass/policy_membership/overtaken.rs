//! Acts whose host or policy changes after they were judged, and before they are written.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use gatepass::access::Rights;
use gatepass::id::{HostId, PolicyId};
use gatepass::ledger::{Action, Draft};
use gatepass::name::Label;
use gatepass::service::membership::Target;
use gatepass::service::together::{HostsOrder, Which};
use gatepass::service::tokens::reenrollment::ReenrollmentOrder;
use gatepass::service::{Caller, HostError, ServiceError};
use gatepass::store::{ChangePolicy, PolicyChange};
use serde_json::{Value, json};

use super::{DAY, HOSTS, after_now, enroll, first_token, id_of, policy, proxies, renew, shown};
use crate::support::authority::token_of;
use crate::support::{Host, Running, database};

fn admin() -> Caller {
    Caller { rights: Rights::ALL, ..Caller::SYSTEM }
}

fn host_id(enrolled: &Value) -> HostId {
    HostId::parse(id_of(enrolled)).unwrap()
}

fn policy_id(policy: &Value) -> PolicyId {
    PolicyId::parse(policy["id"].as_str().unwrap()).unwrap()
}

/// An id of an answer in SQL.
fn blob(id: &Value) -> String {
    format!("x'{}'", id.as_str().unwrap().replace('-', ""))
}

/// Lets `act` judge, changes hosts before it writes, and lets it go on.
async fn overtaken<T>(at: &Running, change: &str, act: impl Future<Output = T>) -> T {
    at.settled().await;
    let held = database::hold(at.data_dir());
    held.execute_batch(&format!("UPDATE hosts SET revision = revision + 1, {change}")).unwrap();
    let mut act = pin!(act);
    // It reads the database as it was, and waits for the writer.
    let begun = std::future::poll_fn(|context| Poll::Ready(act.as_mut().poll(context))).await;
    assert!(begun.is_pending(), "it was written although the database was held");
    held.execute_batch("COMMIT").unwrap();
    act.await
}

/// The change of a move a second ago.
fn moved_to(at: &Running, policy: &Value) -> String {
    let moved_at = at.clock_reading().minus(Duration::from_secs(1)).millis();
    format!("policy = {}, moved_at = {moved_at}", blob(&policy["id"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_judged_by_the_policy_that_holds() {
    let (at, admin) = (Running::start().await, admin());
    let wide = policy(&at, json!({ "name": "wide", "roles": ["proxy", "director"] })).await;
    let narrow = proxies(&at, "narrow").await;
    let token = token_of(&at.mint(json!({ "policy": wide["id"], "roles": ["proxy"] })).await);
    let (_, enrolled) = enroll(&at, &token).await;
    let roles = ["proxy", "director"].map(str::to_owned);
    let giving = at.authority.hosts.set_roles(&admin, host_id(&enrolled), (&roles, false), None);
    let given = overtaken(&at, &moved_to(&at, &narrow), giving).await;
    assert!(matches!(given, Err(ServiceError::Host(HostError::RoleOutsidePolicy { .. }))), "{given:?}");
    assert_eq!(shown(&at, &enrolled).await["roles"], json!(["proxy"]));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_enrollment_token_keeps_a_concurrent_move() {
    let (at, admin) = (Running::start().await, admin());
    let (from, to) = (proxies(&at, "from").await, proxies(&at, "to").await);
    let (_, enrolled) = enroll(&at, &first_token(&from)).await;
    // The list of its status is open.
    at.mint_once().await;
    let expires_at = at.clock_reading().plus(Duration::from_secs(900));
    let order = ReenrollmentOrder { expires_at, label: Label::parse("").unwrap(), policy: None };
    let minting = at.authority.tokens.mint_reenrollment(&admin, host_id(&enrolled), order, None);
    let (minted, _) = overtaken(&at, &moved_to(&at, &to), minting).await.unwrap();
    assert_eq!(minted.grant().terms.policy, Some(policy_id(&to)));
    enroll(&at, minted.text().expose()).await;
    assert_eq!(shown(&at, &enrolled).await["policy"], to["id"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_ends_is_skipped_and_counted() {
    let (at, admin) = (Running::start().await, admin());
    let (from, to) = (proxies(&at, "from").await, proxies(&at, "to").await);
    let token = first_token(&from);
    let hosts = [enroll(&at, &token).await.1, enroll(&at, &token).await.1, enroll(&at, &token).await.1];
    let order = HostsOrder { which: Which::Ids(hosts.iter().map(host_id).collect()), expect: None };
    let ends = |host: &Value| {
        let now = at.clock_reading().millis();
        format!("revoked_at = {now} WHERE host = {}", blob(&host["host_id"]))
    };
    let target = Target { policy: Some(policy_id(&to)), drop_roles: false };
    let moving = at.authority.hosts.move_hosts(&admin, &order, target);
    let moved = overtaken(&at, &ends(&hosts[0]), moving).await.unwrap();
    assert_eq!((moved.moved, moved.ended, moved.unknown), (2, 1, 0));
    let giving = at.authority.hosts.set_roles_of(&admin, &order, (&[], false));
    let given = overtaken(&at, &ends(&hosts[1]), giving).await.unwrap();
    assert_eq!((given.changed, given.ended, given.unknown), (1, 2, 0));
    assert_eq!(shown(&at, &hosts[2]).await["roles"], json!([]));
    at.stop().await;
}

/// Gives certificates of a policy another lifetime. Memory does not notice.
async fn change_unnoticed(at: &Running, policy: &Value, days: u32) {
    let id = policy_id(policy);
    let mut before = at.store.policy(id).await.unwrap().unwrap();
    before.terms.certificate_lifetime = Some(DAY * days);
    let entry = Draft::done(Action::PolicyChanged, at.clock_reading(), "system");
    let command = ChangePolicy { policy: id, revision: before.revision, terms: before.terms, entry };
    assert_eq!(at.store.change_policy(command).await.unwrap(), PolicyChange::Done);
}

/// A redemption, a renewal, a re-enrollment and an approval are judged again under the policy as it is now.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_refuses_no_host() {
    let at = Running::start().await;
    let policy = policy(&at, json!({ "name": "edge", "roles": ["proxy"], "approval": "off" })).await;
    change_unnoticed(&at, &policy, 2).await;
    let (host, enrolled) = enroll(&at, &first_token(&policy)).await;
    assert_eq!(after_now(&at, &enrolled, "expires_at"), DAY * 2);
    change_unnoticed(&at, &policy, 3).await;
    assert_eq!(after_now(&at, &renew(&at, &host, &enrolled).await, "expires_at"), DAY * 3);
    let path = format!("{HOSTS}/{}/reenrollment-token", id_of(&enrolled));
    let minted = at.admin().post(&path, &json!({})).await.json;
    change_unnoticed(&at, &policy, 4).await;
    let (_, again) = enroll(&at, &token_of(&minted)).await;
    assert_eq!(after_now(&at, &again, "expires_at"), DAY * 4);
    let strict = json!({ "policy": policy["id"], "roles": ["proxy"], "approval": "require" });
    let strict = token_of(&at.mint(strict).await);
    let waits = Host::new();
    let waiting = waits.redeem(&at, &strict).await;
    assert_eq!(waiting.status, 202, "{}", waiting.text);
    change_unnoticed(&at, &policy, 5).await;
    let id = waiting.json["enrollment_id"].as_str().unwrap();
    let approved = at.admin().post(&format!("/api/v1/enrollments/{id}/approve"), &json!({})).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let admitted = waits.redeem(&at, &strict).await.json;
    assert_eq!(after_now(&at, &admitted, "expires_at"), DAY * 5);
    at.stop().await;
}
