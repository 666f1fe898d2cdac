//! Shapes that server and client share: the facts of an enrolled host, and problems.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Schema, Type};

use crate::clock::Timestamp;
use crate::id::{EnrollmentId, HostId, OutputId, PolicyId};
use crate::name::{DnsName, Role};

/// The answer to an enrollment or renewal, without secrets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Enrollment)]
pub struct EnrollAnswer {
    /// The host and its authority.
    #[serde(flatten)]
    pub host: HostSummary,
    /// The host's certificate, PEM.
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub certificate: String,
    /// Issuing CA and root, PEM.
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub chain: String,
    /// The root, PEM.
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub ca_certificate: String,
    /// The name that the host has lost: it became a name of the authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name_withdrawn: Option<DnsName>,
}

/// The answer to a host that waits until an administrator decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WaitingEnrollment)]
pub struct WaitAnswer {
    /// Public id of the enrollment.
    pub enrollment_id: EnrollmentId,
    /// The state: the host waits.
    #[schema(pattern = "^waiting$", example = "waiting")]
    pub state: String,
    /// The code that the approver compares with the one on the host: the first 8 characters of its key's RFC 7638 thumbprint.
    #[schema(example = "Xk9_2fQa")]
    pub code: String,
    /// End of the wait.
    pub expires_at: Timestamp,
}

/// The fault of `replace` in the request of a host that has to wait. No client may leave it out instead.
pub const REPLACES_NONE: &str = "a host of this token waits for a decision, and replaces none: leave it out, or use a re-enrollment token";

/// The facts in every answer to a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostSummary {
    /// The UUID that stays the same over renewals.
    pub host_id: HostId,
    /// Roles and name of the host.
    #[serde(flatten)]
    pub certified: Certified,
    /// Expiry and renewal.
    #[serde(flatten)]
    pub life: CertificateLife,
    /// Current external URL of the authority. The host uses it from then on.
    // Servers of version 0.1.0 do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required, value_type = String, format = "uri", example = "https://gate.example.org")]
    pub server_url: Option<String>,
}

/// The roles and the DNS name that a host's certificate carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certified {
    /// Roles of the host.
    #[serde(default)]
    #[schema(required)]
    pub roles: Vec<Role>,
    /// DNS name of the host.
    #[schema(required)]
    pub name: Option<DnsName>,
}

/// Facts that a host reports of itself. They are unverified, and nothing is decided by them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = ReportHostRequest)]
pub struct HostReport {
    /// Hostname of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 128, example = "web-7")]
    pub hostname: Option<String>,
    /// Operating system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 128, example = "Debian GNU/Linux 12 (bookworm)")]
    pub os: Option<String>,
    /// Architecture of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 128, example = "x86_64")]
    pub arch: Option<String>,
    /// Version of gatepass on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 128, example = "0.2.0")]
    pub version: Option<String>,
    /// Label from the host's side. The first one stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_length = 128, example = "rack 7")]
    pub label: Option<String>,
}

/// The state of a host in its own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostHealth {
    /// It does its work.
    #[default]
    Healthy,
    /// It does its work, and something needs attention.
    Degraded,
    /// It does not do its work.
    Failed,
}

/// A check-in of a host, in its own words: unverified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckInRequest)]
pub struct CheckInReport {
    /// Version of the program that checks in.
    #[schema(max_length = 128, example = "0.3.0")]
    pub version: String,
    /// State of the host.
    pub status: HostHealth,
    /// The cause of the state, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 256, example = "the disk is nearly full")]
    pub message: String,
    /// Labels of the host, at most 32.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(example = json!({ "site": "eu-1" }))]
    pub labels: BTreeMap<String, String>,
    /// The policy that the host has. Without it the answer asks to fetch the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy: Option<PolicyId>,
    /// Number of its revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, example = 3)]
    pub policy_revision: Option<u64>,
    /// The `outputs_revision` of the policy that the host has. Without it, a change of an output alone is not noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 0)]
    pub outputs_revision: Option<u64>,
    /// The outputs that do not take the host's data, at most 16. The clusters are asked about the host's keys there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16, example = json!([]))]
    pub outputs_failed: Vec<OutputId>,
}

/// The answer to a check-in: the host's next steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckIn)]
pub struct CheckInAnswer {
    /// Policy of the host; `null`: none.
    #[schema(required)]
    pub policy: Option<PolicyId>,
    /// Current revision of the policy.
    #[schema(required, minimum = 1, example = 3)]
    pub policy_revision: Option<u64>,
    /// True if the host has another policy or revision, or an output changed: it fetches `/api/v1/policy`.
    pub fetch_policy: bool,
    /// True if the host renews its certificate now.
    pub renew: bool,
    /// Current external URL of the authority, if the host reached another one; it uses this from then on.
    #[schema(required, format = "uri", example = "https://gate.example.org")]
    pub server: Option<String>,
    /// Seconds until the next check-in.
    #[schema(minimum = 1, example = 300)]
    pub next: u64,
}

/// The expiry of a host's certificate, and the time to renew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateLife {
    /// Expiry of the certificate.
    pub expires_at: Timestamp,
    /// Time of the renewal.
    pub renew_after: Timestamp,
}

/// An error (RFC 9457). Match `code`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:gatepass:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(required, format = "uri", example = "urn:gatepass:problem:not_found")]
    pub kind: String,
    /// The code in words.
    #[schema(required, example = "Not found")]
    pub title: String,
    /// The HTTP status.
    #[schema(required, minimum = 400, maximum = 599, example = 404)]
    pub status: u16,
    /// The cause and the next step, for people. Never a secret.
    #[schema(required, example = "there is no such token")]
    pub detail: String,
    /// The code that scripts match.
    #[schema(required, schema_with = code)]
    pub code: String,
    /// The error of each invalid field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
}

/// A known code, or one of a later version. A generated client accepts both.
fn code() -> Schema {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[a-z_]+$"));
    let any = AnyOfBuilder::new().item(Ref::from_schema_name("ProblemCode")).item(text);
    any.description(Some("The code that scripts match.")).examples(["not_found"]).build().into()
}

/// An error of one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path such as `roles[2]`.
    #[schema(example = "roles[2]")]
    pub field: String,
    /// The error, and the values that are accepted.
    #[schema(example = "unknown role \"root\"; the roles are: allocator, proxy")]
    pub message: String,
}

impl FieldError {
    /// An error of `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// The error that parsing `field` returned.
    pub fn of(field: impl Into<String>, error: &impl std::fmt::Display) -> Self {
        Self::new(field, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_without_a_server_url_are_read() {
        let before = r#"{"host_id":"0198c0de-9b41-7d20-9c55-6e7f80912a3b","certificate":"c","chain":"i","ca_certificate":"r",
            "roles":["proxy"],"name":null,"expires_at":"2030-01-31T12:00:00Z","renew_after":"2030-01-21T12:00:00Z"}"#;
        let answer: EnrollAnswer = serde_json::from_str(before).unwrap();
        assert_eq!((answer.host.server_url.as_deref(), answer.name_withdrawn.as_ref()), (None, None));
        let now =
            before.replace("\"name\"", "\"server_url\":\"https://gate\",\"name_withdrawn\":\"a.b\",\"name\"");
        let answer: EnrollAnswer = serde_json::from_str(&now).unwrap();
        assert_eq!(answer.host.server_url.as_deref(), Some("https://gate"));
        assert_eq!(answer.name_withdrawn, DnsName::parse("a.b").ok());
    }
}
