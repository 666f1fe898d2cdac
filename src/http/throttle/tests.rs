//! What each limit counts, and what it leaves alone.

use super::*;
use crate::access::throttle::{Rate, Rates};

const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

/// So few that a test does not outlive a refill.
fn two() -> Option<Rate> {
    Rate::parse("2/h").unwrap()
}

fn headers(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization.parse().unwrap());
    headers
}

fn turnstile(permission: Permission, address: IpAddr) -> Turnstile {
    Turnstile::before(permission, &headers("Basic YTpi"), address, |_| false)
}

fn passes(turnstile: Turnstile, throttles: &Throttles) -> bool {
    let passed = turnstile.enter(throttles);
    passed
        .map_err(|problem| {
            assert_eq!((problem.status().as_u16(), problem.code.as_str()), (429, "rate_limited"))
        })
        .is_ok()
}

#[test]
fn requests_are_counted_by_address_where_users_are_judged() {
    let throttles = Throttles::new(&Rates { address: two(), ..Rates::default() });
    let by = |address| passes(turnstile(Permission::ReadTokens, address), &throttles);
    assert_eq!([by(STRANGER), by(STRANGER), by(STRANGER), by(OTHER)], [true, true, false, true]);
    for free in [Permission::Anyone, Permission::Redeem, Permission::BeHost, Permission::Introspect] {
        assert!(passes(turnstile(free, STRANGER), &throttles), "{free:?}");
    }
}

#[test]
fn refusals_are_counted_by_address_and_keep_no_good_request_out() {
    let throttles = Throttles::new(&Rates { refused_address: two(), ..Rates::default() });
    let ends = |permission, address, status| turnstile(permission, address).leave(&throttles, status).is_ok();
    for _ in 0..10 {
        assert!(ends(Permission::Read, STRANGER, StatusCode::OK));
        assert!(ends(Permission::Redeem, STRANGER, StatusCode::UNAUTHORIZED));
        assert!(ends(Permission::WriteTokens, STRANGER, StatusCode::FORBIDDEN), "a good credential");
        assert!(ends(Permission::BeHost, STRANGER, StatusCode::UNAUTHORIZED));
    }
    assert!(ends(Permission::Read, STRANGER, StatusCode::UNAUTHORIZED));
    assert!(ends(Permission::Introspect, STRANGER, StatusCode::UNAUTHORIZED));
    for guarded in [Permission::Read, Permission::WriteTokens, Permission::Introspect, Permission::SignIn] {
        assert!(!ends(guarded, STRANGER, StatusCode::UNAUTHORIZED), "{guarded:?}");
        assert!(ends(guarded, STRANGER, StatusCode::OK), "{guarded:?}");
        assert!(passes(turnstile(guarded, STRANGER), &throttles), "{guarded:?}");
    }
    assert!(ends(Permission::Read, OTHER, StatusCode::UNAUTHORIZED));
    let verifying_host = Turnstile::before(Permission::Introspect, &HeaderMap::new(), STRANGER, |_| false);
    assert!(verifying_host.leave(&throttles, StatusCode::UNAUTHORIZED).is_ok());
}

#[test]
fn actors_are_counted_each_by_themselves_wherever_they_come_from() {
    let throttles = Throttles::new(&Rates { actor: two(), ..Rates::default() });
    let acts = |name: &str, address| {
        turnstile(Permission::Read, address).act(&throttles, &Actor::User(name.to_owned()), None).is_ok()
    };
    assert!(acts("anna", STRANGER) && acts("anna", OTHER));
    assert!(!acts("anna", STRANGER));
    assert!(acts("bert", STRANGER));
}

#[test]
fn whoever_is_still_to_sign_in_shares_no_bucket_with_strangers() {
    let throttles = Throttles::new(&Rates { actor: two(), ..Rates::default() });
    let signing_in = turnstile(Permission::SignIn, STRANGER);
    for _ in 0..10 {
        assert!(signing_in.act(&throttles, &Actor::Anyone, None).is_ok());
    }
}

#[test]
fn the_local_credential_is_never_limited_and_a_wrong_one_is() {
    let rates = Rates { address: two(), refused_address: two(), actor: two(), ..Rates::default() };
    let throttles = Throttles::new(&rates);
    let with = |secret: &str| {
        let right = |secret: &Secret<String>| secret.expose() == "gpl_right";
        Turnstile::before(Permission::Administer, &headers(&format!("Bearer {secret}")), STRANGER, right)
    };
    for _ in 0..10 {
        assert!(passes(with("gpl_right"), &throttles));
        assert!(with("gpl_right").act(&throttles, &Actor::Local, None).is_ok());
    }
    assert!(passes(with("gpl_wrong"), &throttles) && passes(with("gpl_wrong"), &throttles));
    assert!(!passes(with("gpl_wrong"), &throttles));
    assert!(passes(with("gpl_right"), &throttles));
}
