//! The rate limits and their rates.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;

use super::{Rate, RetryAfter, Throttle};
use crate::access::Actor;
use crate::access::address::site;
use crate::id::TokenId;

/// Maximum number of buckets of one limit: at most some ten megabytes.
const MOST_KEYS: usize = 65_536;

/// A rate limit. Its name is the label of metrics and the key in the section `[limits]` of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// Redemptions from one address.
    Redemptions,
}

impl Limit {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::RefusedAddress => "refused_address",
            Self::Actor => "actor",
            Self::SignInSite => "sign_in_site",
            Self::SignInAccount => "sign_in_account",
            Self::RefusedToken => "refused_token",
            Self::Redemptions => "redemptions",
        }
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
            Self::Redemptions => "redemptions from this address",
        }
    }
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimited {
    /// Which.
    pub limit: Limit,
    /// Whole seconds to wait.
    pub retry_after: u32,
}

impl RateLimited {
    /// This limit, until then.
    pub fn new(limit: Limit, retry_after: RetryAfter) -> Self {
        Self { limit, retry_after: retry_after.seconds() }
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "too many {} (limit {}): try again in {} s",
            self.limit.what(),
            self.limit.as_str(),
            self.retry_after
        )
    }
}

impl std::error::Error for RateLimited {}

/// The section `[limits]` of the configuration. A limit without a rate is off.
pub type Rates = BTreeMap<Limit, Rate>;

/// The limits at work, each with buckets of its own. Addresses count as [`site`] says.
pub struct Throttles {
    address: Option<Throttle<IpAddr>>,
    refused_address: Option<Throttle<IpAddr>>,
    actor: Option<Throttle<String>>,
    sign_in_site: Option<Throttle<(String, IpAddr)>>,
    /// The same for known addresses, apart so that a flood of names and sites cannot fill it.
    sign_in_known_site: Option<Throttle<(String, IpAddr)>>,
    sign_in_account: Option<Throttle<String>>,
    refused_token: Option<Throttle<TokenId>>,
    redemptions: Option<Throttle<IpAddr>>,
}

impl Throttles {
    /// Full buckets of these sizes.
    pub fn new(rates: &Rates) -> Self {
        Self {
            address: throttle(rates, Limit::Address),
            refused_address: throttle(rates, Limit::RefusedAddress),
            actor: throttle(rates, Limit::Actor),
            sign_in_site: throttle(rates, Limit::SignInSite),
            sign_in_known_site: throttle(rates, Limit::SignInSite),
            sign_in_account: throttle(rates, Limit::SignInAccount),
            refused_token: throttle(rates, Limit::RefusedToken),
            redemptions: throttle(rates, Limit::Redemptions),
        }
    }

    /// A request came from `address`.
    ///
    /// # Errors
    /// Too many of them.
    pub fn request(&self, address: IpAddr) -> Result<(), RateLimited> {
        take(Limit::Address, self.address.as_ref(), &site(address))
    }

    /// A request from `address` is refused.
    ///
    /// # Errors
    /// Too many of them were.
    pub fn refuse(&self, address: IpAddr) -> Result<(), RateLimited> {
        take(Limit::RefusedAddress, self.refused_address.as_ref(), &site(address))
    }

    /// A request is by `actor`, which has been authenticated. The API keys of one `owner` share a bucket, so that more keys give
    /// no more requests. It is not the owner's own bucket: a leaked key must not keep its owner from deleting it.
    ///
    /// # Errors
    /// Too many of them.
    pub fn act(&self, actor: &Actor, owner: Option<&str>) -> Result<(), RateLimited> {
        let bucket = owner.map_or_else(|| actor.to_string(), |owner| format!("api_keys_of:{owner}"));
        take(Limit::Actor, self.actor.as_ref(), &bucket)
    }

    /// A password for `account` from `address` is about to be checked. Where the address is known, only its own bucket counts.
    ///
    /// # Errors
    /// Too many of them, or the address had too many requests refused.
    pub fn sign_in(&self, account: &str, address: IpAddr, is_known: bool) -> Result<(), RateLimited> {
        let site = site(address);
        let of_site = (account.to_owned(), site);
        if is_known {
            return take(Limit::SignInSite, self.sign_in_known_site.as_ref(), &of_site);
        }
        let refused = self.refused_address.as_ref().map_or(Ok(()), |throttle| throttle.look(&site));
        refused.map_err(|until| told(Limit::RefusedAddress, until))?;
        take(Limit::SignInSite, self.sign_in_site.as_ref(), &of_site)?;
        take(Limit::SignInAccount, self.sign_in_account.as_ref(), &of_site.0)
    }

    /// A redemption of `token`, whose signature is good, is refused.
    ///
    /// # Errors
    /// Too many of them were.
    pub fn refuse_token(&self, token: TokenId) -> Result<(), RateLimited> {
        take(Limit::RefusedToken, self.refused_token.as_ref(), &token)
    }

    /// Somebody at `address` redeems a token whose signature is good.
    ///
    /// # Errors
    /// Too many of them.
    pub fn redeem(&self, address: IpAddr) -> Result<(), RateLimited> {
        take(Limit::Redemptions, self.redemptions.as_ref(), &site(address))
    }

    /// Forgets what is as good as new. For a timer.
    pub fn sweep(&self) {
        let Self { address, refused_address, actor, sign_in_site, sign_in_known_site, .. } = self;
        [address, refused_address, &self.redemptions].into_iter().flatten().for_each(Throttle::sweep);
        [sign_in_site, sign_in_known_site].into_iter().flatten().for_each(Throttle::sweep);
        [actor, &self.sign_in_account].into_iter().flatten().for_each(Throttle::sweep);
        self.refused_token.iter().for_each(Throttle::sweep);
    }
}

fn throttle<K: Hash + Eq + Clone>(rates: &Rates, limit: Limit) -> Option<Throttle<K>> {
    rates.get(&limit).map(|rate| Throttle::new(*rate, MOST_KEYS))
}

fn take<K: Hash + Eq + Clone>(
    limit: Limit,
    throttle: Option<&Throttle<K>>,
    key: &K,
) -> Result<(), RateLimited> {
    throttle.map_or(Ok(()), |throttle| throttle.check(key)).map_err(|until| told(limit, until))
}

fn told(limit: Limit, until: RetryAfter) -> RateLimited {
    metrics::counter!("gatepass_rate_limited_total", "limit" => limit.as_str()).increment(1);
    RateLimited::new(limit, until)
}
