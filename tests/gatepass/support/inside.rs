//! The use cases called in process, where thousands of calls or a clock that moves for months would outlast TLS.

use gatepass::access::{Actor, Rights};
use gatepass::admission::HostClaims;
use gatepass::http::request::MintRequest;
use gatepass::name::DnsName;
use gatepass::service::Enrolled;
use gatepass::service::{Authority, Caller, RedeemRequest, Redemption, ServiceError};
use gatepass::token::MintedToken;
use serde_json::Value;

/// Mints what `request` asks for.
pub(crate) async fn mint(authority: &Authority, request: Value) -> Result<MintedToken, ServiceError> {
    mint_as(authority, &Caller::SYSTEM, request).await
}

/// The same in the name of `caller`.
pub(crate) async fn mint_as(
    authority: &Authority,
    caller: &Caller,
    request: Value,
) -> Result<MintedToken, ServiceError> {
    let request: MintRequest = serde_json::from_value(request).unwrap();
    let order = request.judge(
        (&authority.roles, &authority.policies.policies),
        &authority.settings.spans.load(),
        authority.time.now(),
        Vec::new(),
    )?;
    authority.minting.mint(caller, order).await
}

/// Redeems a token with this request, asking for `name` if given.
pub(crate) async fn redeem(
    authority: &Authority,
    token: &str,
    csr: &str,
    name: Option<&str>,
) -> Result<Enrolled, ServiceError> {
    let caller =
        Caller { actor: Actor::Bearer, rights: Rights::NONE, basis: None, address: None, request: None };
    let claims = HostClaims { name: name.map(|name| DnsName::parse(name).unwrap()), ..HostClaims::default() };
    let request = RedeemRequest { unverified_token: token, csr, claims, reached_url: None, replaces: None };
    authority.enrollment.redeem(&caller, request).await.map(|redemption| match redemption {
        Redemption::Enrolled(enrolled, _) => *enrolled,
        Redemption::Waiting(waiting) => panic!("it waits: {}", waiting.id),
    })
}
