//! The fields of the form whose values a page never shows, and its choices.

use crate::dashboard::form::{Choice, Values};
use crate::http::request::OutputRequest;
use crate::secret::Secret;
use crate::store::{OutputKind, SecretField};

/// The field of a secret.
pub(super) struct Field {
    pub(super) field: &'static str,
    pub(super) name: &'static str,
    pub(super) hint: String,
    /// A key has several lines.
    pub(super) is_long: bool,
}

/// The secrets of a form that was sent. A blank field has no secret.
pub(super) struct Secrets(Vec<(SecretField, Secret<String>)>);

impl Secrets {
    /// Takes the secrets out of the fields of a form.
    pub(super) fn taken(pairs: Vec<(String, String)>) -> (Self, Vec<(String, String)>) {
        let (mut secrets, mut rest) = (Vec::new(), Vec::new());
        for (name, value) in pairs {
            match name.parse::<SecretField>() {
                // A password may begin or end with a space.
                Ok(SecretField::Password) => secrets.push((SecretField::Password, Secret::new(value))),
                Ok(_) if value.trim().is_empty() => {}
                Ok(field) => secrets.push((field, Secret::new(value.trim().replace("\r\n", "\n")))),
                Err(_) => rest.push((name, value)),
            }
        }
        (Self(secrets), rest)
    }

    /// The request that sets these secrets, and removes the key of Logstash if `removes` it.
    pub(super) fn into_request(self, removes: bool) -> OutputRequest {
        let mut request = OutputRequest { api_key: removes.then_some(None), ..OutputRequest::default() };
        for (field, secret) in self.0 {
            let place = match field {
                SecretField::ServiceToken => &mut request.service_token,
                SecretField::Password => &mut request.password,
                SecretField::Key => &mut request.key,
                SecretField::ApiKey => &mut request.api_key,
            };
            *place = Some(Some(secret));
        }
        request
    }
}

/// The fields of the secrets that an output of this type may have.
pub(super) fn secrets(kind: OutputKind, stored: &[SecretField]) -> Vec<Field> {
    use SecretField::{ApiKey, Key, Password, ServiceToken};
    let fields: &[SecretField] = match kind {
        OutputKind::Elasticsearch | OutputKind::RemoteElasticsearch => &[ServiceToken, Password],
        OutputKind::Kafka => &[Password, Key],
        OutputKind::Logstash => &[Key, ApiKey],
    };
    let field = |field: &SecretField| Field {
        field: field.as_str(),
        name: super::super::secret_name(*field),
        hint: match stored.contains(field) {
            true => "Stored, never shown. Blank: keep it".to_owned(),
            false => hint(kind, *field).to_owned(),
        },
        is_long: *field == Key,
    };
    fields.iter().map(field).collect()
}

const fn hint(kind: OutputKind, field: SecretField) -> &'static str {
    match (field, kind) {
        (SecretField::ServiceToken, _) => "Or use a user name and a password",
        (SecretField::Password, OutputKind::Kafka) => "For the authentication with user and password",
        (SecretField::Password, _) => "For the user name",
        (SecretField::Key, OutputKind::Kafka) => {
            "For the authentication with a certificate: PEM without a passphrase"
        }
        (SecretField::Key, _) => "For the client certificate: PEM without a passphrase",
        (SecretField::ApiKey, _) => "Logstash uses it at Elasticsearch. Hosts never get it. Blank: none",
    }
}

/// The ways of authentication at Kafka.
pub(super) fn auths(values: &Values) -> Vec<Choice> {
    let names = [("none", "None"), ("user_pass", "User and password"), ("ssl", "Certificate")];
    choices(values, "auth", &names)
}

/// The SASL mechanisms. A blank one is the default.
pub(super) fn mechanisms(values: &Values) -> Vec<Choice> {
    let names = [
        ("", "SCRAM-SHA-512, the default"),
        ("PLAIN", "PLAIN"),
        ("SCRAM-SHA-256", "SCRAM-SHA-256"),
        ("SCRAM-SHA-512", "SCRAM-SHA-512"),
    ];
    choices(values, "sasl_mechanism", &names)
}

fn choices(values: &Values, field: &str, names: &[(&str, &str)]) -> Vec<Choice> {
    let chosen = values.get(field).unwrap_or_default();
    let choice = |(value, name): &(&str, &str)| Choice {
        value: (*value).to_owned(),
        name: (*name).to_owned(),
        selected: *value == chosen,
    };
    names.iter().map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_apart_from_values() {
        let pairs = [("name", "logs"), ("password", " a "), ("service_token", " \n"), ("key", " x\r\ny ")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (secrets, rest) = Secrets::taken(pairs.to_vec());
        assert_eq!(rest, [("name".to_owned(), "logs".to_owned())]);
        let request = secrets.into_request(true);
        let text =
            |secret: Option<Option<Secret<String>>>| secret.flatten().map(|secret| secret.expose().clone());
        assert!(request.service_token.is_none() && matches!(request.api_key, Some(None)));
        assert_eq!(text(request.password).as_deref(), Some(" a "));
        assert_eq!(text(request.key).as_deref(), Some("x\ny"));
    }
}
