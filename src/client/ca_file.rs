//! Files of CA certificates, as people and their tools write them: PEM or DER, with comments in any encoding.

use std::fmt;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::pki_types::CertificateDer;
use webpki::anchor_from_trusted_cert;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::ClientError;
use crate::text::{decode, printable};

/// The labels of certificates (RFC 7468 section 5.1; the last one is of OpenSSL, with trust settings after the certificate).
const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// Padding may be missing, as some tools cut it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The certificates of a file. Other parts of it are skipped, with a warning for each.
///
/// # Errors
/// If the file cannot be read, or holds no certificate.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let bytes = fs::read(path).map_err(|source| ClientError::File {
        path: path.to_owned(),
        doing: "the certificates cannot be read",
        source,
    })?;
    let CaFile { certificates, skipped } = CaFile::parse(&bytes);
    if certificates.is_empty() {
        let found = skipped.iter().map(|part| format!("; {part}")).collect();
        return Err(ClientError::NoCertificate { path: path.to_owned(), found });
    }
    for part in skipped {
        tracing::warn!("{}: {part} and was skipped", path.display());
    }
    Ok(certificates)
}

/// The content of a file.
#[derive(Default)]
struct CaFile {
    certificates: Vec<CertificateDer<'static>>,
    skipped: Vec<SkippedPart>,
}

/// A part that is no usable certificate.
struct SkippedPart {
    /// The line of its beginning, from 1.
    line: usize,
    why: String,
}

impl fmt::Display for SkippedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the part at line {} {}", self.line, self.why)
    }
}

impl CaFile {
    fn parse(bytes: &[u8]) -> Self {
        // A certificate is a SEQUENCE, and PEM is ASCII text.
        let der = certificates_of_der(bytes);
        if !der.is_empty() {
            return Self { certificates: der, skipped: Vec::new() };
        }
        match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Self::of_pem(decode(bytes).unwrap_or_default().as_bytes()),
            _ => Self::of_pem(bytes),
        }
    }

    fn of_pem(bytes: &[u8]) -> Self {
        let mut file = Self::default();
        let mut part: Option<PemPart> = None;
        for (place, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = String::from_utf8_lossy(line);
            if let Some(label) = between(&line, "-----BEGIN ") {
                file.close(part.replace(PemPart::new(place + 1, label)), false);
            } else if between(&line, "-----END ").is_some() {
                file.close(part.take(), true);
            } else if let Some(part) = &mut part {
                part.text.push_str(line.trim());
            }
        }
        file.close(part, false);
        file
    }

    /// Adds the certificate of a part, which has its end line or not.
    fn close(&mut self, part: Option<PemPart>, ended: bool) {
        let Some(PemPart { line, label, text }) = part else { return };
        let mut skip = |why: String| self.skipped.push(SkippedPart { line, why });
        if !LABELS.contains(&label.as_str()) {
            return skip(format!("is a {}, not a certificate,", printable(&label)));
        }
        let found = BASE64
            .decode(&text)
            .ok()
            .filter(|_| ended)
            .and_then(|der| first_certificate(&der).map(|(one, _)| one));
        match found {
            Some(certificate) => self.certificates.push(certificate),
            None => skip(String::from("is a broken certificate")),
        }
    }
}

/// A part between `BEGIN` and `END`.
struct PemPart {
    line: usize,
    label: String,
    text: String,
}

impl PemPart {
    fn new(line: usize, label: &str) -> Self {
        Self { line, label: label.to_owned(), text: String::new() }
    }
}

/// The label of a line. A byte order mark or a quotation may stand before it.
fn between<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.split_once(begin)?.1.split_once("-----").map(|(label, _)| label.trim())
}

/// The certificates in `bytes`, one after another; empty if they begin with anything else.
fn certificates_of_der(mut bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut found = Vec::new();
    while let Some((certificate, rest)) = first_certificate(bytes) {
        found.push(certificate);
        bytes = rest;
    }
    found
}

/// The certificate at the beginning of `der` that can be a trust anchor, and the bytes after it.
fn first_certificate(der: &[u8]) -> Option<(CertificateDer<'static>, &[u8])> {
    let (rest, _) = X509Certificate::from_der(der).ok()?;
    let certificate = CertificateDer::from(der[..der.len() - rest.len()].to_vec());
    anchor_from_trusted_cert(&certificate).ok()?;
    Some((certificate, rest))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A certificate and its PEM text.
    fn certificate() -> (CertificateDer<'static>, String) {
        let made =
            CertificateParams::new(Vec::new()).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap();
        (made.der().clone(), made.pem())
    }

    fn read(bytes: impl AsRef<[u8]>) -> Result<Vec<CertificateDer<'static>>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca");
        fs::write(&path, bytes).unwrap();
        read_certificates(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_certificate_is_read_in_any_form() {
        let (der, pem) = certificate();
        let (next, next_pem) = certificate();
        let utf16 = format!("\u{feff}{pem}").encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        for bytes in [
            pem.clone().into_bytes(),
            der.to_vec(),
            format!("\u{feff}{pem}").into_bytes(),
            [b"# M\xfcnchen\r\n".as_slice(), pem.replace('\n', "\r\n").as_bytes()].concat(),
            pem.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes(),
            pem.replace('=', "").into_bytes(),
            utf16,
        ] {
            assert_eq!(read(&bytes).unwrap(), from_ref(&der), "{}", String::from_utf8_lossy(&bytes));
        }
        assert_eq!(read([&*der, &*next].concat()).unwrap(), [der.clone(), next.clone()]);
        assert_eq!(read(format!("{pem}{next_pem}")).unwrap(), [der, next]);
    }

    #[test]
    fn broken_parts_are_skipped() {
        let (der, pem) = certificate();
        let (_, other) = certificate();
        let cut = other.split_once("-----END").unwrap().0;
        for broken in [
            other.replace("MII", "MI!"),
            other.replace("MII", "AAA"),
            cut.to_owned(),
            format!("{}-----END CERTIFICATE-----\n", &cut[..cut.len() / 2]),
            String::from("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"),
        ] {
            for text in [format!("{broken}{pem}"), format!("{pem}{broken}")] {
                assert_eq!(read(&text).unwrap(), from_ref(&der), "{text}");
            }
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        for (text, why) in [
            ("", "holds no certificate"),
            ("hello", "holds no certificate"),
            (key.as_str(), "line 1 is a PRIVATE KEY"),
            (
                "\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "line 2 is a broken certificate",
            ),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
