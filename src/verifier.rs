//! What a service on the platform verifies with, without asking the authority.
//!
//! A [`Verifier`] holds the authority's public keys and its status lists, and decides alone: it knows no network and no
//! clock. Give it both documents as you have them, or let the refreshing client of the feature `fetch` keep it fresh.
//! Host certificates are for the feature `hosts`.
//!
//! ```
//! use gatepass::clock::SystemClock;
//! use gatepass::verifier::Verifier;
//! # let (jwks, uri, list, token) = gatepass::verifier::example();
//!
//! let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
//! let now = SystemClock::now();
//! verifier.update_keys(&jwks, now)?; // from /.well-known/jwks.json
//! verifier.update_list(&uri, &list, now)?; // from the address that tokens name
//!
//! let grant = verifier.verify(&token, now)?;
//! assert!(grant.has_role("allocator") && !grant.has_role("director"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "fetch")]
pub mod fetch;
#[cfg(feature = "hosts")]
pub mod hosts;
mod keys;
mod lists;
mod refusal;
mod snapshot;
mod staleness;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};

use self::keys::Keys;
use self::lists::Lists;
pub use self::lists::{ListUpdateError, Pushed};
pub use self::refusal::{Missing, Refusal};
pub use self::snapshot::SnapshotError;
use self::staleness::Staleness;
use crate::clock::Timestamp;
use crate::id::StatusRef;
use crate::token::{
    Authenticated, KeyError, ServiceGrant, Status, StatusListError, UnverifiedToken, Verified, VerifyError,
    VerifyingKeys, status_uri,
};

/// How long keys, lists and CRLs may go unconfirmed before what they vouch for is refused.
pub const MAX_STALENESS: Duration = Duration::from_secs(300);
/// How many good signatures a verifier remembers unless told otherwise.
pub const HOT_TOKENS: usize = 4096;

/// Verifies service tokens of one authority for one service. Share it behind an `Arc`: every method takes `&self`, and
/// verifying takes no lock.
///
/// It fails closed: without keys, without the status list that a token names, or with either unconfirmed for longer than
/// [`Verifier::max_staleness`], a token is refused, with a [`Refusal`] that says so.
///
/// There is no verifier without an issuer and an audience: a token that another service has seen must not open this one.
///
/// ```compile_fail
/// let verifier = gatepass::verifier::Verifier::new("https://gate.example.org:8443");
/// ```
pub struct Verifier {
    issuers: Vec<String>,
    audiences: Vec<String>,
    staleness: Staleness,
    hot_tokens: usize,
    keys: ArcSwapOption<Keys>,
    lists: ArcSwap<Lists>,
    /// Held while keys or lists are replaced; never while verifying.
    changing: Mutex<()>,
    on_missing: OnceLock<Box<dyn Fn(Missing) + Send + Sync>>,
}

impl Verifier {
    /// A verifier for the service `audience` (the `aud` of its tokens) of the authority at `issuer` (its external URL, the
    /// `iss`). It knows no keys and no lists yet, and refuses everything.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuers: vec![issuer.into()],
            audiences: vec![audience.into()],
            staleness: Staleness::DEFAULT,
            hot_tokens: HOT_TOKENS,
            keys: ArcSwapOption::empty(),
            lists: ArcSwap::default(),
            changing: Mutex::default(),
            on_missing: OnceLock::new(),
        }
    }

    /// Accepts tokens that name a former external URL of the same authority too, as long as some are still good.
    #[must_use]
    pub fn former_issuer(mut self, url: impl Into<String>) -> Self {
        self.issuers.push(url.into());
        self
    }

    /// How long keys and lists may go unconfirmed; [`MAX_STALENESS`] unless told otherwise.
    #[must_use]
    pub const fn max_staleness(mut self, limit: Duration) -> Self {
        self.staleness.limit = limit;
        self
    }

    /// Goes on with keys and lists that are too old, for a service that must answer while the authority cannot be reached
    /// and would rather miss a revocation. What it never had is refused nevertheless.
    #[must_use]
    pub const fn fail_open(mut self) -> Self {
        self.staleness.fail_open = true;
        self
    }

    /// How many good signatures are remembered; [`HOT_TOKENS`] unless told otherwise, 0 = none.
    #[must_use]
    pub const fn hot_tokens(mut self, most: usize) -> Self {
        self.hot_tokens = most;
        self
    }

    /// How often keys and lists have to be confirmed so that a failure or two does no harm: a quarter of the limit.
    #[cfg(feature = "fetch")]
    pub(crate) fn confirm_within(&self) -> Duration {
        self.staleness.limit / 4
    }

    /// The authority's external URL.
    pub fn issuer(&self) -> &str {
        &self.issuers[0]
    }

    /// The service's URI.
    pub fn audience(&self) -> &str {
        &self.audiences[0]
    }

    /// Calls `tell` whenever a token named a key or a list that is not known, so that it can be fetched. It is called while
    /// verifying and must return at once. The first call counts.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use gatepass::verifier::{Missing, Verifier};
    /// # let (jwks, uri, _, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// let (wanted, missing) = channel();
    /// verifier.on_missing(move |what| drop(wanted.send(what)));
    /// verifier.update_keys(&jwks, now)?;
    /// assert!(verifier.verify(&token, now).is_err());
    /// assert_eq!(missing.try_recv()?, Missing::List(uri)); // fetch it, then `update_list`
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_missing(&self, tell: impl Fn(Missing) + Send + Sync + 'static) {
        let _ = self.on_missing.set(Box::new(tell));
    }

    /// Takes over the authority's key set (RFC 7517), as fetched at `now`. What was remembered of good signatures goes if
    /// the keys are others than before.
    ///
    /// # Errors
    /// [`KeyError`]; the keys in use stay.
    pub fn update_keys(&self, jwks: &str, now: Timestamp) -> Result<(), KeyError> {
        let verifying = VerifyingKeys::parse_jwks(jwks)?;
        let _one = self.changing.lock();
        match &*self.keys.load() {
            Some(known) if known.verifying == verifying => known.confirm(now),
            _ => self.keys.store(Some(Arc::new(Keys::new(verifying, jwks, self.hot_tokens, now)))),
        }
        Ok(())
    }

    /// The authority said at `now` that the key set is still the same (304).
    pub fn confirm_keys(&self, now: Timestamp) {
        if let Some(keys) = &*self.keys.load() {
            keys.confirm(now);
        }
    }

    /// Takes over the signed status list that was fetched from `uri` at `now`.
    ///
    /// # Errors
    /// [`ListUpdateError`]; the list in use stays, until it is too old.
    pub fn update_list(&self, uri: &str, list: &str, now: Timestamp) -> Result<(), ListUpdateError> {
        let id = self.list_at(uri)?;
        let _one = self.changing.lock();
        let keys = self.keys.load_full().ok_or(ListUpdateError::NoKeys)?;
        self.lists.store(Arc::new(self.lists.load().with(id, uri, list, &keys.verifying, now)?));
        Ok(())
    }

    /// The authority said at `now` that the list at `uri` is still the same (304). Of a list that has expired that is no
    /// confirmation: the authority cannot sign it anew, so that nobody knows what has happened since.
    pub fn confirm_list(&self, uri: &str, now: Timestamp) {
        if let Ok(id) = self.list_at(uri) {
            self.lists.load().confirm(id, now);
        }
    }

    /// The authority dropped the list at `uri`: its tokens have all expired.
    pub fn drop_list(&self, uri: &str) {
        let Ok(id) = self.list_at(uri) else { return };
        let _one = self.changing.lock();
        self.lists.store(Arc::new(self.lists.load().without(id)));
    }

    /// Applies what the authority pushed at `now`. Who can push can only take away: an entry that became valid again is so
    /// once a signed list says it.
    ///
    /// ```
    /// use gatepass::token::Status;
    /// use gatepass::verifier::{Pushed, Refusal};
    /// # let (jwks, uri, list, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// # let verifier = gatepass::verifier::Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// # verifier.update_keys(&jwks, now).unwrap();
    /// # verifier.update_list(&uri, &list, now).unwrap();
    /// assert!(verifier.verify(&token, now).is_ok());
    /// assert_eq!(verifier.apply(&uri, &[(7, Status::Revoked)], now), Pushed::Applied);
    /// assert_eq!(verifier.verify(&token, now), Err(Refusal::Revoked));
    /// ```
    pub fn apply(&self, uri: &str, changes: &[(u32, Status)], now: Timestamp) -> Pushed {
        let Ok(id) = self.list_at(uri) else { return Pushed::FetchList };
        let _one = self.changing.lock();
        let Some((lists, pushed)) = self.lists.load().pushed(id, changes, now) else {
            return Pushed::FetchList;
        };
        self.lists.store(Arc::new(lists));
        pushed
    }

    /// The addresses of the lists that are known, each with the moment it was last confirmed.
    pub fn lists(&self) -> Vec<(String, Timestamp)> {
        self.lists.load().confirmed()
    }

    /// When the key set was last confirmed.
    pub fn keys_confirmed_at(&self) -> Option<Timestamp> {
        self.keys.load().as_ref().map(|keys| keys.confirmed_at())
    }

    /// Verifies a service token at `now`: form, signature, issuer, audience, time, and its entry in the status list.
    ///
    /// # Errors
    /// The first [`Refusal`]. [`Refusal::is_unavailable`] tells what is no fault of the token.
    ///
    /// ```
    /// use std::time::Duration;
    /// use gatepass::token::VerifyError;
    /// use gatepass::verifier::Refusal;
    /// # let (jwks, uri, list, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// # let verifier = gatepass::verifier::Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// # verifier.update_keys(&jwks, now).unwrap();
    /// # verifier.update_list(&uri, &list, now).unwrap();
    /// assert!(verifier.verify(&token, now).is_ok_and(|grant| grant.has_role("allocator")));
    /// let forged = token.replace(".eyJ", ".eyj");
    /// assert_eq!(verifier.verify(&forged, now), Err(Refusal::Token(VerifyError::BadSignature)));
    /// // Nobody has confirmed the keys for six minutes: answer 503, not 401.
    /// let late = now.plus(Duration::from_secs(360));
    /// assert!(verifier.verify(&token, late).is_err_and(|refusal| refusal.is_unavailable()));
    /// ```
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Verified<ServiceGrant>, Refusal> {
        let keys = self.keys.load();
        let keys = keys.as_ref().ok_or(Refusal::NoKeys)?;
        self.staleness.judge(keys.confirmed_at(), now).map_err(|age| Refusal::StaleKeys { age })?;
        let good =
            keys.hot.authenticate(token, now, || self.authenticate(token, &keys.verifying))?.at(now)?;
        self.judge_status(&good.token.issuer, good.token.status, now)?;
        Ok(good)
    }

    fn authenticate(
        &self,
        token: &str,
        keys: &VerifyingKeys,
    ) -> Result<Authenticated<ServiceGrant>, VerifyError> {
        let parsed = UnverifiedToken::parse_service(token)?;
        let authenticated = parsed.authenticate_service(keys, &self.issuers, &self.audiences);
        if authenticated == Err(VerifyError::UnknownKey) {
            self.tell(|| Missing::Key(parsed.signing_key()));
        }
        authenticated
    }

    fn judge_status(&self, issuer: &str, status: StatusRef, now: Timestamp) -> Result<(), Refusal> {
        let lists = self.lists.load();
        let Some(list) = lists.get(status.list) else {
            let uri = status_uri(issuer, status.list);
            self.tell(|| Missing::List(uri.clone()));
            return Err(Refusal::UnknownList { uri });
        };
        self.staleness.judge(list.confirmed_at(), now).map_err(|age| Refusal::StaleList { age })?;
        match list.status(status.index) {
            Some(Status::Valid) => Ok(()),
            Some(Status::Revoked) => Err(Refusal::Revoked),
            Some(Status::Suspended) => Err(Refusal::Suspended),
            Some(Status::UsedUp) => Err(Refusal::UsedUp),
            None => Err(Refusal::NoEntry),
        }
    }

    fn tell(&self, what: impl FnOnce() -> Missing) {
        if let Some(tell) = self.on_missing.get() {
            tell(what());
        }
    }

    /// The id in the address of a list of ours.
    fn list_at(&self, uri: &str) -> Result<crate::id::ListId, ListUpdateError> {
        let found = self.issuers.iter().find_map(|issuer| crate::token::list_of(issuer, uri));
        found.ok_or(ListUpdateError::List(StatusListError::WrongUri {
            found: uri.chars().take(256).collect(),
        }))
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.issuers)
            .field("audience", &self.audience())
            .field("lists", &self.lists())
            .finish_non_exhaustive()
    }
}

/// A key set, the address and text of a status list, and a token of role `allocator`: for the examples of this
/// documentation.
#[doc(hidden)]
pub fn example() -> (String, String, String, String) {
    snapshot::example()
}

#[cfg(test)]
mod tests;
