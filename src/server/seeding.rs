//! Filling the database of a stopped server, to measure the cost of a full store.

use std::path::Path;
use std::time::Duration;

use super::StartError;
use super::offline::existing;
use crate::ca::{ApprovedRequest, CertificateAuthority, Csr, CsrPolicy, HostProfile};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::id::HostId;
use crate::name::Role;
pub use crate::store::sqlite::seed::Amounts;
use crate::store::sqlite::seed::{self, Specimen};

/// Adds generated tokens, pairs, hosts and ledger entries to the database in `data_dir`. `progress` gets the kind of row,
/// the number written and the total.
///
/// # Errors
/// The database is missing, in use, not gatepass's, or cannot be written, or no server has started on it.
pub fn seed(
    data_dir: &Path,
    amounts: Amounts,
    progress: impl FnMut(&'static str, u64, u64),
) -> Result<(), StartError> {
    let database = existing(data_dir)?;
    let now = SystemClock.read().wall;
    let specimen = specimen(now)?;
    seed::seed(&database, amounts, &specimen, now, progress).map_err(StartError::of)
}

/// A host's certificate from a temporary CA.
fn specimen(now: Timestamp) -> Result<Specimen, StartError> {
    let made = CertificateAuthority::generate("gatepass seed", now).map_err(StartError::of)?;
    let ca = CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, now);
    let ca = ca.map_err(StartError::of)?;
    let key = rcgen::KeyPair::generate().map_err(StartError::of)?;
    let params = rcgen::CertificateParams::new(Vec::new()).map_err(StartError::of)?;
    let request = params.serialize_request(&key).and_then(|request| request.pem()).map_err(StartError::of)?;
    let csr = Csr::parse(&request, CsrPolicy::default()).map_err(StartError::of)?;
    let host = HostId::generate(now);
    let roles = ["allocator", "proxy"].map(Role::parse).into_iter().collect::<Result<_, _>>();
    let profile = HostProfile {
        host,
        roles: roles.map_err(StartError::of)?,
        dns_name: None,
        trust_domain: String::from("gate.example.org"),
        lifetime: Duration::from_secs(30 * 86_400),
        crl_url: None,
    };
    let prepared = ApprovedRequest::new(&csr, profile).prepare(&ca, now).map_err(StartError::of)?;
    let issued = prepared.issue(&ca).map_err(StartError::of)?;
    Ok(Specimen::new(issued.der, issued.serial, host))
}
