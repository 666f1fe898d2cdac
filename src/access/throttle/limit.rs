//! The rate limits and their rates.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Rate, Throttle};
use crate::access::Actor;
use crate::access::address::site;
use crate::id::TokenId;

/// Maximum number of buckets of one limit: at most some ten megabytes.
const MOST_KEYS: usize = 65_536;

/// A rate limit. Its name is the label of metrics and the key in the section `[limits]` of the configuration.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Limit {
    /// Requests from one address.
    Address,
    /// Requests from one address that are refused as unauthenticated.
    RefusedAddress,
    /// Requests by one user, by all API keys of one user, or by an API key that nobody owns.
    Actor,
    /// Password checks for one account from one site.
    SignInSite,
    /// Password checks for one account from all sites where its user has not signed in recently.
    SignInAccount,
    /// Refused redemptions of one token.
    RefusedToken,
    /// Refused redemptions of unknown tokens from one address.
    UnknownTokens,
    /// Redemptions from one address.
    Redemptions,
}

impl Limit {
    /// The name.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    /// The subject of the error text.
    const fn what(self) -> &'static str {
        match self {
            Self::Address => "requests from this address",
            Self::RefusedAddress => "refused requests from this address",
            Self::Actor => "requests by this user, or by API keys of this owner,",
            Self::SignInSite => "password checks for this account from this address",
            Self::SignInAccount => "password checks for this account from new addresses",
            Self::RefusedToken => "refused redemptions of this token",
            Self::UnknownTokens => "redemptions of unknown tokens from this address",
            Self::Redemptions => "redemptions from this address",
        }
    }
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many {} (limit {}): try again in {retry_after} s", limit.what(), limit.as_str())]
pub struct RateLimited {
    /// Which.
    pub limit: Limit,
    /// Whole seconds to wait.
    pub retry_after: u32,
}

/// The section `[limits]` of the configuration. A limit without a rate is off.
pub type Rates = BTreeMap<Limit, Rate>;

/// The subject of a bucket. Addresses count as [`site`] says.
#[derive(Clone, PartialEq, Eq, Hash)]
enum BucketKey {
    Site(IpAddr),
    Actor(String),
    Account(String),
    AccountAt(String, IpAddr),
    Token(TokenId),
}

/// The limits at work, each with buckets of its own.
pub struct Throttles {
    limits: BTreeMap<Limit, Throttle<BucketKey>>,
    /// Those of [`Limit::SignInSite`] for known addresses, apart so that a flood of names and sites cannot fill them.
    known_sites: Option<Throttle<BucketKey>>,
}

impl Throttles {
    /// Full buckets of these sizes.
    pub fn new(rates: &Rates) -> Self {
        let throttle = |rate: &Rate| Throttle::new(*rate, MOST_KEYS);
        Self {
            limits: rates.iter().map(|(limit, rate)| (*limit, throttle(rate))).collect(),
            known_sites: rates.get(&Limit::SignInSite).map(throttle),
        }
    }

    /// A request came from `address`.
    ///
    /// # Errors
    /// Too many of them.
    pub fn request(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.take(Limit::Address, &BucketKey::Site(site(address)))
    }

    /// A request from `address` is refused.
    ///
    /// # Errors
    /// Too many of them were.
    pub fn refuse(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.take(Limit::RefusedAddress, &BucketKey::Site(site(address)))
    }

    /// A request is by `actor`, which has been authenticated. The API keys of one `owner` share a bucket, so that more keys give
    /// no more requests. It is not the owner's own bucket: a leaked key must not keep its owner from deleting it.
    ///
    /// # Errors
    /// Too many of them.
    pub fn act(&self, actor: &Actor, owner: Option<&str>) -> Result<(), RateLimited> {
        let bucket = owner.map_or_else(|| actor.to_string(), |owner| format!("api_keys_of:{owner}"));
        self.take(Limit::Actor, &BucketKey::Actor(bucket))
    }

    /// A password for `account` from `address` is about to be checked. Where the address is known, only its own bucket counts.
    ///
    /// # Errors
    /// Too many of them, or the address had too many requests refused.
    pub fn sign_in(&self, account: &str, address: IpAddr, is_known: bool) -> Result<(), RateLimited> {
        let site = site(address);
        let of_site = BucketKey::AccountAt(account.to_owned(), site);
        if is_known {
            let taken = self.known_sites.as_ref().map_or(Ok(()), |throttle| throttle.check(&of_site));
            return taken.map_err(|seconds| reached(Limit::SignInSite, seconds));
        }
        if let Some(refused) = self.limits.get(&Limit::RefusedAddress) {
            let looked = refused.look(&BucketKey::Site(site));
            looked.map_err(|seconds| reached(Limit::RefusedAddress, seconds))?;
        }
        self.take(Limit::SignInSite, &of_site)?;
        self.take(Limit::SignInAccount, &BucketKey::Account(account.to_owned()))
    }

    /// A redemption of `token`, whose signature is good, is refused.
    ///
    /// # Errors
    /// Too many of them were.
    pub fn refuse_token(&self, token: TokenId) -> Result<(), RateLimited> {
        self.take(Limit::RefusedToken, &BucketKey::Token(token))
    }

    /// A redemption from `address` is refused because its token is unknown: its signature is not good.
    ///
    /// # Errors
    /// Too many of them were.
    pub fn refuse_unknown_token(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.take(Limit::UnknownTokens, &BucketKey::Site(site(address)))
    }

    /// Somebody at `address` redeems a token whose signature is good.
    ///
    /// # Errors
    /// Too many of them.
    pub fn redeem(&self, address: IpAddr) -> Result<(), RateLimited> {
        self.take(Limit::Redemptions, &BucketKey::Site(site(address)))
    }

    /// Forgets what is as good as new. For a timer.
    pub fn sweep(&self) {
        self.limits.values().chain(&self.known_sites).for_each(Throttle::sweep);
    }

    fn take(&self, limit: Limit, key: &BucketKey) -> Result<(), RateLimited> {
        let taken = self.limits.get(&limit).map_or(Ok(()), |throttle| throttle.check(key));
        taken.map_err(|seconds| reached(limit, seconds))
    }
}

fn reached(limit: Limit, retry_after: u32) -> RateLimited {
    metrics::counter!("gatepass_rate_limited_total", "limit" => limit.as_str()).increment(1);
    RateLimited { limit, retry_after }
}
