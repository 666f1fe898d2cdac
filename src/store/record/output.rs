//! Outputs of policies: the destinations to which hosts send their data.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{OutputId, SealKeyId};
use crate::name::Label;
use crate::seal::{Sealed, SealedPlace};

/// The kind of an output, which never changes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[schema(as = OutputType)]
pub enum OutputKind {
    /// An Elasticsearch cluster.
    Elasticsearch,
    /// An Elasticsearch cluster elsewhere.
    RemoteElasticsearch,
    /// A Kafka cluster.
    Kafka,
    /// A Logstash pipeline.
    Logstash,
}

impl OutputKind {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns true for a cluster of Elasticsearch.
    pub const fn is_elasticsearch(self) -> bool {
        matches!(self, Self::Elasticsearch | Self::RemoteElasticsearch)
    }
}

/// The authentication of hosts at a Kafka cluster.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum KafkaAuth {
    /// No authentication.
    None,
    /// A user's name and password, by SASL.
    UserPass,
    /// A TLS client certificate.
    Ssl,
}

/// The SASL mechanism of a user's name and password.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
)]
pub enum SaslMechanism {
    /// RFC 4616: the broker gets the password.
    #[serde(rename = "PLAIN")]
    #[strum(serialize = "PLAIN")]
    Plain,
    /// RFC 7677: a proof of the password.
    #[serde(rename = "SCRAM-SHA-256")]
    #[strum(serialize = "SCRAM-SHA-256")]
    ScramSha256,
    /// The same with SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    #[strum(serialize = "SCRAM-SHA-512")]
    ScramSha512,
}

/// The fields of an output that every reader sees. A field that its type does not have is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OutputSettings {
    /// Addresses: `https://host[:port]` of Elasticsearch, `host:port` of Kafka and Logstash.
    #[schema(required, example = json!(["https://es.example.org:9200"]))]
    pub hosts: Vec<String>,
    /// The CAs of the addresses, PEM. Absent: those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub ca: Option<String>,
    /// Authentication at Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, pattern = "^(none|user_pass|ssl)$", example = "user_pass")]
    pub auth: Option<KafkaAuth>,
    /// The SASL mechanism at Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, pattern = "^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$", example = "SCRAM-SHA-512")]
    pub sasl_mechanism: Option<SaslMechanism>,
    /// Name of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "gatepass")]
    pub username: Option<String>,
    /// Client certificate of the hosts at Kafka or Logstash, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub certificate: Option<String>,
    /// The roles of a host's key at Elasticsearch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Object)]
    pub role_descriptors: Option<Map<String, Value>>,
}

/// An output at its current revision, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OutputRevision)]
pub struct Output {
    /// Id of the output.
    pub id: OutputId,
    /// The name, which no other output has.
    #[schema(min_length = 1, example = "logs")]
    pub name: Label,
    /// The type, which never changes.
    #[serde(rename = "type")]
    #[schema(value_type = String, pattern = "^(elasticsearch|remote_elasticsearch|kafka|logstash)$", example = "elasticsearch")]
    pub kind: OutputKind,
    /// Number of the revision: each change begins another one.
    #[schema(minimum = 1, example = 3)]
    pub revision: u64,
    /// The fields that every reader sees.
    #[serde(flatten)]
    pub settings: OutputSettings,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Creator of the output, as an actor in the ledger.
    #[schema(example = "user:admin")]
    pub created_by: String,
    /// Time of the revision.
    pub updated_at: Timestamp,
    /// Author of the revision, as an actor in the ledger.
    #[schema(example = "user:admin")]
    pub updated_by: String,
}

/// A field of an output that holds a secret.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum SecretField {
    /// A service account's token at Elasticsearch.
    ServiceToken,
    /// A user's password.
    Password,
    /// The private key of a client certificate.
    Key,
    /// The key of Logstash at Elasticsearch, which no host gets.
    ApiKey,
}

impl SecretField {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A secret of an output, as the database keeps it.
#[derive(Clone)]
pub struct OutputSecret {
    /// The field that holds it.
    pub field: SecretField,
    /// The output's revision that set it.
    pub version: u64,
    /// Its sealed value.
    pub sealed: Sealed,
}

impl OutputSecret {
    /// The place that the seal binds.
    pub fn place(&self, output: OutputId) -> SealedPlace<'static> {
        SealedPlace { output, field: self.field.as_str(), version: self.version }
    }
}

/// An output and its sealed secrets, of one moment.
pub struct WholeOutput {
    /// The fields that every reader sees.
    pub output: Output,
    /// Its sealed secrets, by field.
    pub secrets: Vec<OutputSecret>,
}

/// An output as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedOutput {
    /// The fields that every reader sees.
    pub output: Output,
    /// The fields of its secrets.
    pub secrets: Vec<SecretField>,
    /// Number of the policies that have it.
    pub policies: u64,
}

/// One of the keys that seal secrets, without the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealKeyRecord {
    /// Number of the key.
    pub id: SealKeyId,
    /// Time of its making.
    pub created_at: Timestamp,
}
