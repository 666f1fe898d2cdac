//! Auto-approve rules: which hosts are admitted without a person. A rule only admits; it refuses no host.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::AddressRange;
use crate::id::{PolicyId, RuleId};
use crate::name::{Cluster, DnsName, DnsPattern, Label, Role};

/// The facts of an enrollment that rules judge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({ "cluster": "eu-1", "roles": ["proxy"], "address": "10.1.2.3", "name": "n1.eu.example.org" }))]
pub struct Applicant {
    /// The cluster that the token is bound to; `null`: none. The cluster that the host names decides nothing.
    #[schema(required)]
    pub cluster: Option<Cluster>,
    /// The roles of the token.
    #[schema(required)]
    pub roles: Vec<Role>,
    /// The host's address; `null`: not known.
    #[schema(required, value_type = Option<String>, example = "10.1.2.3")]
    pub address: Option<IpAddr>,
    /// The DNS name that the host asks for; `null`: none.
    #[schema(required)]
    pub name: Option<DnsName>,
}

/// The cluster of a rule: in JSON its id, or `"*"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleCluster {
    /// Tokens of any cluster and of none.
    Any,
    /// Tokens that are bound to this cluster.
    Named(Cluster),
}

/// The conditions of a rule, which all must hold. Empty lists do not restrict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleTerms {
    /// The cluster; `*`: any, and none.
    #[schema(value_type = String, example = "eu-1")]
    pub cluster_id: RuleCluster,
    /// The label for people.
    pub label: Label,
    /// The roles that a token may have; empty: all roles.
    pub allowed_roles: Vec<Role>,
    /// Maximum number of hosts that the rule admits and that hold a slot; `null`: no maximum.
    #[schema(required, minimum = 1, example = 50)]
    pub max_nodes: Option<u32>,
    /// The address ranges of hosts; empty: any address.
    #[schema(value_type = Vec<String>, example = json!(["10.0.0.0/8"]))]
    pub addresses: Vec<AddressRange>,
    /// The patterns of hosts' DNS names; empty: any name, and none.
    pub names: Vec<DnsPattern>,
    /// The examples, which hold whenever the rule is saved.
    pub examples: Vec<Example>,
}

/// A rule as redeeming reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RuleFacts)]
pub struct Rule {
    /// Id of the rule.
    pub id: RuleId,
    /// Number of the rule's state: each change begins another one.
    #[serde(skip)]
    pub revision: u64,
    /// The policies whose tokens it judges, besides tokens without one; `null`: any. Those of the limits of its last author.
    #[schema(required)]
    pub policies: Option<BTreeSet<PolicyId>>,
    /// Its conditions.
    #[serde(flatten)]
    pub terms: RuleTerms,
}

impl Rule {
    /// Returns true if the rule judges tokens of this policy, or without one.
    pub fn judges(&self, policy: Option<PolicyId>) -> bool {
        match (&self.policies, policy) {
            (Some(policies), Some(policy)) => policies.contains(&policy),
            (None, _) | (_, None) => true,
        }
    }

    /// Checks that the rule would admit the applicant, with a token of this policy, if it had room.
    ///
    /// # Errors
    /// Every condition that does not hold.
    pub fn judge(&self, applicant: &Applicant, policy: Option<PolicyId>) -> Result<(), Vec<Mismatch>> {
        let foreign = policy.filter(|_| !self.judges(policy)).map(Mismatch::Policy);
        let others = self.terms.judge(applicant).err().unwrap_or_default();
        let mismatches: Vec<_> = foreign.into_iter().chain(others).collect();
        if mismatches.is_empty() { Ok(()) } else { Err(mismatches) }
    }
}

/// The expected decision of a rule about one enrollment. `max_nodes` does not count here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RuleExample)]
pub struct Example {
    /// The facts of the enrollment.
    #[serde(flatten)]
    pub applicant: Applicant,
    /// True if the rule admits it.
    pub admitted: bool,
}

/// The reason of a rule not to admit an enrollment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The token is bound to another cluster, or to none.
    #[error("the rule is for cluster {rule}, and the token is bound to {}", shown_cluster(.token.as_ref()))]
    Cluster {
        /// The cluster of the rule.
        rule: Cluster,
        /// The cluster of the token.
        token: Option<Cluster>,
    },
    /// The token has roles that the rule does not allow.
    #[error("the rule does not allow {}", list(.0))]
    Roles(Vec<Role>),
    /// The name is outside the rule's patterns, or the host asks for none.
    #[error("{}, and the rule is for the names {}", shown_name(.name.as_ref()), list(.allowed))]
    Name {
        /// The requested name.
        name: Option<DnsName>,
        /// The patterns of the rule.
        allowed: Vec<DnsPattern>,
    },
    /// The address is outside the rule's ranges, or not known.
    #[error("{}, and the rule is for {}", shown_address(*.address), list(.allowed))]
    Address {
        /// The host's address.
        address: Option<IpAddr>,
        /// The ranges of the rule.
        allowed: Vec<AddressRange>,
    },
    /// The rule has admitted as many hosts as it may.
    #[error("the rule is full: {admitted} of {most} hosts")]
    Full {
        /// Number of hosts that the rule admitted and that hold a slot.
        admitted: u64,
        /// Maximum number of such hosts.
        most: u32,
    },
    /// The last author of the rule has limits without the policy of the token.
    #[error("the rule does not judge tokens of policy {0}: its last author may not give that policy")]
    Policy(PolicyId),
    /// Another rule that would admit the host is older.
    #[error("rule {0} is older, and decides")]
    Younger(RuleId),
}

impl fmt::Display for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut facts = Vec::new();
        facts.extend(self.cluster.iter().map(|cluster| format!("cluster={cluster}")));
        facts.extend(self.roles.iter().map(|role| format!("role={role}")));
        facts.extend(self.address.iter().map(|address| format!("address={address}")));
        facts.extend(self.name.iter().map(|name| format!("name={name}")));
        f.write_str(if facts.is_empty() { "an enrollment without facts" } else { "" })?;
        f.write_str(&facts.join(","))
    }
}

impl Serialize for Mismatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl RuleTerms {
    /// Checks that the rule would admit the applicant if it had room.
    ///
    /// # Errors
    /// Every condition that does not hold.
    pub fn judge(&self, applicant: &Applicant) -> Result<(), Vec<Mismatch>> {
        let each =
            [self.cluster(applicant), self.roles(applicant), self.name(applicant), self.address(applicant)];
        let mismatches: Vec<_> = each.into_iter().flatten().collect();
        if mismatches.is_empty() { Ok(()) } else { Err(mismatches) }
    }

    /// Returns true if the rule may admit another host beside `admitted`.
    pub fn has_room(&self, admitted: u64) -> bool {
        self.full(admitted).is_none()
    }

    /// Returns each example that does not hold, by its place in the list, with the reasons of the rule.
    pub fn broken_examples(&self) -> Vec<(usize, Vec<Mismatch>)> {
        let broken = |(place, example): (usize, &Example)| match self.judge(&example.applicant) {
            Ok(()) => (!example.admitted).then(|| (place, Vec::new())),
            Err(mismatches) => example.admitted.then_some((place, mismatches)),
        };
        self.examples.iter().enumerate().filter_map(broken).collect()
    }

    /// The mismatch of a rule without room.
    pub(super) fn full(&self, admitted: u64) -> Option<Mismatch> {
        let most = self.max_nodes.filter(|most| admitted >= u64::from(*most))?;
        Some(Mismatch::Full { admitted, most })
    }

    fn cluster(&self, applicant: &Applicant) -> Option<Mismatch> {
        match &self.cluster_id {
            RuleCluster::Named(rule) if applicant.cluster.as_ref() != Some(rule) => {
                Some(Mismatch::Cluster { rule: rule.clone(), token: applicant.cluster.clone() })
            }
            RuleCluster::Named(_) | RuleCluster::Any => None,
        }
    }

    fn roles(&self, applicant: &Applicant) -> Option<Mismatch> {
        let allowed = &self.allowed_roles;
        let beyond = applicant.roles.iter().filter(|role| !allowed.is_empty() && !allowed.contains(role));
        let beyond: Vec<_> = beyond.cloned().collect();
        (!beyond.is_empty()).then_some(Mismatch::Roles(beyond))
    }

    fn name(&self, applicant: &Applicant) -> Option<Mismatch> {
        let Applicant { name, .. } = applicant;
        let matches = |name: &DnsName| self.names.iter().any(|pattern| pattern.matches(name));
        let holds = self.names.is_empty() || name.as_ref().is_some_and(matches);
        (!holds).then(|| Mismatch::Name { name: name.clone(), allowed: self.names.clone() })
    }

    fn address(&self, applicant: &Applicant) -> Option<Mismatch> {
        let address = applicant.address;
        let is_within = |address| self.addresses.iter().any(|range| range.contains(address));
        let holds = self.addresses.is_empty() || address.is_some_and(is_within);
        (!holds).then(|| Mismatch::Address { address, allowed: self.addresses.clone() })
    }
}

impl RuleCluster {
    /// The text for every cluster, which no cluster has as its id.
    const ANY: &str = "*";

    /// The cluster; `None`: any.
    pub const fn named(&self) -> Option<&Cluster> {
        match self {
            Self::Any => None,
            Self::Named(cluster) => Some(cluster),
        }
    }

    /// Reads the id of a cluster, or `*`.
    ///
    /// # Errors
    /// As [`Cluster::parse`].
    pub fn parse(text: &str) -> Result<Self, crate::name::NameError> {
        if text == Self::ANY { Ok(Self::Any) } else { Cluster::parse(text).map(Self::Named) }
    }
}

impl From<Option<Cluster>> for RuleCluster {
    fn from(cluster: Option<Cluster>) -> Self {
        cluster.map_or(Self::Any, Self::Named)
    }
}

impl fmt::Display for RuleCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.named().map_or(Self::ANY, Cluster::as_str))
    }
}

impl Serialize for RuleCluster {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RuleCluster {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn shown_cluster(cluster: Option<&Cluster>) -> String {
    cluster.map_or_else(|| "none".to_owned(), |cluster| format!("cluster {cluster}"))
}

fn shown_name(name: Option<&DnsName>) -> String {
    name.map_or_else(
        || "the host asks for no name".to_owned(),
        |name| format!("the host asks for the name {name}"),
    )
}

fn shown_address(address: Option<IpAddr>) -> String {
    address.map_or_else(
        || "the host's address is not known".to_owned(),
        |address| format!("the host's address is {}", address.to_canonical()),
    )
}

fn list<T: fmt::Display>(all: &[T]) -> String {
    all.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(crate) mod tests;
