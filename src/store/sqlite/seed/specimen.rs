//! A real host certificate. Every host gets a copy with its own id and serial.

use crate::id::{HostId, Serial};

/// A certificate to copy. The copies parse and hold the right host and serial. Their signatures are invalid; signatures of
/// stored certificates are never verified.
pub struct Specimen {
    der: Vec<u8>,
    serial: Vec<usize>,
    host: Vec<usize>,
}

impl Specimen {
    /// The certificate `der` of `host`, with this serial.
    pub fn new(der: Vec<u8>, serial: Serial, host: HostId) -> Self {
        let (serial, host) = (places(&der, serial.as_bytes()), places(&der, host.to_string().as_bytes()));
        Self { der, serial, host }
    }

    /// A copy for another host.
    pub(super) fn copy(&self, serial: Serial, host: HostId) -> Vec<u8> {
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
