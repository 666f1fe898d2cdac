//! Shapes that server and client share: the facts of an enrolled host, and problems.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::HostId;
use crate::name::{DnsName, Role};

/// The answer to an enrollment or renewal, without secrets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Identity)]
pub struct EnrollAnswer {
    /// The UUID that stays the same over renewals.
    pub host_id: HostId,
    /// The host's certificate, PEM.
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub certificate: String,
    /// Issuing CA and root, PEM.
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub chain: String,
    /// The root, PEM.
    #[schema(example = "-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n")]
    pub ca_certificate: String,
    /// Roles and name of the host.
    #[serde(flatten)]
    pub certified: Certified,
    /// Expiry and renewal.
    #[serde(flatten)]
    pub life: CertificateLife,
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
    #[schema(required, pattern = "^[a-z_]+$", example = "not_found")]
    pub code: String,
    /// The error of each invalid field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
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
