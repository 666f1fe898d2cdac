use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

/// A rule that admits every host.
pub(crate) fn open() -> RuleTerms {
    RuleTerms {
        cluster_id: RuleCluster::Any,
        label: Label::parse("rack").unwrap(),
        allowed_roles: Vec::new(),
        max_nodes: None,
        addresses: Vec::new(),
        names: Vec::new(),
        examples: Vec::new(),
    }
}

fn cluster() -> impl Strategy<Value = Cluster> {
    prop::sample::select(vec!["eu-1", "eu-2"]).prop_map(|text| Cluster::parse(text).unwrap())
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    vec(prop::sample::select(vec!["proxy", "director"]).prop_map(|text| Role::parse(text).unwrap()), 0..3)
}

/// Enrollments of a little world, in which rules match often.
pub(crate) fn applicant() -> impl Strategy<Value = Applicant> {
    let names = vec!["a.eu.example.org", "b.eu.example.org", "a.us.example.org"];
    let name = prop::sample::select(names).prop_map(|text| DnsName::parse(text).unwrap());
    let addresses = vec!["10.0.0.1", "::ffff:10.0.0.2", "192.0.2.1", "2001:db8::1"];
    let address = prop::sample::select(addresses).prop_map(|text| text.parse().unwrap());
    (option::of(cluster()), roles(), option::of(address), option::of(name))
        .prop_map(|(cluster, roles, address, name)| Applicant { cluster, roles, address, name })
}

/// Rules of the same world.
pub(crate) fn terms() -> impl Strategy<Value = RuleTerms> {
    let names = vec!["a.eu.example.org", "*.eu.example.org", "*.us.example.org"];
    let names = vec(prop::sample::select(names).prop_map(|text| DnsPattern::parse(text).unwrap()), 0..3);
    let ranges = vec!["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "0.0.0.0/0"];
    let ranges = vec(prop::sample::select(ranges).prop_map(|text| AddressRange::parse(text).unwrap()), 0..3);
    (option::of(cluster()), roles(), option::of(1..4_u32), ranges, names).prop_map(
        |(cluster, allowed_roles, max_nodes, addresses, names)| RuleTerms {
            cluster_id: cluster.into(),
            allowed_roles,
            max_nodes,
            addresses,
            names,
            ..open()
        },
    )
}

/// The conditions of a rule again, in other words than the code's.
fn admits(rule: &RuleTerms, applicant: &Applicant) -> bool {
    let RuleTerms { cluster_id, allowed_roles, addresses, names, .. } = rule;
    let cluster =
        *cluster_id == RuleCluster::Any || Some(cluster_id.to_string()) == shown(&applicant.cluster);
    let roles = applicant.roles.iter().filter(|role| allowed_roles.contains(role)).count();
    let ranges = addresses.iter().map(|range| range.to_string()).collect::<Vec<_>>();
    let address = match applicant.address.map(|address| address.to_canonical().to_string()).as_deref() {
        None => false,
        Some(v6) if v6.contains(':') => ranges.iter().any(|range| range == "2001:db8::/32"),
        Some(v4) => ranges.iter().any(|range| {
            range == v4 || range == "0.0.0.0/0" || (range == "10.0.0.0/8" && v4.starts_with("10."))
        }),
    };
    let name = applicant.name.as_ref().is_some_and(|name| {
        let (_, parent) = name.as_str().split_once('.').unwrap();
        names.iter().any(|one| one.as_str() == name.as_str() || one.as_str() == format!("*.{parent}"))
    });
    cluster
        && (allowed_roles.is_empty() || roles == applicant.roles.len())
        && (ranges.is_empty() || address)
        && (names.is_empty() || name)
}

fn shown(cluster: &Option<Cluster>) -> Option<String> {
    cluster.as_ref().map(Cluster::to_string)
}

proptest! {
    #[test]
    fn a_rule_admits_if_all_its_conditions_hold(rule in terms(), applicant in applicant()) {
        prop_assert_eq!(rule.judge(&applicant).is_ok(), admits(&rule, &applicant));
    }

    #[test]
    fn an_empty_list_does_not_restrict(rule in terms(), applicant in applicant()) {
        let rule = RuleTerms { allowed_roles: Vec::new(), addresses: Vec::new(), names: Vec::new(), ..rule };
        prop_assert_eq!(rule.judge(&applicant).is_ok(), admits(&rule, &applicant));
        let any = RuleTerms { cluster_id: RuleCluster::Any, ..rule };
        prop_assert_eq!(any.judge(&applicant), Ok(()));
    }

    #[test]
    fn examples_hold_as_the_rule_decides(rule in terms(), applicant in applicant(), admitted in any::<bool>()) {
        let right = rule.judge(&applicant).is_ok() == admitted;
        let rule = RuleTerms { examples: vec![Example { applicant, admitted }], ..rule };
        prop_assert_eq!(rule.broken_examples().is_empty(), right);
    }
}

#[test]
fn a_named_cluster_needs_a_token_bound_to_it() {
    let cluster = |text| Cluster::parse(text).unwrap();
    let rule = RuleTerms { cluster_id: RuleCluster::Named(cluster("eu-1")), ..open() };
    let bound = |cluster| Applicant { cluster, ..Applicant::default() };
    assert_eq!(rule.judge(&bound(Some(cluster("eu-1")))), Ok(()));
    for (token, text) in [
        (None, "the rule is for cluster eu-1, and the token is bound to none"),
        (Some(cluster("eu-2")), "the rule is for cluster eu-1, and the token is bound to cluster eu-2"),
    ] {
        let refused = rule.judge(&bound(token)).unwrap_err();
        assert_eq!(refused.iter().map(Mismatch::to_string).collect::<Vec<_>>(), [text]);
    }
}

#[test]
fn every_condition_that_fails_is_named() {
    let rule = RuleTerms {
        allowed_roles: vec![Role::parse("proxy").unwrap()],
        addresses: vec![AddressRange::parse("10.0.0.0/8").unwrap()],
        names: vec![DnsPattern::parse("*.eu.example.org").unwrap()],
        ..open()
    };
    let texts = |applicant: &Applicant| {
        rule.judge(applicant).unwrap_err().iter().map(Mismatch::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        texts(&Applicant::default()),
        [
            "the host asks for no name, and the rule is for the names *.eu.example.org",
            "the host's address is not known, and the rule is for 10.0.0.0/8",
        ]
    );
    let applicant = Applicant {
        roles: vec![Role::parse("proxy").unwrap(), Role::parse("director").unwrap()],
        address: Some("::ffff:192.0.2.1".parse().unwrap()),
        name: Some(DnsName::parse("a.us.example.org").unwrap()),
        cluster: None,
    };
    assert_eq!(
        texts(&applicant),
        [
            "the rule does not allow director",
            "the host asks for the name a.us.example.org, and the rule is for the names *.eu.example.org",
            "the host's address is 192.0.2.1, and the rule is for 10.0.0.0/8",
        ]
    );
}

#[test]
fn a_rule_without_a_cap_always_has_room() {
    let capped = RuleTerms { max_nodes: Some(2), ..open() };
    assert!(capped.has_room(1) && !capped.has_room(2) && !capped.has_room(3));
    assert!(open().has_room(u64::MAX));
}
