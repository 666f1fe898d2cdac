//! Strict JSON beyond serde's derive: an object is not an array, and null is not an absent member.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

/// A `T` read only from a JSON object. A derived struct alone also accepts an array of its fields.
///
/// Duplicate members are refused by the derive, unknown ones by its `deny_unknown_fields`.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Reads an optional member that is present: `null` is refused like any other value of the wrong type.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads `bytes` as one JSON object with nothing around it.
///
/// Escapes are refused, also in names of members. No text of a token needs one, and so each token has one spelling.
/// Returns `None` without a reason: the errors of serde echo the input.
pub(super) fn object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Option<T> {
    if bytes.first() != Some(&b'{') || bytes.last() != Some(&b'}') || bytes.contains(&b'\\') {
        return None;
    }
    serde_json::from_slice::<Object<T>>(bytes).ok().map(|Object(value)| value)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        n: u32,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        n: u32,
        #[serde(default, deserialize_with = "present")]
        inner: Option<Object<Inner>>,
    }

    #[test]
    fn an_object_with_its_members_is_read() {
        let outer: Outer = object(br#"{"n":1,"inner":{"n":2}}"#).unwrap();
        assert_eq!((outer.n, outer.inner.unwrap().0), (1, Inner { n: 2 }));
        assert!(object::<Outer>(br#"{"n":1}"#).unwrap().inner.is_none());
    }

    #[test]
    fn other_json_than_one_object_is_refused() {
        for wrong in [
            "",
            "{",
            "null",
            "[1]",
            "[1,null]",
            "{}",
            r#"{"n":null}"#,
            r#"{"n":1,"n":1}"#,
            r#"{"n":1,"\u006e":1}"#,
            r#"{"\u006e":1}"#,
            r#"{"n":1,"inner":{"\u006e":2}}"#,
            r#"{"n":1,"\u0069nner":{"n":2}}"#,
            r#"{"n":1,"inner":null}"#,
            r#"{"n":1,"inner":[2]}"#,
            r#"{"n":1,"inner":{"n":2,"n":2}}"#,
            r#"{"n":1,"inner":{"n":2},"inner":{"n":2}}"#,
            r#"{"n":1,"other":2}"#,
            r#"{"n":1}{"n":1}"#,
            r#"{"n":1} "#,
            "\u{feff}{\"n\":1}",
            r#" {"n":1}"#,
            r#"{"n":1.0}"#,
            r#"{"n":"1"}"#,
            r#"{"n":1,}"#,
        ] {
            assert!(object::<Outer>(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
