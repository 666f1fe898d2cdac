//! What anyone may fetch, with or without a store: keys, CA certificates, CRLs.

use std::sync::Arc;

use http::StatusCode;

use crate::http::document::{Document, Shelf};
use crate::http::inquiry::Inquiry;
use crate::http::openapi::schemas::Der;
use crate::http::openapi::{NotModified, tags};
use crate::http::problem::{Problem, code};
use crate::http::route::{Answer, Route};
use crate::id::Fingerprint;
use crate::service::ca::set::CaSet;
use crate::token::KeyRing;
use crate::token::jwks::PublishedSet;

/// How long caches may keep the key set, in seconds: a prepared key is published long before it signs.
const KEYS_AGE: u32 = 300;
/// How long caches may keep a CRL, in seconds: a revocation is on it within a second.
const CRL_AGE: u32 = 30;
/// How long caches may keep CA certificates, in seconds.
const CA_AGE: u32 = 3600;

const PEM: &str = "application/x-pem-file";
const PEM_EXAMPLE: &str = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n";

/// The rows. Each keeps the documents that it has made.
pub(super) fn routes() -> Vec<Route> {
    let (keys, roots, chains) = (Shelf::default(), Arc::<Roots>::default(), Shelf::default());
    let pinned = Arc::clone(&roots);
    let crls = Shelf::default();
    vec![
        Route::direct("/.well-known/jwks.json", move |inquiry| Ok(jwks(inquiry, &keys))),
        Route::direct("/ca/root.pem", move |inquiry| root(inquiry, &roots)),
        Route::direct("/ca/chain.pem", move |inquiry| Ok(chain(inquiry, &chains))),
        Route::direct("/ca/root/{fingerprint}", move |inquiry| pinned_root(inquiry, &pinned)),
        Route::direct("/ca/crl/{ski}", move |inquiry| crl(inquiry, &crls)),
    ]
}

/// The roots by their fingerprints.
type Roots = Shelf<Fingerprint, CaSet>;

/// Fetch the key set
///
/// RFC 7517: what tokens and status lists are verified with.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "fetch_keys",
    tag = tags::PUBLISHED,
    responses(
        (status = 200, description = "The keys.", body = PublishedSet<'static>, content_type = "application/jwk-set+json"),
        NotModified,
    ),
)]
pub(super) fn jwks(inquiry: &Inquiry<'_>, made: &Shelf<(), KeyRing>) -> Answer {
    let make = |ring: &KeyRing| {
        Document::new("application/jwk-set+json", KEYS_AGE, ring.verifying().to_jwks()).compressed()
    };
    made.document(&(), &inquiry.authority.ring(), make).serve(inquiry.headers)
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
pub(super) fn root(inquiry: &Inquiry<'_>, made: &Roots) -> Result<Answer, Problem> {
    let cas = inquiry.authority.cas();
    root_of(inquiry, &cas, cas.current().root_fingerprint(), made)
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
pub(super) fn chain(inquiry: &Inquiry<'_>, made: &Shelf<(), CaSet>) -> Answer {
    let make = |cas: &CaSet| Document::new(PEM, CA_AGE, cas.current().chain_pem());
    made.document(&(), &inquiry.authority.cas(), make).serve(inquiry.headers)
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
pub(super) fn pinned_root(inquiry: &Inquiry<'_>, made: &Roots) -> Result<Answer, Problem> {
    let wanted = inquiry.param("fingerprint").strip_suffix(".pem").and_then(Fingerprint::parse);
    let wanted = wanted.ok_or_else(|| missing("root certificate"))?;
    root_of(inquiry, &inquiry.authority.cas(), wanted, made)
}

fn root_of(
    inquiry: &Inquiry<'_>,
    cas: &Arc<CaSet>,
    wanted: Fingerprint,
    made: &Roots,
) -> Result<Answer, Problem> {
    let pem = cas.root(wanted).ok_or_else(|| missing("root certificate"))?;
    let make = |_: &CaSet| Document::new(PEM, CA_AGE, pem.to_owned());
    Ok(made.document(&wanted, cas, make).serve(inquiry.headers))
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
pub(super) fn crl(inquiry: &Inquiry<'_>, made: &Shelf<String, [u8]>) -> Result<Answer, Problem> {
    let ski = inquiry.param("ski").strip_suffix(".der").unwrap_or("");
    let crl = inquiry.authority.crl(ski).ok_or_else(|| missing("CRL"))?;
    let make = |der: &[u8]| Document::new("application/pkix-crl", CRL_AGE, der.to_vec());
    Ok(made.document(ski, &crl.der, make).serve(inquiry.headers))
}

fn missing(what: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
}
