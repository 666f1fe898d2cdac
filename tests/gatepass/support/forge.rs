//! Forged tokens: signed with keys of the forger's, or with the authority's own where only the claims are to be wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass::token::{KeyUse, Signer, SigningKey};
use serde_json::{Map, Value};

use super::authority::Running;

/// The three parts of a token, decoded, for a forger to change.
#[derive(Clone)]
pub(crate) struct Forgery {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl Forgery {
    /// The parts of a good token.
    pub(crate) fn of(token: &str) -> Self {
        let part = |place| {
            let text = URL_SAFE_NO_PAD.decode(token.split('.').nth(place).unwrap()).unwrap();
            serde_json::from_slice(&text).unwrap()
        };
        Self { header: part(0), claims: part(1) }
    }

    /// The same with a header member set.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a claim set.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// The same without a claim.
    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.claims.remove(name).is_some(), "there is no claim {name}");
        self
    }

    /// Its text, signed with the key that the authority signs with now.
    pub(crate) fn signed_by(&self, at: &Running) -> String {
        signed(
            &self.header_text(),
            &self.claims_text(),
            at.authority.trust.ring().current(KeyUse::Enrollment).as_ref(),
        )
    }

    /// Its text, signed with the forger's own key, whose id the header then names.
    pub(crate) fn signed_with(self, key: &SigningKey) -> String {
        let forged = self.header("kid", key.id().to_string());
        signed(&forged.header_text(), &forged.claims_text(), key)
    }

    pub(crate) fn header_text(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    pub(crate) fn claims_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }
}

/// A token of any two texts with a signature that fits them.
pub(crate) fn signed(header: &str, claims: &str, signer: &dyn Signer) -> String {
    let text = unsigned(header, claims);
    let signature = signer.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The bytes that a signature covers.
pub(crate) fn unsigned(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}
