//! An output as a host of its policies gets it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::id::OutputId;
use crate::name::Label;
use crate::service::outputs::hosts::HostOutput;
use crate::store::{KafkaAuth, OutputKind, OutputSettings, OutputState, SaslMechanism, SecretField};

/// An output of the own policy, with the secrets that hosts use. A field that its type does not have is absent.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnOutput)]
pub(in crate::http::api) struct OwnOutput<'a> {
    id: OutputId,
    #[schema(value_type = Label)]
    name: &'a Label,
    #[serde(rename = "type")]
    #[schema(value_type = String, pattern = "^(elasticsearch|remote_elasticsearch|kafka|logstash)$", example = "kafka")]
    kind: OutputKind,
    /// Addresses of the output.
    #[schema(value_type = Vec<String>, example = json!(["kafka-1.example.org:9092"]))]
    hosts: &'a [String],
    /// The CAs of the addresses, PEM. Absent: those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ca: Option<&'a str>,
    /// Authentication at Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, pattern = "^(none|user_pass|ssl)$", example = "user_pass")]
    auth: Option<KafkaAuth>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, pattern = "^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$", example = "SCRAM-SHA-512")]
    sasl_mechanism: Option<SaslMechanism>,
    /// Name of the user at Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "agent")]
    username: Option<&'a str>,
    /// Password of the user at Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "correct horse battery staple")]
    password: Option<&'a str>,
    /// Client certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    certificate: Option<&'a str>,
    /// Private key of the client certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<&'a str>,
    /// State of the host's key at Elasticsearch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, pattern = "^(ready|preparing|unreachable|refused|invalid)$", example = "ready")]
    state: Option<OutputState>,
    /// The host's own key at Elasticsearch, once it is ready: id and secret with a colon between.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "VuaCfGcBCdbkQm-e5aOx:ui2lp2axTNmsyakw9tvNnw")]
    api_key: Option<&'a str>,
}

impl<'a> From<&'a HostOutput> for OwnOutput<'a> {
    fn from(given: &'a HostOutput) -> Self {
        let output = &given.output;
        let OutputSettings { hosts, ca, auth, sasl_mechanism, username, certificate, role_descriptors: _ } =
            &output.settings;
        // The user of a cluster of Elasticsearch is gatepass, not the host.
        let username = username.as_deref().filter(|_| !output.kind.is_elasticsearch());
        Self {
            id: output.id,
            name: &output.name,
            kind: output.kind,
            hosts,
            ca: ca.as_deref(),
            auth: *auth,
            sasl_mechanism: *sasl_mechanism,
            username,
            password: given.secret(SecretField::Password),
            certificate: certificate.as_deref(),
            key: given.secret(SecretField::Key),
            state: given.key.as_ref().map(|key| key.state),
            api_key: given.key.as_ref().and_then(|key| key.text.as_ref()).map(|text| text.expose().as_str()),
        }
    }
}
