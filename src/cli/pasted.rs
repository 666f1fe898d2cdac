//! Tokens and API keys as people bring them: quoted, folded, in an assignment, in UTF-16 or with invisible characters.

use std::path::Path;

use serde_json::Value;
use zeroize::Zeroizing;

use super::error::CliError;
use crate::access::api_key::API_KEY_PREFIX;
use crate::secret::Secret;
use crate::text::{decode, is_invisible};

/// Characters around a value, and ends of a line that goes on.
const AROUND: &[char] = &['"', '\'', '`', '“', '”', '‘', '’', '«', '»', ',', ';', '\\', '<', '>'];

/// Words before a name that is assigned, in the languages of shells.
const BEFORE_NAME: &[&str] = &["export ", "set ", "setenv ", "$env:", "env:", "- "];

/// A kind of credential that has no white space.
pub(crate) struct Pasted {
    what: &'static str,
    /// The variable that an assignment names.
    variable: &'static str,
    /// The member of the JSON answer that shows it.
    member: &'static str,
    begins: &'static str,
    is_whole: fn(&str) -> bool,
}

/// An enrollment or service token.
pub(crate) const TOKEN: Pasted = Pasted {
    what: "token",
    variable: "GATEPASS_TOKEN",
    member: "token",
    begins: "eyJ",
    is_whole: |text| {
        let mut parts = text.split('.');
        // Header, claims and signature; an Ed25519 signature has 64 bytes.
        matches!([parts.next(), parts.next(), parts.next(), parts.next()], [Some(_), Some(claims), Some(signature), None]
            if !claims.is_empty() && signature.len() == 86)
    },
};

/// An API key.
pub(crate) const API_KEY: Pasted = Pasted {
    what: "API key",
    variable: "GATEPASS_API_KEY",
    member: "api_key",
    begins: API_KEY_PREFIX,
    is_whole: |text| text.len() == API_KEY_PREFIX.len() + 64,
};

/// The reason why a text holds no credential. It never shows the text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PastedError {
    #[error("it is not text: save the {what} as plain text")]
    NotText { what: &'static str },
    #[error("it is empty: copy the {what} whole, as it was shown")]
    Empty { what: &'static str },
    #[error("it holds {count} {what}s: give one")]
    Several { what: &'static str, count: usize },
    #[error("it is {found}, not the {what}{}", advice(.found))]
    Other { what: &'static str, found: &'static str },
}

const PATH: &str = "the path of a file";

fn advice(found: &str) -> &'static str {
    match found {
        PATH => ": give it with --token-file FILE, or --api-key-file FILE of `gatepass login`",
        _ => ": copy it whole, as it was shown",
    }
}

impl Pasted {
    /// The credential in `bytes`. A text without any other known form is returned for the parser, which names its defect.
    pub(crate) fn find(&self, bytes: &[u8]) -> Result<Secret<String>, PastedError> {
        let what = self.what;
        let text = Zeroizing::new(decode(bytes).ok_or(PastedError::NotText { what })?);
        let visible = |c: &char| c.is_whitespace() || !is_invisible(*c);
        let text = Zeroizing::new(text.chars().filter(visible).collect::<String>());
        let value = Zeroizing::new(self.value(&text));
        if value.is_empty() {
            return Err(PastedError::Empty { what });
        }
        let words = value.split_whitespace().map(|word| word.trim_matches(AROUND));
        let whole: Vec<&str> = words.filter(|word| self.is_one(word)).collect();
        let joined = Zeroizing::new(value.replace(|c: char| c.is_whitespace() || c == '\\', ""));
        match (whole.as_slice(), self.foreign(&value)) {
            ([one], _) => Ok(Secret::new((*one).to_owned())),
            ([_, _, ..], _) => Err(PastedError::Several { what, count: whole.len() }),
            ([], _) if self.is_one(&joined) => Ok(Secret::new(joined.to_string())),
            ([], Some(found)) => Err(PastedError::Other { what, found }),
            ([], None) => Ok(Secret::new(joined.to_string())),
        }
    }

    /// The same, with the name of the source in the error.
    pub(crate) fn found_in(&self, source: &str, bytes: &[u8]) -> Result<Secret<String>, CliError> {
        self.find(bytes).map_err(|why| CliError::Usage(format!("{source}: {why}")))
    }

    fn is_one(&self, text: &str) -> bool {
        let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        text.starts_with(self.begins) && text.bytes().all(known) && (self.is_whole)(text)
    }

    /// The value in `text`: of the JSON member, of the assignment, or the text itself. Comments are no part of it.
    fn value(&self, text: &str) -> String {
        if let Ok(Value::Object(mut answer)) = serde_json::from_str(text)
            && let Some(Value::String(value)) = answer.remove(self.member)
        {
            return value;
        }
        let is_comment = |line: &&str| line.trim_start().starts_with('#');
        let lines = || text.lines().filter(|line| !is_comment(line));
        let assigned = lines().enumerate().find_map(|(place, line)| Some((place, self.assigned(line)?)));
        let value = match assigned {
            Some((place, first)) => {
                // A folded value goes on until the next assignment.
                let rest = lines().skip(place + 1).take_while(|line| !line.contains('='));
                std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n")
            }
            None => lines().collect::<Vec<_>>().join("\n"),
        };
        let plain = value.trim_matches(|c: char| c.is_whitespace() || AROUND.contains(&c));
        match plain.split_once(char::is_whitespace) {
            Some((scheme, value))
                if ["bearer", "apikey"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) =>
            {
                value.trim().to_owned()
            }
            _ => plain.to_owned(),
        }
    }

    /// The text after `GATEPASS_…=`, if the line assigns it.
    fn assigned<'a>(&self, line: &'a str) -> Option<&'a str> {
        let mut rest = line.trim_start().trim_start_matches(AROUND);
        for before in BEFORE_NAME {
            rest = rest.strip_prefix(before).unwrap_or(rest).trim_start();
        }
        let rest = rest.strip_prefix(self.variable)?.trim_start_matches(AROUND).trim_start();
        rest.strip_prefix(['=', ':'])
    }

    /// The kind of another thing that people give by mistake.
    fn foreign(&self, value: &str) -> Option<&'static str> {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some(match value {
            pem if pem.starts_with("-----BEGIN") => "a PEM file with a key or certificate",
            url if url.starts_with("https://") || url.starts_with("http://") => "a URL",
            other if other.starts_with("eyJ") && self.begins != "eyJ" => "a token",
            other if other.starts_with(API_KEY_PREFIX) && self.begins != API_KEY_PREFIX => "an API key",
            other if other.starts_with("gps_") => "the secret of a session",
            other if other.starts_with("gpl_") => "the credential of a local server",
            id if id.len() == 36 && uuid::Uuid::try_parse(id).is_ok() => "an id",
            print if print.len() == 64 && is_hex(print) => "a fingerprint",
            path if path.contains('/') || path.starts_with(['~', '.']) => PATH,
            path if !path.contains(char::is_whitespace) && Path::new(path).exists() => PATH,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> String {
        format!("eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJnYXRlIn0.{}", "Ab-_".repeat(21) + "cd")
    }

    fn found(bytes: impl AsRef<[u8]>) -> String {
        let found = TOKEN.find(bytes.as_ref());
        found.map(|secret| secret.expose().clone()).unwrap_or_else(|error| error.to_string())
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn a_token_is_found_in_any_wrapping() {
        let token = token();
        let folded = token.as_bytes().chunks(40).map(|line| String::from_utf8_lossy(line).into_owned());
        let folded = folded.collect::<Vec<_>>();
        for text in [
            token.clone(),
            format!("\u{feff}{token}\r\n"),
            format!("  {token}\t\n\n"),
            format!("\u{200b}{}\u{200b}{}\u{2060}\n", &token[..30], &token[30..]),
            format!("\"{token}\""),
            format!("'{token}',\n"),
            format!("“{token}”"),
            format!("GATEPASS_TOKEN={token}\n"),
            format!("export GATEPASS_TOKEN='{token}'\n"),
            format!("# for rack 7\nGATEPASS_SERVER=https://gate\nGATEPASS_TOKEN=\"{token}\"\nOTHER=1\n"),
            format!("$env:GATEPASS_TOKEN = \"{token}\""),
            format!("GATEPASS_TOKEN: {token}"),
            format!("Bearer {token}"),
            format!("{{\"token\":\"{token}\",\"token_id\":\"0\"}}"),
            format!("token    {token}\nid       0198c0de-9b41-7d20-9c55-6e7f80912a3b\nroles    proxy\n"),
            folded.join("\n"),
            folded.join("\\\r\n  "),
            format!("export GATEPASS_TOKEN=\"{}\"\nNEXT=1", folded.join("\n")),
        ] {
            assert_eq!(found(&text), token, "{text:?}");
        }
    }

    #[test]
    fn a_token_in_utf_16_is_found() {
        let token = token();
        let marked = format!("\u{feff}{token}\r\n");
        for text in [&token, &marked] {
            assert_eq!(found(utf16(text, u16::to_le_bytes)), token);
            assert_eq!(found(utf16(text, u16::to_be_bytes)), token);
        }
    }

    #[test]
    fn other_things_are_named_and_never_shown() {
        for (text, what) in [
            ("", "it is empty"),
            ("\u{feff}\r\n", "it is empty"),
            ("GATEPASS_TOKEN=\n", "it is empty"),
            ("/run/secrets/token", "the path of a file"),
            ("./token.txt", "the path of a file"),
            ("Cargo.toml", "the path of a file"),
            ("gpk_hunter2", "an API key"),
            ("https://gate.example.org:8443", "a URL"),
            ("0198c0de-9b41-7d20-9c55-6e7f80912a3b", "an id"),
            ("-----BEGIN PRIVATE KEY-----\nhunter2\n", "a PEM file"),
        ] {
            let why = found(text);
            assert!(why.contains(what), "{text:?}: {why}");
            assert!(!why.contains("hunter2") && !why.contains("secrets"), "{why}");
        }
        let token = token();
        assert_eq!(found(format!("{token}\n{token}\n")), "it holds 2 tokens: give one");
        assert!(found(b"\xff\xff\xff").contains("not text"));
    }

    #[test]
    fn an_unknown_text_is_left_to_the_parser() {
        assert_eq!(found(" hunter 2\n"), "hunter2");
        assert_eq!(found(&token()[..60]), &token()[..60]);
    }

    #[test]
    fn an_api_key_is_found_in_any_wrapping() {
        let key = format!("gpk_{}", "aB3-".repeat(16));
        for text in [format!("GATEPASS_API_KEY={key}\n"), format!("\u{feff}'{key}'"), format!(" {key}\n")] {
            let found = API_KEY.find(text.as_bytes()).map(|secret| secret.expose().clone());
            assert_eq!(found, Ok(key.clone()), "{text:?}");
        }
        let why = API_KEY.find(token().as_bytes()).map(drop).unwrap_err();
        assert_eq!(why, PastedError::Other { what: "API key", found: "a token" });
    }
}
