//! The body that creates or changes an output.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::secret::Secret;
use crate::service::FieldError;
use crate::service::outputs::OutputEdit;
use crate::store::SecretField;
use crate::token::present;

/// The body that changes an output, as it was sent. An absent field stays as it is; `null` removes it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ChangeOutputRequest, example = json!({ "role_descriptors": null }))]
pub struct OutputRequest {
    /// The name, which no other output has.
    #[schema(value_type = String, min_length = 1, max_length = 128, example = "logs")]
    #[serde(deserialize_with = "present")]
    pub name: Option<String>,
    /// The type, which never changes.
    #[schema(value_type = String, pattern = "^(elasticsearch|remote_elasticsearch|kafka|logstash)$", example = "elasticsearch")]
    #[serde(rename = "type", deserialize_with = "present")]
    pub kind: Option<String>,
    /// Addresses: `https://host[:port]` of Elasticsearch, `host:port` of Kafka and Logstash. A change of them, of `ca` or of the
    /// authentication needs every secret again.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 16, example = json!(["https://es.example.org:9200"]))]
    #[serde(deserialize_with = "present")]
    pub hosts: Option<Vec<String>>,
    /// The CAs of the addresses, PEM, at most 32 KiB; `null`: those of the system.
    #[schema(value_type = Option<String>, example = json!(null))]
    #[serde(deserialize_with = "present")]
    pub ca: Option<Option<String>>,
    /// Authentication at Kafka: `none`, `user_pass` or `ssl`.
    #[schema(value_type = Option<String>, pattern = "^(none|user_pass|ssl)$", example = "user_pass")]
    #[serde(deserialize_with = "present")]
    pub auth: Option<Option<String>>,
    /// The SASL mechanism of `user_pass`: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512` (the default).
    #[schema(value_type = Option<String>, pattern = "^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$", example = "SCRAM-SHA-512")]
    #[serde(deserialize_with = "present")]
    pub sasl_mechanism: Option<Option<String>>,
    /// Name of the user, for `password`.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, example = "gatepass")]
    #[serde(deserialize_with = "present")]
    pub username: Option<Option<String>>,
    /// Client certificate of the hosts at Kafka or Logstash, PEM, at most 32 KiB.
    #[schema(value_type = Option<String>, example = json!(null))]
    #[serde(deserialize_with = "present")]
    pub certificate: Option<Option<String>>,
    /// The roles of a host's key at Elasticsearch; `null`: it adds documents to `logs-*` and `metrics-*`.
    #[schema(value_type = Option<Object>, example = json!(null))]
    #[serde(deserialize_with = "present")]
    pub role_descriptors: Option<Option<Map<String, Value>>>,
    /// A service account's token at Elasticsearch, with which keys of hosts are made.
    #[schema(value_type = Option<String>, write_only, default = json!(null), example = "AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL3Rva2VuMTo3TFdaSDZ")]
    #[serde(deserialize_with = "present")]
    pub service_token: Option<Option<Secret<String>>>,
    /// The password of `username`.
    #[schema(value_type = Option<String>, write_only, default = json!(null), example = "correct horse battery staple")]
    #[serde(deserialize_with = "present")]
    pub password: Option<Option<Secret<String>>>,
    /// The private key of `certificate`, PEM without a passphrase.
    #[schema(value_type = Option<String>, write_only, default = json!(null), example = "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----\n")]
    #[serde(deserialize_with = "present")]
    pub key: Option<Option<Secret<String>>>,
    /// The key of Logstash at Elasticsearch, kept for administrators. No host gets it.
    #[schema(value_type = Option<String>, write_only, default = json!(null), example = "VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw")]
    #[serde(deserialize_with = "present")]
    pub api_key: Option<Option<Secret<String>>>,
}

impl OutputRequest {
    /// The edit of an output, with the `faults` of the decoding.
    pub fn edit(self, faults: Vec<FieldError>) -> OutputEdit {
        let secrets = [
            (SecretField::ServiceToken, self.service_token),
            (SecretField::Password, self.password),
            (SecretField::Key, self.key),
            (SecretField::ApiKey, self.api_key),
        ];
        let secrets = secrets.into_iter().filter_map(|(field, secret)| Some((field, secret?)));
        OutputEdit {
            faults,
            name: self.name,
            kind: self.kind,
            hosts: self.hosts,
            ca: self.ca,
            auth: self.auth,
            sasl_mechanism: self.sasl_mechanism,
            username: self.username,
            certificate: self.certificate,
            role_descriptors: self.role_descriptors,
            secrets: secrets.collect(),
        }
    }
}

/// The schema of the body that creates an output: the same fields, of which some are required.
pub struct NewOutputRequest;

impl PartialSchema for NewOutputRequest {
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut object)) = OutputRequest::schema() else {
            return RefOr::T(Schema::Object(ObjectBuilder::new().build()));
        };
        object.required.extend(["name", "type", "hosts"].map(str::to_owned));
        object.description =
            Some("The body that creates an output. Each type has its own fields.".to_owned());
        object.example = Some(serde_json::json!({
            "name": "logs", "type": "elasticsearch", "hosts": ["https://es.example.org:9200"],
            "service_token": "AAEAAWVsYXN0aWMvZmxlZXQtc2VydmVyL3Rva2VuMTo3TFdaSDZ",
        }));
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for NewOutputRequest {
    fn name() -> std::borrow::Cow<'static, str> {
        "CreateOutputRequest".into()
    }
}
