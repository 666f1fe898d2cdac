//! The claims of a token (RFC 7519 section 4), and their translation from and to a [`Grant`].
//!
//! A verifier refuses unknown claims, where RFC 7519 section 4 by default ignores them. Only gatepass mints these tokens,
//! and a claim of a later version may be a restriction. An ignored restriction would allow too much.

mod access;

use serde::{Deserialize, Serialize};

pub(super) use self::access::{AccessClaims, encode_access};
use super::error::VerifyError;
use super::grant::{Bindings, ENROLL, Grant, ServiceGrant, Terms, TokenRef};
use super::json::{Object, object, present};
use super::status::{list_of, status_uri};
use super::{MAX_PATTERNS, MAX_ROLES, STATUS_LIST_CAPACITY};
use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId, PolicyId, StatusRef, Thumbprint, TokenId};
use crate::name::{Cluster, DnsPattern, Role};

/// The last second of the year 9999, where RFC 3339 ends.
const LAST_SECOND: u64 = 253_402_300_799;

/// Texts are borrowed from the token, which also refuses escapes in them. No claim needs one, and so each claim has one
/// spelling.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    jti: &'a str,
    sub: &'a str,
    iat: u64,
    nbf: u64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    exp: Option<u64>,
    persistent: bool,
    #[serde(borrow)]
    roles: Vec<&'a str>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    max_uses: Option<u32>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    sha: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    bind: Option<Object<BindClaim<'a>>>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    cnf: Option<Object<Confirmation<'a>>>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    approval: Option<&'a str>,
    #[serde(borrow)]
    status: Object<StatusClaim<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BindClaim<'a> {
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    dns_names: Option<Vec<&'a str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation<'a> {
    jkt: &'a str,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusClaim<'a> {
    #[serde(borrow)]
    status_list: Object<ListEntry<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListEntry<'a> {
    idx: u32,
    uri: &'a str,
}

impl<'a> Claims<'a> {
    /// Reads the claims in `json`, without unknown ones. Their values are not checked yet.
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, VerifyError> {
        object(json)
            .ok_or(malformed("its claims are not an object of exactly the claims that gatepass writes"))
    }

    /// Returns true if the audience is the enrollment of the own issuer (RFC 8725 section 3.9).
    pub(super) fn is_for_enrollment(&self) -> bool {
        self.aud.strip_prefix(self.iss) == Some(ENROLL)
    }

    /// The grant, with every value checked.
    pub(super) fn grant(&self) -> Result<Grant, VerifyError> {
        let (issued_at, not_before) = (moment(self.iat)?, moment(self.nbf)?);
        let expires_at = self.exp.map(moment).transpose()?;
        if expires_at.is_some_and(|exp| exp < issued_at || exp < not_before) {
            return Err(malformed("it expires before it begins"));
        }
        if expires_at.is_none() && !self.persistent {
            return Err(malformed("it has no expiry and is not persistent"));
        }
        if self.max_uses == Some(0) {
            return Err(malformed("its max_uses is zero"));
        }
        let bindings = self.bind.as_ref().map(|Object(bind)| bind.bindings()).transpose()?;
        let jkt = self.cnf.as_ref().map(|cnf| cnf.0.jkt);
        Ok(Grant {
            token: self.token()?,
            issued_at,
            not_before,
            root: optional(self.sha, Fingerprint::parse, "its sha is not a fingerprint")?,
            terms: Terms {
                roles: roles(&self.roles)?,
                persistent: self.persistent,
                expires_at,
                max_uses: self.max_uses,
                bindings: bindings.unwrap_or_default(),
                host_key: optional(jkt, Thumbprint::parse, "its jkt is not a thumbprint")?,
                policy: optional(self.policy, PolicyId::parse, "its policy is not an id")?,
                approval: optional(self.approval, claimed, "its approval is not a mode")?.unwrap_or_default(),
            },
        })
    }

    /// The grant of a service token, with every value checked. Claims that only enrolling uses are refused.
    pub(super) fn service_grant(&self) -> Result<ServiceGrant, VerifyError> {
        if self.persistent {
            return Err(malformed("it is a service token and says that it is persistent"));
        }
        let enrolls =
            [self.sha, self.policy, self.approval].iter().any(Option::is_some) || self.max_uses.is_some();
        if enrolls || self.bind.is_some() || self.cnf.is_some() {
            return Err(malformed("it is a service token with claims of an enrollment token"));
        }
        let Grant { token, issued_at, not_before, root: _, terms } = self.grant()?;
        let Terms { roles, expires_at, .. } = terms;
        let expires_at = expires_at.ok_or(malformed("it has no expiry"))?;
        Ok(ServiceGrant { token, audience: audience(self.aud)?, issued_at, not_before, expires_at, roles })
    }

    fn token(&self) -> Result<TokenRef, VerifyError> {
        Ok(TokenRef { id: self.id()?, issuer: issuer(self.iss)?, status: self.status()? })
    }

    fn id(&self) -> Result<TokenId, VerifyError> {
        if self.sub != self.jti {
            return Err(malformed("its sub is not its jti"));
        }
        TokenId::parse(self.jti).ok_or(malformed("its jti is not a token id"))
    }

    fn status(&self) -> Result<StatusRef, VerifyError> {
        let ListEntry { idx, uri } = self.status.0.status_list.0;
        let list = list_of(self.iss, uri).ok_or(malformed("its status uri is not a list of its issuer"))?;
        if idx >= STATUS_LIST_CAPACITY {
            return Err(malformed("its status index is beyond the end of a list"));
        }
        Ok(StatusRef { list, index: idx })
    }
}

impl BindClaim<'_> {
    fn bindings(&self) -> Result<Bindings, VerifyError> {
        let Self { host, cluster, dns_names } = self;
        // An absent member binds nothing. An empty object or array was meant to be something else.
        if (host.is_none() && cluster.is_none() && dns_names.is_none())
            || dns_names.as_ref().is_some_and(Vec::is_empty)
        {
            return Err(malformed("its bind is there but binds nothing"));
        }
        let patterns = dns_names.as_deref().unwrap_or_default();
        if patterns.len() > MAX_PATTERNS {
            return Err(malformed("it is bound to more than 16 name patterns"));
        }
        let pattern = |text: &&str| {
            DnsPattern::parse(text).map_err(|_| malformed("one of its dns_names is not a pattern"))
        };
        Ok(Bindings {
            host: optional(*host, HostId::parse, "its bound host is not an id")?,
            cluster: optional(
                *cluster,
                |text| Cluster::parse(text).ok(),
                "its bound cluster is not a cluster id",
            )?,
            dns_names: patterns.iter().map(pattern).collect::<Result<_, _>>()?,
        })
    }
}

fn issuer(iss: &str) -> Result<String, VerifyError> {
    // People see the issuer and clients connect to it before the token is verified.
    if iss.is_empty() || !iss.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed("its iss is not a URL"));
    }
    Ok(iss.to_owned())
}

fn audience(aud: &str) -> Result<String, VerifyError> {
    if aud.is_empty() || !aud.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(malformed("its aud is not a URI"));
    }
    Ok(aud.to_owned())
}

fn roles(names: &[&str]) -> Result<Vec<Role>, VerifyError> {
    if names.len() > MAX_ROLES {
        return Err(malformed("it has more than 32 roles"));
    }
    let parse = |role: &&str| Role::parse(role).map_err(|_| malformed("one of its roles is not a role name"));
    names.iter().map(parse).collect()
}

const fn malformed(why: &'static str) -> VerifyError {
    VerifyError::Malformed { why }
}

pub(super) fn moment(secs: u64) -> Result<Timestamp, VerifyError> {
    let in_range = (1..=LAST_SECOND).contains(&secs).then(|| i64::try_from(secs).ok()).flatten();
    in_range.map(Timestamp::from_secs).ok_or(malformed("one of its times is not between 1970 and 9999"))
}

fn optional<T>(
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Option<T>,
    why: &'static str,
) -> Result<Option<T>, VerifyError> {
    text.map(|text| parse(text).ok_or(malformed(why))).transpose()
}

/// The mode of a claim. A token without the claim is `off`, so that each mode has one spelling.
fn claimed(text: &str) -> Option<Approval> {
    Approval::parse(text).filter(|mode| *mode != Approval::Off)
}

/// Returns true if a token can carry `at`: a whole second between 1970 and 9999.
pub(super) fn can_carry(at: Timestamp) -> bool {
    at == at.whole_second() && u64::try_from(at.secs()).is_ok_and(|secs| moment(secs).is_ok())
}

/// The claims of `grant` as JSON. Invalid values are refused when the token is read back.
pub(super) fn encode(grant: &Grant) -> Result<Vec<u8>, serde_json::Error> {
    let Grant { token, issued_at, not_before, root, terms } = grant;
    let Bindings { host, cluster, dns_names } = &terms.bindings;
    let (root, key) = (root.map(|root| root.to_string()), terms.host_key.map(|key| key.to_string()));
    let (policy, host) = (terms.policy.map(|policy| policy.to_string()), host.map(|host| host.to_string()));
    let bind = BindClaim {
        host: host.as_deref(),
        cluster: cluster.as_ref().map(Cluster::as_str),
        dns_names: (!dns_names.is_empty()).then(|| dns_names.iter().map(DnsPattern::as_str).collect()),
    };
    let bound = bind.host.is_some() || bind.cluster.is_some() || bind.dns_names.is_some();
    let (spelt, audience) = (Spelt::of(token), grant.audience());
    serde_json::to_vec(&Claims {
        exp: terms.expires_at.map(seconds),
        persistent: terms.persistent,
        roles: terms.roles.iter().map(Role::as_str).collect(),
        max_uses: terms.max_uses,
        sha: root.as_deref(),
        bind: bound.then_some(Object(bind)),
        cnf: key.as_deref().map(|jkt| Object(Confirmation { jkt })),
        policy: policy.as_deref(),
        approval: (terms.approval != Approval::Off).then_some(terms.approval.as_str()),
        ..spelt.claims(&audience, *issued_at, *not_before)
    })
}

/// The claims of a service token as JSON. Invalid values are refused when the token is read back.
pub(super) fn encode_service(grant: &ServiceGrant) -> Result<Vec<u8>, serde_json::Error> {
    let ServiceGrant { token, audience, issued_at, not_before, expires_at, roles } = grant;
    let spelt = Spelt::of(token);
    serde_json::to_vec(&Claims {
        exp: Some(seconds(*expires_at)),
        roles: roles.iter().map(Role::as_str).collect(),
        ..spelt.claims(audience, *issued_at, *not_before)
    })
}

/// The claims that identify a token, as text.
struct Spelt<'a> {
    token: &'a TokenRef,
    id: String,
    list_uri: String,
}

impl<'a> Spelt<'a> {
    fn of(token: &'a TokenRef) -> Self {
        Self { token, id: token.id.to_string(), list_uri: status_uri(&token.issuer, token.status.list) }
    }

    /// The claims of every token; the others are absent.
    fn claims<'c>(&'c self, aud: &'c str, issued_at: Timestamp, not_before: Timestamp) -> Claims<'c> {
        let entry = ListEntry { idx: self.token.status.index, uri: &self.list_uri };
        Claims {
            iss: &self.token.issuer,
            aud,
            jti: &self.id,
            sub: &self.id,
            iat: seconds(issued_at),
            nbf: seconds(not_before),
            exp: None,
            persistent: false,
            roles: Vec::new(),
            max_uses: None,
            sha: None,
            bind: None,
            cnf: None,
            policy: None,
            approval: None,
            status: Object(StatusClaim { status_list: Object(entry) }),
        }
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
