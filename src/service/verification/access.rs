//! Access tokens at the authority itself: each is as good as the certificate that it is bound to.

use crate::clock::Timestamp;
use crate::id::CertificateThumbprint;
use crate::service::verification::Authenticator;
use crate::service::verification::check::BadToken;
use crate::service::{Caller, HostError, ServiceError};
use crate::store::StoreError;
use crate::token::{AccessGrant, Verified, VerifyError};

impl Authenticator {
    /// Checks an access token for `audience`, which came with `certificate` (DER). The chain of the certificate is verified.
    /// The inner error is the first failed check of the token.
    ///
    /// # Errors
    /// The host or its certificate is refused, as in [`Authenticator::identify`].
    pub async fn check_access(
        &self,
        caller: &Caller,
        (unverified_token, audience): (&str, &str),
        certificate: &[u8],
    ) -> Result<Result<Verified<AccessGrant>, BadToken>, ServiceError> {
        let presented = CertificateThumbprint::of(certificate);
        let good = match self.bound(unverified_token, audience, presented) {
            Ok(good) => good,
            Err(error) => return Ok(Err(error.into())),
        };
        let host = self.identify(caller, certificate).await?;
        Ok(if host.id == good.host { Ok(good) } else { Err(VerifyError::WrongCertificate.into()) })
    }

    fn bound(
        &self,
        unverified_token: &str,
        audience: &str,
        presented: CertificateThumbprint,
    ) -> Result<Verified<AccessGrant>, VerifyError> {
        let now = self.base.time.now();
        let token = self.trust.load().access(unverified_token, now)?;
        if token.grant().audience != audience {
            return Err(VerifyError::WrongAudience);
        }
        token.presented_with(presented)?.at(now)
    }

    /// Judges the certificate that an access token is bound to, as if its host had presented it. The service that asks has
    /// seen the certificate.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) async fn judge_bound(
        &self,
        grant: &AccessGrant,
        now: Timestamp,
    ) -> Result<Result<(), BadToken>, StoreError> {
        if self.base.store.revocations().host_revoked(grant.host) {
            return Ok(Err(BadToken::HostRevoked));
        }
        let certificates = self.base.store.certificates_of(grant.host, now).await?;
        let bound = certificates.iter().find(|der| CertificateThumbprint::of(der) == grant.certificate);
        let Some(certificate) = bound else { return Ok(Err(BadToken::CertificateEnded)) };
        Ok(match self.identify(&Caller::SYSTEM, certificate).await {
            Ok(_) => Ok(()),
            Err(ServiceError::Store(error)) => return Err(error),
            Err(ServiceError::Host(HostError::Revoked)) => Err(BadToken::HostRevoked),
            Err(ServiceError::Host(HostError::Quarantined)) => Err(BadToken::HostQuarantined),
            Err(_) => Err(BadToken::CertificateEnded),
        })
    }
}
