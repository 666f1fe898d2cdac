//! One generation of keys, external URLs and audiences, with a cache of the signatures that were good under it.
//! It is replaced as a whole, so that no cached signature outlives its key.

use std::sync::Arc;

use super::metadata::Metadata;
use crate::clock::Timestamp;
use crate::service::document::Document;
use crate::service::verification::issuers::Issuers;
use crate::token::{
    AccessGrant, Authenticated, AuthenticatedToken, Grant, HotAccessTokens, HotEnrollmentTokens,
    HotServiceTokens, KeyRing, ServiceGrant, TokenDigest, UnverifiedToken, VerifyError,
};

/// One generation of keys, external URLs and audiences.
pub struct Trust {
    /// The signing keys.
    pub ring: Arc<KeyRing>,
    /// The external URLs.
    pub issuers: Arc<Issuers>,
    /// The services that tokens are minted for, each by its URI.
    pub audiences: Arc<[String]>,
    hot_tokens: usize,
    enrollment: HotEnrollmentTokens,
    service: HotServiceTokens,
    access: HotAccessTokens,
    /// The published key set (RFC 7517).
    pub jwks: Document,
    /// The published OAuth metadata (RFC 8414) of the current external URL.
    pub metadata: Document,
}

/// Time that caches may keep the key set and the metadata, in seconds: a prepared key is published long before it signs.
const MAX_AGE: u32 = 300;

impl Trust {
    /// A generation whose cache holds up to `hot_tokens` good signatures of each kind of token.
    pub fn new(
        ring: Arc<KeyRing>,
        issuers: Arc<Issuers>,
        audiences: Arc<[String]>,
        hot_tokens: usize,
    ) -> Self {
        let (enrollment, service) = (HotEnrollmentTokens::new(hot_tokens), HotServiceTokens::new(hot_tokens));
        let access = HotAccessTokens::new(hot_tokens);
        let jwks =
            Document::new("application/jwk-set+json", MAX_AGE, ring.verifying().to_jwks()).compressed();
        let metadata = serde_json::to_vec(&Metadata::of(issuers.current())).unwrap_or_default();
        let metadata = Document::new("application/json", MAX_AGE, metadata).compressed();
        Self { ring, issuers, audiences, hot_tokens, enrollment, service, access, jwks, metadata }
    }

    /// The next generation, with these keys and external URLs and an empty cache.
    #[must_use]
    pub(in crate::service) fn next(&self, ring: Arc<KeyRing>, issuers: Arc<Issuers>) -> Self {
        Self::new(ring, issuers, Arc::clone(&self.audiences), self.hot_tokens)
    }

    /// Checks an enrollment token's signature, issuer, audience and type.
    pub(in crate::service) fn enrollment(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Authenticated<Grant>, VerifyError> {
        let (keys, issuers) = (self.ring.verifying(), self.issuers.accepted());
        self.enrollment.authenticate(text, now, || UnverifiedToken::parse(text)?.authenticate(keys, issuers))
    }

    /// Checks a service token for any of the audiences.
    pub(in crate::service) fn service(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Authenticated<ServiceGrant>, VerifyError> {
        let (keys, issuers) = (self.ring.verifying(), self.issuers.accepted());
        self.service.authenticate(text, now, || {
            UnverifiedToken::parse(text)?.authenticate_service(keys, issuers, &self.audiences)
        })
    }

    /// Checks an access token for any of the audiences. Its certificate is the caller's to compare.
    pub(in crate::service) fn access(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Authenticated<AccessGrant>, VerifyError> {
        let (keys, issuers) = (self.ring.verifying(), self.issuers.accepted());
        self.access.authenticate(text, now, || {
            UnverifiedToken::parse(text)?.authenticate_access(keys, issuers, &self.audiences)
        })
    }

    /// Checks a token of any kind.
    pub(in crate::service) fn any(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<AuthenticatedToken, VerifyError> {
        let digest = TokenDigest::of(text)?;
        if let Some(hot) = self.hot(&digest, now) {
            return Ok(hot);
        }
        let (keys, issuers) = (self.ring.verifying(), self.issuers.accepted());
        let good = UnverifiedToken::parse(text)?.authenticate_any(keys, issuers, &self.audiences)?;
        self.remember(digest, &good, now);
        Ok(good)
    }

    /// Checks tokens of all kinds, in their order. Signatures that are not cached are checked together.
    pub(in crate::service) fn many(
        &self,
        texts: &[String],
        now: Timestamp,
    ) -> Vec<Result<AuthenticatedToken, VerifyError>> {
        let mut answers = Vec::with_capacity(texts.len());
        let (mut cold, mut places) = (Vec::new(), Vec::new());
        for (place, text) in texts.iter().enumerate() {
            answers.push(TokenDigest::of(text).and_then(|digest| match self.hot(&digest, now) {
                Some(hot) => Ok(hot),
                None => {
                    cold.push(UnverifiedToken::parse(text)?);
                    places.push((place, digest));
                    // The result of the batch below replaces it.
                    Err(VerifyError::UnknownKey)
                }
            }));
        }
        let (keys, issuers) = (self.ring.verifying(), self.issuers.accepted());
        let judged = UnverifiedToken::authenticate_all(&cold, keys, issuers, &self.audiences);
        for ((place, digest), answer) in places.into_iter().zip(judged) {
            if let Ok(good) = &answer {
                self.remember(digest, good, now);
            }
            answers[place] = answer;
        }
        answers
    }

    /// Checks a token that can be revoked, also for an audience that has left the configuration: a service may still accept it.
    pub(in crate::service) fn whatever_audience(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<AuthenticatedToken, VerifyError> {
        match self.any(text, now) {
            Err(VerifyError::WrongAudience) => {
                let token = UnverifiedToken::parse(text)?;
                let named = token.unverified_service_grant()?.audience;
                let (keys, issuers) = (self.ring.verifying(), self.issuers.accepted());
                token.authenticate_service(keys, issuers, &[named]).map(AuthenticatedToken::Service)
            }
            known => known,
        }
    }

    /// The token of this digest, if it is in the cache.
    fn hot(&self, digest: &TokenDigest, now: Timestamp) -> Option<AuthenticatedToken> {
        let service = self.service.get(digest, now).map(AuthenticatedToken::Service);
        let access = || self.access.get(digest, now).map(AuthenticatedToken::Access);
        let enrollment = || self.enrollment.get(digest, now).map(AuthenticatedToken::Enrollment);
        service.or_else(access).or_else(enrollment)
    }

    /// Adds a good signature to the cache.
    fn remember(&self, digest: TokenDigest, signed: &AuthenticatedToken, now: Timestamp) {
        match signed {
            AuthenticatedToken::Enrollment(token) => self.enrollment.remember(digest, token, now),
            AuthenticatedToken::Service(token) => self.service.remember(digest, token, now),
            AuthenticatedToken::Access(token) => self.access.remember(digest, token, now),
        }
    }
}
