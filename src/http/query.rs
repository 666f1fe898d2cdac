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
/// 400 with every repeated name, or for a malformed escape.
pub fn once(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs = with_joined_lists(decode_query(query)?);
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

/// Takes the pairs with these names, and reads them as fields.
///
/// # Errors
/// 400 with the parameter's name.
pub fn take<T: DeserializeOwned>(pairs: &mut Vec<(String, String)>, names: &[&str]) -> Result<T, Problem> {
    let (taken, rest) =
        std::mem::take(pairs).into_iter().partition(|(name, _)| names.contains(&name.as_str()));
    *pairs = rest;
    read(taken)
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
///
/// # Errors
/// 400: an escape is malformed.
pub fn decode_query(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let decode = |text: String| percent_decode(&text.replace('+', " ")).map(Cow::into_owned);
    let pairs = decode_pairs(query, str::to_owned).into_iter();
    pairs
        .map(|(name, value)| Ok((decode(name)?, decode(value)?)))
        .collect::<Result<_, _>>()
        .map_err(malformed)
}

/// The refusal of a malformed escape.
pub(super) fn malformed(error: MalformedEscape) -> Problem {
    Problem::bad_request(error.to_string())
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

/// A `%` without two hexadecimal digits, or escapes that are not UTF-8 together. Another reader could take it for another
/// text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a percent escape of the request is malformed: write each byte of UTF-8 text as `%` and two hexadecimal digits"
)]
pub struct MalformedEscape;

/// Decodes `%XX` (RFC 3986 section 2.1). Every percent escape is decoded here.
///
/// # Errors
/// An escape is malformed.
pub fn percent_decode(text: &str) -> Result<Cow<'_, str>, MalformedEscape> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    let digit = |bytes: &mut std::str::Bytes<'_>| char::from(bytes.next()?).to_digit(16);
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = digit(&mut bytes).zip(digit(&mut bytes)).ok_or(MalformedEscape)?;
                u8::try_from(digits.0 * 16 + digits.1).map_err(|_| MalformedEscape)?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| MalformedEscape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        for (text, decoded) in [("a%20b%2Fc", "a b/c"), ("%C3%bc", "\u{fc}"), ("\u{fc}", "\u{fc}"), ("", "")]
        {
            assert_eq!(percent_decode(text).unwrap(), decoded);
        }
    }

    #[test]
    fn malformed_escapes_are_refused() {
        for text in
            ["100%", "%", "%4", "%zz", "%+f", "%-1", "% 1", "%0x41", "%%41", "%\u{fc}x", "%e4", "%C3x"]
        {
            assert_eq!(percent_decode(text), Err(MalformedEscape), "{text}");
            assert_eq!(once(&format!("label={text}")).unwrap_err().status().as_u16(), 400, "{text}");
        }
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
            let problem = read::<Asked>(decode_query(query).unwrap()).err().unwrap();
            assert_eq!(problem.fields, [FieldError::new(field, message)]);
        }
        let asked = read::<Asked>(decode_query("hosts=revoke").unwrap()).unwrap();
        assert!(matches!(asked.hosts, Some(Fate::Revoke)));
    }

    #[test]
    fn a_query_is_split_into_decoded_pairs() {
        let pairs = decode_query("limit=10&label=two+words&&flag").unwrap();
        let expected = [("limit", "10"), ("label", "two words"), ("flag", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
