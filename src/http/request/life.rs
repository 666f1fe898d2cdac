//! The life of a token: requested as a span or as a time, and judged against the bounds of its kind.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::service::FieldError;
use crate::span::{Setting, Spans, parse_span, show_span};

/// The request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life<'a> {
    /// A span such as `15m`.
    pub(super) ttl: Option<&'a str>,
    /// A time, RFC 3339.
    pub(super) expires_at: Option<&'a str>,
    /// A number of days: a synonym of Telovix.
    pub(super) expires_days: Option<i64>,
}

/// The bounds of a kind of token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The life of a token that asks for none; `None` = until revoked.
    pub(super) default: Option<Duration>,
    /// The longest life.
    pub(super) most: Duration,
    /// The advice for a request beyond the longest life.
    pub(super) way_out: &'static str,
}

impl Bounds {
    /// The bounds of tokens that always expire.
    pub(super) const fn ephemeral(spans: &Spans) -> Self {
        Self { default: Some(spans.default_ttl), most: spans.max_ephemeral_ttl, way_out: ": ask for less" }
    }
}

impl Life<'_> {
    /// The expiry. `None` = until revoked, or invalid: then `faults` says why.
    pub(super) fn judge(
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

    /// The span, and the field that gives it.
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

/// The error of two names for one value.
pub(super) fn both(one: &str, other: &str) -> FieldError {
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
