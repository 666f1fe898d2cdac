//! Envoy's `X-Forwarded-Client-Cert`. It has elements between commas, and `name=value` pairs between semicolons. A
//! value may be in double quotes, in which a backslash escapes a quote.

use std::borrow::Cow;

/// The value of `Cert` in the last element. `None` if it is missing, repeated or malformed.
pub(super) fn certificate(text: &str) -> Option<Cow<'_, str>> {
    let element = split(text, ',')?.pop()?;
    let mut found = None;
    for pair in split(element, ';')? {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("cert") && found.replace(unquoted(value.trim())?).is_some() {
            return None;
        }
    }
    found
}

/// Splits at separators outside quotes. `None` if a quote is not closed.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut pieces, mut begin) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (place, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == separator && !quoted => {
                pieces.push(text.get(begin..place)?);
                begin = place + 1;
            }
            _ => {}
        }
    }
    pieces.push(text.get(begin..)?);
    (!quoted).then_some(pieces)
}

/// Removes the quotes of a value.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    match value.strip_prefix('"') {
        None if value.contains('"') => None,
        None => Some(Cow::Borrowed(value)),
        Some(rest) => Some(Cow::Owned(rest.strip_suffix('"')?.replace("\\\"", "\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        certificate(text).map(Cow::into_owned)
    }

    #[test]
    fn the_certificate_is_that_of_the_last_element() {
        let one = r#"By=spiffe://x/a;Hash=00;Cert="one%2C";Subject="CN=a,O=\"b\";x";URI=spiffe://x/b"#;
        assert_eq!(read(one).as_deref(), Some("one%2C"));
        assert_eq!(read(&format!("{one},Hash=01;cert=two")).as_deref(), Some("two"));
        assert_eq!(read(&format!("{one},Hash=01")), None, "an earlier one does not stand in for it");
        assert_eq!(read(r#"Subject="Cert=three,Cert=\"four\"";Cert=five"#).as_deref(), Some("five"));
    }

    #[test]
    fn a_malformed_element_has_no_certificate() {
        for wrong in
            ["", "Cert", "Cert=\"one", "Cert=one\"", "Cert=one;Cert=two", "Hash=1;;Cert=x", "Cert=one,"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
