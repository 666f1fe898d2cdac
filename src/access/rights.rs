//! Rights of a caller, and the one function that checks every act against them (I5).

mod rules;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use super::limits::{Allowed, Clusters, Limits};
use super::permission::{Permission, Permissions};
use super::scope::Scope;
use super::user_role::UserRole;
use crate::id::PolicyId;
use crate::name::{Cluster, DnsPattern, Role};
use crate::span::show_span;

/// The rights of a caller, read for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Which routes are open.
    pub permissions: Permissions,
    /// The limits of its acts.
    pub limits: Limits,
    /// The audience of the tokens that an API key may introspect and verify; `None`: any.
    pub audience: Option<String>,
}

/// An act that leads to roles, names, clusters, policies, uses, lifetimes or rights. A new use case that does so adds its act
/// here, and [`Rights::judge`] does not compile until it is judged.
#[derive(Clone, Copy, Debug)]
pub enum Act<'a> {
    /// A token for hosts is minted.
    Mint {
        /// The roles it gives.
        roles: &'a [Role],
        /// The DNS names it lets hosts ask for.
        dns_names: &'a [DnsPattern],
        /// True if it is persistent.
        persistent: bool,
        /// Its life; `None` = until revoked.
        lasts: Option<Duration>,
        /// Maximum number of hosts that it admits; `None` = unlimited.
        uses: Option<u32>,
        /// The cluster it is bound to.
        cluster: Option<&'a Cluster>,
        /// The policy that its hosts get.
        policy: Option<PolicyId>,
    },
    /// Many tokens for hosts are minted together. Their uses count together.
    MintMany {
        /// Minting one of them.
        each: &'a Self,
        /// Number of tokens.
        count: u32,
    },
    /// A token for a service's door is minted.
    MintServiceToken {
        /// The roles it gives.
        roles: &'a [Role],
        /// Its life.
        lasts: Duration,
    },
    /// The life that tokens have, or may have, is set for everybody.
    SetLives {
        /// The longest that is set.
        lasts: Duration,
        /// True if one of them signs persistent tokens.
        persistent: bool,
    },
    /// A token that somebody else minted is revoked, or somebody else's rule is changed or deleted. Judged as making it.
    Revoke(&'a Self),
    /// A host that somebody else's token admitted is revoked.
    RevokeHost {
        /// The roles it has.
        roles: &'a [Role],
        /// The DNS name it has.
        dns_names: &'a [DnsPattern],
        /// The cluster it belongs to.
        cluster: Option<&'a Cluster>,
        /// The policy it has.
        policy: Option<PolicyId>,
    },
    /// A host has other roles from now on.
    SetRoles {
        /// All roles that it had.
        before: &'a [Role],
        /// All roles that it gets, also those it had.
        after: &'a [Role],
    },
    /// A rule admits hosts without a person.
    AdmitByRule {
        /// The roles that it allows; empty: all roles.
        allowed_roles: &'a [Role],
        /// The DNS names that hosts ask for; empty: any name, and none.
        names: &'a [DnsPattern],
        /// The cluster of its tokens; `None`: any, and none.
        cluster: Option<&'a Cluster>,
        /// Maximum number of hosts; `None` = no maximum.
        most: Option<u32>,
        /// The policies of its tokens, besides none; `None`: any.
        policies: Option<&'a BTreeSet<PolicyId>>,
    },
    /// A policy is created. Its id is new, so no list has it.
    CreatePolicy,
    /// A policy is changed or deleted.
    ChangePolicy(PolicyId),
    /// A host gets this policy.
    GivePolicy(PolicyId),
    /// An output is created, changed or deleted, or given to a policy or taken from it.
    ManageOutputs,
    /// A user or an API key has these rights from now on; or a credential of theirs is set, which comes to the same.
    Give(&'a Rights),
}

/// One limit that an act goes beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The limit: `roles`, `dns_names`, `max_ttl`, `max_uses`, `persistent`, `clusters`, `policies`,
    /// `permissions` or `audience`; of an API key that a key makes also `expires_at`.
    pub limit: &'static str,
    /// The requested and the allowed value.
    pub message: String,
}

impl Rights {
    /// Everything that can be given, without limits.
    pub const ALL: Self = Self { permissions: Permissions::ALL, limits: Limits::ANY, audience: None };
    /// The rights of hosts, tokens and strangers: none.
    pub const NONE: Self = Self { permissions: Permissions::NONE, limits: Limits::LEAST, audience: None };

    /// Those of a user.
    pub const fn of_role(role: UserRole, limits: Limits) -> Self {
        Self { permissions: role.permissions(), limits, audience: None }
    }

    /// Those of an API key that nobody owns.
    pub fn of_scopes(scopes: &[Scope], limits: Limits) -> Self {
        let all = scopes.iter().fold(Permissions::NONE, |all, scope| all.and(scope.permissions()));
        Self { permissions: all, limits, audience: None }
    }

    /// The rights that are in both: an API key does no more than its owner may at that moment.
    #[must_use]
    pub fn within(self, owner: &Self) -> Self {
        Self {
            permissions: self.permissions.within(owner.permissions),
            limits: self.limits.within(&owner.limits),
            // An owner is a user, who has none.
            audience: self.audience,
        }
    }

    /// Checks that `act` is within the limits.
    ///
    /// # Errors
    /// Every limit that it goes beyond.
    pub fn judge(&self, act: Act<'_>) -> Result<(), Vec<Excess>> {
        let mut judged = Judged { limits: &self.limits, how: ASKED_FOR, tokens: 1, excess: Vec::new() };
        judged.act(self, act);
        if judged.excess.is_empty() { Ok(()) } else { Err(judged.excess) }
    }
}

/// The words for a value of the request.
const ASKED_FOR: &str = "asked for";

/// An act that is being judged.
struct Judged<'a> {
    limits: &'a Limits,
    /// The relation of roles, names and numbers to the act, for messages.
    how: &'static str,
    /// Number of tokens that are minted.
    tokens: u32,
    excess: Vec<Excess>,
}

impl Judged<'_> {
    fn act(&mut self, own: &Rights, act: Act<'_>) {
        match act {
            Act::Mint { roles, dns_names, persistent, lasts, uses, cluster, policy } => {
                self.roles(roles);
                self.names(dns_names);
                self.life(lasts);
                self.uses(uses);
                self.persistence(persistent);
                self.cluster(cluster);
                self.policies(policy);
            }
            Act::MintMany { each, count } => {
                self.tokens = count;
                self.act(own, *each);
            }
            Act::MintServiceToken { roles, lasts } => {
                self.roles(roles);
                self.life(Some(lasts));
                // It is shown as often as one likes, and bound to no cluster.
                self.uses(None);
                self.cluster(None);
            }
            Act::SetLives { lasts, persistent } => {
                self.life(Some(lasts));
                self.persistence(persistent);
            }
            Act::Revoke(making) => {
                let rule = matches!(making, Act::AdmitByRule { .. });
                self.how = if rule { "admitted by the rule" } else { "given by the token" };
                self.act(own, *making);
            }
            Act::RevokeHost { roles, dns_names, cluster, policy } => {
                self.how = "held by the host";
                self.roles(roles);
                self.names(dns_names);
                self.cluster(cluster);
                self.policies(policy);
            }
            Act::SetRoles { before, after } => {
                let taken = before.iter().filter(|role| !after.contains(role));
                self.roles(&after.iter().chain(taken).cloned().collect::<Vec<_>>());
            }
            Act::AdmitByRule { allowed_roles, names, cluster, most, policies } => {
                self.rule_lists(allowed_roles, names);
                self.rule_scope(cluster, most);
                self.rule_policies(policies);
            }
            Act::CreatePolicy => self.any_policy("a new policy"),
            Act::ManageOutputs => self.any_policy("an output, which any policy may have,"),
            Act::ChangePolicy(policy) | Act::GivePolicy(policy) => self.policies([policy]),
            Act::Give(rights) => self.rights(own, rights),
        }
    }

    fn beyond(&mut self, limit: &'static str, message: String) {
        self.excess.push(Excess { limit, message });
    }

    fn roles(&mut self, roles: &[Role]) {
        let allowed = &self.limits.roles;
        let too_much =
            roles.iter().filter(|role| !allowed.allows(role)).map(Role::as_str).collect::<Vec<_>>();
        if !too_much.is_empty() {
            let (roles, how) = (too_much.join(", "), self.how);
            let message = format!("{roles} {how}; your roles are limited to: {allowed}");
            self.beyond("roles", message);
        }
    }

    fn names(&mut self, names: &[DnsPattern]) {
        let allowed = &self.limits.dns_names;
        let too_much =
            names.iter().filter(|name| !allowed.allows(name)).map(DnsPattern::as_str).collect::<Vec<_>>();
        if !too_much.is_empty() {
            let (names, how) = (too_much.join(", "), self.how);
            let message = format!("{names} {how}; your DNS names are limited to: {allowed}");
            self.beyond("dns_names", message);
        }
    }

    fn life(&mut self, lasts: Option<Duration>) {
        let most = self.limits.max_ttl;
        if !most.allows(lasts) {
            let (life, how) = (lasts.map_or_else(|| "a life without an end".to_owned(), show_span), self.how);
            self.beyond("max_ttl", format!("{life} {how}; your tokens may live at most {most}"));
        }
    }

    fn uses(&mut self, uses: Option<u32>) {
        let (most, tokens, how) = (self.limits.max_uses, self.tokens, self.how);
        // A product beyond the largest limit counts as unlimited.
        if most.allows(uses.and_then(|uses| uses.checked_mul(tokens))) {
            return;
        }
        let uses = uses.map_or_else(|| "unlimited".to_owned(), |uses| uses.to_string());
        self.beyond(
            "max_uses",
            match tokens {
                1 => format!("{uses} uses {how}; your tokens may have at most {most}"),
                _ => format!(
                    "{tokens} tokens of {uses} uses {how}; all of them may have at most {most} together"
                ),
            },
        );
    }

    fn persistence(&mut self, persistent: bool) {
        if persistent && !self.limits.persistent {
            self.beyond("persistent", "your tokens may not be persistent".to_owned());
        }
    }

    fn cluster(&mut self, cluster: Option<&Cluster>) {
        let allowed = &self.limits.clusters;
        if !allowed.allows(cluster) {
            let message = match cluster {
                _ if *allowed == Clusters::Nothing => {
                    "the key's clusters and its owner's have none in common, so it mints no token at all"
                        .to_owned()
                }
                Some(cluster) => format!("{cluster} {}; your clusters are limited to: {allowed}", self.how),
                None if self.how != ASKED_FOR => {
                    format!("no cluster {}; your clusters are limited to: {allowed}", self.how)
                }
                None => format!("bind the token to one of your clusters (bind.cluster): {allowed}"),
            };
            self.beyond("clusters", message);
        }
    }

    fn policies(&mut self, policies: impl IntoIterator<Item = PolicyId>) {
        let allowed = &self.limits.policies;
        let too_much = policies.into_iter().filter(|policy| !allowed.allows(policy));
        let too_much = too_much.map(|policy| policy.to_string()).collect::<Vec<_>>();
        if !too_much.is_empty() {
            let (policies, how) = (too_much.join(", "), self.how);
            let message = format!("{policies} {how}; your policies are limited to: {allowed}");
            self.beyond("policies", message);
        }
    }

    /// Judges an act that takes the limit `any`.
    fn any_policy(&mut self, act: &str) {
        let allowed = &self.limits.policies;
        if *allowed != Allowed::Any {
            let message = format!("{act} {}; your policies are limited to: {allowed}", self.how);
            self.beyond("policies", message);
        }
    }

    fn rights(&mut self, own: &Rights, given: &Rights) {
        let Rights { permissions, limits, audience } = given;
        let lacking = permissions.beyond(own.permissions).filter_map(Permission::scope).collect::<Vec<_>>();
        if !lacking.is_empty() {
            self.beyond("permissions", format!("you have no {} to give", lacking.join(", ")));
        }
        let named = |audience: &Option<String>| audience.clone().unwrap_or_else(|| "any audience".to_owned());
        let is_within = own.audience.is_none() || own.audience == *audience;
        self.within("audience", is_within, &named(audience), &named(&own.audience));
        // Each by its name: a limit that is added does not compile until it is judged here.
        let Limits { roles, dns_names, max_ttl, max_uses, persistent, clusters, policies } = limits;
        let own = self.limits;
        self.within("roles", roles.is_within(&own.roles), roles, &own.roles);
        self.within("dns_names", dns_names.is_within(&own.dns_names), dns_names, &own.dns_names);
        self.within("max_ttl", max_ttl.is_within(own.max_ttl), max_ttl, &own.max_ttl);
        self.within("max_uses", max_uses.is_within(own.max_uses), max_uses, &own.max_uses);
        self.within("persistent", own.persistent || !persistent, persistent, &own.persistent);
        self.within("clusters", clusters.is_within(&own.clusters), clusters, &own.clusters);
        self.within("policies", policies.is_within(&own.policies), policies, &own.policies);
    }

    fn within(&mut self, limit: &'static str, is_within: bool, asked: &dyn Display, own: &dyn Display) {
        if !is_within {
            self.beyond(limit, format!("{asked} asked for; you may give at most: {own}"));
        }
    }
}

#[cfg(test)]
mod tests;
