//! The tokens that a `kuery` selects.

use super::kuery::{self, Term};
use super::shapes::of_shown_name;
use crate::clock::Timestamp;
use crate::http::problem::Problem;
use crate::id::{PolicyId, TokenId};
use crate::store::FleetFilter;

/// The filter of a query; `None` if no token can match.
pub(super) fn filter(kuery: &str, now: Timestamp) -> Result<Option<FleetFilter>, Problem> {
    let mut filter = FleetFilter { policy: None, token: None, label: None, active: None, now };
    let mut can_match = true;
    for Term { field, value } in kuery::parse(kuery)? {
        can_match &= match field.as_str() {
            "policy_id" => set(&mut filter.policy, PolicyId::parse(&value)),
            "api_key_id" => set(&mut filter.token, TokenId::parse(&value)),
            "active" => {
                let active = value.parse().map_err(|_| kuery::refused("active is true or false"))?;
                set(&mut filter.active, Some(active))
            }
            "name" => match of_shown_name(&value) {
                Some((label, id)) => {
                    set(&mut filter.label, Some(label.to_owned())) && set(&mut filter.token, Some(id))
                }
                None => set(&mut filter.label, Some(value)),
            },
            _ => {
                let known = "the fields are policy_id, active, name, api_key_id";
                return Err(kuery::refused(format!("has an unknown field; {known}")));
            }
        };
    }
    Ok(can_match.then_some(filter))
}

/// Sets a condition. Returns false if nothing fits it, or it differs from an earlier one.
fn set<T: PartialEq>(condition: &mut Option<T>, value: Option<T>) -> bool {
    let fits = value.is_some() && (condition.is_none() || *condition == value);
    *condition = value;
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    #[test]
    fn a_query_becomes_a_filter() {
        let (policy, token) = (PolicyId::generate(NOW), TokenId::generate(NOW));
        let everything = FleetFilter { policy: None, token: None, label: None, active: None, now: NOW };
        let of = |text: &str| filter(text, NOW).ok();
        assert_eq!(of(""), Some(Some(everything.clone())));
        let live = FleetFilter { policy: Some(policy), active: Some(true), ..everything.clone() };
        assert_eq!(of(&format!("active:true and policy_id:{policy}")), Some(Some(live)));
        let named = FleetFilter { label: Some("a b".into()), token: Some(token), ..everything };
        assert_eq!(of(&format!("name:\"a b ({token})\"")), Some(Some(named)));
        let labelled = FleetFilter { label: Some("edge".into()), ..everything };
        assert_eq!(of("name:edge and name:edge"), Some(Some(labelled)));
        for nothing in ["policy_id:x", "api_key_id:x", "name:a and name:b", "active:true and active:false"] {
            assert_eq!(of(nothing), Some(None), "{nothing}");
        }
        for refused in ["hidden:true", "active:1", "active:TRUE"] {
            assert_eq!(of(refused), None, "{refused}");
        }
    }
}
