//! I5: a token leads to nothing beyond its grant, whatever is asked with it.

use std::collections::BTreeSet;
use std::time::Duration;

use gatepass::ca::BACKDATED;
use gatepass::host_certificate::HostPeer;
use gatepass::name::{DnsName, DnsPattern};
use gatepass::service::{HostError, ServiceError, TokenError};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use crate::support::authority::token_of;
use crate::support::{Host, Running, inside};

const ROLES: [&str; 4] = ["allocator", "coordinator", "director", "proxy"];
const PATTERNS: [&str; 4] = ["*.example.org", "node.example.org", "*.b.example.org", "other.test"];
const NAMES: [&str; 7] = [
    "node.example.org",
    "a.example.org",
    "a.b.example.org",
    "example.org",
    "other.test",
    "x.other.test",
    "localhost",
];

/// The grant, and the request made with it.
#[derive(Clone, Debug)]
struct Case {
    roles: BTreeSet<usize>,
    patterns: BTreeSet<usize>,
    uses: Option<u32>,
    persistent: bool,
    asks: Vec<Option<usize>>,
}

fn case() -> impl Strategy<Value = Case> {
    let grant = (btree_set(0..ROLES.len(), 0..4), btree_set(0..PATTERNS.len(), 0..4));
    (grant, option::of(1_u32..4), any::<bool>(), vec(option::of(0..NAMES.len()), 1..6)).prop_map(
        |((roles, patterns), uses, persistent, asks)| Case { roles, patterns, uses, persistent, asks },
    )
}

fn chosen<'a>(places: &BTreeSet<usize>, of: &[&'a str]) -> Vec<&'a str> {
    places.iter().map(|place| of[*place]).collect()
}

async fn check(case: Case, names_taken: &mut BTreeSet<&str>, at: &Running) {
    let (roles, patterns) = (chosen(&case.roles, &ROLES), chosen(&case.patterns, &PATTERNS));
    let request = json!({
        "roles": roles, "dns_names": patterns, "max_uses": case.uses, "persistent": case.persistent,
    });
    let minted = inside::mint(&at.authority, request).await.unwrap();
    let mut admitted = 0;
    for ask in case.asks {
        let name = ask.map(|place| NAMES[place]);
        let allowed = name.is_none_or(|name| {
            let name = DnsName::parse(name).unwrap();
            patterns.iter().any(|pattern| DnsPattern::parse(pattern).unwrap().matches(&name))
        });
        let answer = inside::redeem(&at.authority, minted.text().expose(), &Host::new().csr(), name).await;
        match answer {
            Ok(enrolled) => {
                assert!(allowed, "{name:?} is in none of {patterns:?}");
                admitted += 1;
                assert!(case.uses.is_none_or(|uses| admitted <= uses), "more hosts than uses");
                assert!(name.is_none_or(|name| names_taken.insert(name)), "{name:?} is another host's");
                assert_ne!(name, Some("localhost"), "the authority's own name");
                let identity = HostPeer::parse(&enrolled.certificate).unwrap();
                within(&identity, &roles, name, at);
                let stored = at.authority.hosts.show_host(enrolled.host).await.unwrap();
                assert_eq!(json!(stored.facts.roles), json!(roles));
            }
            Err(ServiceError::Token(TokenError::Binding(_))) => {
                assert!(!allowed, "{name:?} is in {patterns:?}")
            }
            Err(ServiceError::Host(HostError::NameTaken)) => {
                assert!(name.is_some_and(|name| name == "localhost" || names_taken.contains(name)));
            }
            Err(error) => assert_eq!(case.uses, Some(admitted), "{error}"),
        }
    }
}

/// The default of `hosts.certificate_lifetime`.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// The certificate says what was granted and asked, and nothing else, for as long as configured.
fn within(identity: &HostPeer, roles: &[&str], name: Option<&str>, at: &Running) {
    assert_eq!(json!(identity.roles), json!(roles));
    assert_eq!(identity.dns_name.as_ref().map(DnsName::as_str), name);
    let life = identity.not_after.since(identity.not_before);
    assert!(life <= CERTIFICATE_LIFETIME + BACKDATED, "{life:?}");
    assert!(identity.not_before <= at.authority.time.now());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn i5_no_request_exceeds_the_grant(cases in vec(case(), 40..60)) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let at = Running::start().await;
            let mut names_taken = BTreeSet::new();
            for case in cases {
                check(case, &mut names_taken, &at).await;
            }
            at.stop().await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_request_cannot_ask_for_roles() {
    let at = Running::start().await;
    let token = token_of(&at.mint(json!({ "roles": ["proxy"] })).await);
    let host = Host::new();
    let more = host.redeem_with(&at, &token, json!({ "roles": ["director"] })).await;
    assert_eq!((more.status, more.code()), (400, "invalid_request"), "{}", more.text);
    let enrolled = host.redeem(&at, &token).await;
    let client = host.client(&at, &enrolled.json);
    let next = Host::new();
    let more = client.post("/api/v1/renew", &json!({ "csr": next.csr(), "roles": ["director"] })).await;
    assert_eq!(more.status, 400);
    at.clock.advance(Duration::from_secs(10 * 86_400));
    let renewed = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(renewed.json["roles"], json!(["proxy"]), "{}", renewed.text);
    let der = gatepass::ca::pem_to_der("CERTIFICATE", renewed.json["certificate"].as_str().unwrap());
    within(&HostPeer::parse(&der.unwrap()).unwrap(), &["proxy"], None, &at);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_no_mint_exceeds_catalogue_or_longest_life() {
    let at = Running::start().await;
    for (request, field) in [
        (json!({ "roles": ["root"] }), "roles[0]"),
        (json!({ "ttl": "25h" }), "ttl"),
        (json!({ "ttl": "3651d", "persistent": true }), "ttl"),
        (json!({ "max_uses": 0 }), "max_uses"),
        (json!({ "dns_names": ["*"] }), "dns_names[0]"),
    ] {
        let said = at.admin().post("/api/v1/enrollment-tokens", &request).await;
        assert_eq!(
            (said.status, said.json["fields"][0]["field"].as_str()),
            (400, Some(field)),
            "{}",
            said.text
        );
    }
    at.stop().await;
}
