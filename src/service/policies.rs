//! Policies: listing, showing, creating, changing, restoring and deleting them.

mod change;
mod edit;
pub mod live;

use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use self::edit::PolicyEdit;
use self::live::LivePolicies;
use super::base::ATTEMPTS;
use super::base::Base;
use super::outputs::keys::OutputKeys;
use super::tokens::due::DueRevocations;
use super::tokens::mint::{Minting, first_policy_order};
use super::{Caller, FieldError, RequestError, ServiceError};
use crate::access::{Act, Excess, Permission};
use crate::admission::{PolicyTerms, check_settings};
use crate::clock::Timestamp;
use crate::id::{OutputId, PolicyId};
use crate::ledger::{Action, Draft};
use crate::span::show_span;
use crate::store::{
    CreatePolicy, MOST_POLICIES, Page, PageQuery, Policy, PolicyCreation, RecordMint, StoreError,
};
use crate::text::hex;
use crate::token::MintedToken;

/// A policy with the number of its hosts that are not revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedPolicy {
    /// The policy at its current revision.
    pub policy: Arc<Policy>,
    /// Number of its hosts.
    pub hosts: u64,
}

/// An administrator's use cases of policies.
pub struct PolicyAdmin {
    pub(super) base: Base,
    pub(super) minting: Arc<Minting>,
    pub(super) keys: Arc<OutputKeys>,
    pub(super) due: Arc<DueRevocations>,
    /// The policies in memory.
    pub policies: Arc<LivePolicies>,
    /// Lifetime of a certificate without a policy.
    pub lifetime: Duration,
}

impl PolicyAdmin {
    /// Returns a page of the policies, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_policies(
        &self,
        query: PageQuery<PolicyId>,
    ) -> Result<Page<CountedPolicy, PolicyId>, ServiceError> {
        let policies = self.policies.load();
        let begin = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = policies.range((begin, Bound::Unbounded)).map(|(_, policy)| Arc::clone(policy));
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let page = rest.by_ref().take(limit).collect::<Vec<_>>();
        let next = page.last().map(|last| last.id).filter(|_| rest.next().is_some());
        Ok(Page { items: self.with_hosts(page).await?, next })
    }

    /// Counts the hosts of policies.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn with_hosts(&self, policies: Vec<Arc<Policy>>) -> Result<Vec<CountedPolicy>, ServiceError> {
        let ids = policies.iter().map(|policy| policy.id).collect();
        let hosts = self.base.store.hosts_of_policies(ids).await?;
        let counted = |(policy, hosts)| CountedPolicy { policy, hosts };
        Ok(policies.into_iter().zip(hosts).map(counted).collect())
    }

    /// Counts the tokens of policies that can admit a host.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count_tokens(&self, policies: Vec<PolicyId>) -> Result<Vec<u64>, ServiceError> {
        Ok(self.base.store.tokens_of_policies(policies, self.base.time.now()).await?)
    }

    /// Returns one policy.
    ///
    /// # Errors
    /// The policy is unknown, or the store cannot be read.
    pub async fn show_policy(&self, id: PolicyId) -> Result<CountedPolicy, ServiceError> {
        self.counted(self.stored(id).await?).await
    }

    /// Creates a policy. With `first_token` it gets the token `Default`, which gives its roles and is persistent and unlimited.
    ///
    /// # Errors
    /// The policy or its first token is beyond the caller's limits. Its name is taken, or there are too many policies. Or the
    /// store cannot be written.
    pub async fn create_policy(
        &self,
        caller: &Caller,
        terms: PolicyTerms,
        first_token: bool,
    ) -> Result<(CountedPolicy, Option<MintedToken>), ServiceError> {
        caller.may(Act::CreatePolicy)?;
        fits(None, &terms).await?;
        self.may_make(caller, None, &terms)?;
        for _ in 0..ATTEMPTS {
            let now = self.base.time.trusted()?;
            let policy = first_revision(caller, terms.clone(), now);
            let (minted, first) = match first_token {
                true => {
                    let (minted, record) = self.first_token(caller, &policy, now).await?;
                    (Some(minted), Some(record))
                }
                false => (None, None),
            };
            let entry = about(caller.did(Action::PolicyCreated, now), policy.id, &terms);
            let entry = entry.with("policy_terms", shown(&terms));
            let _turn = self.policies.change().await;
            let command = CreatePolicy { policy: policy.clone(), first, entry };
            match self.base.store.create_policy(command).await? {
                PolicyCreation::Created => {
                    self.policies.put(policy.clone());
                    return Ok((CountedPolicy { policy: policy.into(), hosts: 0 }, minted));
                }
                PolicyCreation::KeyGone => drop(self.minting.trust.change().await),
                PolicyCreation::TooMany => {
                    return Err(RequestError::TooManyPolicies { most: MOST_POLICIES }.into());
                }
                PolicyCreation::NameTaken => return Err(name_taken(&terms)),
                PolicyCreation::NoOutput(output) => return Err(no_output(&terms, output)),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Signs the first token of a policy: it gives exactly the policy's roles.
    async fn first_token(
        &self,
        caller: &Caller,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<(MintedToken, RecordMint), ServiceError> {
        let order = first_policy_order(policy);
        caller.may(order.act(now))?;
        if !caller.rights.permissions.contain(Permission::WriteTokens) {
            let message = "the first token needs tokens:write: set first_token to false to create none";
            let excess = Excess { limit: "permissions", message: message.to_owned() };
            return Err(RequestError::BeyondLimits(vec![excess]).into());
        }
        self.minting.sign(caller, order, &self.minting.trust.ring(), now).await
    }

    /// Checks the terms of a policy but its settings, and that the caller may give it these in place of `before`.
    fn may_make(
        &self,
        caller: &Caller,
        before: Option<&PolicyTerms>,
        terms: &PolicyTerms,
    ) -> Result<(), RequestError> {
        RequestError::refuse(misplaced_lifetime(terms).into_iter().collect())?;
        let roles_before = before.map_or(&[][..], |before| &before.roles);
        if roles_before != terms.roles {
            caller.may(Act::SetRoles { before: roles_before, after: &terms.roles })?;
        }
        // An output hands its credentials to every host of the policy.
        if before.map_or(&[][..], |before| &before.outputs) != terms.outputs {
            caller.may(Act::ManageOutputs)?;
        }
        // Its lapsed hosts are deleted, also those beyond the caller's limits.
        if terms.ephemeral_hosts && before.is_some_and(|before| !before.ephemeral_hosts) {
            caller.may(Act::CreatePolicy)?;
        }
        self.may_last(caller, before, terms)
    }

    /// Checks that only an admin gives certificates a longer life than the configured one.
    fn may_last(
        &self,
        caller: &Caller,
        before: Option<&PolicyTerms>,
        terms: &PolicyTerms,
    ) -> Result<(), RequestError> {
        let Some(lifetime) = terms.certificate_lifetime.filter(|lifetime| *lifetime > self.lifetime) else {
            return Ok(());
        };
        let was = before.and_then(|before| before.certificate_lifetime).unwrap_or_default();
        if lifetime <= was || caller.is_admin() {
            return Ok(());
        }
        let (asked, most) = (show_span(lifetime), show_span(self.lifetime));
        let message = format!(
            "{asked} is longer than hosts.certificate_lifetime, which is {most}: only an admin may set it"
        );
        Err(RequestError::BeyondLimits(vec![Excess { limit: "certificate_lifetime", message }]))
    }

    async fn stored(&self, id: PolicyId) -> Result<Policy, ServiceError> {
        self.base.store.policy(id).await?.ok_or_else(|| unknown(id))
    }

    async fn counted(&self, policy: Policy) -> Result<CountedPolicy, ServiceError> {
        let hosts = self.base.store.hosts_of_policy(policy.id).await?;
        Ok(CountedPolicy { policy: policy.into(), hosts })
    }
}

/// A new policy of the caller.
fn first_revision(caller: &Caller, terms: PolicyTerms, now: Timestamp) -> Policy {
    let actor = caller.actor.to_string();
    Policy {
        id: PolicyId::generate(now),
        revision: 1,
        terms,
        created_at: now,
        created_by: actor.clone(),
        updated_at: now,
        updated_by: actor,
    }
}

/// Checks what needs no rights: each field that does not fit is in one error. Settings like those `before` fit.
async fn fits(before: Option<&PolicyTerms>, terms: &PolicyTerms) -> Result<(), ServiceError> {
    let mut faults = Vec::from_iter(misplaced_lifetime(terms));
    if !before.is_some_and(|before| same_settings(before, terms)) {
        faults.extend(misfits(terms).await?);
    }
    Ok(RequestError::refuse(faults)?)
}

/// The fault of a policy for ephemeral hosts that sets a lifetime.
fn misplaced_lifetime(terms: &PolicyTerms) -> Option<FieldError> {
    let message = "the certificates of ephemeral hosts last 24h: set it to null";
    let is_misplaced = terms.ephemeral_hosts && terms.certificate_lifetime.is_some();
    is_misplaced.then(|| FieldError::new("certificate_lifetime", message))
}

/// Returns whether both have the same settings and schema, so that one check is enough.
fn same_settings(one: &PolicyTerms, other: &PolicyTerms) -> bool {
    one.settings == other.settings && one.schema == other.schema
}

/// Lists the settings that do not fit their schema. A thread for work that takes long checks them.
async fn misfits(terms: &PolicyTerms) -> Result<impl Iterator<Item = FieldError>, StoreError> {
    let (settings, schema) = (terms.settings.clone(), terms.schema.clone());
    let checking = tokio::task::spawn_blocking(move || check_settings(&settings, schema.as_ref()));
    let faults = checking.await.map_err(|_| StoreError::Closed)?.err().unwrap_or_default();
    Ok(faults.into_iter().map(|fault| FieldError::new(fault.field, fault.message)))
}

fn unknown(id: PolicyId) -> ServiceError {
    RequestError::not_found("policy", id).into()
}

/// An output of the terms that does not exist.
fn no_output(terms: &PolicyTerms, output: OutputId) -> ServiceError {
    let place = terms.outputs.iter().position(|known| *known == output).unwrap_or(0);
    let fault = FieldError::new(format!("outputs[{place}]"), format!("there is no output {output}"));
    RequestError::Fields(vec![fault]).into()
}

fn name_taken(terms: &PolicyTerms) -> ServiceError {
    RequestError::PolicyExists { name: terms.name.to_string() }.into()
}

/// The entry with the policy's id and name.
fn about(entry: Draft, id: PolicyId, terms: &PolicyTerms) -> Draft {
    entry.with("policy", id.to_string()).with("label", terms.name.as_str())
}

/// The terms for an entry. Settings and schema can be long, and stand there by their digest.
fn shown(terms: &PolicyTerms) -> Value {
    let PolicyTerms {
        name,
        description,
        certificate_lifetime,
        renew_at,
        roles,
        approval,
        labels,
        ephemeral_hosts,
        api_key_credential,
        settings,
        schema,
        audiences,
        outputs,
    } = terms;
    json!({
        "name": name, "description": description, "certificate_lifetime": certificate_lifetime.map(show_span),
        "renew_at": renew_at, "roles": roles, "approval": approval, "labels": labels,
        "ephemeral_hosts": ephemeral_hosts, "api_key_credential": api_key_credential, "settings_sha256": digest(settings),
        "schema_sha256": schema.as_ref().map(digest), "audiences": audiences, "outputs": outputs,
    })
}

/// The SHA-256 of a JSON object, in hexadecimal. Its members are in the order of their names.
fn digest(object: &serde_json::Map<String, Value>) -> String {
    // A map of JSON values is always JSON.
    let text = serde_json::to_vec(object).unwrap_or_default();
    hex(&Sha256::digest(text))
}
