//! Names from outside, checked once: a value of one of these types is always well-formed.

#[cfg(feature = "server")]
mod labels;

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(feature = "server")]
pub use self::labels::Labels;
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
    /// The text is close to a name, which is offered.
    #[error("{text:?} is not a {what}: it has {character:?}; {instead}")]
    Close {
        /// The kind of name.
        what: &'static str,
        /// The refused text.
        text: String,
        /// The first character that no name has.
        character: char,
        /// The name to write instead, or the way to it.
        instead: String,
    },
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $length:expr, $form:expr, $is_well_formed:expr) => {
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
    /// A note on a token or a host for people: at most 128 characters, none of them hidden, may be empty.
    Label,
    "label",
    0..=LONGEST_FREE_TEXT,
    FREE_TEXT,
    is_plain
);
name!(
    /// A description for people: at most 1024 characters, none of them hidden, may be empty.
    #[derive(Default)]
    Description,
    "description",
    0..=1024,
    FREE_TEXT,
    is_plain
);
name!(
    /// The name of one of several labels: 1 to 64 letters, digits, `-`, `_`, `.` or `/`.
    LabelName,
    "label name",
    1..=64,
    "letters, digits, '-', '_', '.' or '/'",
    |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
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

/// Maximum length of free text in characters.
pub const LONGEST_FREE_TEXT: usize = 128;

/// The form of free text.
const FREE_TEXT: &str = "no control, invisible, text-direction or private-use characters";

/// Checks free text by the rule of labels. `what` names it.
///
/// # Errors
/// The [`NameError`] of its length or form.
pub fn free_text(what: &'static str, text: &str) -> Result<(), NameError> {
    has_length(what, text, 0..=LONGEST_FREE_TEXT)?;
    match is_plain(text) {
        true => Ok(()),
        false => Err(NameError::Malformed { what, text: text.to_owned(), form: FREE_TEXT }),
    }
}

impl Label {
    /// The label that the store has. It was checked by the rule of its time, which was less strict before.
    #[cfg(feature = "server")]
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Description {
    /// The description that the store has.
    #[cfg(feature = "server")]
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl DnsName {
    /// Parses a name as people write it: case, white space around it and the dot of the root do not count.
    ///
    /// # Errors
    /// As [`Self::parse`], or the name to write instead.
    pub fn parse_lenient(text: &str) -> Result<Self, NameError> {
        let plain = plain_dns(text);
        Self::parse(&plain).map_err(|error| close("DNS name", text, &plain, is_dns_name).unwrap_or(error))
    }
}

impl DnsPattern {
    /// Parses a pattern as people write it, as [`DnsName::parse_lenient`].
    ///
    /// # Errors
    /// As [`Self::parse`], or the pattern to write instead.
    pub fn parse_lenient(text: &str) -> Result<Self, NameError> {
        let plain = plain_dns(text);
        let is_pattern = |text: &str| Self::parse(text).is_ok();
        Self::parse(&plain)
            .map_err(|error| close("DNS name pattern", text, &plain, is_pattern).unwrap_or(error))
    }

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

/// A DNS name without the differences that do not count.
fn plain_dns(text: &str) -> String {
    let plain = text.trim().to_ascii_lowercase();
    plain.strip_suffix('.').map(str::to_owned).unwrap_or(plain)
}

/// The error for a name with a character that no name has, if another one can stand in its place.
fn close(what: &'static str, text: &str, plain: &str, is_right: impl Fn(&str) -> bool) -> Option<NameError> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '*');
    let character = plain.chars().find(|character| !is_known(*character))?;
    let dashed = plain.replace(['_', ' '], "-");
    let instead = match dashed.is_ascii() {
        true => is_right(&dashed).then(|| format!("write {dashed}"))?,
        false => String::from("write it in its xn--… form (RFC 5890), as `idn2 NAME` prints it"),
    };
    Some(NameError::Close { what, text: text.to_owned(), character, instead })
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
mod tests;
