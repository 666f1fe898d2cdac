//! All rules together: the oldest that matches and has room counts the host.

use super::rule::{Applicant, Mismatch, Rule};
use crate::id::RuleId;

/// All rules, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// The answer of all rules about one enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'r> {
    /// The rule that admits the host; `None`: no rule does.
    pub rule: Option<&'r Rule>,
    /// Every other rule, oldest first, with its reasons.
    pub others: Vec<(&'r Rule, Vec<Mismatch>)>,
}

impl Rules {
    /// These rules. Their ids give the order.
    pub fn of(mut rules: Vec<Rule>) -> Self {
        rules.sort_unstable_by_key(|rule| rule.id);
        Self(rules)
    }

    /// The rules that would admit the applicant if they had room: id and revision, oldest first.
    pub fn matching(&self, applicant: &Applicant) -> impl Iterator<Item = (RuleId, u64)> {
        let matching = self.0.iter().filter(|rule| rule.terms.judge(applicant).is_ok());
        matching.map(|rule| (rule.id, rule.revision))
    }

    /// Decides about the applicant, and gives the reasons of every rule that does not. `admitted` counts a rule's hosts.
    pub fn decide(&self, applicant: &Applicant, admitted: impl Fn(RuleId) -> u64) -> Decision<'_> {
        let mut decision = Decision { rule: None, others: Vec::new() };
        for rule in &self.0 {
            let mut mismatches = rule.terms.judge(applicant).err().unwrap_or_default();
            mismatches.extend(rule.terms.full(admitted(rule.id)));
            match decision.rule {
                None if mismatches.is_empty() => {
                    decision.rule = Some(rule);
                    continue;
                }
                Some(older) if mismatches.is_empty() => mismatches.push(Mismatch::Younger(older.id)),
                _ => {}
            }
            decision.others.push((rule, mismatches));
        }
        decision
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::admission::rule::tests::{applicant, terms};
    use crate::clock::Timestamp;

    fn rules() -> impl Strategy<Value = (Rules, Vec<u64>)> {
        let rule = (terms(), 0..4_u64);
        vec(rule, 0..5).prop_map(|rules| {
            let id = |place| RuleId::generate(Timestamp::from_secs(place as i64 + 1));
            let (terms, admitted): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
            let rule = |(place, terms)| Rule { id: id(place), revision: 1, terms };
            (Rules(terms.into_iter().enumerate().map(rule).collect()), admitted)
        })
    }

    proptest! {
        #[test]
        fn the_oldest_matching_rule_with_room_decides((rules, admitted) in rules(), applicant in applicant()) {
            let place = |id| rules.0.iter().position(|rule| rule.id == id).unwrap();
            let decision = rules.decide(&applicant, |id| admitted[place(id)]);
            let fits = |id: &RuleId| rules.0[place(*id)].terms.has_room(admitted[place(*id)]);
            let oldest = rules.matching(&applicant).map(|(id, _)| id).find(fits);
            prop_assert_eq!(decision.rule.map(|rule| rule.id), oldest);
            prop_assert_eq!(decision.others.len() + decision.rule.iter().count(), rules.0.len());
            prop_assert!(decision.others.iter().all(|(_, reasons)| !reasons.is_empty()));
        }

        #[test]
        fn another_rule_never_refuses_an_admitted_host((rules, admitted) in rules(), applicant in applicant(), place in 0..5_usize) {
            let decides = |rules: &Rules, admitted: &[u64]| {
                let place = |id| rules.0.iter().position(|rule| rule.id == id).unwrap();
                rules.decide(&applicant, |id| admitted[place(id)]).rule.is_some()
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
    fn every_other_rule_gives_its_reasons() {
        let id = |at| RuleId::generate(Timestamp::from_secs(at));
        let rule = |at, terms| Rule { id: id(at), revision: 1, terms };
        let open = crate::admission::rule::tests::open();
        let full = crate::admission::RuleTerms { max_nodes: Some(2), ..open.clone() };
        let rules = Rules::of(vec![rule(3, open.clone()), rule(1, full), rule(2, open)]);
        let [full, decides, younger] = [&rules.0[0], &rules.0[1], &rules.0[2]];
        let decision = rules.decide(&Applicant::default(), |_| 2);
        assert_eq!(decision.rule, Some(decides));
        let reasons = [
            (full, vec![Mismatch::Full { admitted: 2, most: 2 }]),
            (younger, vec![Mismatch::Younger(decides.id)]),
        ];
        assert_eq!(decision.others, reasons);
        assert_eq!(reasons[0].1[0].to_string(), "the rule is full: 2 of 2 hosts");
    }
}
