//! The one place that judges the fields of an output.

use std::collections::{BTreeMap, BTreeSet};

use super::default_roles::default_roles;
use super::edit::{NewOutput, OutputEdit};
use super::secrets::{is_api_key, judge_secret};
use super::{address, pem};
use crate::name::Label;
use crate::outbound::AllowedDestinations;
use crate::secret::Secret;
use crate::service::{FieldError, RequestError};
use crate::store::{KafkaAuth, ListedOutput, OutputKind, OutputSettings, SaslMechanism, SecretField};
use crate::text::is_plain;

/// Maximum number of addresses of an output.
const MOST_HOSTS: usize = 16;

/// Maximum length of a user's name in characters.
const LONGEST_USER: usize = 256;

/// Maximum number and size of role descriptors.
const MOST_ROLES: (usize, usize) = (16, 16 << 10);

/// An edit that is being judged.
pub(super) struct Judging<'e, 'b> {
    edit: &'e OutputEdit,
    before: Option<&'b ListedOutput>,
    allowed: &'b AllowedDestinations,
    faults: Vec<FieldError>,
}

/// The fields that an output has besides `hosts` and `ca`, by its type and authentication.
struct Shape {
    fields: &'static [&'static str],
    required: &'static [SecretField],
    optional: &'static [SecretField],
}

impl Shape {
    fn of(kind: OutputKind, settings: &OutputSettings) -> Self {
        use SecretField::{ApiKey, Key, Password, ServiceToken};
        let shape = |fields, required, optional| Self { fields, required, optional };
        match (kind, settings.auth) {
            (OutputKind::Elasticsearch | OutputKind::RemoteElasticsearch, _) => match settings.username {
                Some(_) => shape(&["username", "role_descriptors"], &[Password], &[]),
                None => shape(&["role_descriptors"], &[ServiceToken], &[]),
            },
            (OutputKind::Kafka, Some(KafkaAuth::UserPass)) => {
                shape(&["auth", "sasl_mechanism", "username"], &[Password], &[])
            }
            (OutputKind::Kafka, Some(KafkaAuth::Ssl)) => shape(&["auth", "certificate"], &[Key], &[]),
            (OutputKind::Kafka, Some(KafkaAuth::None) | None) => shape(&["auth"], &[], &[]),
            (OutputKind::Logstash, _) => shape(&["certificate"], &[Key], &[ApiKey]),
        }
    }

    fn has(&self, secret: SecretField) -> bool {
        self.required.contains(&secret) || self.optional.contains(&secret)
    }
}

impl<'e, 'b> Judging<'e, 'b> {
    pub(super) fn new(
        edit: &'e OutputEdit,
        before: Option<&'b ListedOutput>,
        allowed: &'b AllowedDestinations,
    ) -> Self {
        Self { edit, before, allowed, faults: edit.faults.clone() }
    }

    pub(super) fn run(mut self) -> Result<NewOutput<'e>, RequestError> {
        let (name, kind) = (self.name(), self.kind());
        let Some(kind) = kind else { return Err(RequestError::Fields(self.faults)) };
        let mut settings = self.merged(kind);
        self.hosts(kind, &mut settings);
        self.certificates(&settings);
        self.user(kind, &settings);
        if kind == OutputKind::Kafka && settings.auth.is_none() && !self.has_fault("auth") {
            self.fault("auth", "a Kafka output needs it: none, user_pass or ssl");
        }
        if self.has_fault("auth") {
            // It decides about the other fields.
            return Err(RequestError::Fields(self.faults));
        }
        let shape = Shape::of(kind, &settings);
        self.shape(kind, &shape, &mut settings);
        self.roles(kind, &mut settings);
        let is_moved = self.before.is_some_and(|before| !sends_as(&before.output.settings, &settings));
        let secrets = self.secrets(&shape, &settings);
        let kept = self.kept(&shape, is_moved, &secrets);
        let had = self.before.map_or(&[][..], |before| &before.secrets);
        let dropped = had.iter().filter(|field| !kept.contains(field) && !secrets.contains_key(field));
        match name {
            Some(name) if self.faults.is_empty() => {
                Ok(NewOutput { name, kind, settings, is_moved, dropped: dropped.copied().collect(), secrets })
            }
            _ => Err(RequestError::Fields(self.faults)),
        }
    }

    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(FieldError::new(field, message));
    }

    fn name(&mut self) -> Option<Label> {
        let text = match (&self.edit.name, self.before) {
            (None, Some(before)) => return Some(before.output.name.clone()),
            (text, _) => text.as_deref().unwrap_or_default(),
        };
        if text.trim().is_empty() {
            self.fault("name", "name the output in 1 to 128 characters");
            return None;
        }
        Label::parse(text).map_err(|error| self.faults.push(FieldError::of("name", &error))).ok()
    }

    fn kind(&mut self) -> Option<OutputKind> {
        let given = self.edit.kind.as_deref();
        let before = self.before.map(|before| before.output.kind);
        match (given.map(str::parse::<OutputKind>), before) {
            (None, Some(before)) => Some(before),
            (Some(Ok(given)), None) => Some(given),
            (Some(Ok(given)), Some(before)) if given == before => Some(given),
            (_, Some(before)) => {
                self.fault("type", format!("an output keeps its type, which is {}", before.as_str()));
                None
            }
            (_, None) => {
                self.fault("type", "elasticsearch, remote_elasticsearch, kafka or logstash");
                None
            }
        }
    }

    /// The fields after the edit, each as it was sent.
    fn merged(&mut self, kind: OutputKind) -> OutputSettings {
        let edit = self.edit;
        let was = self.before.map(|before| before.output.settings.clone()).unwrap_or_default();
        let auth = self.word("auth", &edit.auth, was.auth, "none, user_pass or ssl");
        let mechanisms = "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
        let mechanism = self.word("sasl_mechanism", &edit.sasl_mechanism, was.sasl_mechanism, mechanisms);
        // A new service token takes the place of a user.
        let token = edit.secrets.get(&SecretField::ServiceToken).is_some_and(Option::is_some);
        let username = match kind.is_elasticsearch() && token && edit.username.is_none() {
            true => None,
            false => edit.username.clone().unwrap_or(was.username),
        };
        OutputSettings {
            hosts: edit.hosts.clone().unwrap_or(was.hosts),
            ca: edit.ca.clone().unwrap_or(was.ca),
            auth,
            sasl_mechanism: mechanism
                .or((auth == Some(KafkaAuth::UserPass)).then_some(SaslMechanism::ScramSha512)),
            username,
            certificate: edit.certificate.clone().unwrap_or(was.certificate),
            role_descriptors: edit.role_descriptors.clone().unwrap_or(was.role_descriptors),
        }
    }

    /// A value by its word. The word is not repeated: a secret may stand in the wrong field.
    fn word<T: std::str::FromStr>(
        &mut self,
        field: &str,
        given: &Option<Option<String>>,
        was: Option<T>,
        known: &str,
    ) -> Option<T> {
        match given {
            None => was,
            Some(None) => None,
            Some(Some(word)) => word.parse().map_err(|_| self.fault(field, known)).ok(),
        }
    }

    fn hosts(&mut self, kind: OutputKind, settings: &mut OutputSettings) {
        if !(1..=MOST_HOSTS).contains(&settings.hosts.len()) {
            self.fault("hosts", format!("give 1 to {MOST_HOSTS} addresses"));
            return;
        }
        // The other fields of an old output are changed also when its addresses are allowed no more.
        if self.edit.hosts.is_none() {
            return;
        }
        for (place, host) in settings.hosts.iter_mut().enumerate() {
            match address::judge(kind, host, self.allowed) {
                Ok(canonical) => *host = canonical,
                Err(why) => self.faults.push(FieldError::new(format!("hosts[{place}]"), why)),
            }
        }
        let repeated = settings.hosts.iter().collect::<BTreeSet<_>>().len() < settings.hosts.len();
        if repeated {
            self.fault("hosts", "an address is repeated");
        }
    }

    fn certificates(&mut self, settings: &OutputSettings) {
        for (field, text, given) in [
            ("ca", &settings.ca, self.edit.ca.is_some()),
            ("certificate", &settings.certificate, self.edit.certificate.is_some()),
        ] {
            let Some(text) = text.as_deref().filter(|_| given) else { continue };
            if let Err(why) = pem::certificates(text) {
                self.fault(field, why);
            }
        }
    }

    fn user(&mut self, kind: OutputKind, settings: &OutputSettings) {
        let Some(name) = settings.username.as_deref() else { return };
        let length = name.chars().count();
        if !(1..=LONGEST_USER).contains(&length) || !is_plain(name) {
            self.fault("username", format!("1 to {LONGEST_USER} characters, none of them hidden"));
        } else if kind.is_elasticsearch() && name.contains(':') {
            self.fault("username", "has a colon, which RFC 7617 does not allow");
        }
    }

    /// Refuses given fields that the output does not have, and drops former ones. Demands those that it must have.
    fn shape(&mut self, kind: OutputKind, shape: &Shape, settings: &mut OutputSettings) {
        let edit = self.edit;
        let given = |field: &Option<Option<String>>| field.as_ref().is_some_and(Option::is_some);
        let roles = edit.role_descriptors.as_ref().is_some_and(Option::is_some);
        let fields = [
            ("auth", given(&edit.auth)),
            ("sasl_mechanism", given(&edit.sasl_mechanism)),
            ("username", given(&edit.username)),
            ("certificate", given(&edit.certificate)),
            ("role_descriptors", roles),
        ];
        for (field, _) in fields.into_iter().filter(|(field, given)| *given && !shape.fields.contains(field))
        {
            self.fault(field, format!("{} has no {field}", described(kind, settings.auth)));
        }
        let has = |field| shape.fields.contains(&field);
        settings.auth = settings.auth.filter(|_| has("auth"));
        settings.sasl_mechanism = settings.sasl_mechanism.filter(|_| has("sasl_mechanism"));
        settings.username = settings.username.take().filter(|_| has("username"));
        settings.certificate = settings.certificate.take().filter(|_| has("certificate"));
        settings.role_descriptors = settings.role_descriptors.take().filter(|_| has("role_descriptors"));
        for (field, is_set) in
            [("username", settings.username.is_some()), ("certificate", settings.certificate.is_some())]
        {
            if has(field) && !is_set {
                self.fault(field, format!("{} needs it", described(kind, settings.auth)));
            }
        }
    }

    fn has_fault(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }

    /// An empty list of descriptors would give a host's key every privilege of the cluster's credential.
    fn roles(&mut self, kind: OutputKind, settings: &mut OutputSettings) {
        if !kind.is_elasticsearch() {
            return;
        }
        let roles = settings.role_descriptors.get_or_insert_with(default_roles);
        let (most, bytes) = MOST_ROLES;
        let too_long = serde_json::to_vec(roles).map_or(0, |text| text.len()) > bytes;
        if !(1..=most).contains(&roles.len()) || too_long || !roles.values().all(serde_json::Value::is_object)
        {
            let message = format!(
                "1 to {most} objects, each by the name of a role, at most {} KiB of JSON",
                bytes >> 10
            );
            self.fault("role_descriptors", message);
        }
    }

    /// The new secrets, each judged.
    fn secrets(
        &mut self,
        shape: &Shape,
        settings: &OutputSettings,
    ) -> BTreeMap<SecretField, &'e Secret<String>> {
        let edit = self.edit;
        let mut new = BTreeMap::new();
        for (field, secret) in &edit.secrets {
            let Some(secret) = secret else { continue };
            if let Some(why) = self.refused(shape, *field) {
                self.fault(field.as_str(), why);
            } else if let Err(why) = judge_secret(*field, secret, settings) {
                self.fault(field.as_str(), why);
            } else {
                new.insert(*field, secret);
            }
        }
        new
    }

    /// The secrets before that stay. Demands those that the output must have, or that another address needs again.
    fn kept(
        &mut self,
        shape: &Shape,
        is_moved: bool,
        new: &BTreeMap<SecretField, &'e Secret<String>>,
    ) -> Vec<SecretField> {
        let (edit, before) = (self.edit, self.before);
        let had = before.map_or(&[][..], |before| &before.secrets);
        let mut kept = Vec::new();
        for field in shape.required.iter().chain(shape.optional) {
            let removed = edit.secrets.get(field).is_some_and(Option::is_none);
            let stays = had.contains(field) && !removed;
            if new.contains_key(field) || self.has_fault(field.as_str()) {
                continue;
            }
            if stays && !is_moved {
                kept.push(*field);
            } else if stays {
                self.fault(field.as_str(), "give it again: address, CA or authentication changed");
            } else if shape.required.contains(field) {
                self.fault(field.as_str(), missing(*field));
            }
        }
        kept
    }

    /// The reason why an output of this shape has no such secret.
    fn refused(&self, shape: &Shape, field: SecretField) -> Option<&'static str> {
        use SecretField::{ApiKey, Password, ServiceToken};
        let is_elasticsearch = shape.fields.contains(&"role_descriptors");
        let both = "give a service token, or a user name with a password";
        match field {
            ServiceToken
                if self.edit.secrets.get(&ServiceToken).and_then(Option::as_ref).is_some_and(is_api_key) =>
            {
                Some(API_KEY_REFUSED)
            }
            _ if shape.has(field) => None,
            ApiKey if is_elasticsearch => Some(API_KEY_REFUSED),
            ServiceToken | Password if is_elasticsearch => Some(both),
            _ => Some("the output has no such secret"),
        }
    }
}

/// The reason to refuse an API key as the credential of a cluster.
const API_KEY_REFUSED: &str = "an API key is refused, because keys that it makes get no privileges: give a service token, or a user name with a password";

/// The fault of an output without a secret that it must have.
const fn missing(field: SecretField) -> &'static str {
    match field {
        SecretField::ServiceToken => "the output needs it, or a user name with a password",
        _ => "the output needs this secret",
    }
}

/// Returns true if both send the same secrets to the same addresses in the same way. The roles of keys are not part of it.
fn sends_as(before: &OutputSettings, after: &OutputSettings) -> bool {
    let role_descriptors = after.role_descriptors.clone();
    OutputSettings { role_descriptors, ..before.clone() } == *after
}

/// An output of this type and authentication, in words.
fn described(kind: OutputKind, auth: Option<KafkaAuth>) -> String {
    match auth.filter(|_| kind == OutputKind::Kafka) {
        Some(auth) => format!("an output of the type {} with auth {}", kind.as_str(), <&str>::from(auth)),
        None => format!("an output of the type {}", kind.as_str()),
    }
}

#[cfg(test)]
mod tests;
