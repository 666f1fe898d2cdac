//! How long a token is to live: asked for as a span or as a moment, judged against what its kind may.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::service::FieldError;
use crate::span::{Setting, Spans, parse_span, show_span};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Life<'a> {
    /// A span such as `15m`.
    pub(in crate::service) ttl: Option<&'a str>,
    /// A moment, RFC 3339.
    pub(in crate::service) expires_at: Option<&'a str>,
    /// A number of days, in Telovix' word for it.
    pub(in crate::service) expires_days: Option<i64>,
}

/// What a kind of token may ask for.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Bounds {
    /// The life of one that asks for none; `None` = until revoked.
    pub(in crate::service) default: Option<Duration>,
    /// The longest.
    pub(in crate::service) most: Duration,
    /// What is said to one that asks for more, after how much there is.
    pub(in crate::service) way_out: &'static str,
}

impl Bounds {
    /// Those of tokens that always expire.
    pub(in crate::service) const fn ephemeral(spans: &Spans) -> Self {
        Self { default: Some(spans.default_ttl), most: spans.max_ephemeral_ttl, way_out: ": ask for less" }
    }
}

impl Life<'_> {
    /// Until when the token lives; `None` = until revoked, or something is wrong and among `faults`.
    pub(in crate::service) fn judge(
        self,
        bounds: Bounds,
        now: Timestamp,
        faults: &mut Vec<FieldError>,
    ) -> Option<Timestamp> {
        let (field, ttl) = match self.asked(bounds.default, now) {
            Ok(asked) => asked?,
            Err(fault) => {
                faults.push(fault);
                return None;
            }
        };
        if ttl < Duration::from_secs(1) {
            faults.push(FieldError::new(field, "shorter than a second"));
        } else if ttl > bounds.most {
            let message = format!("longer than {}{}", show_span(bounds.most), bounds.way_out);
            faults.push(FieldError::new(field, message));
        }
        Some(now.plus(ttl).whole_second())
    }

    /// The span, and the field that says it.
    fn asked(
        self,
        default: Option<Duration>,
        now: Timestamp,
    ) -> Result<Option<(&'static str, Duration)>, FieldError> {
        match (self.ttl, self.expires_at, self.expires_days) {
            (Some(ttl), None, None) => match parse_span(ttl) {
                Ok(ttl) => Ok(Some(("ttl", ttl))),
                Err(error) => Err(FieldError::new("ttl", error.to_string())),
            },
            (None, Some(text), None) => until(text, now).map(|ttl| Some(("expires_at", ttl))),
            (None, None, Some(days)) => in_days(days).map(|ttl| Some(("expires_days", ttl))),
            (None, None, None) => Ok(default.map(|ttl| ("ttl", ttl))),
            (_, None, Some(_)) => Err(both("expires_days", "ttl")),
            (None, Some(_), Some(_)) => Err(both("expires_days", "expires_at")),
            (Some(_), Some(_), _) => Err(both("expires_at", "ttl")),
        }
    }
}

/// Two words for one thing were given.
pub(in crate::service) fn both(one: &str, other: &str) -> FieldError {
    FieldError::new(one, format!("give either {other} or {one}, not both"))
}

fn in_days(days: i64) -> Result<Duration, FieldError> {
    let most = Setting::MOST_CLUSTER_TTL;
    let span = u64::try_from(days).ok().and_then(|days| days.checked_mul(86_400)).map(Duration::from_secs);
    span.filter(|span| !span.is_zero() && *span <= most)
        .ok_or_else(|| FieldError::new("expires_days", format!("from 1 to {}", most.as_secs() / 86_400)))
}

fn until(text: &str, now: Timestamp) -> Result<Duration, FieldError> {
    let wrong = |message: String| FieldError::new("expires_at", message);
    match Timestamp::parse_rfc3339(text) {
        Some(at) if at > now => Ok(at.since(now)),
        Some(_) => Err(wrong(format!("not in the future; it is {now} here"))),
        None => Err(wrong("not an RFC 3339 time such as 2030-01-31T12:00:00Z".to_owned())),
    }
}
