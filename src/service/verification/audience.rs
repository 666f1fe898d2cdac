//! The audience of the tokens that a caller asks about.

use crate::access::Rights;
use crate::service::verification::Authenticator;
use crate::service::verification::check::{BadToken, GoodToken};
use crate::service::verification::trust::Trust;
use crate::service::{FieldError, RequestError, ServiceError};
use crate::token::{VerifyError, enrollment_audience};

/// No audience can be assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAudience {
    /// No service is configured.
    #[error("no service is configured in tokens.audiences")]
    NoService,
    /// Several services are configured.
    #[error("several services are configured in tokens.audiences")]
    SeveralServices,
}

impl Trust {
    /// Every audience that a token can have: the configured services, and enrollment at each accepted external URL.
    pub fn known_audiences(&self) -> Vec<String> {
        let enrollment = self.issuers.accepted().iter().map(|issuer| enrollment_audience(issuer));
        self.audiences.iter().cloned().chain(enrollment).collect()
    }

    /// The audience of a request that names none: the only configured service.
    ///
    /// # Errors
    /// No service is configured, or several.
    pub fn only_audience(&self) -> Result<&str, NoAudience> {
        only(&self.audiences)
    }
}

/// The only one of the configured audiences.
///
/// # Errors
/// No service is configured, or several.
pub fn only(configured: &[String]) -> Result<&str, NoAudience> {
    match configured {
        [only] => Ok(only),
        [] => Err(NoAudience::NoService),
        _ => Err(NoAudience::SeveralServices),
    }
}

/// The audience `asked`, if it is one of the known `audiences`.
pub fn known_audience(
    field: &str,
    asked: &str,
    audiences: &[String],
    faults: &mut Vec<FieldError>,
) -> Option<String> {
    let found = audiences.iter().find(|audience| **audience == asked);
    if found.is_none() {
        let known = audiences.join(", ");
        let message = match (audiences.is_empty(), asked.is_empty()) {
            (true, _) => "no services are configured: name their URIs in tokens.audiences".to_owned(),
            (false, true) => format!("say which service it is for: {known}"),
            (false, false) => format!("not a configured service; they are: {known}"),
        };
        faults.push(FieldError::new(field, message));
    }
    found.cloned()
}

/// The known audiences among `asked`, each once. The others go to `faults`.
pub fn pick_audiences(asked: &[String], known: &[String], faults: &mut Vec<FieldError>) -> Vec<String> {
    let mut audiences = Vec::new();
    for (place, text) in asked.iter().enumerate() {
        let audience = known_audience(&format!("audiences[{place}]"), text, known, faults);
        audiences.extend(audience.filter(|audience| !audiences.contains(audience)));
    }
    audiences
}

impl Authenticator {
    /// Checks a token of either kind for a caller with these rights. Its audience must be the `named` one, or else that of the
    /// caller's API key, or else the only configured one. A caller without one would also accept the tokens of other services.
    ///
    /// # Errors
    /// The audience is not known, or the store cannot be read. The inner error is the first failed check.
    pub async fn introspect(
        &self,
        rights: &Rights,
        named: Option<&str>,
        unverified_token: &str,
    ) -> Result<Result<GoodToken, BadToken>, ServiceError> {
        let trust = self.trust.load();
        let audience = match (named, rights.audience.as_deref()) {
            (Some(named), Some(own)) if named != own => return Ok(Err(VerifyError::WrongAudience.into())),
            (Some(audience), _) | (None, Some(audience)) => audience,
            (None, None) => trust.only_audience().map_err(unnamed)?,
        };
        Ok(self.check(unverified_token).await?.and_then(|good| good.for_audience(audience)))
    }
}

fn unnamed(cause: NoAudience) -> RequestError {
    let way_out = "name the audience of your tokens: as audience=URI in the form, or in the API key (api-key create --audience)";
    RequestError::Fields(vec![FieldError::new("audience", format!("{cause}: {way_out}"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_configured_service_can_be_assumed() {
        let all = ["urn:a", "urn:b"].map(str::to_owned);
        assert_eq!(only(&all[..1]), Ok("urn:a"));
        assert_eq!(only(&[]), Err(NoAudience::NoService));
        assert_eq!(only(&all), Err(NoAudience::SeveralServices));
    }
}
