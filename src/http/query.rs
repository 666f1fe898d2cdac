//! Queries: `name=value` pairs, percent-decoded, each name once. A list is one value with commas, or a repeated name.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::decode;
use super::problem::Problem;
use crate::service::FieldError;

/// Parameters that are lists. Some generated clients repeat the name although the document says `explode: false`.
const LISTS: [&str; 1] = ["state"];

/// The pairs of a query in which each name is unique. With two values it would be open which one counts. The values of
/// a list are joined by commas.
///
/// # Errors
/// 400 with every repeated name.
pub fn once(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs = with_joined_lists(decode_query(query));
    let mut names = BTreeSet::new();
    let twice = pairs.iter().filter(|(name, _)| !names.insert(name));
    let faults: Vec<_> =
        twice.map(|(name, _)| FieldError::new(name.as_str(), "is repeated: send it once")).collect();
    if faults.is_empty() { Ok(pairs) } else { Err(Problem::invalid_fields(faults)) }
}

fn with_joined_lists(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let (lists, mut pairs) =
        pairs.into_iter().partition::<Vec<_>, _>(|(name, _)| LISTS.contains(&name.as_str()));
    for list in LISTS {
        let values = lists.iter().filter(|(name, _)| name == list).map(|(_, value)| value.as_str());
        let values = values.collect::<Vec<_>>();
        if !values.is_empty() {
            pairs.push((list.to_owned(), values.join(",")));
        }
    }
    pairs
}

/// Reads pairs as fields. Unknown fields are rejected.
///
/// # Errors
/// 400 with the parameter's name.
pub fn read<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Problem> {
    let pairs = pairs.into_iter().map(|(name, value)| (name, serde_json::Value::String(value)));
    serde_path_to_error::deserialize(serde_json::Value::Object(pairs.collect())).map_err(|error| {
        let (place, message) = (error.path().to_string(), error.inner().to_string());
        let fault = decode::fault(&place, &message).unwrap_or_else(|| {
            let field = if place == "." { "query" } else { &place };
            FieldError::new(field, message)
        });
        Problem::invalid_fields(vec![fault])
    })
}

/// `name=value` pairs of a query or a form, percent-decoded.
pub fn decode_query(query: &str) -> Vec<(String, String)> {
    decode_pairs(query, |text| percent_decode(&text.replace('+', " ")).into_owned())
}

/// `name=value` pairs between `&`. `decode` decodes names and values.
pub fn decode_pairs(text: &str, decode: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Decodes `%XX`. Other text is kept, and broken UTF-8 replaced: nothing is rejected here.
pub fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while place < bytes.len() {
        let escaped = text.get(place + 1..place + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[place], escaped) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                place += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                place += 1;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_kept() {
        assert_eq!(percent_decode("a%20b%2Fc"), "a b/c");
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%e4"), "%zz\u{fffd}");
        assert_eq!(percent_decode("%\u{fc}x"), "%\u{fc}x");
    }

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Asked {
        hosts: Option<Fate>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Fate {
        Revoke,
    }

    #[test]
    fn a_repeated_name_is_refused() {
        for query in ["a=1&a=2", "a=1&b=2&%61=3", "flag&flag=true"] {
            let problem = once(query).err().unwrap();
            assert_eq!((problem.status().as_u16(), problem.fields.len()), (400, 1), "{query}");
            assert_eq!(problem.fields[0].message, "is repeated: send it once");
        }
        assert_eq!(once("a=1&b=1&A=1").unwrap().len(), 3);
    }

    #[test]
    fn a_repeated_list_is_joined() {
        let pairs = |query: &str| {
            let mut pairs = once(query).unwrap();
            pairs.sort();
            pairs
        };
        let expected = [("a", "1"), ("state", "used,expired,live")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs("state=used&a=1&state=expired%2Clive"), expected);
        assert_eq!(pairs("a=1&state=used,expired&state=live"), expected);
        assert!(once("state=used&label=a&label=b").is_err());
        assert_eq!(once("state=").unwrap(), [("state".to_owned(), String::new())]);
    }

    #[test]
    fn an_error_names_the_parameter() {
        for (query, field, message) in [
            ("hosts=keep", "hosts", "must be `revoke`"),
            ("colour=red", "colour", "no such field"),
            ("hosts=x, expected hunter2", "hosts", "must be `revoke`"),
        ] {
            let problem = read::<Asked>(decode_query(query)).err().unwrap();
            assert_eq!(problem.fields, [FieldError::new(field, message)]);
        }
        let asked = read::<Asked>(decode_query("hosts=revoke")).unwrap();
        assert!(matches!(asked.hosts, Some(Fate::Revoke)));
    }

    #[test]
    fn a_query_is_split_into_decoded_pairs() {
        let pairs = decode_query("limit=10&label=two+words&&flag");
        let expected = [("limit", "10"), ("label", "two words"), ("flag", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
