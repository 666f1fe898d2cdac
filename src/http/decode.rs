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
/// 400: the body is not JSON, or a value has the wrong type.
pub fn native<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Vec<FieldError>), Problem> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return native(b"{}");
    }
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    let placed = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let value: Result<Object<T>, _> = serde_ignored::deserialize(placed, |path| {
        unknown.push(FieldError::new(path.to_string(), "no such field"));
    });
    let Object(value) = value.map_err(|error| misplaced(&track.path().to_string(), &error))?;
    json.end().map_err(|error| misplaced(".", &error))?;
    Ok((value, unknown))
}

/// Reads a body of the native API without unknown fields.
///
/// # Errors
/// 400 with every unknown field, or the first value of a wrong type.
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
        Some((_, expected)) => format!("wrong type: expected {expected}"),
        None if ["missing field", "duplicate field"].iter().any(|said| message.starts_with(said)) => {
            message.to_owned()
        }
        None => return None,
    };
    Some(FieldError::new(if top { "body" } else { place }, what))
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
        assert_eq!(problem.fields, [FieldError::new("max_uses", "wrong type: expected i64")]);
    }

    #[test]
    fn every_unknown_field_is_reported() {
        let problem = strict::<MintRequest>(br#"{"rolls":[],"tll":"1h"}"#).err().unwrap();
        let fields = problem.fields.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>();
        assert_eq!(fields, ["rolls", "tll"]);
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
        assert!(strict::<MintRequest>(b"").is_ok());
    }
}
