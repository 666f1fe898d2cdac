//! Limits in JSON, as requests, lists and the store have them.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ANY, Allowed, Limits, MOST_NAMES, Most};
use crate::span::parse_span;

impl<T: Serialize> Serialize for Allowed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str(ANY),
            Self::Only(names) => serializer.collect_seq(names),
        }
    }
}

impl Serialize for Most<Duration> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Most<u32> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str(ANY),
            Self::UpTo(most) => serializer.serialize_u32(*most),
        }
    }
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for Allowed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Ord> Visitor<'de> for Names<T> {
            type Value = Allowed<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST_NAMES} names, or \"any\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if text == ANY {
                    Ok(Allowed::Any)
                } else {
                    Err(E::invalid_type(de::Unexpected::Str(text), &self))
                }
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Self::Value, A::Error> {
                let mut only = BTreeSet::new();
                for taken in 0.. {
                    let Some(name) = names.next_element()? else { break };
                    if taken == MOST_NAMES {
                        return Err(expected(&format!("a list of at most {MOST_NAMES} names, or \"any\"")));
                    }
                    only.insert(name);
                }
                Ok(Allowed::Only(only))
            }
        }
        deserializer.deserialize_any(Names(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Most<Duration> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            ANY => Ok(Self::Any),
            text => parse_span(text).map(Self::UpTo).map_err(|_| expected("a span such as 15m, or \"any\"")),
        }
    }
}

impl<'de> Deserialize<'de> for Most<u32> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Amount;
        impl Visitor<'_> for Amount {
            type Value = Most<u32>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 1 to 4294967295, or \"any\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if text == ANY {
                    Ok(Most::Any)
                } else {
                    Err(E::invalid_type(de::Unexpected::Str(text), &self))
                }
            }
            fn visit_u64<E: de::Error>(self, amount: u64) -> Result<Self::Value, E> {
                let amount = u32::try_from(amount).ok().filter(|amount| *amount > 0);
                amount
                    .map(Most::UpTo)
                    .ok_or_else(|| E::custom("invalid value, expected a number from 1 to 4294967295"))
            }
        }
        deserializer.deserialize_any(Amount)
    }
}

/// In the words that name a wrong type, so that the wrong value is not repeated.
fn expected<E: de::Error>(what: &str) -> E {
    E::custom(format!("invalid value, expected {what}"))
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Limits;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of limits, or \"any\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if text == ANY {
                    Ok(Limits::ANY)
                } else {
                    Err(E::invalid_type(de::Unexpected::Str(text), &self))
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                Limits::deserialize(de::value::MapAccessDeserializer::new(members))
            }
        }
        deserializer.deserialize_any(Members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::name::Role;

    const POLICY: &str = "0198c0de-e1e2-7f50-9162-738495a6b7c8";

    fn read(value: Value) -> Result<Limits, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn an_absent_limit_is_the_least() {
        assert_eq!(read(json!({})).unwrap(), Limits::LEAST);
        assert_eq!(read(json!("any")).unwrap(), Limits::ANY);
        let some = read(json!({ "roles": ["allocator"], "max_uses": 10, "max_ttl": "any" })).unwrap();
        let roles = Allowed::Only(BTreeSet::from([Role::parse("allocator").unwrap()]));
        assert_eq!(some, Limits { roles, max_uses: Most::UpTo(10), max_ttl: Most::Any, ..Limits::LEAST });
    }

    #[test]
    fn limits_are_read_back_as_they_were_written() {
        let some = json!({ "roles": "any", "dns_names": ["*.eu.example.org"], "max_ttl": "36h", "max_uses": 3, "persistent": true, "clusters": ["a", "b"], "policies": [POLICY] });
        assert_eq!(serde_json::to_value(read(some.clone()).unwrap()).unwrap(), some);
        for limits in [Limits::ANY, Limits::LEAST] {
            assert_eq!(read(serde_json::to_value(&limits).unwrap()).unwrap(), limits);
        }
    }

    #[test]
    fn a_list_has_so_many_names_and_no_more() {
        for list in ["roles", "dns_names", "clusters"] {
            let of = |count| (0..count).map(|number| format!("n{number}")).collect::<Vec<_>>();
            assert!(read(json!({ list: of(MOST_NAMES) })).is_ok(), "{list}");
            let error = read(json!({ list: of(MOST_NAMES + 1) })).unwrap_err();
            assert!(error.contains("at most 64 names"), "{list}: {error}");
        }
    }

    #[test]
    fn malformed_limits_are_refused() {
        for wrong in [
            json!(null),
            json!("all"),
            json!([]),
            json!(1),
            json!({ "roles": null }),
            json!({ "roles": "allocator" }),
            json!({ "roles": ["Not A Role"] }),
            json!({ "dns_names": "*.eu.example.org" }),
            json!({ "dns_names": ["*"] }),
            json!({ "max_ttl": 3600 }),
            json!({ "max_ttl": "1 hour" }),
            json!({ "max_uses": 0 }),
            json!({ "max_uses": -1 }),
            json!({ "max_uses": null }),
            json!({ "max_uses": 4_294_967_296_u64 }),
            json!({ "persistent": "any" }),
            json!({ "clusters": [""] }),
            json!({ "policies": ["default"] }),
            json!({ "policies": POLICY }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
