//! A real host certificate. Every host gets a copy with its own id and serial.

use std::fmt::Display;
use std::time::Duration;

use gatepass::ca::{ApprovedRequest, CertificateAuthority, Csr, CsrPolicy, HostProfile};
use gatepass::clock::Timestamp;
use gatepass::id::{HostId, Serial};
use gatepass::name::Role;

/// A certificate to copy. The copies parse and hold the right host and serial. Their signatures are invalid; signatures of
/// stored certificates are never verified.
pub(crate) struct Specimen {
    der: Vec<u8>,
    serial: Vec<usize>,
    host: Vec<usize>,
}

/// The certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no host certificate could be made: {0}")]
pub(crate) struct SpecimenError(String);

impl Specimen {
    /// A host's certificate from a temporary CA.
    pub(crate) fn generate(now: Timestamp) -> Result<Self, SpecimenError> {
        let made = CertificateAuthority::generate("gatepass seed", now).map_err(wrong)?;
        let ca = CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, now);
        let ca = ca.map_err(wrong)?;
        let key = rcgen::KeyPair::generate().map_err(wrong)?;
        let params = rcgen::CertificateParams::new(Vec::new()).map_err(wrong)?;
        let request = params.serialize_request(&key).and_then(|request| request.pem()).map_err(wrong)?;
        let csr = Csr::parse(&request, CsrPolicy::default()).map_err(wrong)?;
        let host = HostId::generate(now);
        let roles = ["allocator", "proxy"].map(Role::parse).into_iter().collect::<Result<_, _>>();
        let profile = HostProfile {
            host,
            roles: roles.map_err(wrong)?,
            dns_name: None,
            trust_domain: String::from("gate.example.org"),
            lifetime: Duration::from_secs(30 * 86_400),
            crl_url: None,
        };
        let prepared = ApprovedRequest::new(&csr, profile).prepare(&ca, now).map_err(wrong)?;
        let issued = prepared.issue().map_err(wrong)?;
        Ok(Self::new(issued.der, issued.serial, host))
    }

    /// The certificate `der` of `host`, with this serial.
    fn new(der: Vec<u8>, serial: Serial, host: HostId) -> Self {
        let (serial, host) = (places(&der, serial.as_bytes()), places(&der, host.to_string().as_bytes()));
        Self { der, serial, host }
    }

    /// A copy for another host.
    pub(crate) fn copy(&self, serial: Serial, host: HostId) -> Vec<u8> {
        let mut der = self.der.clone();
        let mut put = |places: &[usize], bytes: &[u8]| {
            for place in places {
                der[*place..place + bytes.len()].copy_from_slice(bytes);
            }
        };
        put(&self.serial, serial.as_bytes());
        put(&self.host, host.to_string().as_bytes());
        der
    }
}

fn places(text: &[u8], wanted: &[u8]) -> Vec<usize> {
    let found = text.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
    found.map(|(place, _)| place).collect()
}

fn wrong(cause: impl Display) -> SpecimenError {
    SpecimenError(cause.to_string())
}
