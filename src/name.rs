//! Names from outside, checked once: a value of one of these types is always well-formed.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::is_plain;

/// A refused name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// The kind of name.
        what: &'static str,
    },
    /// The text is too long.
    #[error("{what} is {length} characters long; at most {most} are allowed")]
    TooLong {
        /// The kind of name.
        what: &'static str,
        /// The received length in characters.
        length: usize,
        /// The allowed length.
        most: usize,
    },
    /// The text has another form.
    #[error("{text:?} is not a {what}: {form}")]
    Malformed {
        /// The kind of name.
        what: &'static str,
        /// The refused text.
        text: String,
        /// The required form.
        form: &'static str,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $length:expr, $form:literal, $is_well_formed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks `text`, and keeps it unchanged.
            ///
            /// # Errors
            /// The [`NameError`] of its length or form.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                has_length($what, text, $length)?;
                let is_well_formed: fn(&str) -> bool = $is_well_formed;
                if !is_well_formed(text) {
                    return Err(NameError::Malformed { what: $what, text: text.to_owned(), form: $form });
                }
                Ok(Self(text.to_owned()))
            }

            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A platform role, such as `allocator`: a lower-case letter, then letters, digits, `-`, `_` or `.`; at most 64.
    Role,
    "role name",
    1..=64,
    "a lower-case letter, then lower-case letters, digits, '-', '_' or '.'",
    |text| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|b| is_lower_or_digit(b) || matches!(b, b'-' | b'_' | b'.'))
    }
);
name!(
    /// A note on a token for people: at most 128 characters, none of them hidden, may be empty.
    Label,
    "label",
    0..=128,
    "no control, invisible, text-direction or private-use characters",
    is_plain
);
name!(
    /// A user's name: 1 to 64 lower-case letters, digits, `.`, `_`, `-` or `@`, the first a letter or digit. Upper case is
    /// refused, so that no two names look alike.
    UserName,
    "user name",
    1..=64,
    "lower-case letters, digits, '.', '_', '-' or '@', beginning with a letter or digit",
    |text| {
        text.bytes().next().is_some_and(is_lower_or_digit)
            && text.bytes().all(|b| is_lower_or_digit(b) || matches!(b, b'.' | b'_' | b'-' | b'@'))
    }
);
name!(
    /// A cluster id: 1 to 128 letters, digits, `-`, `_`, `.`, `:` or `/`.
    Cluster,
    "cluster id",
    1..=128,
    "letters, digits, '-', '_', '.', ':' or '/'",
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/'))
);
name!(
    /// A concrete DNS name (RFC 1123 section 2.1): lower case, at most 253 characters, no wildcard, no IP address.
    DnsName,
    "DNS name",
    1..=253,
    "a concrete lower-case DNS name such as node-1.example.org, no wildcard and no IP address",
    is_dns_name
);
name!(
    /// A pattern of DNS names: a DNS name whose left-most label may be `*`, which stands for exactly one label.
    DnsPattern,
    "DNS name pattern",
    1..=253,
    "a lower-case DNS name whose first label may be '*', such as *.nodes.example.org",
    |text| match text.strip_prefix("*.") {
        // `*.org` would cover a whole registry; a wildcard needs two labels under it.
        Some(parent) => parent.contains('.') && is_dns_name(parent),
        None => is_dns_name(text),
    }
);

impl Label {
    /// The label that the store has. It was checked by the rule of its time, which was less strict before.
    #[cfg(feature = "server")]
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl DnsPattern {
    /// Returns true if this pattern covers `name`, compared label by label.
    pub fn matches(&self, name: &DnsName) -> bool {
        match self.0.strip_prefix("*.") {
            Some(rest) => name.as_str().split_once('.').is_some_and(|(_, parent)| parent == rest),
            None => self.0 == name.as_str(),
        }
    }

    /// Returns true if this pattern covers every name that `other` covers.
    pub fn covers(&self, other: &Self) -> bool {
        let is_right_under = |parent: &str| other.0.split_once('.').is_some_and(|(_, rest)| rest == parent);
        self == other || self.0.strip_prefix("*.").is_some_and(is_right_under)
    }
}

fn has_length(what: &'static str, text: &str, allowed: RangeInclusive<usize>) -> Result<(), NameError> {
    let (length, most) = (text.chars().count(), *allowed.end());
    match length {
        _ if allowed.contains(&length) => Ok(()),
        0 => Err(NameError::Empty { what }),
        _ => Err(NameError::TooLong { what, length, most }),
    }
}

const fn is_lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_dns_name(text: &str) -> bool {
    text.split('.').all(is_dns_label) && !ends_in_number(text)
}

fn is_dns_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| is_lower_or_digit(byte) || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Returns true if the last label is a number, as in every form of an IPv4 address (RFC 1123 section 2.1).
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_exactly_one_left_most_label() {
        let pattern = DnsPattern::parse("*.nodes.example.org").unwrap();
        let matches = |name: &str| pattern.matches(&DnsName::parse(name).unwrap());
        assert!(matches("a.nodes.example.org"));
        assert!(!matches("nodes.example.org"));
        assert!(!matches("a.b.nodes.example.org"));
        assert!(!matches("anodes.example.org"));
    }

    #[test]
    fn names_that_are_not_concrete_dns_names_are_refused() {
        for wrong in [
            "",
            ".",
            "a.",
            "*.example.org",
            "Node.example.org",
            "10.0.0.1",
            "1.2.3",
            "0x7f.1",
            "a.0x7f",
            "a b",
            "-a.org",
            "::1",
            "a..b",
            "ex_ample.org",
            "xn--\u{fc}.org",
            "node.example.org\0",
        ] {
            assert!(DnsName::parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(DnsName::parse(&"a.".repeat(127)).is_err());
        assert!(DnsName::parse("node-1.example.org").is_ok());
    }

    #[test]
    fn a_pattern_covers_itself_and_a_wildcard_its_siblings() {
        let covers = |one: &str, other: &str| {
            DnsPattern::parse(one).unwrap().covers(&DnsPattern::parse(other).unwrap())
        };
        assert!(covers("*.eu.example.org", "*.eu.example.org") && covers("a.example.org", "a.example.org"));
        assert!(covers("*.eu.example.org", "a.eu.example.org"));
        for other in
            ["eu.example.org", "*.a.eu.example.org", "a.b.eu.example.org", "aeu.example.org", "*.example.org"]
        {
            assert!(!covers("*.eu.example.org", other), "{other}");
        }
        assert!(!covers("a.eu.example.org", "*.eu.example.org"));
    }

    #[test]
    fn patterns_wider_than_a_parent_domain_are_refused() {
        for wrong in ["*", "*.org", "a.*.org", "**.example.org", "*a.example.org", "*.*.example.org"] {
            assert!(DnsPattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_label_counts_characters_and_refuses_control_characters() {
        assert!(Label::parse(&"\u{fc}".repeat(128)).is_ok());
        assert_eq!(
            Label::parse(&"a".repeat(129)),
            Err(NameError::TooLong { what: "label", length: 129, most: 128 })
        );
        assert!(Label::parse("two\nlines").is_err());
    }

    #[test]
    fn a_label_has_no_hidden_characters() {
        for hidden in [
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{200e}',
            '\u{feff}',
            '\u{2028}',
            '\u{2029}',
            '\u{ad}',
            '\u{e0041}',
            '\u{e000}',
            '\u{ffff}',
            '\u{85}',
            '\u{7f}',
            '\u{1b}',
        ] {
            let text = format!("rack{hidden}7");
            assert!(Label::parse(&text).is_err(), "{text:?}");
        }
        for good in [
            "rack 7",
            "b\u{fc}ro",
            "\u{628}\u{200c}\u{62a}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{1f5a5}",
            "a\u{a0}b",
        ] {
            assert!(Label::parse(good).is_ok(), "{good:?}");
        }
        for at_an_end in ["\u{200d}", "a\u{200c}", "\u{200c}a", "a \u{200d}b", "a\u{200d}\u{200d}b"] {
            assert!(Label::parse(at_an_end).is_err(), "{at_an_end:?}");
        }
    }

    #[test]
    fn a_user_name_starts_with_a_letter_or_digit() {
        for good in ["admin", "7of9", "a.b_c-d@example.org"] {
            assert_eq!(UserName::parse(good).unwrap().as_str(), good);
        }
        assert!(UserName::parse(&"a".repeat(64)).is_ok());
        let long = "a".repeat(65);
        for wrong in ["", "Admin", "@a", ".a", "a b", "a:b", "a/b", "\u{e4}", long.as_str()] {
            assert!(UserName::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_role_starts_with_a_lower_case_letter() {
        assert!(Role::parse("allocator").is_ok());
        for wrong in ["", "Allocator", "1st", "a role", "system:masters"] {
            assert!(Role::parse(wrong).is_err(), "{wrong}");
        }
    }
}
