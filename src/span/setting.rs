//! The spans that an admin can change at run time. The configuration has the same bounds.

use std::time::Duration;

use strum::{EnumString, IntoStaticStr, VariantArray};

use super::{SpanError, parse_span, show_span};

const DAY: u64 = 86_400;

/// A span that can be changed at run time.
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
}

/// A refused value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The text is not a span.
    #[error(transparent)]
    NoSpan(#[from] SpanError),
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
    /// The name: a key of `[tokens]`, of requests and of ledger entries.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// The longest life of a token bound to a cluster.
    pub const MOST_CLUSTER_TTL: Duration = Duration::from_secs(Self::ClusterTtl.bounds().1);

    /// The shortest and the longest allowed span, in seconds.
    pub const fn bounds(self) -> (u64, u64) {
        match self {
            Self::DefaultTtl | Self::MaxEphemeralTtl => (1, DAY),
            Self::ClusterTtl => (1, 730 * DAY),
            Self::Retention => (60, 3650 * DAY),
        }
    }

    /// Parses a value of this setting.
    ///
    /// # Errors
    /// [`SettingError`], if the text is not a span or out of bounds.
    pub fn parse(self, text: &str) -> Result<Duration, SettingError> {
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

/// The value of each setting.
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
    /// The value of a setting.
    pub const fn get(&self, setting: Setting) -> Duration {
        match setting {
            Setting::DefaultTtl => self.default_ttl,
            Setting::MaxEphemeralTtl => self.max_ephemeral_ttl,
            Setting::ClusterTtl => self.cluster_ttl,
            Setting::Retention => self.retention,
        }
    }

    /// The values with one changed.
    #[must_use]
    pub const fn with(mut self, setting: Setting, span: Duration) -> Self {
        match setting {
            Setting::DefaultTtl => self.default_ttl = span,
            Setting::MaxEphemeralTtl => self.max_ephemeral_ttl = span,
            Setting::ClusterTtl => self.cluster_ttl = span,
            Setting::Retention => self.retention = span,
        }
        self
    }

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
        for &setting in Setting::VARIANTS {
            assert_eq!(setting.as_str().parse(), Ok(setting));
            let (least, most) = setting.bounds();
            assert_eq!(setting.parse(&format!("{least}s")), Ok(Duration::from_secs(least)));
            assert_eq!(setting.parse(&format!("{most}s")), Ok(Duration::from_secs(most)));
            let beyond = setting.parse(&format!("{}s", most + 1));
            assert!(matches!(beyond, Err(SettingError::Long { .. })), "{setting:?}");
        }
        assert!(matches!(Setting::Retention.parse("59s"), Err(SettingError::Short { .. })));
        assert!(matches!(Setting::Retention.parse("soon"), Err(SettingError::NoSpan(_))));
        assert!("ece_ttl".parse::<Setting>().is_err());
    }

    #[test]
    fn a_default_life_beyond_the_longest_names_both() {
        let hour = Duration::from_secs(3600);
        let spans = Spans { default_ttl: hour, max_ephemeral_ttl: hour, cluster_ttl: hour, retention: hour };
        assert_eq!(spans.fits(spans.default_ttl), Ok(()));
        let error = spans.with(Setting::DefaultTtl, 2 * hour);
        let error = error.fits(error.default_ttl).unwrap_err().to_string();
        assert_eq!(error, "2h is longer than max_ephemeral_ttl (1h): shorten the one or lengthen the other");
    }
}
