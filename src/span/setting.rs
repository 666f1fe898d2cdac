//! The settings that an admin can change at run time. The configuration has the same bounds.

use std::fmt;
use std::time::Duration;

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{SpanError, parse_span, shorten, show_span};
use crate::approval::Approval;

const DAY: u64 = 86_400;

/// A setting that can be changed at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Setting {
    /// Life of a token whose minter names none.
    DefaultTtl,
    /// Longest life of a token that is not persistent.
    MaxEphemeralTtl,
    /// Life of a cluster token whose minter names none.
    ClusterTtl,
    /// The time that ended tokens stay in lists.
    Retention,
    /// Maximum number of enrolled hosts.
    NodeLimit,
    /// Treatment of hosts that no auto-approve rule admits, unless their token is stricter.
    Approval,
}

/// The value of a setting, shown as [`Setting::parse`] reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// A span of time.
    Span(Duration),
    /// A maximum number of hosts; `None` = unlimited, written `off`.
    Limit(Option<u32>),
    /// An approval mode.
    Mode(Approval),
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Span(span) => f.write_str(&show_span(*span)),
            Self::Limit(Some(limit)) => limit.fmt(f),
            Self::Limit(None) => f.write_str(UNLIMITED),
            Self::Mode(mode) => mode.fmt(f),
        }
    }
}

/// The text of no limit.
const UNLIMITED: &str = "off";

/// A refused value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The text is not a span.
    #[error(transparent)]
    NoSpan(#[from] SpanError),
    /// The text is not a limit, or the limit is out of bounds.
    #[error("{text:?} is not a number of hosts from {least} to {most}; {UNLIMITED} removes the limit")]
    NoLimit {
        /// The refused text.
        text: String,
        /// The least limit.
        least: u64,
        /// The greatest limit.
        most: u64,
    },
    /// The text is not an approval mode.
    #[error("{text:?} is not an approval mode: off, warn or require")]
    NoMode {
        /// The refused text.
        text: String,
    },
    /// The span is too short for this setting.
    #[error("{} is shorter than {}", show_span(*.span), show_span(*.least))]
    Short {
        /// The refused span.
        span: Duration,
        /// The shortest allowed span.
        least: Duration,
    },
    /// The span is too long for this setting.
    #[error("{} is longer than {}", show_span(*.span), show_span(*.most))]
    Long {
        /// The refused span.
        span: Duration,
        /// The longest allowed span.
        most: Duration,
    },
    /// Two settings contradict each other.
    #[error("{} is longer than {longest} ({}): shorten the one or lengthen the other", show_span(*.span), show_span(*.most))]
    BeyondLongest {
        /// The default life of tokens.
        span: Duration,
        /// The name of the setting of the longest life.
        longest: &'static str,
        /// The longest life.
        most: Duration,
    },
}

impl Setting {
    /// The name: a key of `[tokens]` or `[hosts]`, of requests and of ledger entries.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// The longest life of a token bound to a cluster.
    pub const MOST_CLUSTER_TTL: Duration = Duration::from_secs(Self::ClusterTtl.bounds().1);

    /// The least and the greatest value: of a span in seconds, of a limit in hosts, of a mode its strictness.
    pub const fn bounds(self) -> (u64, u64) {
        match self {
            Self::DefaultTtl | Self::MaxEphemeralTtl => (1, DAY),
            Self::ClusterTtl => (1, 730 * DAY),
            Self::Retention => (60, 3650 * DAY),
            Self::NodeLimit => (1, 10_000_000),
            Self::Approval => (0, Approval::ALL.len() as u64 - 1),
        }
    }

    /// Parses a value of this setting.
    ///
    /// # Errors
    /// [`SettingError`], if the text is not a value of this setting or out of bounds.
    pub fn parse(self, text: &str) -> Result<SettingValue, SettingError> {
        match self {
            Self::NodeLimit => self.parse_limit(text).map(SettingValue::Limit),
            Self::Approval => parse_mode(text).map(SettingValue::Mode),
            _ => self.parse_span(text).map(SettingValue::Span),
        }
    }

    fn parse_limit(self, text: &str) -> Result<Option<u32>, SettingError> {
        let (least, most) = self.bounds();
        let limit = text.parse::<u32>().ok().filter(|limit| (least..=most).contains(&u64::from(*limit)));
        match (text, limit) {
            (UNLIMITED, _) => Ok(None),
            (_, Some(limit)) => Ok(Some(limit)),
            _ => Err(SettingError::NoLimit { text: shorten(text), least, most }),
        }
    }

    fn parse_span(self, text: &str) -> Result<Duration, SettingError> {
        let span = parse_span(text)?;
        let (least, most) = self.bounds();
        let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
        match span {
            span if span < least => Err(SettingError::Short { span, least }),
            span if span > most => Err(SettingError::Long { span, most }),
            span => Ok(span),
        }
    }
}

fn parse_mode(text: &str) -> Result<Approval, SettingError> {
    Approval::parse(text).ok_or_else(|| SettingError::NoMode { text: shorten(text) })
}

/// The whole configuration that can change at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingValues {
    /// Lives, retention and pauses.
    pub spans: Spans,
    /// See [`Setting::NodeLimit`].
    pub node_limit: Option<u32>,
    /// See [`Setting::Approval`].
    pub approval: Approval,
}

impl SettingValues {
    /// The value of a setting.
    pub const fn get(&self, setting: Setting) -> SettingValue {
        let span = match setting {
            Setting::DefaultTtl => self.spans.default_ttl,
            Setting::MaxEphemeralTtl => self.spans.max_ephemeral_ttl,
            Setting::ClusterTtl => self.spans.cluster_ttl,
            Setting::Retention => self.spans.retention,
            Setting::NodeLimit => return SettingValue::Limit(self.node_limit),
            Setting::Approval => return SettingValue::Mode(self.approval),
        };
        SettingValue::Span(span)
    }

    /// The values with one changed. A value of another kind changes nothing.
    #[must_use]
    pub const fn with(mut self, setting: Setting, value: SettingValue) -> Self {
        match (setting, value) {
            (Setting::DefaultTtl, SettingValue::Span(span)) => self.spans.default_ttl = span,
            (Setting::MaxEphemeralTtl, SettingValue::Span(span)) => self.spans.max_ephemeral_ttl = span,
            (Setting::ClusterTtl, SettingValue::Span(span)) => self.spans.cluster_ttl = span,
            (Setting::Retention, SettingValue::Span(span)) => self.spans.retention = span,
            (Setting::NodeLimit, SettingValue::Limit(limit)) => self.node_limit = limit,
            (Setting::Approval, SettingValue::Mode(mode)) => self.approval = mode,
            _ => {}
        }
        self
    }
}

/// The value of each setting that is a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// See [`Setting::DefaultTtl`].
    pub default_ttl: Duration,
    /// See [`Setting::MaxEphemeralTtl`].
    pub max_ephemeral_ttl: Duration,
    /// See [`Setting::ClusterTtl`].
    pub cluster_ttl: Duration,
    /// See [`Setting::Retention`].
    pub retention: Duration,
}

impl Spans {
    /// Checks that the default life `span` of tokens is within the longest life.
    ///
    /// # Errors
    /// [`SettingError::BeyondLongest`], if it is longer.
    pub fn fits(&self, span: Duration) -> Result<(), SettingError> {
        let (longest, most) = (Setting::MaxEphemeralTtl.as_str(), self.max_ephemeral_ttl);
        if span > most { Err(SettingError::BeyondLongest { span, longest, most }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_names_and_bounds() {
        let span = |secs| SettingValue::Span(Duration::from_secs(secs));
        for &setting in Setting::VARIANTS {
            assert_eq!(setting.as_str().parse(), Ok(setting));
            let (least, most) = setting.bounds();
            if matches!(setting, Setting::NodeLimit | Setting::Approval) {
                continue;
            }
            assert_eq!(setting.parse(&format!("{least}s")), Ok(span(least)));
            assert_eq!(setting.parse(&format!("{most}s")), Ok(span(most)));
            let beyond = setting.parse(&format!("{}s", most + 1));
            assert!(matches!(beyond, Err(SettingError::Long { .. })), "{setting:?}");
        }
        assert!(matches!(Setting::Retention.parse("59s"), Err(SettingError::Short { .. })));
        assert!(matches!(Setting::Retention.parse("soon"), Err(SettingError::NoSpan(_))));
        assert!("ece_ttl".parse::<Setting>().is_err());
    }

    #[test]
    fn a_limit_is_a_number_or_off() {
        for (text, limit) in [("off", None), ("1", Some(1)), ("10000000", Some(10_000_000))] {
            let value = SettingValue::Limit(limit);
            assert_eq!((Setting::NodeLimit.parse(text), value.to_string()), (Ok(value), text.to_owned()));
        }
        for wrong in ["", "0", "-1", "1.5", "10000001", "4294967297", "none", "90s", " 5"] {
            let refused = Setting::NodeLimit.parse(wrong);
            assert!(matches!(refused, Err(SettingError::NoLimit { .. })), "{wrong:?}: {refused:?}");
        }
    }

    #[test]
    fn a_mode_is_one_of_three_words() {
        for mode in Approval::ALL {
            let value = SettingValue::Mode(mode);
            assert_eq!(
                (Setting::Approval.parse(mode.as_str()), value.to_string().as_str()),
                (Ok(value), mode.as_str())
            );
        }
        for wrong in ["", "on", "Warn", "0"] {
            assert!(matches!(Setting::Approval.parse(wrong), Err(SettingError::NoMode { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn a_value_changes_its_own_setting_only() {
        let hour = Duration::from_secs(3600);
        let spans = Spans { default_ttl: hour, max_ephemeral_ttl: hour, cluster_ttl: hour, retention: hour };
        let values = SettingValues { spans, node_limit: None, approval: Approval::Off };
        for &setting in Setting::VARIANTS {
            let changed = match setting {
                Setting::NodeLimit => SettingValue::Limit(Some(7)),
                Setting::Approval => SettingValue::Mode(Approval::Require),
                _ => SettingValue::Span(2 * hour),
            };
            let after = values.with(setting, changed);
            for &other in Setting::VARIANTS {
                let expected = if other == setting { changed } else { values.get(other) };
                assert_eq!(after.get(other), expected, "{setting:?} {other:?}");
            }
        }
        assert_eq!(values.with(Setting::NodeLimit, SettingValue::Span(hour)), values);
    }

    #[test]
    fn a_default_life_beyond_the_longest_names_both() {
        let hour = Duration::from_secs(3600);
        let spans = Spans { default_ttl: hour, max_ephemeral_ttl: hour, cluster_ttl: hour, retention: hour };
        assert_eq!(spans.fits(spans.default_ttl), Ok(()));
        let error = spans.fits(2 * hour).unwrap_err().to_string();
        assert_eq!(error, "2h is longer than max_ephemeral_ttl (1h): shorten the one or lengthen the other");
    }
}
