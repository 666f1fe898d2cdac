//! What anyone may fetch, with or without a store: keys, CA certificates, CRLs.

use http::StatusCode;

use crate::http::call::Call;
use crate::http::document;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::Fingerprint;

/// How long caches may keep the key set, in seconds: a prepared key is published long before it signs.
const KEYS_AGE: u32 = 300;
/// How long caches may keep a CRL, in seconds: a revocation is on it within a second.
const CRL_AGE: u32 = 30;
/// How long caches may keep CA certificates, in seconds.
const CA_AGE: u32 = 3600;

const PEM: &str = "application/x-pem-file";

/// `GET /.well-known/jwks.json` (RFC 7517).
pub(super) async fn jwks(call: Call) -> Result<Reply, Problem> {
    let jwks = call.authority.ring().verifying().to_jwks();
    Ok(document::serve(&call.headers, "application/jwk-set+json", KEYS_AGE, jwks))
}

/// `GET /ca/root.pem`.
pub(super) async fn root(call: Call) -> Result<Reply, Problem> {
    let pem = call.authority.cas().current().root_pem().to_owned();
    Ok(document::serve(&call.headers, PEM, CA_AGE, pem))
}

/// `GET /ca/chain.pem`: the issuing CA, then the root.
pub(super) async fn chain(call: Call) -> Result<Reply, Problem> {
    let pem = call.authority.cas().current().chain_pem();
    Ok(document::serve(&call.headers, PEM, CA_AGE, pem))
}

/// `GET /ca/root/<sha256>.pem`: the root that a token pins.
pub(super) async fn pinned_root(call: Call) -> Result<Reply, Problem> {
    let cas = call.authority.cas();
    let wanted = call.param("fingerprint").strip_suffix(".pem").unwrap_or("");
    let pem = Fingerprint::parse(wanted)
        .and_then(|wanted| cas.root(wanted))
        .ok_or_else(|| missing("root certificate"))?;
    Ok(document::serve(&call.headers, PEM, CA_AGE, pem.to_owned()))
}

/// `GET /ca/crl/<ski>.der`: the newest CRL of an issuing CA.
pub(super) async fn crl(call: Call) -> Result<Reply, Problem> {
    let ski = call.param("ski").strip_suffix(".der").unwrap_or("");
    let crl = call.authority.crl(ski).ok_or_else(|| missing("CRL"))?;
    Ok(document::serve(&call.headers, "application/pkix-crl", CRL_AGE, crl.der.to_vec()))
}

fn missing(what: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
}
