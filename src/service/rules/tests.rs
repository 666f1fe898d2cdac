use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::access::limits::{Allowed, Clusters, DnsNames, Limits, Most};
use crate::access::{Actor, Rights, UserRole};
use crate::admission::rule_world::{applicant, open, terms};
use crate::name::Cluster;

fn caller(limits: Limits) -> Caller {
    let rights = Rights::of_role(UserRole::Operator, limits);
    Caller { actor: Actor::User("ops".to_owned()), rights, ..Caller::SYSTEM }
}

/// Either every name, or some of these.
fn some<T: Clone + Ord + std::fmt::Debug + 'static>(
    all: Vec<T>,
) -> impl Strategy<Value = Option<BTreeSet<T>>> {
    let count = all.len();
    proptest::option::of(prop::sample::subsequence(all, 0..=count).prop_map(BTreeSet::from_iter))
}

/// Limits in the world of the rules.
fn limits() -> impl Strategy<Value = Limits> {
    let roles = some(["proxy", "director"].map(|text| Role::parse(text).unwrap()).to_vec());
    let names = ["*.eu.example.org", "a.eu.example.org", "*.us.example.org"];
    let names = some(names.map(|text| DnsPattern::parse(text).unwrap()).to_vec());
    let clusters = some(["eu-1", "eu-2"].map(|text| Cluster::parse(text).unwrap()).to_vec());
    let policies = some(policies().to_vec());
    let most = proptest::option::of(1..4_u32);
    (roles, names, clusters, most, policies).prop_map(|(roles, names, clusters, most, policies)| Limits {
        roles: roles.map_or(Allowed::Any, Allowed::Only),
        dns_names: names.map_or(DnsNames::ANY, DnsNames::only),
        clusters: clusters.map_or(Clusters::Any, Clusters::Only),
        max_uses: most.map_or(Most::Any, Most::UpTo),
        policies: policies.map_or(Allowed::Any, Allowed::Only),
        ..Limits::ANY
    })
}

fn rule_of(terms: RuleTerms) -> Rule {
    Rule { id: RuleId::from_bytes([0; 16]), revision: 1, policies: None, terms }
}

fn policies() -> [PolicyId; 2] {
    [1, 2].map(|number| PolicyId::from_bytes([number; 16]))
}

proptest! {
    /// A caller that may not mint a grant cannot create a rule that admits it.
    #[test]
    fn i5_a_rule_admits_what_its_creator_may_mint(
        limits in limits(), rule in terms(), host in applicant(),
        policy in proptest::option::of(prop::sample::select(policies().to_vec())),
    ) {
        let caller = caller(limits);
        let judges = Rule { policies: policies_of(&caller), ..rule_of(rule.clone()) }.judges(policy);
        if may_make(&caller, &rule).is_ok() && judges && rule.judge(&host).is_ok() {
            let names = host.name.iter().map(|name| DnsPattern::parse(name.as_str()).unwrap());
            let minting = Act::Mint {
                roles: &host.roles,
                dns_names: &names.collect::<Vec<_>>(),
                persistent: false,
                lasts: Some(Duration::from_secs(60)),
                uses: Some(rule.max_nodes.unwrap_or(u32::MAX)),
                cluster: host.cluster.as_ref(),
                policy,
            };
            prop_assert_eq!(caller.may(minting), Ok(()));
        }
    }
}

#[test]
fn a_broken_example_is_named_with_the_reason() {
    let rule = RuleTerms {
        allowed_roles: vec![Role::parse("proxy").unwrap()],
        examples: vec![
            Example { applicant: Applicant::default(), admitted: true },
            Example { applicant: Applicant::default(), admitted: false },
            Example {
                applicant: Applicant {
                    roles: vec![Role::parse("director").unwrap()],
                    ..Applicant::default()
                },
                admitted: true,
            },
        ],
        ..open()
    };
    let faults = [
        FieldError::new("examples[1]", "the rule admits an enrollment without facts"),
        FieldError::new(
            "examples[2]",
            "the rule does not admit role=director: the rule does not allow director",
        ),
    ];
    assert_eq!(may_make(&caller(Limits::ANY), &rule), Err(RequestError::Fields(faults.to_vec())));
}

#[test]
fn an_edit_leaves_the_other_conditions() {
    let label = Label::parse("other").unwrap();
    let edit = RuleEdit { label: Some(label.clone()), max_nodes: Some(Some(3)), ..RuleEdit::default() };
    let before = RuleTerms { names: vec![DnsPattern::parse("*.eu.example.org").unwrap()], ..open() };
    let after = RuleTerms { label, max_nodes: Some(3), ..before.clone() };
    assert_eq!(edit.of(before.clone()), after);
    let reset = RuleEdit { max_nodes: Some(None), label: Some(before.label.clone()), ..RuleEdit::default() };
    assert_eq!(reset.of(after), before);
}
