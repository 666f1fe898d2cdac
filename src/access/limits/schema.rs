//! Limits as the OpenAPI document describes them.

use std::borrow::Cow;

use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{ANY, Limits, MOST_NAMES, NOTHING};

/// The members' names. One that is added does not compile until it is among them.
const fn members_of(limits: &Limits) -> [&'static str; 7] {
    let Limits { roles: _, dns_names: _, max_ttl: _, max_uses: _, persistent: _, clusters: _, policies: _ } =
        limits;
    ["roles", "dns_names", "max_ttl", "max_uses", "persistent", "clusters", "policies"]
}

/// Limits as a request writes them: `"any"`, or an object whose missing members are those of [`Limits::LEAST`].
pub struct RequestedLimits;

impl PartialSchema for Limits {
    fn schema() -> RefOr<Schema> {
        let description = "How far acts may go. An empty list allows none; `any` is no limit. `nothing` is what \
            two lists of clusters without a common one leave: no token at all. A service token has no bound on its uses \
            and is bound to no cluster: it needs `max_uses` `any`, and `clusters` `any` or empty.";
        let clusters =
            OneOfBuilder::new().item(names("Cluster")).item(named::<Unlimited>()).item(named::<NoClusters>());
        let limits = members().property("clusters", clusters).description(Some(description));
        members_of(&Self::LEAST).into_iter().fold(limits, ObjectBuilder::required).into()
    }
}

impl ToSchema for Limits {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Limits")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Unlimited::name().into_owned(), Unlimited::schema()));
        schemas.push((NoClusters::name().into_owned(), NoClusters::schema()));
    }
}

impl PartialSchema for RequestedLimits {
    fn schema() -> RefOr<Schema> {
        let description = "How far acts may go: `any`, or an object. Without a member: no roles, no DNS names, an hour, one use, not \
            persistent, no clusters, no policies.";
        let any = OneOfBuilder::new().item(named::<PartialLimits>()).item(named::<Unlimited>());
        any.description(Some(description)).into()
    }
}

impl ToSchema for RequestedLimits {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("RequestedLimits")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((PartialLimits::name().into_owned(), PartialLimits::schema()));
        schemas.push((Unlimited::name().into_owned(), Unlimited::schema()));
    }
}

/// Limits some of which may be missing.
struct PartialLimits;

/// The word for no limit.
struct Unlimited;

/// The word for clusters that allow no token.
struct NoClusters;

impl PartialSchema for PartialLimits {
    fn schema() -> RefOr<Schema> {
        members().property("clusters", or_any(names("Cluster"))).into()
    }
}

impl PartialSchema for Unlimited {
    fn schema() -> RefOr<Schema> {
        word(ANY).description(Some("No limit.")).into()
    }
}

impl PartialSchema for NoClusters {
    fn schema() -> RefOr<Schema> {
        word(NOTHING).description(Some("No cluster, and no token without one.")).into()
    }
}

macro_rules! names {
    ($($schema:ident)*) => {$(
        impl ToSchema for $schema {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($schema))
            }
        }
    )*};
}

names!(PartialLimits Unlimited NoClusters);

/// A reference to a schema. Generated clients have no good name for one that stands inside another.
fn named<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
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
        .property("policies", or_any(names("PolicyId")))
}

fn names(schema: &str) -> Array {
    ArrayBuilder::new().items(Ref::from_schema_name(schema)).max_items(Some(MOST_NAMES)).build()
}

fn or_any(bound: impl Into<RefOr<Schema>>) -> Schema {
    OneOfBuilder::new().item(bound).item(named::<Unlimited>()).build().into()
}

fn word(word: &str) -> ObjectBuilder {
    text().enum_values(Some([word]))
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
