//! Pure decisions about a redemption: a grant against the host's request. A token may be bound to a key, names, a cluster or
//! a host.

use crate::id::Thumbprint;
use crate::name::{Cluster, DnsName};
use crate::token::Grant;

/// The claims of a host in its redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The thumbprint of the key it proved to hold.
    pub host_key: Thumbprint,
    /// The requested DNS name.
    pub name: Option<DnsName>,
    /// The cluster it belongs to.
    pub cluster: Option<Cluster>,
}

/// A token that is not for this host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    /// The token is bound to another key.
    #[error("the token is bound to another key: enroll with the key whose thumbprint it was minted for")]
    Key,
    /// The name is outside the token's patterns, or the token has none.
    #[error("the token does not allow the name {name}: it allows {allowed}")]
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
    /// The token is bound to one enrolled host; a plain redemption cannot prove to be it.
    #[error("the token re-enrolls one host only")]
    Host,
}

impl BindingError {
    /// The name of the reason in the ledger.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Key => "key_mismatch",
            Self::Name { .. } => "name_not_allowed",
            Self::Cluster { .. } => "cluster_mismatch",
            Self::Host => "host_mismatch",
        }
    }
}

/// Checks that `grant` is for this host.
///
/// # Errors
/// The [`BindingError`] of the first binding that does not match.
pub fn check(grant: &Grant, ask: &Ask) -> Result<(), BindingError> {
    if grant.terms.host_key.is_some_and(|bound| bound != ask.host_key) {
        return Err(BindingError::Key);
    }
    let bindings = &grant.terms.bindings;
    if bindings.host.is_some() {
        return Err(BindingError::Host);
    }
    if bindings.cluster.is_some() && bindings.cluster != ask.cluster {
        return Err(BindingError::Cluster { named: ask.cluster.is_some() });
    }
    match &ask.name {
        Some(name) if !bindings.dns_names.iter().any(|pattern| pattern.matches(name)) => {
            let patterns = bindings.dns_names.iter().map(|pattern| pattern.as_str()).collect::<Vec<_>>();
            let allowed = if patterns.is_empty() { "none".to_owned() } else { patterns.join(", ") };
            Err(BindingError::Name { name: name.clone(), allowed })
        }
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

    fn ask() -> Ask {
        Ask { host_key: Thumbprint::of(b"key"), name: None, cluster: None }
    }

    #[test]
    fn an_unbound_token_admits_any_unnamed_host() {
        assert_eq!(check(&grant(), &ask()), Ok(()));
    }

    #[test]
    fn a_name_needs_a_pattern_that_matches_it() {
        let name = DnsName::parse("a.nodes.example.org").unwrap();
        let asked = Ask { name: Some(name.clone()), ..ask() };
        assert_eq!(check(&grant(), &asked), Err(BindingError::Name { name, allowed: "none".to_owned() }));
        let mut bound = grant();
        bound.terms.bindings.dns_names = vec![DnsPattern::parse("*.nodes.example.org").unwrap()];
        assert_eq!(check(&bound, &asked), Ok(()));
    }

    #[test]
    fn a_key_bound_token_admits_only_that_key() {
        assert_eq!(check(&bound_to(b"other"), &ask()), Err(BindingError::Key));
        assert_eq!(check(&bound_to(b"key"), &ask()), Ok(()));
    }

    #[test]
    fn a_cluster_token_refuses_another_or_no_cluster() {
        let mut bound = grant();
        bound.terms.bindings.cluster = Some(Cluster::parse("ran-a").unwrap());
        assert_eq!(check(&bound, &ask()), Err(BindingError::Cluster { named: false }));
        let other = Ask { cluster: Some(Cluster::parse("ran-b").unwrap()), ..ask() };
        assert_eq!(check(&bound, &other), Err(BindingError::Cluster { named: true }));
        let texts = [false, true].map(|named| BindingError::Cluster { named }.to_string());
        assert!(texts[0].contains("to a cluster:") && texts[1].contains("to another cluster:"), "{texts:?}");
    }

    #[test]
    fn a_token_for_one_host_admits_no_new_one() {
        let mut bound = grant();
        bound.terms.bindings.host = Some(HostId::generate(Timestamp::from_secs(1)));
        assert_eq!(check(&bound, &ask()), Err(BindingError::Host));
    }
}
