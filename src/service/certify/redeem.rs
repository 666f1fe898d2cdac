//! Redeeming: the one path from a token to a certificate. The order of its steps is the order of this file.

use std::sync::Arc;

use serde_json::json;

use super::opaque_key::{first_key, of_credential};
use super::refusal::{expired_or_invalid, is_overtaken, ledger_reason, refused, spent};
use super::{Enrolled, Enrollment, Redemption, Warrant, judged};
use crate::access::{Actor, OpaqueKey};
use crate::admission::{self, HostClaims, PresentedFacts};
use crate::ca::{Csr, CsrPolicy};
use crate::clock::Timestamp;
use crate::id::HostId;
use crate::ledger::{Action, Draft, Subjects};
use crate::name::DnsName;
use crate::service::base::ATTEMPTS;
use crate::service::membership::allowed_roles;
use crate::service::refusals::{Refused, Whom};
use crate::service::time::TOLERATED_STEP_BACK;
use crate::service::verification::identify::superseded;
use crate::service::{Caller, FieldError, HostCaller, HostError, RequestError, ServiceError, TokenError};
use crate::store::{
    Admission, HostFacts, KEEP_AFTER_EXPIRY, NodeLimit, Pair, Policy, REPEAT_WINDOW, RedeemRefusal, Redeemed,
    ReplacedHost, StoreError, StoredCertificate,
};
use crate::token::{Authenticated, Grant, LEEWAY, Status, UnprovenApiKey, Verified};

// A pair that is forgotten while its token is still accepted would admit a second host on one use (I1).
const _: () = assert!(
    KEEP_AFTER_EXPIRY.as_secs() > LEEWAY.as_secs() + TOLERATED_STEP_BACK.as_secs() + REPEAT_WINDOW.as_secs(),
    "pairs are kept for longer than leeway, tolerated clock step and repeats together",
);

/// The request of a host.
pub struct RedeemRequest<'a> {
    /// The enrollment token or its `api_key`, nothing of which is trusted yet.
    pub unverified_token: &'a str,
    /// The certificate request, PEM.
    pub csr: &'a str,
    /// The claims of the host, which nothing proves.
    pub claims: HostClaims,
    /// The URL at which it reached the server, if that is known.
    pub reached_url: Option<String>,
    /// The certificate (DER) of the host that it replaces. The handshake has checked its chain.
    pub replaces: Option<Arc<Vec<u8>>>,
}

/// A redemption that passed every check except those of the transaction. Only this file makes one.
pub(super) struct RedeemTicket {
    pub(super) grant: Verified<Grant>,
    pub(super) csr: Csr,
    pub(super) presented: PresentedFacts,
    pub(super) reached_url: Option<String>,
    replaces: Option<Arc<Vec<u8>>>,
}

impl Enrollment {
    /// Redeems a token for a host certificate.
    ///
    /// # Errors
    /// Every refusal of the contract. No error spends a use (I3).
    pub async fn redeem(
        &self,
        caller: &Caller,
        request: RedeemRequest<'_>,
    ) -> Result<Redemption, ServiceError> {
        let now = self.base.time.trusted()?;
        let token = self.authenticate(caller, request.unverified_token).await?;
        let caller = Caller { actor: Actor::Token(token.grant().token.id), ..caller.clone() };
        self.take_turn(&caller, token.grant())?;
        let result = self.judge(&caller, &token, request, now).await;
        result.map_err(|error| self.refuse(&caller, token.grant(), error, now))
    }

    /// Checks that the token was signed here, before its request is read. Returns true if it has not ended, as far as memory
    /// knows. [`Self::redeem`] decides.
    ///
    /// # Errors
    /// The clock is in doubt, or the token is not of this authority.
    pub async fn recognize(&self, caller: &Caller, unverified_token: &str) -> Result<bool, ServiceError> {
        let now = self.base.time.trusted()?;
        let token = self.authenticate(caller, unverified_token).await?;
        let status = self.base.store.revocations().status(token.grant().token.status);
        Ok(!token.has_expired(now) && status == Status::Valid)
    }

    /// Takes a turn of the address, if redemptions are limited. The emergency token needs none.
    fn take_turn(&self, caller: &Caller, grant: &Grant) -> Result<(), ServiceError> {
        let address = caller.address.filter(|_| !self.is_emergency(grant));
        address.map_or(Ok(()), |address| self.throttles.redeem(address)).map_err(ServiceError::from)
    }

    /// Notes the refusal of a token with a good signature. Repeated attempts get 429. Successful redemptions do not count, as
    /// ten thousand hosts on one token are a rollout.
    fn refuse(&self, caller: &Caller, grant: &Grant, error: ServiceError, now: Timestamp) -> ServiceError {
        let Some(reason) = ledger_reason(&error) else { return error };
        let whom = Whom::Token(grant.token.id);
        self.refusals.note(Refused { caller: caller.clone(), whom, reason }, now);
        if self.is_emergency(grant) {
            return error;
        }
        self.throttles.refuse_token(grant.token.id).err().map_or(error, ServiceError::from)
    }

    /// Check 2 of the walk in ARCHITECTURE.md: size, syntax, signature, issuer, audience, type. Nothing is written before it
    /// has passed (I4). An `api_key` of Elastic Fleet's API stands for the signed text.
    ///
    /// Refusals are limited by address. A token with a good signature is never refused for their number.
    async fn authenticate(
        &self,
        caller: &Caller,
        unverified_token: &str,
    ) -> Result<Authenticated<Grant>, ServiceError> {
        let authenticated = match UnprovenApiKey::parse(unverified_token) {
            Some(unproven) => self.prove(&unproven).await?,
            None => self.trust.load().enrollment(unverified_token, self.base.time.now()),
        };
        authenticated.map_err(|error| {
            let taken = caller.address.map_or(Ok(()), |address| self.throttles.refuse_unknown_token(address));
            taken.err().map_or_else(|| TokenError::Invalid(error).into(), ServiceError::from)
        })
    }

    /// Checks 4 to 10.
    async fn judge(
        &self,
        caller: &Caller,
        token: &Authenticated<Grant>,
        request: RedeemRequest<'_>,
        now: Timestamp,
    ) -> Result<Redemption, ServiceError> {
        let csr = Csr::parse(request.csr, CsrPolicy { allow_rsa: self.terms.allow_rsa })?;
        let host_key = csr.spki_hash();
        if let Some(refusal) = self.base.store.refused_key(host_key).await? {
            return Err(HostError::from(refusal).into());
        }
        // The pair comes before time, uses and bindings: a lost answer is repeated although the token has ended.
        let pair = self.pair_of(token.grant().token.id, host_key, request.claims.host).await?;
        let asked = (token.grant(), request.claims.credential);
        if let Some(enrolled) = self.repeat(pair.as_ref(), token.grant(), now).await? {
            return self.answer_repeat(caller, asked, enrolled, now).await;
        }
        let is_new = pair.is_none() && token.grant().terms.bindings.host.is_none();
        if is_new && let Some(waiting) = self.waiting(token.grant(), &csr, &request.claims, now).await? {
            return match request.replaces {
                None => Ok(Redemption::Waiting(Box::new(waiting))),
                Some(_) => Err(refused(RedeemRefusal::ReplacementWaits, token.grant())),
            };
        }
        let presented = PresentedFacts { host_key: csr.thumbprint(), claims: request.claims };
        let (claims, key) = (presented.claims.clone(), csr.clone());
        let ticket = |grant| RedeemTicket {
            grant,
            csr,
            presented,
            reached_url: request.reached_url,
            replaces: request.replaces,
        };
        match self.judge_anew(caller, token, ticket, pair, now).await {
            // A concurrent redemption of the same pair may have taken the use or the name.
            Err(refusal) if is_overtaken(&refusal) => {
                let pair = self.base.store.pair(token.grant().token.id, host_key).await?;
                if let Some(enrolled) = self.repeat(pair.as_ref(), token.grant(), now).await? {
                    return self.answer_repeat(caller, asked, enrolled, now).await;
                }
                let waiting = self.waiting(token.grant(), &key, &claims, now).await?.filter(|_| is_new);
                waiting.map(|waiting| Redemption::Waiting(Box::new(waiting))).ok_or(refusal)
            }
            outcome => outcome,
        }
    }

    /// Checks 7 to 10, for a pair that does not repeat.
    async fn judge_anew(
        &self,
        caller: &Caller,
        token: &Authenticated<Grant>,
        ticket: impl FnOnce(Verified<Grant>) -> RedeemTicket,
        pair: Option<Pair>,
        now: Timestamp,
    ) -> Result<Redemption, ServiceError> {
        let grant = token.clone().at(now).map_err(expired_or_invalid)?;
        self.judge_status(&grant, pair.is_some())?;
        let ticket = ticket(grant);
        admission::check(&ticket.grant, &ticket.presented)?;
        match pair {
            Some(pair) => self.recertify(caller, ticket, pair.host, now).await.map(Redemption::from),
            None => match ticket.grant.terms.bindings.host {
                Some(_) if ticket.replaces.is_some() => {
                    Err(RequestError::Fields(vec![keeps_its_host()]).into())
                }
                Some(host) => self.reenroll(caller, ticket, host, now).await,
                None => self.enroll(caller, ticket, now).await,
            },
        }
    }

    /// An early check of revocations and uses in memory. The transaction decides.
    fn judge_status(&self, grant: &Grant, redeemed_before: bool) -> Result<(), TokenError> {
        match self.base.store.revocations().status(grant.token.status) {
            Status::Valid => Ok(()),
            Status::UsedUp if redeemed_before => Ok(()),
            Status::UsedUp => Err(spent(grant)),
            Status::Revoked => Err(TokenError::Revoked),
            Status::Suspended => Err(TokenError::Suspended),
        }
    }

    /// A new pair: a new host.
    async fn enroll(
        &self,
        caller: &Caller,
        ticket: RedeemTicket,
        now: Timestamp,
    ) -> Result<Redemption, ServiceError> {
        let HostClaims { name, credential, .. } = ticket.presented.claims.clone();
        let replaced = self.replaced(caller, &ticket).await?;
        // A replaced host leaves its slot.
        if replaced.is_none() && self.node_limit(&ticket.grant) != NodeLimit::Exempt {
            self.capacity.expect_slot().await?;
        }
        let freed = replaced.as_ref().and_then(|host| host.record.facts.name.as_ref());
        self.expect_name(name.as_ref().filter(|name| freed != Some(name)), now).await?;
        for _ in 0..ATTEMPTS {
            let policy = self.policy_of_token(ticket.grant.terms.policy)?;
            let policy = policy.as_deref();
            let opaque_key = first_key(credential, policy)?;
            let facts = (policy, replaced.as_ref(), opaque_key.as_ref());
            let admission = self.admission(caller, &ticket, facts, now)?;
            let (stored, roles) = (admission.certificate.clone(), admission.host.roles.clone());
            match self.admit(caller, &ticket, (admission, policy), replaced.as_ref(), now).await? {
                Redeemed::First => {
                    self.sound_alarm(&ticket.grant, stored.host);
                    let (cas, root) = (self.cas.load(), ticket.grant.root);
                    let enrolled = Enrolled::new(name, roles, stored, &cas, root);
                    return Ok(Redemption::Enrolled(Box::new(enrolled), opaque_key));
                }
                Redeemed::Again(winner) => {
                    let again = self.answer_again(winner, ticket.grant.root).await?;
                    return self.answer_repeat(caller, (&ticket.grant, credential), again, now).await;
                }
                Redeemed::Waits(id) => {
                    return Ok(Redemption::Waiting(Box::new(self.show_enrollment(id).await?)));
                }
                Redeemed::Refused(refusal) => return Err(refused(refusal, &ticket.grant)),
                Redeemed::FactsChanged => {}
            }
        }
        Err(StoreError::Contended.into())
    }

    /// The new host of a ticket, with its certificate.
    fn admission(
        &self,
        caller: &Caller,
        ticket: &RedeemTicket,
        (policy, replaced, opaque_key): (Option<&Policy>, Option<&HostCaller>, Option<&OpaqueKey>),
        now: Timestamp,
    ) -> Result<Admission, ServiceError> {
        let HostClaims { name, cluster, credential, .. } = ticket.presented.claims.clone();
        let terms = &ticket.grant.terms;
        let roles = allowed_roles(&terms.roles, policy);
        let host = HostFacts { name, cluster, roles, policy: terms.policy };
        let warrant = Warrant { csr: &ticket.csr, host: HostId::generate(now), facts: &host, policy };
        let certificate = self.issue(warrant, now)?;
        let entry = self
            .enrolled_entry(caller, Action::HostEnrolled, ticket, &certificate, now)
            .with("roles", json!(host.roles));
        let entry = of_credential(entry, credential);
        let entry = match replaced {
            Some(old) => entry.with("replaces", old.id.to_string()),
            None => entry,
        };
        Ok(Admission {
            host,
            policy: judged(policy),
            certificate,
            reached_url: ticket.reached_url.clone().unwrap_or_else(|| ticket.grant.token.issuer.clone()),
            address: caller.address,
            node_limit: self.node_limit(&ticket.grant),
            rule: None,
            opaque_key: opaque_key.map(OpaqueKey::id),
            name_hold: self.terms.name_hold,
            entry,
        })
    }

    /// Checks that a name is free.
    async fn expect_name(&self, name: Option<&DnsName>, now: Timestamp) -> Result<(), ServiceError> {
        let Some(name) = name else { return Ok(()) };
        let lapsed_before = now.minus(self.terms.name_hold);
        match self.base.store.name_taken(name.clone(), lapsed_before).await? {
            true => Err(HostError::NameTaken.into()),
            false => Ok(()),
        }
    }

    /// The host that the new one replaces. Its certificate must be one that may renew.
    async fn replaced(
        &self,
        caller: &Caller,
        ticket: &RedeemTicket,
    ) -> Result<Option<HostCaller>, ServiceError> {
        let Some(certificate) = &ticket.replaces else { return Ok(None) };
        let host = self.authenticator.identify(caller, certificate).await?;
        match host.record.is_current(host.certificate.serial) {
            true => Ok(Some(host)),
            false => Err(superseded()),
        }
    }

    pub(super) fn enrolled_entry(
        &self,
        caller: &Caller,
        action: Action,
        ticket: &RedeemTicket,
        stored: &StoredCertificate,
        now: Timestamp,
    ) -> Draft {
        let subjects = Subjects::host(stored.host).with_token(ticket.grant.token.id);
        let subjects = subjects.with_serial(stored.record.serial);
        let entry = caller.did(action, now).about(subjects).with("key", stored.record.host_key.to_string());
        let entry =
            if self.is_emergency(&ticket.grant) { entry.with("alarm", "emergency_token") } else { entry };
        let policy = ticket.grant.terms.policy;
        let entry = policy.iter().fold(entry, |entry, policy| entry.with("policy", policy.to_string()));
        match &ticket.presented.claims.name {
            Some(name) => entry.with("name", name.as_str()),
            None => entry,
        }
    }

    /// The limit for a host of this token.
    pub(super) fn node_limit(&self, grant: &Grant) -> NodeLimit {
        if self.is_emergency(grant) { NodeLimit::Exempt } else { self.capacity.limit_of_hosts() }
    }

    pub(super) fn is_emergency(&self, grant: &Grant) -> bool {
        self.trust.is_emergency(grant.token.id)
    }

    /// Every use of the emergency token is an alarm: in the log and the metrics here, in the ledger by its entry.
    pub(super) fn sound_alarm(&self, grant: &Grant, host: HostId) {
        if self.is_emergency(grant) {
            tracing::error!(token = %grant.token.id, %host, "ALARM: the emergency token has admitted a host");
            metrics::counter!("gatepass_emergency_token_uses_total").increment(1);
        }
    }
}

fn keeps_its_host() -> FieldError {
    FieldError::new("replace", "a re-enrollment token keeps its host: leave it out")
}

/// The revocation of a host in whose place `new` enrolls.
pub(super) fn replacement(caller: &Caller, old: &HostCaller, new: HostId, now: Timestamp) -> ReplacedHost {
    let (host, presented) = (old.id, old.certificate.serial);
    let caller = Caller { actor: Actor::Host { id: host, serial: presented }, ..caller.clone() };
    let subjects = Subjects::host(host).with_serial(presented);
    let entry = caller.did(Action::HostRevoked, now).about(subjects).with("replaced_by", new.to_string());
    ReplacedHost { host, presented, entry }
}
