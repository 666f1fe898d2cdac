//! The form of secrets of outputs. An error repeats nothing of them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::pem;
use crate::secret::Secret;
use crate::store::{OutputSettings, SecretField};

/// Maximum size of a secret in bytes.
const MOST_BYTES: usize = 4 << 10;

/// Maximum size of a private key in bytes.
const MOST_KEY_BYTES: usize = 16 << 10;

/// Judges a secret for an output with these settings.
pub(super) fn judge_secret(
    field: SecretField,
    secret: &Secret<String>,
    settings: &OutputSettings,
) -> Result<(), String> {
    let text = secret.expose();
    let most = if field == SecretField::Key { MOST_KEY_BYTES } else { MOST_BYTES };
    match field {
        _ if text.is_empty() => Err("is empty".to_owned()),
        _ if text.len() > most => Err(format!("is longer than {} KiB", most >> 10)),
        SecretField::Key => pem::pair(settings.certificate.as_deref().unwrap_or_default(), text),
        // It stands in a header.
        SecretField::ServiceToken if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("has other characters than a token may have".to_owned())
        }
        _ if text.chars().any(char::is_control) => Err("has a control character".to_owned()),
        _ => Ok(()),
    }
}

/// Returns true for an API key of Elasticsearch: its id and secret with a colon between, plain or in base64.
pub(super) fn is_api_key(secret: &Secret<String>) -> bool {
    let is_pair = |text: &str| {
        let is_part = |part: &str| {
            part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        text.split_once(':').is_some_and(|(id, key)| is_part(id) && is_part(key))
    };
    let decoded = Zeroizing::new(STANDARD.decode(secret.expose()).unwrap_or_default());
    is_pair(secret.expose()) || std::str::from_utf8(&decoded).is_ok_and(is_pair)
}

/// The bytes before the names of account and token in Elasticsearch's service tokens.
const SERVICE_PREFIX: [u8; 4] = [0, 1, 0, 1];

/// The service account of a token, `namespace/service`, which owns the keys that it makes. `None` for other tokens.
fn account(token: &Secret<String>) -> Option<Zeroizing<String>> {
    let text = token.expose().trim_end_matches('=');
    let decoded = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    let decoded = Zeroizing::new(decoded);
    let names = std::str::from_utf8(decoded.strip_prefix(&SERVICE_PREFIX)?).ok()?.split(':').next()?;
    let (account, _) = names.rsplit_once('/').filter(|(account, _)| account.contains('/'))?;
    Some(Zeroizing::new(account.to_owned()))
}

/// Returns true if both tokens certainly act for one account.
pub(super) fn is_same_account(one: &Secret<String>, other: &Secret<String>) -> bool {
    one.expose() == other.expose() || account(one).is_some_and(|known| Some(known) == account(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn an_api_key_is_recognised_in_both_forms() {
        let pair = "VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw";
        assert!(is_api_key(&secret(pair)) && is_api_key(&secret(&STANDARD.encode(pair))));
        // The service token of Elastic's documentation.
        let service = "AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL3Rva2VuMTo3TFdaSDZ";
        for other in [service, "hunter2", "a:b", "", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"] {
            assert!(!is_api_key(&secret(other)), "{other}");
        }
    }

    #[test]
    fn tokens_of_one_service_account_are_alike() {
        let token = |names: &str| secret(&STANDARD.encode([&SERVICE_PREFIX, names.as_bytes()].concat()));
        let is_same = |one: &str, other: &str| is_same_account(&token(one), &token(other));
        assert!(is_same("elastic/fleet-server/token1:7LWZH6", "elastic/fleet-server/token2:x"));
        assert!(!is_same("elastic/fleet-server/token1:7LWZH6", "elastic/kibana/token1:7LWZH6"));
        assert!(!is_same("elastic:one", "elastic:two"), "no service account");
        let service = "AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL3Rva2VuMTo3TFdaSDY";
        assert!(is_same_account(&secret(service), &token("elastic/fleet-server/other:x")));
        assert!(is_same_account(&secret("opaque"), &secret("opaque")));
        assert!(!is_same_account(&secret("opaque"), &secret("other")));
    }

    #[test]
    fn a_secret_has_a_form_and_a_size() {
        let judge = |field, text: &str| judge_secret(field, &secret(text), &OutputSettings::default());
        assert_eq!(judge(SecretField::Password, "pass wörd"), Ok(()));
        for (field, wrong) in [
            (SecretField::Password, ""),
            (SecretField::Password, "pass\nword"),
            (SecretField::ServiceToken, "to ken"),
            (SecretField::ServiceToken, "tökén"),
            (SecretField::ApiKey, "key\0"),
            (SecretField::Key, "hunter2"),
        ] {
            let why = judge(field, wrong).unwrap_err();
            assert!(wrong.is_empty() || !why.contains(wrong), "{why}");
        }
        assert!(judge(SecretField::Password, &"x".repeat(MOST_BYTES + 1)).is_err());
        assert!(judge(SecretField::Password, &"x".repeat(MOST_BYTES)).is_ok());
    }
}
