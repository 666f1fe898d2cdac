//! The header (RFC 7515 section 4): exactly `typ`, `alg` and `kid`.
//!
//! A token with `jku`, `jwk`, `x5u`, `crit`, `b64` or `zip` is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::error::VerifyError;
use super::json::object;
use super::key_use::KeyUse;
use crate::id::KeyId;

/// The algorithm (RFC 8037 section 3.1). It belongs to the key; the header may only agree.
const ALGORITHM: &str = "EdDSA";
/// Maximum size of an encoded header. A header of gatepass has 86 bytes.
const MOST_BYTES: usize = 192;

const MALFORMED: VerifyError =
    VerifyError::Malformed { why: "its header is not an object with exactly typ, alg and kid" };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// The encoded header of tokens signed by `key`.
pub(super) fn encode(usage: KeyUse, key: KeyId) -> String {
    let typ = usage.typ();
    URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"{typ}","alg":"{ALGORITHM}","kid":"{key}"}}"#))
}

/// The kind of token and the key that `encoded` names, **unverified**.
pub(super) fn parse(encoded: &str) -> Result<(KeyUse, KeyId), VerifyError> {
    let mut bytes = [0; MOST_BYTES];
    let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).map_err(|_| MALFORMED)?;
    let header: Header<'_> = object(&bytes[..length]).ok_or(MALFORMED)?;
    if header.alg != ALGORITHM {
        return Err(VerifyError::WrongAlgorithm);
    }
    let usage = KeyUse::of_typ(header.typ).ok_or(VerifyError::WrongType)?;
    let key = KeyId::parse(header.kid);
    Ok((usage, key.ok_or(VerifyError::Malformed { why: "its kid is not a key thumbprint" })?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<KeyId, VerifyError> {
        parse(&URL_SAFE_NO_PAD.encode(json)).map(|(_, key)| key)
    }

    fn good() -> String {
        format!(r#"{{"typ":"enroll+jwt","alg":"EdDSA","kid":"{}"}}"#, KeyId::of(b"key"))
    }

    #[test]
    fn an_encoded_header_is_read_back() {
        for usage in KeyUse::ALL {
            assert_eq!(parse(&encode(usage, KeyId::of(b"key"))), Ok((usage, KeyId::of(b"key"))));
        }
        assert_eq!(read(&good()), Ok(KeyId::of(b"key")));
    }

    #[test]
    fn a_header_with_another_member_is_refused() {
        for extra in [
            r#""jku":"https://example.org""#,
            r#""jwk":{}"#,
            r#""x5u":"https://example.org""#,
            r#""x5c":[]"#,
            r#""crit":["b64"]"#,
            r#""b64":false"#,
            r#""zip":"DEF""#,
            r#""cty":"JWT""#,
            r#""enc":"A256GCM""#,
        ] {
            assert_eq!(read(&good().replace('}', &format!(",{extra}}}"))), Err(MALFORMED), "{extra}");
        }
    }

    #[test]
    fn a_header_that_is_not_an_object_is_refused() {
        let kid = KeyId::of(b"key").to_string();
        for wrong in [
            String::new(),
            "{}".to_owned(),
            format!(r#"["enroll+jwt","EdDSA","{kid}"]"#),
            good().replace("\"typ\":\"enroll+jwt\",", ""),
            good().replace("\"alg\":\"EdDSA\",", ""),
            good().replace(&format!(",\"kid\":\"{kid}\""), ""),
            good().replace('}', r#","alg":"EdDSA"}"#),
            good().replace('}', r#","alg":"none"}"#),
            good().replace('}', r#","\u0061lg":"EdDSA"}"#),
            good().replace("\"EdDSA\"", "null"),
            good().replace("\"EdDSA\"", "[\"EdDSA\"]"),
            good().replace("EdDSA", "Ed\\u0044SA"),
            good().replace("\"alg\"", "\"\\u0061lg\""),
            good().replace("\"kid\"", "\"k\\u0069d\""),
            format!("{}x", good()),
            format!("{}{}", good(), good()),
            good().replace(',', &format!(",{}", " ".repeat(192))),
        ] {
            assert_eq!(read(&wrong), Err(MALFORMED), "{wrong}");
        }
    }

    #[test]
    fn a_header_with_padding_or_trailing_bits_is_refused() {
        let encoded = encode(KeyUse::Enrollment, KeyId::of(b"key"));
        assert_eq!(parse(&format!("{encoded}=")), Err(MALFORMED));
        // 86 bytes leave two bits of the last character unused: zero, or the header would have four spellings.
        let rest = encoded.strip_suffix('0').unwrap();
        for trailing in ["1", "2", "3"] {
            assert_eq!(parse(&format!("{rest}{trailing}")), Err(MALFORMED));
        }
    }

    #[test]
    fn every_other_algorithm_is_refused() {
        for alg in ["none", "None", "HS256", "RS256", "ES256", "Ed25519", "eddsa", "EDDSA", ""] {
            assert_eq!(read(&good().replace("EdDSA", alg)), Err(VerifyError::WrongAlgorithm), "{alg}");
        }
    }

    #[test]
    fn every_unknown_type_is_refused() {
        for typ in ["JWT", "application/enroll+jwt", "ENROLL+JWT", ""] {
            assert_eq!(read(&good().replace("enroll+jwt", typ)), Err(VerifyError::WrongType), "{typ}");
        }
    }

    #[test]
    fn a_kid_that_is_not_a_thumbprint_is_refused() {
        let kid = KeyId::of(b"key").to_string();
        let wrong = Err(VerifyError::Malformed { why: "its kid is not a key thumbprint" });
        for other in ["", "../../dev/null", "' OR 1=1 --", &kid[1..], &format!("{kid}=")] {
            assert_eq!(read(&good().replace(&kid, other)), wrong, "{other}");
        }
    }
}
