//! Objects within requests. serde also accepts a list as the members of an object in their order: `{"bind":["c1"]}`.

use serde::{Deserialize, Deserializer};

use crate::token::Object;

/// Reads a member that is an object, and refuses a list.
///
/// # Errors
/// It is not an object, or its members are invalid.
pub(in crate::http) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// Reads a member that is a list of objects.
///
/// # Errors
/// It is not a list, one of its items is not an object, or its members are invalid.
pub(in crate::http) fn objects<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(items.into_iter().map(|Object(item)| item).collect())
}

/// Reads a member that is a list of objects and may be absent.
///
/// # Errors
/// As [`objects`].
pub(in crate::http) fn given_objects<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    objects(deserializer).map(Some)
}

/// Reads a member that is an object or null.
///
/// # Errors
/// It is neither an object nor null, or its members are invalid.
pub(in crate::http) fn object_or_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let value = Option::<Object<T>>::deserialize(deserializer)?;
    Ok(value.map(|Object(value)| value))
}
