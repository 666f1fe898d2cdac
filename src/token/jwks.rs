//! The key set published at `/.well-known/jwks.json` (RFC 7517 section 5, RFC 8037 section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::json::{Object, present};
use super::key::{KeyError, KeyScope, VerifyingKey, VerifyingKeys};
use super::key_use::KeyUse;
use crate::id::KeyId;

/// Maximum size of a key set that is read, in bytes.
const MOST_BYTES: usize = 64 * 1024;
/// The scope of a key that verifies persistent tokens only. Other verifiers ignore the member (RFC 7517 section 4).
const PERSISTENT: &str = "persistent";

/// The set (RFC 7517 section 5).
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub(crate) struct JwkSet {
    #[cfg_attr(feature = "server", schema(value_type = Vec<Jwk>))]
    keys: Vec<Object<Jwk>>,
}

/// A key in the set. Unknown members are ignored (RFC 7517 section 4), and known ones may occur once.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
struct Jwk {
    #[cfg_attr(feature = "server", schema(example = "OKP"))]
    kty: String,
    #[cfg_attr(feature = "server", schema(value_type = String, required, example = "Ed25519"))]
    #[serde(default, deserialize_with = "present")]
    crv: Option<String>,
    /// The public key, base64url.
    #[cfg_attr(feature = "server", schema(value_type = String, required, example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))]
    #[serde(default, deserialize_with = "present")]
    x: Option<String>,
    #[cfg_attr(feature = "server", schema(value_type = KeyId, required))]
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[cfg_attr(feature = "server", schema(value_type = String, required, example = "sig"))]
    #[serde(default, rename = "use", deserialize_with = "present")]
    usage: Option<String>,
    #[cfg_attr(feature = "server", schema(value_type = String, required, example = "EdDSA"))]
    #[serde(default, deserialize_with = "present")]
    alg: Option<String>,
    /// The `typ` of the tokens it signs.
    #[cfg_attr(feature = "server", schema(value_type = String, required, example = "enroll+jwt"))]
    #[serde(default, rename = "gatepass_typ", deserialize_with = "present")]
    typ: Option<String>,
    /// `persistent`: it verifies persistent tokens only.
    #[cfg_attr(feature = "server", schema(nullable = false, example = "persistent"))]
    #[serde(
        default,
        rename = "gatepass_scope",
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    scope: Option<String>,
    // The private half of an elliptic or RSA key (RFC 8037 section 2, RFC 7518 section 6.3.2). It is never written.
    #[cfg_attr(feature = "server", schema(ignore))]
    #[serde(default, deserialize_with = "present", skip_serializing)]
    d: Option<IgnoredAny>,
    // A symmetric key (RFC 7518 section 6.4): all of it is secret. It is never written.
    #[cfg_attr(feature = "server", schema(ignore))]
    #[serde(default, deserialize_with = "present", skip_serializing)]
    k: Option<IgnoredAny>,
}

impl VerifyingKeys {
    /// The set as `application/jwk-set+json`.
    pub fn to_jwks(&self) -> String {
        let set = JwkSet { keys: self.iter().map(|key| Object(Jwk::of(key))).collect() };
        // Strings always have a JSON form.
        serde_json::to_string(&set).unwrap_or_default()
    }

    /// Reads a key set. Keys for other uses or of other algorithms are skipped (RFC 7517 section 5).
    ///
    /// # Errors
    /// [`KeyError::Jwks`] if the text is not a key set, or holds a private key. Otherwise a key occurs twice, is unsound, or
    /// its `kid` is not its RFC 7638 thumbprint.
    pub fn parse_jwks(text: &str) -> Result<Self, KeyError> {
        if text.len() > MOST_BYTES {
            return Err(KeyError::Jwks { why: "it is longer than 64 KiB" });
        }
        let Object(set) = serde_json::from_str::<Object<JwkSet>>(text)
            .map_err(|_| KeyError::Jwks { why: "it is not a JSON object with an array of keys" })?;
        let keys = set.keys.iter().filter_map(|Object(key)| key.verifying_key().transpose());
        Self::new(keys.collect::<Result<_, _>>()?)
    }
}

impl Jwk {
    fn of(key: &VerifyingKey) -> Self {
        Self {
            kty: "OKP".to_owned(),
            crv: Some("Ed25519".to_owned()),
            x: Some(URL_SAFE_NO_PAD.encode(key.public)),
            kid: Some(key.id.to_string()),
            usage: Some("sig".to_owned()),
            alg: Some("EdDSA".to_owned()),
            typ: Some(key.usage.typ().to_owned()),
            scope: (key.scope == KeyScope::PersistentOnly).then(|| PERSISTENT.to_owned()),
            ..Self::default()
        }
    }

    /// The key, if it can verify tokens of gatepass.
    fn verifying_key(&self) -> Result<Option<VerifyingKey>, KeyError> {
        if self.d.is_some() || self.k.is_some() {
            return Err(KeyError::Jwks { why: "a private key stands in it; take that key out of use" });
        }
        let is = |member: &Option<String>, value: &str| member.as_deref().is_none_or(|text| text == value);
        let ours = self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519");
        if !ours || !is(&self.usage, "sig") || !is(&self.alg, "EdDSA") {
            return Ok(None);
        }
        let Some(usage) = self.key_use() else { return Ok(None) };
        let key = VerifyingKey::new(self.public()?, usage, self.scope()?)?;
        match self.kid.as_deref().map(KeyId::parse) {
            Some(None) => Err(KeyError::Jwks { why: "a kid is not a thumbprint" }),
            Some(Some(id)) if id != key.id => Err(KeyError::WrongId { id }),
            Some(Some(_)) | None => Ok(Some(key)),
        }
    }

    /// The use of the key: enrollment without `gatepass_typ`, `None` for an unknown one. That is skipped like another algorithm.
    fn key_use(&self) -> Option<KeyUse> {
        self.typ.as_deref().map_or(Some(KeyUse::Enrollment), KeyUse::of_typ)
    }

    fn public(&self) -> Result<[u8; 32], KeyError> {
        let x = self.x.as_deref().and_then(|x| URL_SAFE_NO_PAD.decode(x).ok());
        x.and_then(|x| x.try_into().ok()).ok_or(KeyError::Jwks { why: "an x is not 32 bytes in base64url" })
    }

    fn scope(&self) -> Result<KeyScope, KeyError> {
        match self.scope.as_deref() {
            None => Ok(KeyScope::All),
            Some(PERSISTENT) => Ok(KeyScope::PersistentOnly),
            // An unknown limit must not be read as no limit.
            Some(_) => Err(KeyError::Jwks { why: "a gatepass_scope is unknown; use a newer gatepass" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::SigningKey;

    fn keys() -> VerifyingKeys {
        let key = |usage, scope| VerifyingKey::new(SigningKey::generate().public(), usage, scope).unwrap();
        VerifyingKeys::new(vec![
            key(KeyUse::Enrollment, KeyScope::All),
            key(KeyUse::Enrollment, KeyScope::PersistentOnly),
            key(KeyUse::Service, KeyScope::All),
            key(KeyUse::StatusList, KeyScope::All),
        ])
        .unwrap()
    }

    fn example(more: &str) -> String {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"{more}}}]}}"#)
    }

    fn refused(text: &str) -> KeyError {
        VerifyingKeys::parse_jwks(text).unwrap_err()
    }

    #[test]
    fn a_published_set_is_read_back() {
        let keys = keys();
        assert_eq!(VerifyingKeys::parse_jwks(&keys.to_jwks()), Ok(keys));
    }

    #[test]
    fn a_published_key_has_the_standard_members() {
        let public = [
            215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218,
            166, 35, 37, 175, 2, 26, 104, 247, 7, 81, 26,
        ];
        let keys =
            VerifyingKeys::new(vec![VerifyingKey::new(public, KeyUse::Service, KeyScope::All).unwrap()])
                .unwrap();
        assert_eq!(
            keys.to_jwks(),
            concat!(
                r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","#,
                r#""kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k","use":"sig","alg":"EdDSA","#,
                r#""gatepass_typ":"role+jwt"}]}"#
            )
        );
    }

    #[test]
    fn other_keys_and_members_are_skipped() {
        let text = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"OKP","crv":"X25519","x":"AA"}],"more":[]}"#;
        assert_eq!(VerifyingKeys::parse_jwks(text).unwrap().iter().count(), 0);
        assert_eq!(VerifyingKeys::parse_jwks(&example(r#","use":"enc""#)).unwrap().iter().count(), 0);
        assert_eq!(VerifyingKeys::parse_jwks(&example(r#","alg":"HS256""#)).unwrap().iter().count(), 0);
        assert_eq!(
            VerifyingKeys::parse_jwks(&example(r#","gatepass_typ":"later+jwt""#)).unwrap().iter().count(),
            0
        );
        assert_eq!(VerifyingKeys::parse_jwks(&example(r#","x5t":"?""#)).unwrap().iter().count(), 1);
    }

    #[test]
    fn a_set_with_a_private_key_is_refused() {
        let why = KeyError::Jwks { why: "a private key stands in it; take that key out of use" };
        assert_eq!(refused(&example(r#","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#)), why);
        assert_eq!(refused(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#), why);
        assert_eq!(refused(r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}]}"#), why);
    }

    #[test]
    fn a_kid_that_is_not_the_thumbprint_is_refused() {
        let other = KeyId::of(b"other");
        assert_eq!(refused(&example(&format!(r#","kid":"{other}""#))), KeyError::WrongId { id: other });
        assert_eq!(
            refused(&example(r#","kid":"2030""#)),
            KeyError::Jwks { why: "a kid is not a thumbprint" }
        );
    }

    #[test]
    fn a_repeated_key_is_refused() {
        let key = &example("")[9..];
        let key = key.strip_suffix("]}").unwrap();
        let id = KeyId::parse("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k").unwrap();
        assert_eq!(refused(&format!(r#"{{"keys":[{key},{key}]}}"#)), KeyError::Duplicate { id });
    }

    #[test]
    fn an_unknown_scope_is_refused() {
        let why = "a gatepass_scope is unknown; use a newer gatepass";
        assert_eq!(refused(&example(r#","gatepass_scope":"all""#)), KeyError::Jwks { why });
    }

    #[test]
    fn other_json_than_a_key_set_is_refused() {
        let shape = KeyError::Jwks { why: "it is not a JSON object with an array of keys" };
        let double = example(r#","kty":"OKP""#);
        for wrong in
            ["", "null", "[]", "{}", r#"{"keys":null}"#, r#"{"keys":[["OKP"]]}"#, "{\"keys\":[]}x", &double]
        {
            assert_eq!(refused(wrong), shape, "{wrong}");
        }
        let twice = r#"{"keys":[],"keys":[]}"#;
        assert_eq!(refused(twice), shape);
        let x = KeyError::Jwks { why: "an x is not 32 bytes in base64url" };
        assert_eq!(refused(r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}"#), x);
        assert_eq!(refused(r#"{"keys":[{"kty":"OKP","crv":"Ed25519"}]}"#), x);
        assert_eq!(refused(&" ".repeat(65537)), KeyError::Jwks { why: "it is longer than 64 KiB" });
    }
}
