//! Masks credentials in texts. An error repeats parts of a request or of a command line. These may hold a credential in
//! the wrong place, and errors end up in logs (I7).

use super::api_key::API_KEY_PREFIX;
use super::opaque_key::OPAQUE_KEY_PREFIX;
use super::session;

/// Prefix of every token: `{"` in base64url.
const TOKEN_PREFIX: &str = "eyJ";

/// Prefix of the local credential, which is kept in the data directory.
pub const LOCAL_PREFIX: &str = "gpl_";

/// The beginning of every `api_key` of Elastic Fleet's API in base64: that of a token id until the year 2318.
const API_KEY_BEGINS: &[u8] = b"md";

/// Number of letters and digits in an `api_key`, without its padding.
const API_KEY_LENGTH: usize = 79;

/// The text that replaces a credential.
pub const MASK: &str = "(a credential, not shown)";

/// `text` without credentials: each word is cut where one begins, since an escape may precede it.
pub fn mask(text: &str) -> String {
    let in_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c| !in_word(c)).unwrap_or(rest.len()));
        match secret_at(word) {
            Some(at) => masked.extend([&word[..at], MASK]),
            None => masked.push_str(word),
        }
        let (between, next) = after.split_at(after.find(in_word).unwrap_or(after.len()));
        masked.push_str(between);
        rest = next;
    }
    masked
}

/// Returns true if `text` has a credential.
pub fn holds_secret(text: &str) -> bool {
    mask(text) != text
}

/// The position in `word` at which a credential may begin, in any case: a message offers a URL in lower case. A prefix alone
/// is no secret: help names it.
fn secret_at(word: &str) -> Option<usize> {
    let prefixes = [TOKEN_PREFIX, LOCAL_PREFIX, API_KEY_PREFIX, OPAQUE_KEY_PREFIX, session::PREFIX];
    let begins = |at: &usize| {
        let rest = &word.as_bytes()[*at..];
        let starts =
            |prefix: &[u8]| rest.len() > prefix.len() && rest[..prefix.len()].eq_ignore_ascii_case(prefix);
        prefixes.iter().any(|prefix| starts(prefix.as_bytes())) || is_api_key(rest)
    };
    (0..word.len()).find(begins)
}

/// Returns true if an `api_key` of Elastic Fleet's API may begin here. Ids and secrets in base64 have no other characters than
/// letters and digits.
fn is_api_key(rest: &[u8]) -> bool {
    let Some(text) = rest.get(..API_KEY_LENGTH) else { return false };
    text[..API_KEY_BEGINS.len()].eq_ignore_ascii_case(API_KEY_BEGINS)
        && text.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_anywhere() {
        for (text, shown) in [
            ("", ""),
            ("unknown role \"root\"; the roles are: proxy", "unknown role \"root\"; the roles are: proxy"),
            ("eyJhbGciOi.e30._x-", MASK),
            ("field `eyJhbGciOi.e30.x`: é", "field `(a credential, not shown)`: é"),
            ("no gpk_00ff", "no (a credential, not shown)"),
            ("write https://eyjabc.e30.x", "write https://(a credential, not shown)"),
            ("a=gpl_00ff, b", "a=(a credential, not shown), b"),
            ("an API key starts with gpk_, as shown", "an API key starts with gpk_, as shown"),
        ] {
            assert_eq!(mask(text), shown);
        }
    }

    #[test]
    fn a_prefixed_credential_is_masked() {
        for prefix in [TOKEN_PREFIX, LOCAL_PREFIX, API_KEY_PREFIX, OPAQUE_KEY_PREFIX, session::PREFIX] {
            for before in ["\n", "\t", "\r", "\\n", "\\t", "\\r", "%20", "x", "x_", "\\u{a0}", "é"] {
                let text = format!("unknown role \"{before}{prefix}00ff.x-_{prefix}11\"; known: proxy");
                assert_eq!(mask(&text), format!("unknown role \"{before}{MASK}\"; known: proxy"));
            }
        }
    }

    #[test]
    fn every_kind_of_credential_there_is_is_masked() {
        let session = crate::access::SessionSecret::generate();
        let key = crate::access::ApiKey::generate(crate::clock::Timestamp::from_secs(1));
        let pair = format!(
            "{}:abcdefghijklmnopqrst-_",
            crate::id::TokenId::generate(crate::clock::Timestamp::from_secs(1_900_000_000))
        );
        let fleet = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair);
        assert_eq!(mask(&format!("no `{fleet}`")), format!("no `{MASK}=`"));
        let opaque = crate::access::OpaqueKey::generate();
        let local = format!("{LOCAL_PREFIX}00ff");
        let texts = [session.expose().as_str(), key.text().expose(), opaque.expose(), &local].map(mask);
        assert_eq!(texts, [MASK; 4]);
        let files = walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let prefixes = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).flat_map(|text| {
            let consts = text.lines().filter(|line| line.contains("const ") && line.contains("PREFIX"));
            consts.filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect::<Vec<_>>()
        });
        let prefixes: Vec<_> =
            prefixes.filter(|prefix| prefix.starts_with("gp") && prefix.ends_with('_')).collect();
        assert!(prefixes.len() >= 3, "{prefixes:?}");
        assert!(prefixes.iter().all(|prefix| mask(&format!("{prefix}00ff")) == MASK), "{prefixes:?}");
    }

    fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
    }
}
