//! Subjects of issued certificates (RFC 5280 section 4.1.2.6). No text is parsed as a name: each value is one attribute,
//! so it cannot add another one.

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, ObjectIdentifier, Utf8StringRef};
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use super::error::IssueError;
use crate::id::{Fingerprint, HostId, hex};
use crate::name::Role;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// `ub-common-name` of RFC 5280 appendix A.1.
const LONGEST: usize = 64;

/// A host's subject: its id as CN, and one O per role.
pub(super) fn host(host: HostId, roles: &[Role]) -> Result<Name, IssueError> {
    let id = host.to_string();
    let roles = roles.iter().map(|role| (ORGANIZATION, role.as_str()));
    name([(COMMON_NAME, id.as_str())].into_iter().chain(roles))
}

/// The subject of the authority's server certificate.
pub(super) fn server() -> Result<Name, IssueError> {
    name([(COMMON_NAME, "gatepass")])
}

/// The subject of a root of `authority`. A part of the SHA-256 of its key (`spki`, DER) makes the name unique, because
/// some verifiers find an issuer by its name alone.
pub(super) fn root(authority: &str, spki: &[u8]) -> Result<Name, IssueError> {
    let key = Fingerprint::of(spki).to_string();
    let key = key.get(..16).unwrap_or(&key);
    name([(COMMON_NAME, with_suffix(authority, &format!(" root {key}"))?.as_str())])
}

/// The subject of an issuing CA of `authority`. A part of the key identifier makes the name unique, because some
/// verifiers look for the issuer and its CRL by name alone.
pub(super) fn issuing(authority: &str, ski: &[u8]) -> Result<Name, IssueError> {
    let key = hex(ski.get(..4).unwrap_or(ski));
    name([(COMMON_NAME, with_suffix(authority, &format!(" issuing {key}"))?.as_str())])
}

fn name<'a>(attributes: impl IntoIterator<Item = (ObjectIdentifier, &'a str)>) -> Result<Name, IssueError> {
    let mut rdns = RdnSequence::default();
    for (oid, text) in attributes {
        let value = Any::encode_from(&Utf8StringRef::new(text)?)?;
        let mut rdn = RelativeDistinguishedName::default();
        rdn.insert(AttributeTypeAndValue { oid, value })?;
        rdns.push(rdn);
    }
    Ok(Name::from_der(&rdns.to_der()?)?)
}

fn with_suffix(authority: &str, suffix: &str) -> Result<String, IssueError> {
    let length = authority.chars().count();
    if !(1..=256).contains(&length) || !crate::text::is_plain(authority) {
        return Err(IssueError::AuthorityName { text: authority.to_owned() });
    }
    let kept: String = authority.chars().take(LONGEST - suffix.len()).collect();
    Ok(kept + suffix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn several_roles_are_several_organizations() {
        let id = HostId::generate(Timestamp::from_secs(1_900_000_000));
        let roles: Vec<_> = ["proxy", "allocator", "proxy"].map(|role| Role::parse(role).unwrap()).into();
        assert_eq!(host(id, &roles).unwrap().to_string().matches("O=").count(), 3);
    }

    #[test]
    fn names_of_authorities_fit_and_cannot_add_attributes() {
        let root = |authority: &str| root(authority, b"key");
        let subject = root("x, O=system:masters").unwrap();
        assert_eq!(subject.iter().count(), 1);
        assert!(root(&"\u{fc}".repeat(256)).is_ok());
        assert!(root("").is_err());
        assert!(root("a\nb").is_err());
        assert_ne!(issuing("x", &[1; 20]).unwrap(), issuing("x", &[2; 20]).unwrap());
    }
}
