//! All rules together: the oldest that matches and has room counts the host.

use serde::Serialize;
use utoipa::ToSchema;

use super::rule::{Applicant, Mismatch, Rule};
use crate::id::{PolicyId, RuleId};
use crate::name::Label;

/// All rules, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// The answer of all rules about one enrollment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RuleDecision)]
pub struct Decision {
    /// The rule that admits the host; `null`: no rule does.
    #[schema(required)]
    pub rule: Option<NamedRule>,
    /// Every other rule, oldest first.
    pub others: Vec<OtherRule>,
}

/// A rule by id and label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedRule {
    /// Id of the rule.
    pub id: RuleId,
    /// Label of the rule.
    pub label: Label,
}

/// A rule that does not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OtherRule {
    /// Its id and label.
    #[serde(flatten)]
    pub rule: NamedRule,
    /// The reasons: at least one.
    #[schema(value_type = Vec<String>, example = json!(["the rule does not allow director"]))]
    pub reasons: Vec<Mismatch>,
}

impl Rules {
    /// These rules. Their ids give the order.
    pub fn of(mut rules: Vec<Rule>) -> Self {
        rules.sort_unstable_by_key(|rule| rule.id);
        Self(rules)
    }

    /// The rules that would admit the applicant with a token of this policy if they had room: id and revision, oldest first.
    pub fn matching(
        &self,
        applicant: &Applicant,
        policy: Option<PolicyId>,
    ) -> impl Iterator<Item = (RuleId, u64)> {
        let matching = self.0.iter().filter(move |rule| rule.judge(applicant, policy).is_ok());
        matching.map(|rule| (rule.id, rule.revision))
    }

    /// Decides about the applicant with a token of this policy, and gives the reasons of every rule that does not. `admitted`
    /// counts a rule's hosts.
    pub fn decide(
        &self,
        applicant: &Applicant,
        policy: Option<PolicyId>,
        admitted: impl Fn(RuleId) -> u64,
    ) -> Decision {
        let mut decision = Decision::default();
        for rule in &self.0 {
            let named = NamedRule { id: rule.id, label: rule.terms.label.clone() };
            let mut reasons = rule.judge(applicant, policy).err().unwrap_or_default();
            reasons.extend(rule.terms.full(admitted(rule.id)));
            match &decision.rule {
                None if reasons.is_empty() => {
                    decision.rule = Some(named);
                    continue;
                }
                Some(older) if reasons.is_empty() => reasons.push(Mismatch::Younger(older.id)),
                _ => {}
            }
            decision.others.push(OtherRule { rule: named, reasons });
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::admission::rule_world::{applicant, open, terms};
    use crate::clock::Timestamp;

    fn rules() -> impl Strategy<Value = (Rules, Vec<u64>)> {
        let rule = (terms(), 0..4_u64);
        vec(rule, 0..5).prop_map(|rules| {
            let id = |place| RuleId::generate(Timestamp::from_secs(place as i64 + 1));
            let (terms, admitted): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
            let rule = |(place, terms)| Rule { id: id(place), revision: 1, policies: None, terms };
            (Rules(terms.into_iter().enumerate().map(rule).collect()), admitted)
        })
    }

    proptest! {
        #[test]
        fn the_oldest_matching_rule_with_room_decides((rules, admitted) in rules(), applicant in applicant()) {
            let place = |id| rules.0.iter().position(|rule| rule.id == id).unwrap();
            let decision = rules.decide(&applicant, None, |id| admitted[place(id)]);
            let fits = |id: &RuleId| rules.0[place(*id)].terms.has_room(admitted[place(*id)]);
            let oldest = rules.matching(&applicant, None).map(|(id, _)| id).find(fits);
            prop_assert_eq!(decision.rule.as_ref().map(|rule| rule.id), oldest);
            prop_assert_eq!(decision.others.len() + decision.rule.iter().count(), rules.0.len());
            prop_assert!(decision.others.iter().all(|other| !other.reasons.is_empty()));
        }

        #[test]
        fn another_rule_never_refuses_an_admitted_host((rules, admitted) in rules(), applicant in applicant(), place in 0..5_usize) {
            let decides = |rules: &Rules, admitted: &[u64]| {
                let place = |id| rules.0.iter().position(|rule| rule.id == id).unwrap();
                rules.decide(&applicant, None, |id| admitted[place(id)]).rule.is_some()
            };
            let (mut fewer, mut counts) = (rules.clone(), admitted.clone());
            if place < fewer.0.len() {
                fewer.0.remove(place);
                counts.remove(place);
            }
            prop_assert!(decides(&rules, &admitted) || !decides(&fewer, &counts));
        }
    }

    #[test]
    fn a_rule_judges_the_policies_of_its_author() {
        let [own, foreign] = [1, 2].map(|number| PolicyId::from_bytes([number; 16]));
        let of = |policies| {
            let id = RuleId::generate(Timestamp::from_secs(1));
            let rules = Rules::of(vec![Rule { id, revision: 1, policies, terms: open() }]);
            [None, Some(own), Some(foreign)].map(|policy| {
                let decision = rules.decide(&Applicant::default(), policy, |_| 0);
                let refused = decision.others.iter().flat_map(|other| &other.reasons);
                assert!(refused.eq(policy.filter(|_| decision.rule.is_none()).map(Mismatch::Policy).iter()));
                let matches = rules.matching(&Applicant::default(), policy).count() == 1;
                assert_eq!(decision.rule.is_some(), matches, "the dry run decides as redeeming");
                matches
            })
        };
        assert_eq!(of(None), [true, true, true]);
        assert_eq!(of(Some(BTreeSet::from([own]))), [true, true, false]);
        assert_eq!(of(Some(BTreeSet::new())), [true, false, false]);
    }

    #[test]
    fn every_other_rule_gives_its_reasons() {
        let id = |at| RuleId::generate(Timestamp::from_secs(at));
        let rule = |at, terms| Rule { id: id(at), revision: 1, policies: None, terms };
        let open = open();
        let full = crate::admission::RuleTerms { max_nodes: Some(2), ..open.clone() };
        let rules = Rules::of(vec![rule(3, open.clone()), rule(1, full), rule(2, open)]);
        let [full, decides, younger] = [0, 1, 2].map(|place: usize| rules.0[place].id);
        let decision = rules.decide(&Applicant::default(), None, |_| 2);
        assert_eq!(decision.rule.map(|rule| rule.id), Some(decides));
        let others = decision.others.into_iter().map(|other| (other.rule.id, other.reasons));
        let reasons = [
            (full, vec![Mismatch::Full { admitted: 2, most: 2 }]),
            (younger, vec![Mismatch::Younger(decides)]),
        ];
        assert_eq!(others.collect::<Vec<_>>(), reasons);
        assert_eq!(reasons[0].1[0].to_string(), "the rule is full: 2 of 2 hosts");
    }
}
