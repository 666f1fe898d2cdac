//! `kuery`: `field:value` terms, joined by `and`. The rest of Kibana's query language is refused.

use crate::http::problem::Problem;

/// Maximum length of a query, in bytes.
const LONGEST: usize = 4096;

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Term {
    /// The field's name.
    pub(super) field: String,
    /// The value, without its quotes.
    pub(super) value: String,
}

/// Reads a query. An empty one has no terms.
///
/// # Errors
/// 400: it is more than terms joined by `and`.
pub(super) fn parse(text: &str) -> Result<Vec<Term>, Problem> {
    let mut rest = text.trim();
    let mut terms = Vec::new();
    if text.len() > LONGEST {
        return Err(refused(format!("is longer than {LONGEST} bytes")));
    }
    while !rest.is_empty() {
        let (term, after) = term(rest)?;
        terms.push(term);
        rest = match after.is_empty() {
            true => after,
            false => and(after).ok_or_else(|| refused("join terms by `and`; nothing else is supported"))?,
        };
    }
    Ok(terms)
}

/// A term at the beginning of `text`, and the text after it.
fn term(text: &str) -> Result<(Term, &str), Problem> {
    let unfit = || refused("must be `field:value`, or several of them joined by `and`");
    let (field, value) = text.split_once(':').ok_or_else(unfit)?;
    let field = field.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if field.is_empty() || !field.chars().all(is_name) {
        return Err(unfit());
    }
    let value = value.trim_start();
    let (value, after) = match value.strip_prefix('"') {
        Some(quoted) => quoted_value(quoted).ok_or_else(|| refused("has a quote without its end"))?,
        None => plain_value(value)?,
    };
    Ok((Term { field: field.to_owned(), value }, after))
}

/// A value before its closing quote. A backslash quotes the character after it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// A value before the next white space.
fn plain_value(text: &str) -> Result<(String, &str), Problem> {
    let (value, after) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    match value.is_empty() || value.contains(['*', '(', ')', '{', '}', '<', '>', '"', '\\', ':']) {
        true => {
            Err(refused("has a value that is empty or needs quotes; patterns and groups are not supported"))
        }
        false => Ok((value.to_owned(), after)),
    }
}

/// The text after `and`; `None` if that is not the next word, or nothing follows.
fn and(text: &str) -> Option<&str> {
    let word = text.trim_start();
    let joined =
        text.len() > word.len() && word.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("and"));
    let after = joined.then(|| &word[3..])?;
    let next = after.trim_start();
    (after.len() > next.len() && !next.is_empty()).then_some(next)
}

/// The refusal of a query.
pub(super) fn refused(why: impl Into<String>) -> Problem {
    Problem::invalid_field("kuery", why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Vec<(String, String)>> {
        Some(parse(text).ok()?.into_iter().map(|term| (term.field, term.value)).collect())
    }

    #[test]
    fn terms_are_joined_by_and() {
        let pair = |field: &str, value: &str| (field.to_owned(), value.to_owned());
        for (text, terms) in [
            ("", vec![]),
            ("  ", vec![]),
            ("policy_id:a-1", vec![pair("policy_id", "a-1")]),
            ("active:true and policy_id:a-1", vec![pair("active", "true"), pair("policy_id", "a-1")]),
            ("active: true AND  policy_id: \"a-1\"", vec![pair("active", "true"), pair("policy_id", "a-1")]),
            (r#"name:"a \"b\" (c) and d""#, vec![pair("name", "a \"b\" (c) and d")]),
            (r#"name:"" and active:false"#, vec![pair("name", ""), pair("active", "false")]),
        ] {
            assert_eq!(read(text), Some(terms), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "x",
            ":x",
            "a b:c",
            "active:",
            "active:true policy_id:x",
            "active:true or policy_id:x",
            "active:true and",
            "active:true and ",
            "active:true and policy_id",
            "active:trueand policy_id:x",
            "not active:true",
            "active:(true or false)",
            "name:ab*",
            "name:*",
            "name:\"a",
            "name:\"a\\",
            "created_at > \"x\"",
            "a:b:c",
            "name:\"a\"and active:true",
            &format!("name:{}", "x".repeat(LONGEST)),
        ] {
            let problem = parse(text).err();
            assert_eq!(problem.map(|problem| problem.status().as_u16()), Some(400), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_quoted_value_is_read_back(value in ".{0,40}", field in "[a-z_]{1,12}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let read = read(&format!("{field}:\"{quoted}\""));
            prop_assert_eq!(read, Some(vec![(field, value)]));
        }
    }
}
