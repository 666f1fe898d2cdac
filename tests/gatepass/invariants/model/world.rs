//! An authority, and a model of its allowed and required behaviour.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gatepass::clock::Timestamp;
use gatepass::id::{HostId, TokenId};
use gatepass::service::Enrolled;
use gatepass::service::tokens::HowToRevoke;
use gatepass::service::{Caller, ServiceError};
use gatepass::store::REPEAT_WINDOW;
use gatepass::token::LEEWAY;
use serde_json::json;

use super::Deed;
use crate::support::{Host, Running, authority, inside};

/// Hosts and their keys are collected ninety days after their last certificate; the model ends before.
const LONGEST: Duration = Duration::from_secs(80 * 86_400);

/// The authority's age at first. The clock never goes back before its certificates are valid: it would not start.
const AGE: Duration = Duration::from_secs(30 * 86_400);

/// A token as it was minted, and the hosts it has admitted.
struct Token {
    id: TokenId,
    text: String,
    uses: Option<u32>,
    persistent: bool,
    expires_at: Option<Timestamp>,
    revoked: bool,
    /// It is of an epoch before the clock was accepted.
    outlived: bool,
    admitted: BTreeMap<usize, Admitted>,
    hosts: BTreeSet<HostId>,
}

struct Admitted {
    host: HostId,
    at: Timestamp,
    certificate: Vec<u8>,
}

pub(super) struct World {
    at: Running,
    requests: Vec<String>,
    tokens: Vec<Token>,
    revoked_keys: BTreeSet<usize>,
    /// The time of the clock if nobody had set it.
    right: Timestamp,
    passed: Duration,
    /// Time went back with an operator's blessing: what had ended and was collected cannot come back to life.
    rewound: bool,
}

impl World {
    pub(super) async fn new() -> Self {
        let at = Running::start().await;
        at.clock.advance(AGE);
        Self {
            at,
            requests: (0..6).map(|_| Host::new().csr()).collect(),
            tokens: Vec::new(),
            revoked_keys: BTreeSet::new(),
            right: authority::start().plus(AGE),
            passed: Duration::ZERO,
            rewound: false,
        }
    }

    pub(super) async fn end(self) {
        let verdict = self.at.authority.ledger.verify().await.unwrap();
        assert_eq!(verdict.fault, None);
        self.at.stop().await;
    }

    pub(super) async fn after(mut self, deed: Deed) -> Self {
        match deed {
            Deed::Mint { persistent, uses, ttl } => self.mint(persistent, uses, ttl).await,
            Deed::Redeem { token, key } if !self.tokens.is_empty() => {
                self.redeem(token % self.tokens.len(), key).await;
            }
            Deed::RevokeToken { token } if !self.tokens.is_empty() => {
                self.revoke_token(token % self.tokens.len()).await;
            }
            Deed::RevokeHost { key } => self.revoke_host(key).await,
            Deed::Redeem { .. } | Deed::RevokeToken { .. } => {}
            // It is refused while the clock is in doubt, which is for `redeem` to see.
            Deed::Collect => drop(self.at.authority.upkeep.collect().await),
            Deed::Restart => self.at = self.at.restart().await,
            Deed::Advance(span) => self.advance(span),
            Deed::StepBack(span) => {
                let wall = self.at.authority.time.wall().minus(span);
                self.at.clock.step_to(wall.max(authority::start()));
            }
            Deed::StepAhead(span) => self.step_ahead(span),
            Deed::Right => self.at.clock.step_to(self.right),
            Deed::Accept => self.accept().await,
        }
        self
    }

    fn in_doubt(&self) -> bool {
        self.at.authority.time.standing().doubt.is_some()
    }

    async fn mint(&mut self, persistent: bool, uses: Option<u32>, ttl: u64) {
        let request = json!({ "persistent": persistent, "max_uses": uses, "ttl": format!("{ttl}s") });
        let doubt = self.in_doubt();
        let minted = match inside::mint(&self.at.authority, request).await {
            Ok(minted) => minted,
            Err(error) => return assert!(doubt, "{error}"),
        };
        let grant = minted.grant();
        self.tokens.push(Token {
            id: grant.token.id,
            text: minted.text().expose().clone(),
            uses,
            persistent,
            expires_at: grant.terms.expires_at,
            revoked: false,
            outlived: false,
            admitted: BTreeMap::new(),
            hosts: BTreeSet::new(),
        });
    }

    async fn redeem(&mut self, token: usize, key: usize) {
        let doubt = self.in_doubt();
        let answer =
            inside::redeem(&self.at.authority, &self.tokens[token].text, &self.requests[key], None).await;
        let now = self.at.authority.time.now();
        match answer {
            Ok(enrolled) => {
                assert!(!doubt, "a clock in doubt admits nobody");
                assert!(!self.revoked_keys.contains(&key), "a revoked host's key is refused");
                self.tokens[token].admits(key, enrolled, now);
            }
            Err(error) if doubt => assert!(matches!(error, ServiceError::Clock(_)), "{error}"),
            Err(error) => {
                let must = !self.rewound && !self.revoked_keys.contains(&key);
                assert!(!(must && self.tokens[token].must_admit(key, now)), "{error} at {now}");
            }
        }
    }

    async fn revoke_token(&mut self, token: usize) {
        let id = self.tokens[token].id;
        // One without uses left stays as it is: who was let in asks again as before.
        let revoked =
            self.at.authority.tokens.revoke_token(&Caller::SYSTEM, id, HowToRevoke::default()).await;
        if revoked.is_ok_and(|taken| taken.changed) {
            self.tokens[token].revoked = true;
        }
    }

    async fn revoke_host(&mut self, key: usize) {
        let host =
            self.tokens.iter().find_map(|token| token.admitted.get(&key)).map(|admitted| admitted.host);
        if let Some(host) = host {
            self.at.authority.hosts.revoke_host(&Caller::SYSTEM, host, None).await.unwrap();
            self.revoked_keys.insert(key);
        }
    }

    fn advance(&mut self, span: Duration) {
        if self.spend(span) {
            self.at.clock.advance(span);
            self.right = self.right.plus(span);
        }
    }

    fn step_ahead(&mut self, span: Duration) {
        if self.spend(span) {
            self.at.clock.step_to(self.at.authority.time.wall().plus(span));
        }
    }

    fn spend(&mut self, span: Duration) -> bool {
        let fits = self.passed + span < LONGEST;
        self.passed += if fits { span } else { Duration::ZERO };
        fits
    }

    async fn accept(&mut self) {
        let before = self.at.authority.time.mark();
        let after = self.at.authority.trust_admin.accept_clock(&Caller::SYSTEM).await.unwrap();
        self.rewound |= after.wall < before;
        let outlived = self.tokens.iter_mut().filter(|token| !token.persistent);
        outlived.for_each(|token| token.outlived = true);
    }
}

impl Token {
    /// Checks that a redemption which succeeded was allowed to, and remembers it.
    fn admits(&mut self, key: usize, enrolled: Enrolled, now: Timestamp) {
        if let Some(before) = self.admitted.get(&key) {
            assert_eq!(enrolled.host, before.host, "the same key stays the same host");
            if now.since(before.at) < REPEAT_WINDOW {
                assert_eq!(enrolled.certificate, before.certificate, "a repeat gets what was lost");
            } else {
                assert!(!self.outlived, "a token of an earlier epoch gives nothing but repeats");
            }
            return;
        }
        assert!(!self.outlived, "a token of an earlier epoch admits nobody new");
        assert!(!self.revoked, "a revoked token admits nobody new");
        assert!(self.expires_at.is_none_or(|at| now <= at.plus(LEEWAY)), "nor does one that expired");
        let Enrolled { host, certificate, .. } = enrolled;
        assert!(self.hosts.insert(host), "a new key is a new host");
        self.admitted.insert(key, Admitted { host, at: now, certificate });
        assert!(self.uses.is_none_or(|uses| self.hosts.len() <= uses as usize), "more hosts than uses");
    }

    /// Returns whether a refusal of this key would be wrong.
    fn must_admit(&self, key: usize, now: Timestamp) -> bool {
        let live = !self.revoked && self.expires_at.is_none_or(|at| now < at);
        let free = self.uses.is_none_or(|uses| self.hosts.len() < uses as usize);
        match self.admitted.get(&key) {
            _ if self.outlived => false,
            Some(before) => now.since(before.at) < REPEAT_WINDOW,
            None => live && free,
        }
    }
}
