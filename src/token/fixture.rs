//! A valid grant, a key ring, and forged tokens for the tests of this module.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{
    AccessGrant, Bindings, Grant, KeyRing, KeyScope, KeyUse, ServiceGrant, Signer, SigningKey, SigningPair,
    SigningPairs, Terms, TokenRef, VerifyingKey, VerifyingKeys, claims, header, mint,
};
use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::id::{
    CertificateThumbprint, Fingerprint, HostId, ListId, PolicyId, StatusRef, Thumbprint, TokenId,
};
use crate::name::{Cluster, DnsPattern, Role};

pub(super) const NOW: Timestamp = Timestamp::from_secs(1_893_456_000);
pub(super) const ISSUER: &str = "https://auth.example.org:8443";
pub(super) const AUDIENCE: &str = "https://jobs.example.org";

/// An ephemeral grant of one use with every binding.
pub(super) fn grant() -> Grant {
    Grant {
        token: TokenRef {
            id: TokenId::parse("0190a0b0-c0d0-7000-8000-0000000000aa").unwrap(),
            issuer: ISSUER.to_owned(),
            status: StatusRef {
                list: ListId::parse("0190a0b0-c0d0-7000-8000-0000000000dd").unwrap(),
                index: 7,
            },
        },
        issued_at: NOW,
        not_before: NOW,
        root: Some(Fingerprint::of(b"root")),
        terms: terms(),
    }
}

fn terms() -> Terms {
    Terms {
        roles: vec![Role::parse("allocator").unwrap(), Role::parse("proxy").unwrap()],
        persistent: false,
        expires_at: Some(Timestamp::from_secs(NOW.secs() + 900)),
        max_uses: Some(1),
        bindings: Bindings {
            host: HostId::parse("0190a0b0-c0d0-7000-8000-0000000000bb"),
            cluster: Some(Cluster::parse("blue").unwrap()),
            dns_names: vec![DnsPattern::parse("*.nodes.example.org").unwrap()],
        },
        host_key: Some(Thumbprint::of(b"host key")),
        policy: PolicyId::parse("0190a0b0-c0d0-7000-8000-0000000000cc"),
        approval: Approval::Require,
    }
}

/// The grant of [`grant`] with `change` applied to its terms.
pub(super) fn with_terms(change: impl FnOnce(&mut Terms)) -> Grant {
    let mut changed = grant();
    change(&mut changed.terms);
    changed
}

/// A persistent grant without expiry, unlimited and unbound.
pub(super) fn persistent_grant() -> Grant {
    Grant { root: None, terms: Terms { persistent: true, ..Terms::default() }, ..grant() }
}

/// A grant for one service.
pub(super) fn service_grant() -> ServiceGrant {
    let Grant { token, issued_at, not_before, terms, .. } = grant();
    let (audience, expires_at) = (AUDIENCE.to_owned(), Timestamp::from_secs(NOW.secs() + 900));
    ServiceGrant { token, audience, issued_at, not_before, expires_at, roles: terms.roles }
}

/// A grant of a host for one service.
pub(super) fn access_grant() -> AccessGrant {
    let ServiceGrant { token, audience, issued_at, expires_at, roles, .. } = service_grant();
    AccessGrant {
        id: token.id,
        issuer: token.issuer,
        audience,
        host: HostId::parse("0190a0b0-c0d0-7000-8000-0000000000bb").unwrap(),
        issued_at,
        expires_at,
        roles,
        certificate: CertificateThumbprint::of(b"certificate"),
    }
}

pub(super) fn ring() -> KeyRing {
    KeyRing::generate()
}

/// The signing keys of `ring`, to be changed.
pub(super) fn signing(ring: &KeyRing) -> SigningPairs {
    let pair =
        |usage| SigningPair { current: Arc::clone(ring.current(usage)), prepared: ring.prepared(usage) };
    SigningPairs {
        enrollment: pair(KeyUse::Enrollment),
        service: pair(KeyUse::Service),
        access: pair(KeyUse::Access),
        status_list: pair(KeyUse::StatusList),
    }
}

pub(super) fn keys(keys: &[(&SigningKey, KeyScope)]) -> VerifyingKeys {
    let verifying =
        keys.iter().map(|(key, scope)| VerifyingKey::new(key.public(), KeyUse::Enrollment, *scope).unwrap());
    VerifyingKeys::new(verifying.collect()).unwrap()
}

pub(super) fn issuers() -> Vec<String> {
    vec![ISSUER.to_owned()]
}

/// The text of a valid token.
pub(super) fn token(grant: &Grant, ring: &KeyRing) -> String {
    mint(grant, ring, NOW).unwrap().text().expose().clone()
}

/// The claims of a valid token.
pub(super) fn claims_json(grant: &Grant) -> String {
    String::from_utf8(claims::encode(grant).unwrap()).unwrap()
}

/// A token of any claims, with a valid header and signature.
pub(super) fn signed_claims(claims: &[u8], signer: &dyn Signer) -> String {
    signed(
        &format!(
            "{}.{}",
            header::encode(KeyUse::Enrollment, signer.key_id()),
            URL_SAFE_NO_PAD.encode(claims)
        ),
        signer,
    )
}

/// A token of any header, with valid claims and signature.
pub(super) fn signed_header(header: &str, signer: &dyn Signer) -> String {
    let claims = claims_json(&grant());
    signed(&format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)), signer)
}

/// Any text with a valid signature after it.
pub(super) fn signed(text: &str, signer: &dyn Signer) -> String {
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signer.sign(text.as_bytes()).unwrap()))
}
