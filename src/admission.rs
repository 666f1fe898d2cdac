//! Pure decisions about a redemption: a grant against the host's request. A token may be bound to a key, names, a cluster or
//! a host. Rules say which hosts are admitted without a person.

mod address_range;
mod capacity;
mod credential;
mod policy;
mod rule;
mod rules;
mod settings;

pub use self::address_range::{AddressRange, AddressRangeError};
pub use self::capacity::Capacity;
pub use self::credential::HostCredential;
pub use self::policy::{PolicyTerms, RenewAt};
#[cfg(test)]
pub(crate) use self::rule::tests as rule_world;
pub use self::rule::{Applicant, Example, Mismatch, Rule, RuleCluster, RuleTerms};
pub use self::rules::{Decision, NamedRule, OtherRule, Rules};
pub use self::settings::{SettingsFault, check_settings};
use crate::id::{HostId, Thumbprint};
use crate::name::{Cluster, DnsName};
use crate::token::{Bindings, Grant};

/// The facts that a host presents in its redemption: its bindings and its ledger entry are judged and written from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedFacts {
    /// The thumbprint of the key it proved to hold.
    pub host_key: Thumbprint,
    /// The claims of the host, which nothing proves.
    pub claims: HostClaims,
}

/// The claims of a host in its redemption, which nothing proves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostClaims {
    /// The requested DNS name.
    pub name: Option<DnsName>,
    /// The cluster it belongs to.
    pub cluster: Option<Cluster>,
    /// The id that it has from an earlier enrollment.
    pub host: Option<HostId>,
    /// The credential that it asks for.
    pub credential: HostCredential,
}

/// A token that is not for this host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The token is bound to another key.
    #[error(
        "the token is bound to another key: enroll with the key whose thumbprint it was minted for; `gatepass enroll --print-key-thumbprint` makes one first"
    )]
    Key,
    /// The name is outside the token's patterns, or the token has none.
    #[error("the token does not allow the name {name}: it allows {allowed}: give such a --name")]
    Name {
        /// The name the host asked for.
        name: DnsName,
        /// The patterns the token allows, for people.
        allowed: String,
    },
    /// The token is bound to a cluster that the host did not name.
    #[error(
        "the token is bound to {} cluster: pass the id of its cluster with --cluster",
        if *.named { "another" } else { "a" }
    )]
    Cluster {
        /// `true` if the host named a cluster.
        named: bool,
    },
    /// The bound host is not in the cluster that it named.
    #[error("the host is not in that cluster: leave --cluster out")]
    HostCluster,
    /// The token is bound to another host than the one that presents it.
    #[error("the token re-enrolls another host: mint one for this host (`gatepass host reenroll`)")]
    Host,
    /// The bound host has other roles or another name than at the token's minting.
    #[error(
        "the host's roles or name changed after the token was minted: mint another one (`gatepass host reenroll`)"
    )]
    HostChanged,
}

impl BindingError {
    /// The name of the reason in the ledger.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key => "key_mismatch",
            Self::Name { .. } => "name_not_allowed",
            Self::Cluster { .. } | Self::HostCluster => "cluster_mismatch",
            Self::Host => "host_mismatch",
            Self::HostChanged => "host_changed",
        }
    }
}

/// Checks that `grant` is for this host.
///
/// # Errors
/// The [`BindingError`] of the first binding that does not match.
pub fn check(grant: &Grant, presented: &PresentedFacts) -> Result<(), BindingError> {
    let PresentedFacts { host_key, claims } = presented;
    if grant.terms.host_key.is_some_and(|bound| bound != *host_key) {
        return Err(BindingError::Key);
    }
    let bindings = &grant.terms.bindings;
    // A machine that was set up again has lost its id.
    if bindings.host.is_some_and(|bound| claims.host.is_some_and(|named| named != bound)) {
        return Err(BindingError::Host);
    }
    check_cluster(bindings, claims.cluster.as_ref())?;
    match &claims.name {
        Some(name) if !bindings.dns_names.iter().any(|pattern| pattern.matches(name)) => {
            let patterns = bindings.dns_names.iter().map(|pattern| pattern.as_str()).collect::<Vec<_>>();
            let allowed = if patterns.is_empty() { "none".to_owned() } else { patterns.join(", ") };
            Err(BindingError::Name { name: name.clone(), allowed })
        }
        _ => Ok(()),
    }
}

fn check_cluster(bindings: &Bindings, named: Option<&Cluster>) -> Result<(), BindingError> {
    match (bindings.host, bindings.cluster.as_ref()) {
        // The authority knows the cluster of a bound host.
        (Some(_), bound) if named.is_some() && named != bound => Err(BindingError::HostCluster),
        (None, Some(bound)) if named != Some(bound) => Err(BindingError::Cluster { named: named.is_some() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{HostId, ListId, StatusRef, TokenId};
    use crate::name::DnsPattern;
    use crate::token::{Terms, TokenRef};

    fn grant() -> Grant {
        let at = Timestamp::from_secs(1_900_000_000);
        Grant {
            token: TokenRef {
                id: TokenId::generate(at),
                issuer: "https://gate.example.org".to_owned(),
                status: StatusRef { list: ListId::generate(at), index: 0 },
            },
            issued_at: at,
            not_before: at,
            root: None,
            terms: Terms { persistent: true, ..Terms::default() },
        }
    }

    fn bound_to(host_key: &[u8]) -> Grant {
        let terms = Terms { host_key: Some(Thumbprint::of(host_key)), ..grant().terms };
        Grant { terms, ..grant() }
    }

    fn presented() -> PresentedFacts {
        PresentedFacts { host_key: Thumbprint::of(b"key"), claims: HostClaims::default() }
    }

    fn claiming(claims: HostClaims) -> PresentedFacts {
        PresentedFacts { claims, ..presented() }
    }

    #[test]
    fn an_unbound_token_admits_any_unnamed_host() {
        assert_eq!(check(&grant(), &presented()), Ok(()));
    }

    #[test]
    fn a_name_needs_a_pattern_that_matches_it() {
        let name = DnsName::parse("a.nodes.example.org").unwrap();
        let asked = claiming(HostClaims { name: Some(name.clone()), ..HostClaims::default() });
        assert_eq!(check(&grant(), &asked), Err(BindingError::Name { name, allowed: "none".to_owned() }));
        let mut bound = grant();
        bound.terms.bindings.dns_names = vec![DnsPattern::parse("*.nodes.example.org").unwrap()];
        assert_eq!(check(&bound, &asked), Ok(()));
    }

    #[test]
    fn a_key_bound_token_admits_only_that_key() {
        assert_eq!(check(&bound_to(b"other"), &presented()), Err(BindingError::Key));
        assert_eq!(check(&bound_to(b"key"), &presented()), Ok(()));
    }

    #[test]
    fn a_cluster_token_refuses_another_or_no_cluster() {
        let mut bound = grant();
        bound.terms.bindings.cluster = Some(Cluster::parse("ran-a").unwrap());
        assert_eq!(check(&bound, &presented()), Err(BindingError::Cluster { named: false }));
        let other = HostClaims { cluster: Some(Cluster::parse("ran-b").unwrap()), ..HostClaims::default() };
        let other = claiming(other);
        assert_eq!(check(&bound, &other), Err(BindingError::Cluster { named: true }));
        let texts = [false, true].map(|named| BindingError::Cluster { named }.to_string());
        assert!(texts[0].contains("to a cluster:") && texts[1].contains("to another cluster:"), "{texts:?}");
    }

    #[test]
    fn a_token_for_one_host_refuses_another() {
        let [bound_to, another] = [1, 2].map(|at| HostId::generate(Timestamp::from_secs(at)));
        let mut bound = grant();
        bound.terms.bindings.host = Some(bound_to);
        let named = |host| claiming(HostClaims { host: Some(host), ..HostClaims::default() });
        assert_eq!(check(&bound, &named(bound_to)), Ok(()));
        assert_eq!(check(&bound, &named(another)), Err(BindingError::Host));
        assert_eq!(check(&bound, &presented()), Ok(()), "a machine that was set up again has lost its id");
        assert_eq!(check(&grant(), &named(another)), Ok(()), "a token for any host");
    }

    #[test]
    fn a_bound_host_names_its_own_cluster_or_none() {
        let mut bound = grant();
        bound.terms.bindings.host = Some(HostId::generate(Timestamp::from_secs(1)));
        bound.terms.bindings.cluster = Some(Cluster::parse("ran-a").unwrap());
        let named =
            |cluster: &str| HostClaims { cluster: Cluster::parse(cluster).ok(), ..HostClaims::default() };
        assert_eq!(check(&bound, &presented()), Ok(()));
        assert_eq!(check(&bound, &claiming(named("ran-a"))), Ok(()));
        assert_eq!(check(&bound, &claiming(named("ran-b"))), Err(BindingError::HostCluster));
    }
}
