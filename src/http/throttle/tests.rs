//! The events that each limit counts.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::*;
use crate::access::throttle::{Limit, Rate, Rates};
use crate::http::forwarded::ShownCertificate;
use crate::http::tls::{Protocol, ServedAs};

const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

/// A limit that no test outlives.
fn two() -> Rate {
    Rate::parse("2/h").unwrap().unwrap()
}

fn credential(authorization: &str) -> Result<Credential, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization.parse().unwrap());
    Credential::of(&headers)
}

fn peer(client: IpAddr) -> Peer {
    Peer {
        address: (client, 4711).into(),
        client,
        certificate: ShownCertificate::Nothing,
        served_as: ServedAs::Own,
        protocol: Protocol::Http1,
    }
}

fn limits(permission: Permission, address: IpAddr) -> RequestLimits {
    RequestLimits::of(permission, &credential("Basic YTpi"), false, &peer(address))
}

fn passes(limits: RequestLimits, throttles: &Throttles) -> bool {
    let passed = limits.arrived(throttles);
    passed
        .map_err(|problem| {
            assert_eq!((problem.status().as_u16(), problem.code.as_str()), (429, "rate_limited"))
        })
        .is_ok()
}

#[test]
fn requests_of_users_are_counted_by_address() {
    let throttles = Throttles::new(&Rates::from([(Limit::Address, two())]));
    let by = |address| passes(limits(Permission::ReadTokens, address), &throttles);
    assert_eq!([by(STRANGER), by(STRANGER), by(STRANGER), by(OTHER)], [true, true, false, true]);
    let free = [
        Permission::Anyone,
        Permission::Redeem,
        Permission::BeHost,
        Permission::HostOrKey,
        Permission::Introspect,
    ];
    for free in free {
        assert!(passes(limits(free, STRANGER), &throttles), "{free:?}");
    }
}

#[test]
fn only_refused_opaque_keys_count_on_routes_of_hosts() {
    let throttles = Throttles::new(&Rates::from([(Limit::RefusedAddress, two())]));
    let ends = |credential, status| {
        let limits = RequestLimits::of(Permission::HostOrKey, &credential, false, &peer(STRANGER));
        limits.answered(&throttles, status).is_ok()
    };
    for _ in 0..10 {
        assert!(ends(Ok(Credential::None), StatusCode::UNAUTHORIZED));
        assert!(ends(credential("Bearer gph_abc"), StatusCode::OK));
    }
    let refused = [(); 3].map(|()| ends(credential("Bearer gph_abc"), StatusCode::UNAUTHORIZED));
    assert_eq!(refused, [true, true, false]);
}

#[test]
fn refusals_are_counted_and_good_requests_pass() {
    let throttles = Throttles::new(&Rates::from([(Limit::RefusedAddress, two())]));
    let ends = |permission, address, status| limits(permission, address).answered(&throttles, status).is_ok();
    for _ in 0..10 {
        assert!(ends(Permission::Read, STRANGER, StatusCode::OK));
        assert!(ends(Permission::Redeem, STRANGER, StatusCode::UNAUTHORIZED));
        assert!(ends(Permission::WriteTokens, STRANGER, StatusCode::FORBIDDEN), "the credential is good");
        assert!(ends(Permission::BeHost, STRANGER, StatusCode::UNAUTHORIZED));
    }
    assert!(ends(Permission::Read, STRANGER, StatusCode::UNAUTHORIZED));
    assert!(ends(Permission::Introspect, STRANGER, StatusCode::UNAUTHORIZED));
    for guarded in [Permission::Read, Permission::WriteTokens, Permission::Introspect, Permission::SignIn] {
        assert!(!ends(guarded, STRANGER, StatusCode::UNAUTHORIZED), "{guarded:?}");
        assert!(ends(guarded, STRANGER, StatusCode::OK), "{guarded:?}");
        assert!(passes(limits(guarded, STRANGER), &throttles), "{guarded:?}");
    }
    assert!(ends(Permission::Read, OTHER, StatusCode::UNAUTHORIZED));
    let host = Peer { certificate: ShownCertificate::Own(Arc::default()), ..peer(STRANGER) };
    for (peer, counts) in [(peer(STRANGER), true), (host, false)] {
        let without = RequestLimits::of(Permission::Introspect, &Ok(Credential::None), false, &peer);
        assert_eq!(without.answered(&throttles, StatusCode::UNAUTHORIZED).is_err(), counts);
    }
}

#[test]
fn each_actor_is_counted_alone_at_any_address() {
    let throttles = Throttles::new(&Rates::from([(Limit::Actor, two())]));
    let acts = |name: &str, address| {
        limits(Permission::Read, address).acts(&throttles, &Actor::User(name.to_owned()), None).is_ok()
    };
    assert!(acts("anna", STRANGER) && acts("anna", OTHER));
    assert!(!acts("anna", STRANGER));
    assert!(acts("bert", STRANGER));
}

#[test]
fn sign_ins_share_no_bucket_of_an_actor() {
    let throttles = Throttles::new(&Rates::from([(Limit::Actor, two())]));
    let signing_in = limits(Permission::SignIn, STRANGER);
    for _ in 0..10 {
        assert!(signing_in.acts(&throttles, &Actor::Anyone, None).is_ok());
    }
}

#[test]
fn only_the_right_local_credential_is_unlimited() {
    let all = [Limit::Address, Limit::RefusedAddress, Limit::Actor];
    let throttles = Throttles::new(&all.map(|limit| (limit, two())).into());
    let with = |secret: &str| {
        let credential = credential(&format!("Bearer {secret}"));
        RequestLimits::of(Permission::Administer, &credential, secret == "gpl_right", &peer(STRANGER))
    };
    for _ in 0..10 {
        assert!(passes(with("gpl_right"), &throttles));
        assert!(with("gpl_right").acts(&throttles, &Actor::Local, None).is_ok());
    }
    assert!(passes(with("gpl_wrong"), &throttles) && passes(with("gpl_wrong"), &throttles));
    assert!(!passes(with("gpl_wrong"), &throttles));
    assert!(passes(with("gpl_right"), &throttles));
}
