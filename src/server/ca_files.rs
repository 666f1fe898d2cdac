//! The CA on disk: made on the first start, or brought in.

use rustls::pki_types::CertificateDer;

use super::StartError;
use crate::ca::CertificateAuthority;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::id::hex;
use crate::secret::Secret;
use crate::service::Authority;
use crate::service::ca_set::{
    CaSet, ISSUING_INDEX, ROOT_CERTIFICATE, ROOT_KEY, issuing_certificate, issuing_key,
};
use crate::service::vault::{Vault, load_private};

/// The CA that the configuration brings in, or the one in the vault, which is made if there is none.
pub(super) fn load_or_make(config: &Config, vault: &Vault, now: Timestamp) -> Result<CaSet, StartError> {
    let ca = &config.ca;
    if let (Some(root), Some(certificate), Some(key)) = (&ca.root, &ca.issuing_certificate, &ca.issuing_key) {
        let read = |path: &std::path::Path| {
            std::fs::read_to_string(path)
                .map_err(|error| StartError::of(format!("{}: {error}", path.display())))
        };
        let key = load_private(key).map_err(StartError::of)?;
        let ca = CertificateAuthority::from_pem(&read(root)?, &read(certificate)?, &key, now);
        return Ok(CaSet::new(ca.map_err(StartError::of)?, Vec::new()));
    }
    // The list is written last: without it, making the CA was begun and not finished, and nobody has seen it.
    if !vault.holds(ISSUING_INDEX) {
        make(vault, &format!("gatepass {}", config.server.trust_domain), now)?;
    }
    load(vault, now)
}

fn make(vault: &Vault, name: &str, now: Timestamp) -> Result<(), StartError> {
    let made = CertificateAuthority::generate(name, now).map_err(StartError::of)?;
    let ca = CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, now);
    let ski = hex(&ca.map_err(StartError::of)?.issuing_ski());
    let files = [
        (ROOT_KEY.to_owned(), made.root_key),
        (ROOT_CERTIFICATE.to_owned(), Secret::new(made.root_pem)),
        (issuing_key(&ski), made.issuing_key),
        (issuing_certificate(&ski), Secret::new(made.issuing_pem)),
        (ISSUING_INDEX.to_owned(), Secret::new(format!("{ski}\n"))),
    ];
    files.iter().try_for_each(|(name, text)| vault.save(name, text)).map_err(StartError::of)
}

fn load(vault: &Vault, now: Timestamp) -> Result<CaSet, StartError> {
    let root = vault.load(ROOT_CERTIFICATE).map_err(StartError::of)?;
    let index = vault.load(ISSUING_INDEX).map_err(StartError::of)?;
    let mut newest_first = Vec::new();
    for ski in index.expose().lines().rev().filter(|line| !line.is_empty()) {
        let certificate = vault.load(&issuing_certificate(ski)).map_err(StartError::of)?;
        let key = vault.load(&issuing_key(ski)).map_err(StartError::of)?;
        match CertificateAuthority::from_pem(root.expose(), certificate.expose(), &key, now) {
            Ok(ca) => newest_first.push(ca),
            // A former issuing CA that has expired has nothing left to revoke.
            Err(_) if !newest_first.is_empty() => {}
            Err(error) => return Err(StartError::of(error)),
        }
    }
    let mut authorities = newest_first.into_iter();
    let current =
        authorities.next().ok_or_else(|| StartError::of("the keys directory names no issuing CA"))?;
    Ok(CaSet::new(current, authorities.collect()))
}

/// The roots that client certificates may lead to.
pub(super) fn client_roots(authority: &Authority) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from(authority.cas().current().root_der().to_vec())]
}
