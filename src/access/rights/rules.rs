//! Limits of a caller that writes auto-approve rules.

use std::collections::BTreeSet;

use super::Judged;
use crate::access::limits::{Allowed, Clusters, DnsNames};
use crate::id::PolicyId;
use crate::name::{Cluster, DnsPattern, Role};

impl Judged<'_> {
    /// The lists of a rule, of which an empty one admits everything.
    pub(super) fn rule_lists(&mut self, allowed_roles: &[Role], names: &[DnsPattern]) {
        let (limits, how) = (self.limits, self.how);
        match allowed_roles.is_empty() {
            true if limits.roles != Allowed::Any => {
                self.beyond("roles", format!("all roles {how}; your roles are limited to: {}", limits.roles));
            }
            _ => self.roles(allowed_roles),
        }
        match names.is_empty() {
            true if limits.dns_names != DnsNames::ANY => {
                let message = format!("any name {how}; your DNS names are limited to: {}", limits.dns_names);
                self.beyond("dns_names", message);
            }
            _ => self.names(names),
        }
    }

    /// The cluster and the number of hosts of a rule.
    pub(super) fn rule_scope(&mut self, cluster: Option<&Cluster>, most: Option<u32>) {
        let (limits, how) = (self.limits, self.how);
        match cluster {
            None if limits.clusters != Clusters::Any => {
                let message =
                    format!("every cluster {how}; your clusters are limited to: {}", limits.clusters);
                self.beyond("clusters", message);
            }
            None => {}
            Some(_) => self.cluster(cluster),
        }
        if !limits.max_uses.allows(most) {
            let hosts = most.map_or_else(|| "any number of".to_owned(), |most| most.to_string());
            let message = format!("{hosts} hosts {how}; your rules may admit at most {}", limits.max_uses);
            self.beyond("max_uses", message);
        }
    }

    pub(super) fn rule_policies(&mut self, policies: Option<&BTreeSet<PolicyId>>) {
        let (allowed, how) = (&self.limits.policies, self.how);
        match policies {
            Some(policies) => self.policies(policies.iter().copied()),
            None if *allowed != Allowed::Any => {
                self.beyond(
                    "policies",
                    format!("every policy {how}; your policies are limited to: {allowed}"),
                );
            }
            None => {}
        }
    }
}
