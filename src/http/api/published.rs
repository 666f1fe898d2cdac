//! Public documents: keys, CA certificates, CRLs. They are served from memory, also while the store is down.

use crate::http::document;
use crate::http::head::Head;
use crate::http::openapi::NotModified;
use crate::http::openapi::schemas::Der;
use crate::http::problem::{Code, Problem, code};
use crate::http::route::HttpResponse;
use crate::id::Fingerprint;
use crate::service::Authority;
use crate::service::ca::set::CaSet;
use crate::token::jwks::JwkSet;

const PEM: &str = "application/x-pem-file";
const PEM_EXAMPLE: &str = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n";
const CRL_EXAMPLE: &str = "-----BEGIN X509 CRL-----\n…\n-----END X509 CRL-----\n";

/// Fetch the key set
///
/// The keys that verify tokens and status lists (RFC 7517).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    responses(
        (status = 200, description = "The key set.", body = JwkSet, content_type = "application/jwk-set+json"),
        NotModified,
    ),
)]
pub(super) fn fetch_key_set(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    Ok(document::serve(&authority.trust.load().jwks, head.headers()).into())
}

/// Fetch the root certificate
///
/// The root of the current issuing CA.
#[utoipa::path(
    get,
    path = "/ca/root.pem",
    responses(
        (status = 200, description = "The root, PEM.", body = String, content_type = PEM, example = json!(PEM_EXAMPLE)),
        NotModified,
        code::NotFound,
    ),
)]
pub(super) fn fetch_root(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let cas = authority.cas.load();
    serve_root(head, &cas, cas.current().root_fingerprint())
}

/// Fetch the chain
///
/// The issuing CA, then the root.
#[utoipa::path(
    get,
    path = "/ca/chain.pem",
    responses(
        (status = 200, description = "The chain, PEM.", body = String, content_type = PEM, example = json!(PEM_EXAMPLE)),
        NotModified,
    ),
)]
pub(super) fn fetch_chain(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    Ok(document::serve(authority.cas.load().chain(), head.headers()).into())
}

/// Fetch the root that a token pins
///
/// Any root in use, by its fingerprint.
#[utoipa::path(
    get,
    path = "/ca/root/{fingerprint}",
    params(("fingerprint" = String, Path, description = "The SHA-256 of the root in hexadecimal, and `.pem`.",
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.pem")),
    responses(
        (status = 200, description = "The root, PEM.", body = String, content_type = PEM, example = json!(PEM_EXAMPLE)),
        NotModified,
    ),
)]
pub(super) fn fetch_pinned_root(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let wanted = head.param("fingerprint").strip_suffix(".pem").and_then(Fingerprint::parse);
    serve_root(head, &authority.cas.load(), wanted.ok_or_else(|| missing("root certificate"))?)
}

fn serve_root(head: &Head, cas: &CaSet, wanted: Fingerprint) -> Result<HttpResponse, Problem> {
    let root = cas.root_document(wanted).ok_or_else(|| missing("root certificate"))?;
    Ok(document::serve(root, head.headers()).into())
}

/// Fetch the CRL of an issuing CA or a root
///
/// The newest CRL of one CA, by its key identifier.
#[utoipa::path(
    get,
    path = "/ca/crl/{ski}",
    params(("ski" = String, Path, description = "The CA's subject key identifier in hexadecimal, and `.der`.",
        example = "5f3e1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f.der")),
    responses(
        (status = 200, description = "The newest CRL, DER.", body = Der, content_type = "application/pkix-crl"),
        NotModified,
    ),
)]
pub(super) fn fetch_crl(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    let ski = head.param("ski").strip_suffix(".der").unwrap_or("");
    let crl = authority.ca.crls.get(ski).ok_or_else(|| missing("CRL"))?;
    Ok(document::serve(&crl, head.headers()).into())
}

/// Fetch all CRLs
///
/// The newest CRL of every issuing CA and every root. Servers that check whole chains need all of them.
#[utoipa::path(
    get,
    path = "/ca/crl.pem",
    responses(
        (status = 200, description = "The CRLs, PEM.", body = String, content_type = PEM, example = json!(CRL_EXAMPLE)),
        NotModified,
    ),
)]
pub(super) fn fetch_crls(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    Ok(document::serve(&authority.ca.crls.all(), head.headers()).into())
}

/// Fetch all CA certificates
///
/// Every issuing CA, cross certificate and root that certificates and tokens in use may need.
#[utoipa::path(
    get,
    path = "/ca/bundle.pem",
    responses(
        (status = 200, description = "The certificates, PEM.", body = String, content_type = PEM, example = json!(PEM_EXAMPLE)),
        NotModified,
    ),
)]
pub(super) fn fetch_bundle(authority: &Authority, head: &Head) -> Result<HttpResponse, Problem> {
    Ok(document::serve(authority.cas.load().bundle(), head.headers()).into())
}

fn missing(what: &str) -> Problem {
    Problem::of(Code::NotFound, format!("{what} not found"))
}
