//! Certificates and private keys of outputs, PEM. An error repeats nothing of them.

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Maximum size of certificates in bytes.
const MOST_BYTES: usize = 32 << 10;

/// Checks that a text is certificates and no private key: every reader of outputs sees it.
pub(super) fn certificates(text: &str) -> Result<(), String> {
    if text.contains("PRIVATE KEY") {
        return Err(
            "has a private key: give that as the key, because every reader sees this field".to_owned()
        );
    }
    if text.len() > MOST_BYTES {
        return Err(format!("is longer than {} KiB", MOST_BYTES >> 10));
    }
    let read = chain(text).filter(|chain| !chain.is_empty());
    let anchors = |chain: Vec<CertificateDer<'static>>| {
        let mut store = RootCertStore::empty();
        chain.into_iter().try_for_each(|certificate| store.add(certificate)).is_ok()
    };
    if read.is_some_and(anchors) { Ok(()) } else { Err("is not a certificate in PEM".to_owned()) }
}

/// Checks that a private key is that of the first certificate.
pub(super) fn pair(certificates: &str, key: &str) -> Result<(), String> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
    let key = key.map_err(|_| "is not a private key in PEM without a passphrase".to_owned())?;
    // A fault of the certificates is reported with their own field.
    let Some(chain) = chain(certificates).filter(|chain| !chain.is_empty()) else { return Ok(()) };
    let checked = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    checked.map(drop).map_err(|_| "is not the key of the certificate, or of an unknown kind".to_owned())
}

fn chain(text: &str) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn pair_of(name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn a_key_fits_its_own_certificate_alone() {
        let [(one, key), (other, _)] = [pair_of("one.example.org"), pair_of("other.example.org")];
        assert_eq!(certificates(&one), Ok(()));
        assert_eq!(certificates(&format!("{one}{other}")), Ok(()));
        assert_eq!(pair(&one, &key), Ok(()));
        assert_eq!(pair(&format!("{one}{other}"), &key), Ok(()));
        assert!(pair(&other, &key).unwrap_err().starts_with("is not the key"));
        assert!(pair(&one, &one).unwrap_err().starts_with("is not a private key"));
        assert!(pair(&one, "hunter2").unwrap_err().starts_with("is not a private key"));
    }

    #[test]
    fn a_public_field_holds_certificates_alone() {
        let (one, key) = pair_of("one.example.org");
        assert!(certificates(&format!("{one}{key}")).unwrap_err().starts_with("has a private key"));
        for wrong in
            ["", "hunter2", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &one[..200]]
        {
            assert_eq!(certificates(wrong).unwrap_err(), "is not a certificate in PEM", "{wrong}");
        }
        assert!(certificates(&one.repeat(100)).unwrap_err().starts_with("is longer than 32 KiB"));
    }
}
