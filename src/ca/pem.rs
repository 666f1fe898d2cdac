//! PEM blocks (RFC 7468). Text before a block is explanatory and skipped; text after it is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::error::{CaFileError, PemError};

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// One block of a text: its label, its headers and base64, and the rest of the text.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
    rest: &'a str,
}

/// The DER in `text`, which is exactly one PEM block labelled `label`.
///
/// # Errors
/// No block, another label, a second block or text after it, or broken base64.
pub fn pem_to_der(label: &'static str, text: &str) -> Result<Vec<u8>, PemError> {
    let block = first_block(text)?.ok_or(PemError::Missing { expected: label })?;
    if block.label != label && !is_older_name(block.label, label) {
        return Err(other_label(label, block.label));
    }
    if !block.rest.trim_ascii().is_empty() {
        return Err(PemError::Trailing);
    }
    Ok(std::mem::take(&mut *decode(block.body)?))
}

/// Returns true if `found` is the older name of `label` that keytool and certtool write (RFC 7468 section 7).
fn is_older_name(found: &str, label: &str) -> bool {
    (found, label) == ("NEW CERTIFICATE REQUEST", "CERTIFICATE REQUEST")
}

/// `der` as one PEM block, in lines of 64 characters.
pub fn der_to_pem(label: &str, der: &[u8]) -> String {
    // The full size is allocated at once: a growing buffer would leave pieces of a key in memory.
    let mut text = String::with_capacity(der.len() * 4 / 3 + der.len() / 40 + 2 * label.len() + 64);
    text.push_str(&format!("{BEGIN}{label}{DASHES}\n"));
    for line in der.chunks(48) {
        let mut buffer = Zeroizing::new([0; 64]);
        let length = STANDARD.encode_slice(line, &mut *buffer).unwrap_or(0);
        text.extend(buffer[..length].iter().copied().map(char::from));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}{DASHES}\n"));
    text
}

/// The private key in `text`. A block of curve parameters before it, as openssl writes one, is skipped.
///
/// A key under a passphrase (RFC 5958 section 3, or the older form with headers) is refused.
pub(super) fn private_key(text: &str) -> Result<Zeroizing<Vec<u8>>, CaFileError> {
    let missing = PemError::Missing { expected: "PRIVATE KEY" };
    let mut block = first_block(text)?.ok_or(missing.clone())?;
    if block.label == "EC PARAMETERS" {
        block = first_block(block.rest)?.ok_or(missing)?;
    }
    if !block.rest.trim_ascii().is_empty() {
        return Err(PemError::Trailing.into());
    }
    match block.label {
        "ENCRYPTED PRIVATE KEY" => Err(CaFileError::EncryptedKey),
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" if block.body.contains("Proc-Type:") => {
            Err(CaFileError::EncryptedKey)
        }
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => Ok(decode(block.body)?),
        other => Err(other_label("PRIVATE KEY", other).into()),
    }
}

fn other_label(expected: &'static str, found: &str) -> PemError {
    // Labels are capital letters by convention. Other characters are not repeated.
    let found = found.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(40).collect();
    PemError::OtherLabel { expected, found }
}

fn first_block(text: &str) -> Result<Option<Block<'_>>, PemError> {
    let Some((_, after)) = text.split_once(BEGIN) else { return Ok(None) };
    let (label, after) = after.split_once(DASHES).ok_or(PemError::Broken)?;
    let end = format!("-----END {label}{DASHES}");
    let (body, rest) = after.split_once(end.as_str()).ok_or(PemError::Broken)?;
    Ok(Some(Block { label, body, rest }))
}

/// Strict base64: padding where it belongs, no trailing bits; only white space may stand between the characters.
fn decode(body: &str) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let mut packed = Zeroizing::new(Vec::with_capacity(body.len()));
    packed.extend(body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; packed.len()]);
    let length = STANDARD.decode_slice(&*packed, &mut der).map_err(|_| PemError::Broken)?;
    der.truncate(length);
    if der.is_empty() { Err(PemError::Broken) } else { Ok(der) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_written_block_is_read_back(der in prop::collection::vec(any::<u8>(), 1..300)) {
            let text = der_to_pem("CERTIFICATE", &der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            prop_assert_eq!(pem_to_der("CERTIFICATE", &text), Ok(der));
        }
    }

    #[test]
    fn text_is_allowed_before_a_block_only() {
        let text = der_to_pem("CERTIFICATE", b"der");
        assert_eq!(pem_to_der("CERTIFICATE", &format!("subject=x\n{text}\n\n")), Ok(b"der".to_vec()));
        assert_eq!(pem_to_der("CERTIFICATE", &format!("{text}x")), Err(PemError::Trailing));
        assert_eq!(pem_to_der("CERTIFICATE", &format!("{text}{text}")), Err(PemError::Trailing));
    }

    #[test]
    fn broken_blocks_are_refused() {
        let text = der_to_pem("CERTIFICATE", b"four");
        let broken = Err(PemError::Broken);
        assert_eq!(pem_to_der("CERTIFICATE", &text.replace("END", "FIN")), broken);
        assert_eq!(pem_to_der("CERTIFICATE", &text.replace('=', "")), broken);
        assert_eq!(pem_to_der("CERTIFICATE", &der_to_pem("CERTIFICATE", b"")), broken);
        assert_eq!(pem_to_der("CERTIFICATE", ""), Err(PemError::Missing { expected: "CERTIFICATE" }));
        assert_eq!(
            pem_to_der("CERTIFICATE", &der_to_pem("PRIVATE KEY", b"x")),
            Err(PemError::OtherLabel { expected: "CERTIFICATE", found: "PRIVATE KEY".to_owned() })
        );
    }
}
