//! Edits of outputs, and the output that an edit leads to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::judge::Judging;
use crate::id::OutputId;
use crate::name::Label;
use crate::outbound::AllowedDestinations;
use crate::seal::{Seal, SealedPlace};
use crate::secret::Secret;
use crate::service::{FieldError, KeysError, RequestError, ServiceError};
use crate::store::{ListedOutput, Output, OutputKind, OutputSecret, OutputSettings, SecretField};

/// The fields of a request that creates or changes an output. `None` leaves one as it is; `Some(None)` removes it.
#[derive(Default)]
pub struct OutputEdit {
    /// The faults of the decoding, which are reported together with the others.
    pub faults: Vec<FieldError>,
    /// Text for people, which no other output has.
    pub name: Option<String>,
    /// Type, in words.
    pub kind: Option<String>,
    /// Addresses.
    pub hosts: Option<Vec<String>>,
    /// The CAs of the addresses.
    pub ca: Option<Option<String>>,
    /// Authentication at Kafka, in words.
    pub auth: Option<Option<String>>,
    /// The SASL mechanism, in words.
    pub sasl_mechanism: Option<Option<String>>,
    /// Name of the user.
    pub username: Option<Option<String>>,
    /// Client certificate.
    pub certificate: Option<Option<String>>,
    /// The roles of keys at Elasticsearch.
    pub role_descriptors: Option<Option<Map<String, Value>>>,
    /// The fields that are not shown.
    pub secrets: BTreeMap<SecretField, Option<Secret<String>>>,
}

/// The output after an edit, with the secrets that the edit brings.
pub(super) struct NewOutput<'e> {
    pub(super) name: Label,
    pub(super) kind: OutputKind,
    pub(super) settings: OutputSettings,
    /// The new secrets.
    pub(super) secrets: BTreeMap<SecretField, &'e Secret<String>>,
    /// True if the secrets go to another address, or in another way.
    pub(super) is_moved: bool,
    /// The secrets before that are deleted.
    pub(super) dropped: Vec<SecretField>,
}

impl OutputEdit {
    /// Judges every field. `before` is the output that is changed.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every invalid field.
    pub(super) fn judge(
        &self,
        before: Option<&ListedOutput>,
        allowed: &AllowedDestinations,
    ) -> Result<NewOutput<'_>, RequestError> {
        Judging::new(self, before, allowed).run()
    }
}

impl NewOutput<'_> {
    /// The new secrets, sealed.
    pub(super) fn sealed(
        &self,
        seal: &Seal,
        output: OutputId,
        version: u64,
    ) -> Result<Vec<OutputSecret>, ServiceError> {
        let sealed = self.secrets.iter().map(|(field, secret)| {
            let place = SealedPlace { output, field: field.as_str(), version };
            let unsealed = |cause| KeysError::Unreadable { output, field: field.as_str().to_owned(), cause };
            Ok(OutputSecret { field: *field, version, sealed: seal.seal(place, secret).map_err(unsealed)? })
        });
        sealed.collect()
    }

    /// The names of the new secrets.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.secrets.keys().map(|field| field.as_str()).collect()
    }

    /// The names of the fields that differ from the output before, and of the secrets that are new or deleted.
    pub(super) fn changed(&self, before: &Output) -> Vec<&'static str> {
        let OutputSettings { hosts, ca, auth, sasl_mechanism, username, certificate, role_descriptors } =
            &self.settings;
        let was = &before.settings;
        let fields = [
            ("name", self.name != before.name),
            ("hosts", *hosts != was.hosts),
            ("ca", *ca != was.ca),
            ("auth", *auth != was.auth),
            ("sasl_mechanism", *sasl_mechanism != was.sasl_mechanism),
            ("username", *username != was.username),
            ("certificate", *certificate != was.certificate),
            ("role_descriptors", *role_descriptors != was.role_descriptors),
        ];
        let changed = fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name);
        let dropped = self.dropped.iter().map(|field| field.as_str());
        changed.chain(self.names()).chain(dropped).collect()
    }
}
