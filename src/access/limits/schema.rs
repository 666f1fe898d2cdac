//! Limits as the OpenAPI document describes them.

use std::borrow::Cow;

use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{ANY, Limits, MOST_NAMES, NOTHING};

/// The members' names. One that is added does not compile until it is among them.
const fn members_of(limits: &Limits) -> [&'static str; 6] {
    let Limits { roles: _, dns_names: _, max_ttl: _, max_uses: _, persistent: _, clusters: _ } = limits;
    ["roles", "dns_names", "max_ttl", "max_uses", "persistent", "clusters"]
}

/// Limits as a request writes them: `"any"`, or an object whose missing members are those of [`Limits::LEAST`].
pub struct RequestedLimits;

impl PartialSchema for Limits {
    fn schema() -> RefOr<Schema> {
        let description = "How far acts may go. An empty list allows none; `any` is no limit. `nothing` is what \
            two lists of clusters without a common one leave: no token at all. A service token has no bound on its uses \
            and is bound to no cluster: it needs `max_uses` `any`, and `clusters` `any` or empty.";
        let clusters = OneOfBuilder::new().item(names("Cluster")).item(word(ANY)).item(word(NOTHING));
        let limits = members().property("clusters", clusters).description(Some(description));
        members_of(&Self::LEAST).into_iter().fold(limits, ObjectBuilder::required).into()
    }
}

impl ToSchema for Limits {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Limits")
    }
}

impl PartialSchema for RequestedLimits {
    fn schema() -> RefOr<Schema> {
        let description = "How far acts may go: `any`, or an object. Without a member: no roles, no DNS names, an hour, one use, not \
            persistent, no clusters.";
        let members = members().property("clusters", or_any(names("Cluster")));
        OneOfBuilder::new().description(Some(description)).item(members).item(word(ANY)).into()
    }
}

impl ToSchema for RequestedLimits {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("RequestedLimits")
    }
}

fn members() -> ObjectBuilder {
    let span = text().pattern(Some("^[0-9]+[smhd]$")).examples(["1h"]).build();
    let uses = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).examples([10]).build();
    ObjectBuilder::new()
        .property("roles", or_any(names("Role")))
        .property("dns_names", or_any(names("DnsPattern")))
        .property("max_ttl", or_any(span))
        .property("max_uses", or_any(uses))
        .property("persistent", ObjectBuilder::new().schema_type(Type::Boolean))
}

fn names(schema: &str) -> Array {
    ArrayBuilder::new().items(Ref::from_schema_name(schema)).max_items(Some(MOST_NAMES)).build()
}

fn or_any(bound: impl Into<RefOr<Schema>>) -> Schema {
    OneOfBuilder::new().item(bound).item(word(ANY)).build().into()
}

fn word(word: &str) -> Object {
    text().enum_values(Some([word])).build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_schema_has_every_member_of_limits() {
        let written = serde_json::to_value(Limits::LEAST).unwrap();
        let written: BTreeSet<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(BTreeSet::from(members_of(&Limits::LEAST)), written);
        let described = serde_json::to_value(Limits::schema()).unwrap();
        let described: BTreeSet<&str> =
            described["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(described, written);
    }
}
