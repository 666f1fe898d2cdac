//! The claims of an access token (RFC 9068 section 2.2), bound to a certificate (RFC 8705 section 3.1).

use serde::{Deserialize, Serialize};

use super::{audience, issuer, malformed, moment, roles, seconds};
use crate::id::{CertificateThumbprint, HostId, TokenId};
use crate::name::Role;
use crate::token::error::VerifyError;
use crate::token::grant::AccessGrant;
use crate::token::json::{Object, object};

/// Exactly these claims, as in [`Claims`](super::Claims).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::token) struct AccessClaims<'a> {
    pub(in crate::token) iss: &'a str,
    pub(in crate::token) aud: &'a str,
    jti: &'a str,
    sub: &'a str,
    client_id: &'a str,
    iat: u64,
    exp: u64,
    #[serde(borrow)]
    roles: Vec<&'a str>,
    #[serde(borrow)]
    cnf: Object<BoundTo<'a>>,
}

/// The certificate that the token is bound to.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BoundTo<'a> {
    #[serde(rename = "x5t#S256")]
    thumbprint: &'a str,
}

impl<'a> AccessClaims<'a> {
    /// Reads the claims in `json`, without unknown ones. Their values are not checked yet.
    pub(in crate::token) fn parse(json: &'a [u8]) -> Result<Self, VerifyError> {
        object(json).ok_or(malformed("its claims are not an object of exactly the claims of an access token"))
    }

    /// The grant, with every value checked.
    pub(in crate::token) fn grant(&self) -> Result<AccessGrant, VerifyError> {
        let Self { iss, aud, jti, sub, client_id, iat, exp, roles: names, cnf } = self;
        let (issued_at, expires_at) = (moment(*iat)?, moment(*exp)?);
        if expires_at < issued_at {
            return Err(malformed("it expires before it begins"));
        }
        if sub != client_id {
            return Err(malformed("its client_id is not its sub"));
        }
        let thumbprint = CertificateThumbprint::parse(cnf.0.thumbprint);
        Ok(AccessGrant {
            id: TokenId::parse(jti).ok_or(malformed("its jti is not a token id"))?,
            issuer: issuer(iss)?,
            audience: audience(aud)?,
            host: HostId::parse(sub).ok_or(malformed("its sub is not a host id"))?,
            issued_at,
            expires_at,
            roles: roles(names)?,
            certificate: thumbprint.ok_or(malformed("its x5t#S256 is not a thumbprint"))?,
        })
    }
}

/// The claims of an access token as JSON. Invalid values are refused when the token is read back.
pub(in crate::token) fn encode_access(grant: &AccessGrant) -> Result<Vec<u8>, serde_json::Error> {
    let AccessGrant { id, issuer, audience, host, issued_at, expires_at, roles, certificate } = grant;
    let (id, host, certificate) = (id.to_string(), host.to_string(), certificate.to_string());
    serde_json::to_vec(&AccessClaims {
        iss: issuer,
        aud: audience,
        jti: &id,
        sub: &host,
        client_id: &host,
        iat: seconds(*issued_at),
        exp: seconds(*expires_at),
        roles: roles.iter().map(Role::as_str).collect(),
        cnf: Object(BoundTo { thumbprint: &certificate }),
    })
}
