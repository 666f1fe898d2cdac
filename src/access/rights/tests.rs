//! I5: no act goes beyond its actor's limits, whatever the act and however rights were cut.

mod clusters;

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::access::limits::{Allowed, DnsNames, Most};
use crate::name::DnsName;

fn role() -> impl Strategy<Value = Role> {
    "[a-d]".prop_map(|text| Role::parse(&text).unwrap())
}

fn cluster() -> impl Strategy<Value = Cluster> {
    "[a-c]".prop_map(|text| Cluster::parse(&text).unwrap())
}

/// Names right under a wildcard, deeper ones, and wildcards at both heights.
fn pattern() -> impl Strategy<Value = DnsPattern> {
    let text = "(\\*|a|b)\\.(x|a\\.x)\\.org";
    text.prop_map(|text| DnsPattern::parse(&text).unwrap())
}

fn names() -> impl Strategy<Value = DnsNames> {
    prop_oneof![Just(DnsNames::ANY), btree_set(pattern(), 0..4).prop_map(DnsNames::only)]
}

fn clusters() -> impl Strategy<Value = Clusters> {
    prop_oneof![Just(Clusters::Any), btree_set(cluster(), 0..3).prop_map(Clusters::Only)]
}

fn policy() -> impl Strategy<Value = PolicyId> {
    (0..3u8).prop_map(|number| PolicyId::from_bytes([number; 16]))
}

fn policies() -> impl Strategy<Value = Allowed<PolicyId>> {
    prop_oneof![Just(Allowed::Any), btree_set(policy(), 0..3).prop_map(Allowed::Only)]
}

fn limits() -> impl Strategy<Value = Limits> {
    let roles = prop_oneof![Just(Allowed::Any), btree_set(role(), 0..4).prop_map(Allowed::Only)];
    let ttl = prop_oneof![Just(Most::Any), (1..5u64).prop_map(|s| Most::UpTo(Duration::from_secs(s)))];
    let uses = prop_oneof![Just(Most::Any), (1..5u32).prop_map(Most::UpTo)];
    (roles, names(), ttl, uses, any::<bool>(), clusters(), policies()).prop_map(
        |(roles, dns_names, max_ttl, max_uses, persistent, clusters, policies)| Limits {
            roles,
            dns_names,
            max_ttl,
            max_uses,
            persistent,
            clusters,
            policies,
        },
    )
}

fn rights() -> impl Strategy<Value = Rights> {
    let scopes = vec(proptest::sample::select(Scope::ALL.to_vec()), 0..4);
    (scopes, limits()).prop_map(|(scopes, limits)| Rights::of_scopes(&scopes, limits))
}

/// An act that owns what it is about.
#[derive(Clone, Debug)]
enum Asked {
    Mint(
        u32,
        Vec<Role>,
        Vec<DnsPattern>,
        bool,
        Option<Duration>,
        Option<u32>,
        Option<Cluster>,
        Option<PolicyId>,
    ),
    Service(Vec<Role>, Duration),
    Lives(Duration, bool),
    Roles(Vec<Role>),
    Rule(Vec<Role>, Vec<DnsPattern>, Option<Cluster>, Option<u32>, Option<BTreeSet<PolicyId>>),
    NewPolicy,
    Policy(PolicyId),
    Give(Rights),
}

impl Asked {
    fn judge(&self, rights: &Rights) -> Result<(), Vec<Excess>> {
        rights.judge(match self {
            Self::Mint(count, roles, dns_names, persistent, lasts, uses, cluster, policy) => {
                let (persistent, lasts, uses, policy) = (*persistent, *lasts, *uses, *policy);
                let cluster = cluster.as_ref();
                let one = Act::Mint { roles, dns_names, persistent, lasts, uses, cluster, policy };
                return rights.judge(match count {
                    1 => one,
                    count => Act::MintMany { each: &one, count: *count },
                });
            }
            Self::Service(roles, lasts) => Act::MintServiceToken { roles, lasts: *lasts },
            Self::Lives(lasts, persistent) => Act::SetLives { lasts: *lasts, persistent: *persistent },
            Self::Roles(roles) => Act::SetRoles { before: &[], after: roles },
            Self::Rule(allowed_roles, names, cluster, most, policies) => {
                let (cluster, policies) = (cluster.as_ref(), policies.as_ref());
                Act::AdmitByRule { allowed_roles, names, cluster, most: *most, policies }
            }
            Self::NewPolicy => Act::CreatePolicy,
            Self::Policy(policy) => Act::ChangePolicy(*policy),
            Self::Give(rights) => Act::Give(rights),
        })
    }
}

fn lasts() -> impl Strategy<Value = Duration> {
    (1..6u64).prop_map(Duration::from_secs)
}

fn asked() -> impl Strategy<Value = Asked> {
    let roles = || vec(role(), 0..3);
    let mint = (
        1..4u32,
        roles(),
        vec(pattern(), 0..3),
        any::<bool>(),
        proptest::option::of(lasts()),
        proptest::option::of(1..6u32),
        proptest::option::of(cluster()),
        proptest::option::of(policy()),
    );
    let rule = (
        roles(),
        vec(pattern(), 0..3),
        proptest::option::of(cluster()),
        proptest::option::of(1..6u32),
        proptest::option::of(btree_set(policy(), 0..3)),
    );
    prop_oneof![
        mint.prop_map(|(count, roles, names, persistent, lasts, uses, cluster, policy)| Asked::Mint(
            count, roles, names, persistent, lasts, uses, cluster, policy
        )),
        (roles(), lasts()).prop_map(|(roles, lasts)| Asked::Service(roles, lasts)),
        (lasts(), any::<bool>()).prop_map(|(lasts, persistent)| Asked::Lives(lasts, persistent)),
        roles().prop_map(Asked::Roles),
        rule.prop_map(|(roles, names, cluster, most, policies)| Asked::Rule(
            roles, names, cluster, most, policies
        )),
        Just(Asked::NewPolicy),
        policy().prop_map(Asked::Policy),
        rights().prop_map(Asked::Give),
    ]
}

/// Every host name of this little world that a pattern could stand for, held one by one against what the limits stand for.
fn names_beyond(limits: &Limits, patterns: &[DnsPattern]) -> bool {
    if limits.dns_names == DnsNames::ANY {
        return false;
    }
    let hosts = ["a", "b", "c"].map(|first| ["x.org", "a.x.org"].map(|parent| format!("{first}.{parent}")));
    let all = ["*.x.org", "*.a.x.org"].into_iter().map(str::to_owned).chain(hosts.concat());
    let allowed =
        all.map(|text| DnsPattern::parse(&text).unwrap()).filter(|one| limits.dns_names.allows(one));
    let allowed = allowed.collect::<Vec<_>>();
    hosts.as_flattened().iter().map(|host| DnsName::parse(host).unwrap()).any(|host| {
        patterns.iter().any(|pattern| pattern.matches(&host)) && !allowed.iter().any(|one| one.matches(&host))
    })
}

fn roles_beyond(limits: &Limits, roles: &[Role]) -> bool {
    match &limits.roles {
        Allowed::Any => false,
        Allowed::Only(names) => !roles.iter().all(|role| names.contains(role)),
    }
}

fn policy_beyond(limits: &Limits, policy: PolicyId) -> bool {
    match &limits.policies {
        Allowed::Any => false,
        Allowed::Only(ids) => !ids.contains(&policy),
    }
}

/// Judges a rule: its roles and names, cluster, cap, and the policies that it was judged for.
fn is_rule_beyond(
    limits: &Limits,
    (allowed, names): (&[Role], &[DnsPattern]),
    cluster: Option<&Cluster>,
    most: Option<u32>,
    judged: Option<&BTreeSet<PolicyId>>,
) -> bool {
    let all_roles = allowed.is_empty() && limits.roles != Allowed::Any;
    let any_name = names.is_empty() && limits.dns_names != DnsNames::ANY;
    let cluster = match (&limits.clusters, cluster) {
        (Clusters::Any, _) => false,
        (Clusters::Only(names), Some(cluster)) => !names.contains(cluster),
        (_, _) => true,
    };
    let hosts = match (limits.max_uses, most) {
        (Most::Any, _) => false,
        (Most::UpTo(most), Some(hosts)) => hosts > most,
        (Most::UpTo(_), None) => true,
    };
    let policies = match judged {
        None => limits.policies != Allowed::Any,
        Some(judged) => judged.iter().any(|policy| policy_beyond(limits, *policy)),
    };
    all_roles
        || roles_beyond(limits, allowed)
        || any_name
        || names_beyond(limits, names)
        || cluster
        || hosts
        || policies
}

/// Said once more, by other means than the code's: every single thing that the act leads to, held against the limits.
fn is_beyond(rights: &Rights, asked: &Asked) -> bool {
    let limits = &rights.limits;
    let roles = |roles: &[Role]| roles_beyond(limits, roles);
    let life = |lasts: Option<Duration>| match (limits.max_ttl, lasts) {
        (Most::Any, _) => false,
        (Most::UpTo(_), None) => true,
        (Most::UpTo(most), Some(lasts)) => lasts > most,
    };
    let policies = |policy: PolicyId| policy_beyond(limits, policy);
    match asked {
        Asked::Mint(count, given, names, persistent, lasts, uses, cluster, policy) => {
            let uses = match (limits.max_uses, uses) {
                (Most::Any, _) => false,
                (Most::UpTo(_), None) => true,
                (Most::UpTo(most), Some(uses)) => count * uses > most,
            };
            let cluster = match (&limits.clusters, cluster) {
                (Clusters::Any, _) => false,
                (Clusters::Only(names), Some(cluster)) => !names.contains(cluster),
                (Clusters::Only(names), None) => !names.is_empty(),
                (Clusters::Nothing, _) => true,
            };
            roles(given)
                || names_beyond(limits, names)
                || life(*lasts)
                || uses
                || cluster
                || policy.is_some_and(policies)
                || (*persistent && !limits.persistent)
        }
        Asked::Service(given, lasts) => {
            let bound = !matches!(&limits.clusters, Clusters::Any)
                && !matches!(&limits.clusters, Clusters::Only(names) if names.is_empty());
            roles(given) || life(Some(*lasts)) || limits.max_uses != Most::Any || bound
        }
        Asked::Lives(lasts, persistent) => life(Some(*lasts)) || (*persistent && !limits.persistent),
        Asked::Roles(given) => roles(given),
        Asked::Rule(allowed, names, cluster, most, judged) => {
            is_rule_beyond(limits, (allowed, names), cluster.as_ref(), *most, judged.as_ref())
        }
        Asked::NewPolicy => limits.policies != Allowed::Any,
        Asked::Policy(policy) => policies(*policy),
        Asked::Give(given) => given.clone().within(rights) != *given,
    }
}

proptest! {
    #[test]
    fn i5_an_act_passes_within_every_limit(rights in rights(), asked in asked()) {
        prop_assert_eq!(asked.judge(&rights).is_err(), is_beyond(&rights, &asked));
    }

    #[test]
    fn i5_given_rights_never_exceed_their_giver(giver in rights(), given in rights(), asked in asked()) {
        if giver.judge(Act::Give(&given)).is_ok() && asked.judge(&given).is_ok() {
            prop_assert_eq!(asked.judge(&giver), Ok(()));
        }
    }

    #[test]
    fn i5_an_intersection_allows_what_both_allow(one in rights(), other in rights(), asked in asked()) {
        let both = asked.judge(&one).is_ok() && asked.judge(&other).is_ok();
        let cut = one.within(&other);
        prop_assert_eq!(asked.judge(&cut).is_ok(), both, "{:?}", cut);
    }

    #[test]
    fn i5_full_rights_pass_every_act(asked in asked()) {
        prop_assert_eq!(asked.judge(&Rights::ALL), Ok(()));
    }
}

#[test]
fn each_exceeded_limit_is_named() {
    let rights = Rights::of_scopes(&[Scope::TokensWrite], Limits::LEAST);
    let (roles, cluster) = ([Role::parse("director").unwrap()], Cluster::parse("east").unwrap());
    let names = [DnsPattern::parse("*.corp.example").unwrap()];
    let act = Act::Mint {
        roles: &roles,
        dns_names: &names,
        persistent: true,
        lasts: None,
        uses: None,
        cluster: Some(&cluster),
        policy: Some(PolicyId::from_bytes([7; 16])),
    };
    let excess = rights.judge(act).unwrap_err();
    let limits = excess.iter().map(|excess| excess.limit).collect::<Vec<_>>();
    assert_eq!(limits, ["roles", "dns_names", "max_ttl", "max_uses", "persistent", "clusters", "policies"]);
    assert_eq!(excess[0].message, "director asked for; your roles are limited to: none");
    assert_eq!(excess[1].message, "*.corp.example asked for; your DNS names are limited to: none");
    assert_eq!(excess[2].message, "a life without an end asked for; your tokens may live at most 1h");
    let given = rights.judge(Act::Give(&Rights::ALL)).unwrap_err();
    assert_eq!(given[0].limit, "permissions");
    assert!(given[0].message.contains("hosts:write"), "{}", given[0].message);
}

#[test]
fn an_open_rule_needs_callers_without_limits() {
    let open = Act::AdmitByRule { allowed_roles: &[], names: &[], cluster: None, most: None, policies: None };
    let rights = Rights::of_scopes(&[Scope::PoliciesWrite], Limits::LEAST);
    let messages =
        |act| rights.judge(act).unwrap_err().into_iter().map(|excess| excess.message).collect::<Vec<_>>();
    assert_eq!(
        messages(open),
        [
            "all roles asked for; your roles are limited to: none",
            "any name asked for; your DNS names are limited to: none",
            "every cluster asked for; your clusters are limited to: none",
            "any number of hosts asked for; your rules may admit at most 1",
            "every policy asked for; your policies are limited to: none",
        ]
    );
    assert_eq!(
        messages(Act::Revoke(&open))[0],
        "all roles admitted by the rule; your roles are limited to: none"
    );
}

#[test]
fn the_uses_of_many_tokens_count_together() {
    let most = |uses| Limits { max_uses: Most::UpTo(uses), ..Limits::ANY };
    let judge = |limits, count, uses| {
        let (roles, dns_names) = (&[], &[]);
        let (cluster, policy) = (None, None);
        let each = Act::Mint { roles, dns_names, persistent: false, lasts: None, uses, cluster, policy };
        Rights::of_role(UserRole::Operator, limits).judge(Act::MintMany { each: &each, count })
    };
    assert_eq!(judge(most(20), 10, Some(2)), Ok(()));
    let excess = judge(most(20), 7, Some(3)).unwrap_err();
    let message = "7 tokens of 3 uses asked for; all of them may have at most 20 together";
    assert_eq!(excess, [Excess { limit: "max_uses", message: message.to_owned() }]);
    // 2^16 * 2^16 uses are no number of the limit.
    assert!(judge(most(u32::MAX), 1 << 16, Some(1 << 16)).is_err());
    assert!(judge(most(20), 2, None).is_err());
    assert_eq!(judge(Limits::ANY, 1 << 16, Some(1 << 16)), Ok(()));
}

#[test]
fn a_bound_key_gives_only_its_audience() {
    let bound = |audience: Option<&str>| Rights { audience: audience.map(str::to_owned), ..Rights::ALL };
    let own = bound(Some("urn:a"));
    assert_eq!(own.judge(Act::Give(&own)), Ok(()));
    assert_eq!(Rights::ALL.judge(Act::Give(&own)), Ok(()));
    for given in [bound(None), bound(Some("urn:b"))] {
        let excess = own.judge(Act::Give(&given)).unwrap_err();
        assert_eq!(excess.iter().map(|excess| excess.limit).collect::<Vec<_>>(), ["audience"]);
        assert!(excess[0].message.ends_with("you may give at most: urn:a"), "{}", excess[0].message);
    }
    assert_eq!(own.clone().within(&Rights::ALL).audience, own.audience, "an owner does not widen it");
}

#[test]
fn a_service_token_exceeds_limits_of_uses_and_clusters() {
    let lasts = Duration::from_secs(60);
    let judge = |limits| {
        let excess = Rights::of_role(UserRole::Operator, limits)
            .judge(Act::MintServiceToken { roles: &[], lasts })
            .err()
            .unwrap_or_default();
        excess.iter().map(|excess| excess.limit).collect::<Vec<_>>()
    };
    let east = Clusters::Only(BTreeSet::from([Cluster::parse("east").unwrap()]));
    assert_eq!(judge(Limits::LEAST), ["max_uses"]);
    assert_eq!(judge(Limits { clusters: east, ..Limits::ANY }), ["clusters"]);
    assert_eq!(judge(Limits { clusters: Clusters::Nothing, ..Limits::ANY }), ["clusters"]);
    assert_eq!(judge(Limits { max_uses: Most::Any, ..Limits::LEAST }), Vec::<&str>::new());
}
