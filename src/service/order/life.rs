//! How long a token is to live: asked for as a span or as a moment, judged against what its kind may.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::service::{FieldError, Settings};
use crate::span::{parse_span, show_span};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct Life<'a> {
    /// A span such as `15m`.
    pub(in crate::service) ttl: Option<&'a str>,
    /// A moment, RFC 3339.
    pub(in crate::service) expires_at: Option<&'a str>,
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
    pub(in crate::service) const fn ephemeral(settings: &Settings) -> Self {
        Self {
            default: Some(settings.default_ttl),
            most: settings.max_ephemeral_ttl,
            way_out: ": ask for less",
        }
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
        match (self.ttl, self.expires_at) {
            (Some(_), Some(_)) => {
                Err(FieldError::new("expires_at", "give either ttl or expires_at, not both"))
            }
            (Some(ttl), None) => match parse_span(ttl) {
                Ok(ttl) => Ok(Some(("ttl", ttl))),
                Err(error) => Err(FieldError::new("ttl", error.to_string())),
            },
            (None, Some(text)) => until(text, now).map(|ttl| Some(("expires_at", ttl))),
            (None, None) => Ok(default.map(|ttl| ("ttl", ttl))),
        }
    }
}

fn until(text: &str, now: Timestamp) -> Result<Duration, FieldError> {
    let wrong = |message: String| FieldError::new("expires_at", message);
    match Timestamp::parse_rfc3339(text) {
        Some(at) if at > now => Ok(at.since(now)),
        Some(_) => Err(wrong(format!("not in the future; it is {now} here"))),
        None => Err(wrong("not an RFC 3339 time such as 2030-01-31T12:00:00Z".to_owned())),
    }
}
