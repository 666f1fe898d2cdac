//! Public documents: keys, CA certificates, CRLs. They are served from memory, also while the store is down.

use super::described::described;
use crate::http::direct_request::DirectRequest;
use crate::http::document;
use crate::http::openapi::schemas::Der;
use crate::http::openapi::{NotModified, tags};
use crate::http::problem::{Code, Problem, code};
use crate::http::route::{Answer, Route};
use crate::id::Fingerprint;
use crate::service::ca::set::CaSet;
use crate::token::jwks::JwkSet;

const PEM: &str = "application/x-pem-file";
const PEM_EXAMPLE: &str = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n";

/// The rows.
pub(super) fn routes() -> Vec<Route> {
    vec![
        described!(jwks).direct(|asked| Ok(jwks(asked))),
        described!(root).direct(root),
        described!(chain).direct(|asked| Ok(chain(asked))),
        described!(pinned_root).direct(pinned_root),
        described!(crl).direct(crl),
    ]
}

/// Fetch the key set
///
/// The keys that verify tokens and status lists (RFC 7517).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "fetch_keys",
    tag = tags::PUBLISHED,
    responses(
        (status = 200, description = "The key set.", body = JwkSet, content_type = "application/jwk-set+json"),
        NotModified,
    ),
)]
pub(super) fn jwks(asked: &DirectRequest<'_>) -> Answer {
    document::serve(&asked.authority.trust.load().jwks, asked.headers)
}

/// Fetch the root certificate
#[utoipa::path(
    get,
    path = "/ca/root.pem",
    operation_id = "fetch_root",
    tag = tags::PUBLISHED,
    responses(
        (status = 200, description = "The root, PEM.", body = String, content_type = PEM, example = json!(PEM_EXAMPLE)),
        NotModified,
        code::NotFound,
    ),
)]
pub(super) fn root(asked: &DirectRequest<'_>) -> Result<Answer, Problem> {
    let cas = asked.authority.cas.load();
    serve_root(asked, &cas, cas.current().root_fingerprint())
}

/// Fetch the chain
///
/// The issuing CA, then the root.
#[utoipa::path(
    get,
    path = "/ca/chain.pem",
    operation_id = "fetch_chain",
    tag = tags::PUBLISHED,
    responses(
        (status = 200, description = "The chain, PEM.", body = String, content_type = PEM, example = json!(PEM_EXAMPLE)),
        NotModified,
    ),
)]
pub(super) fn chain(asked: &DirectRequest<'_>) -> Answer {
    document::serve(asked.authority.cas.load().chain(), asked.headers)
}

/// Fetch the root that a token pins
#[utoipa::path(
    get,
    path = "/ca/root/{fingerprint}",
    operation_id = "fetch_pinned_root",
    tag = tags::PUBLISHED,
    params(("fingerprint" = String, Path, description = "The SHA-256 of the root in hexadecimal, and `.pem`.",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.pem")),
    responses(
        (status = 200, description = "The root, PEM.", body = String, content_type = PEM, example = json!(PEM_EXAMPLE)),
        NotModified,
        code::NotFound,
    ),
)]
pub(super) fn pinned_root(asked: &DirectRequest<'_>) -> Result<Answer, Problem> {
    let wanted = asked.param("fingerprint").strip_suffix(".pem").and_then(Fingerprint::parse);
    serve_root(asked, &asked.authority.cas.load(), wanted.ok_or_else(|| missing("root certificate"))?)
}

fn serve_root(asked: &DirectRequest<'_>, cas: &CaSet, wanted: Fingerprint) -> Result<Answer, Problem> {
    let root = cas.root_document(wanted).ok_or_else(|| missing("root certificate"))?;
    Ok(document::serve(root, asked.headers))
}

/// Fetch the CRL of an issuing CA
#[utoipa::path(
    get,
    path = "/ca/crl/{ski}",
    operation_id = "fetch_crl",
    tag = tags::PUBLISHED,
    params(("ski" = String, Path, description = "The CA's subject key identifier in hexadecimal, and `.der`.",
        example = "5f3e1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f.der")),
    responses(
        (status = 200, description = "The newest CRL, DER.", body = Der, content_type = "application/pkix-crl"),
        NotModified,
        code::NotFound,
    ),
)]
pub(super) fn crl(asked: &DirectRequest<'_>) -> Result<Answer, Problem> {
    let ski = asked.param("ski").strip_suffix(".der").unwrap_or("");
    let crl = asked.authority.ca.crls.get(ski).ok_or_else(|| missing("CRL"))?;
    Ok(document::serve(&crl.document, asked.headers))
}

fn missing(what: &str) -> Problem {
    Problem::of(Code::NotFound, format!("there is no such {what}"))
}
