//! The certificate authority inside: profile, CSR, leaf, CRL, import. Knows no HTTP, SQL or configuration.
//!
//! A request becomes a certificate in four types, and none can be skipped:
//!
//! - [`Csr`]: proof of possession is checked
//! - [`ApprovedRequest`]: only its public key, and the allowed names
//! - [`PreparedCertificate`]: serial and dates are chosen
//! - [`IssuedCertificate`]
//!
//! Signed structures are built with `x509-cert`, which copies names byte for byte. The signing keys live in aws-lc's memory.

mod authority;
mod ca_key;
mod ceremony;
mod crl;
mod csr;
mod error;
mod extension;
mod import;
mod inspect;
mod leaf;
mod pem;
mod profile;
mod public_key;
mod server_identity;
mod subject;
mod template;
mod validity;

#[cfg(test)]
mod fixture;
#[cfg(test)]
#[cfg(feature = "outside")]
mod outside;

pub use authority::CertificateAuthority;
pub use ceremony::{NewAuthority, NewRoot};
pub use crl::{CrlEntry, CrlReason, crl_bounds, crl_entries, crl_lists, is_crl_of, sign_root_crl};
pub use csr::{Csr, CsrPolicy};
pub use error::{CaFileError, CsrError, ImportError, IssueError, PemError};
pub use inspect::{authority_key_identifier, dns_names, not_after, subject_key_identifier};
pub use leaf::{ApprovedRequest, IssuedCertificate, PreparedCertificate};
pub use pem::{der_to_pem, pem_to_der};
pub use profile::{HostProfile, ServerProfile};
pub use server_identity::ServerIdentity;
pub use validity::{BACKDATED, Validity};
