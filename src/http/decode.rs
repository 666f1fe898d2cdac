//! JSON request bodies. Every error names its field.
//!
//! serde reads a list as the fields of an object in their order: `[["director"],true]` would mint a token. `Object` refuses it.

use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::service::FieldError;
use crate::token::Object;

/// Reads a body of the native API, with the errors of its unknown fields. The caller reports them together with other
/// errors.
///
/// # Errors
/// 400: the body is empty or not JSON, or a value has the wrong type.
pub fn native<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Vec<FieldError>), Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        // A body that was lost on the way must not stand for an act with its defaults.
        let message = "empty: send a JSON object; {} stands for the defaults";
        return Err(Problem::invalid_fields(vec![FieldError::new("body", message)]));
    }
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let placed = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let value: Result<Object<T>, _> = serde_ignored::deserialize(placed, |path| {
        unknown.push(FieldError::new(indexed(&path.to_string()), "no such field"));
    });
    let Object(value) = value.map_err(|error| misplaced(&track.path().to_string(), &error))?;
    json.end().map_err(|error| misplaced(".", &error))?;
    Ok((value, unknown))
}

/// The path `list.0.name` as `list[0].name`, in the way of other errors.
fn indexed(path: &str) -> String {
    let is_index = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let join = |mut path: String, part: &str| {
        match is_index(part) {
            true => path.push_str(&format!("[{part}]")),
            false if path.is_empty() => path.push_str(part),
            false => path.extend([".", part]),
        }
        path
    };
    path.split('.').fold(String::new(), join)
}

/// Reads a body of the native API without unknown fields.
///
/// # Errors
/// 400 with every unknown field, or the first value of a wrong type; also for an empty body.
pub fn strict<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let (value, unknown) = native(body)?;
    if unknown.is_empty() { Ok(value) } else { Err(Problem::invalid_fields(unknown)) }
}

/// Reads a body of a compat route. Unknown members are ignored, as in the original servers.
///
/// # Errors
/// 400: the body is not JSON, or a value has the wrong type.
pub fn lenient<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let Object(value) = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| misplaced(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| misplaced(".", &error))?;
    Ok(value)
}

fn misplaced(place: &str, error: &serde_json::Error) -> Problem {
    let field = if place == "." || place == "?" { "body" } else { place };
    let fault = match error.classify() {
        serde_json::error::Category::Data => fault(place, &error.to_string())
            .unwrap_or_else(|| FieldError::new(field, "not a value that fits here")),
        _ => {
            let what = format!("not JSON: broken at line {}, column {}", error.line(), error.column());
            FieldError::new(field, what)
        }
    };
    Problem::invalid_fields(vec![fault])
}

/// Turns serde's error of the value at `place` into an own text, such as `invalid type: string "x", expected a
/// sequence at line 1 column 5`. serde quotes the value, which may be a secret in the wrong field. Only the expected
/// type is reported. `None` if the text is not serde's.
pub(super) fn fault(place: &str, message: &str) -> Option<FieldError> {
    let top = matches!(place, "." | "?");
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    let what = match message.rsplit_once(", expected ") {
        _ if message.starts_with("unknown field") => "no such field".to_owned(),
        Some((found, expected)) if found.starts_with("unknown variant") => format!("must be {expected}"),
        // The rest is the name of a Rust type.
        Some((_, expected)) if expected.starts_with("struct ") => "wrong type: expected an object".to_owned(),
        Some((found, expected)) => expectation(found, expected),
        None if ["missing field", "duplicate field"].iter().any(|said| message.starts_with(said)) => {
            message.to_owned()
        }
        None => return None,
    };
    Some(FieldError::new(if top { "body" } else { place }, what))
}

/// Names an expected type in words of JSON. serde names Rust's types: `i64`, `a sequence`.
fn expectation(found: &str, expected: &str) -> String {
    let range = match expected {
        "i8" => Some((i8::MIN.into(), i8::MAX.into())),
        "i16" => Some((i16::MIN.into(), i16::MAX.into())),
        "i32" => Some((i32::MIN.into(), i32::MAX.into())),
        "i64" | "isize" => Some((i64::MIN.into(), i64::MAX.into())),
        "u8" => Some((0, u8::MAX.into())),
        "u16" => Some((0, u16::MAX.into())),
        "u32" => Some((0, u32::MAX.into())),
        "u64" | "usize" => Some((0_i128, i128::from(u64::MAX))),
        _ => None,
    };
    let words = match expected {
        _ if range.is_some() => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "an object",
        other => other,
    };
    match range {
        Some((least, most)) if found.starts_with("invalid value") => {
            format!("must be {words} from {least} to {most}")
        }
        _ => format!("wrong type: expected {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::MintRequest;

    #[test]
    fn a_type_error_names_the_field_not_its_value() {
        let problem = native::<MintRequest>(br#"{"roles":["a",{"secret":"hunter2"}]}"#).err().unwrap();
        assert_eq!(problem.fields[0].field, "roles[1]");
        assert!(!problem.detail.contains("hunter2"), "{}", problem.detail);
        let problem = native::<MintRequest>(br#"{"max_uses":"hunter2"}"#).err().unwrap();
        assert_eq!(problem.fields, [FieldError::new("max_uses", "wrong type: expected a whole number")]);
    }

    #[test]
    fn a_type_error_has_the_words_of_json() {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Every {
            signed: i64,
            unsigned: u32,
            small: u8,
            size: usize,
            real: f64,
            flag: bool,
            text: String,
            list: Vec<String>,
            map: std::collections::BTreeMap<String, u32>,
        }
        for (body, field, message) in [
            (r#"{"signed":5.0}"#, "signed", "wrong type: expected a whole number"),
            (r#"{"signed":1e20}"#, "signed", "wrong type: expected a whole number"),
            (r#"{"unsigned":"5"}"#, "unsigned", "wrong type: expected a whole number"),
            (r#"{"unsigned":5.5}"#, "unsigned", "wrong type: expected a whole number"),
            (r#"{"unsigned":-1}"#, "unsigned", "must be a whole number from 0 to 4294967295"),
            (r#"{"unsigned":4294967296}"#, "unsigned", "must be a whole number from 0 to 4294967295"),
            (r#"{"small":256}"#, "small", "must be a whole number from 0 to 255"),
            (r#"{"size":null}"#, "size", "wrong type: expected a whole number"),
            (r#"{"real":"x"}"#, "real", "wrong type: expected a number"),
            (r#"{"flag":1}"#, "flag", "wrong type: expected true or false"),
            (r#"{"text":1}"#, "text", "wrong type: expected a string"),
            (r#"{"list":{}}"#, "list", "wrong type: expected an array"),
            (r#"{"map":[]}"#, "map", "wrong type: expected an object"),
            (r#"{"map":{"a":"secret, expected u8"}}"#, "map.a", "wrong type: expected a whole number"),
        ] {
            for problem in [strict::<Every>(body.as_bytes()).err(), lenient::<Every>(body.as_bytes()).err()] {
                assert_eq!(problem.unwrap().fields, [FieldError::new(field, message)], "{body}");
            }
        }
        let every = strict::<Every>(br#"{"signed":5}"#).unwrap();
        assert_eq!((every.signed, every.unsigned, every.small, every.size), (5, 0, 0, 0));
        assert!(every.real == 0.0 && !every.flag && every.text.is_empty());
        assert!(every.list.is_empty() && every.map.is_empty());
    }

    #[test]
    fn an_empty_body_is_refused() {
        for body in [&b""[..], b" \n"] {
            let problem = strict::<MintRequest>(body).err().unwrap();
            let message = "empty: send a JSON object; {} stands for the defaults";
            assert_eq!(problem.fields, [FieldError::new("body", message)]);
        }
    }

    #[test]
    fn every_unknown_field_is_reported() {
        let problem = strict::<MintRequest>(br#"{"rolls":[],"tll":"1h"}"#).err().unwrap();
        let fields = problem.fields.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>();
        assert_eq!(fields, ["rolls", "tll"]);
    }

    #[test]
    fn an_unknown_field_in_a_list_has_its_index() {
        assert_eq!(indexed("examples.0.colour"), "examples[0].colour");
        assert_eq!(indexed("bind.x"), "bind.x");
        assert_eq!(indexed("list.12"), "list[12]");
    }

    #[test]
    fn a_list_does_not_pass_for_an_object() {
        for body in [&b"[]"[..], br#" [["director"], true]"#] {
            let problem = native::<MintRequest>(body).err().unwrap();
            assert_eq!(problem.fields, [FieldError::new("body", "wrong type: expected an object")]);
            assert!(lenient::<MintRequest>(body).is_err());
        }
    }

    #[test]
    fn a_body_must_be_an_object() {
        for body in [&b"null"[..], b" null\n", b"5", b"true", br#""hunter2""#] {
            for problem in [native::<MintRequest>(body).err(), lenient::<MintRequest>(body).err()] {
                let fields = problem.unwrap().fields;
                assert_eq!(fields, [FieldError::new("body", "wrong type: expected an object")]);
            }
        }
    }

    #[test]
    fn a_list_is_not_a_nested_object() {
        let problem = native::<MintRequest>(br#"{"bind":["c1"]}"#).err().unwrap();
        assert_eq!(problem.fields, [FieldError::new("bind", "wrong type: expected an object")]);
        let (request, unknown) = native::<MintRequest>(br#"{"bind":{"cluster":"c1","x":1}}"#).unwrap();
        assert_eq!(request.bind.cluster.as_deref(), Some("c1"));
        assert_eq!(unknown, [FieldError::new("bind.x", "no such field")]);
        assert!(native::<MintRequest>(br#"{"bind":null}"#).is_err());
    }

    #[test]
    fn an_unknown_word_gets_the_known_ones() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Kind {
            Bearer,
            Cookie,
        }
        #[derive(serde::Deserialize)]
        struct Body {
            kind: Kind,
        }
        let kind =
            |text: &str| strict::<Body>(format!(r#"{{"kind":"{text}"}}"#).as_bytes()).map(|body| body.kind);
        let problem = kind("hunter2, expected hunter3").err().unwrap();
        assert_eq!(problem.fields, [FieldError::new("kind", "must be `bearer` or `cookie`")]);
        assert!(matches!(kind("bearer"), Ok(Kind::Bearer)));
        assert!(matches!(kind("cookie"), Ok(Kind::Cookie)));
    }

    #[test]
    fn only_whitespace_may_follow_the_json() {
        assert!(strict::<MintRequest>(b"{}\n").is_ok());
        assert!(strict::<MintRequest>(b"{} {}").is_err());
        assert!(strict::<MintRequest>(b"{").is_err());
    }
}
