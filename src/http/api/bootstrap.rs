//! `POST /api/v1/bootstrap`: redeem a token.

use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shapes;
use crate::admission::{HostClaims, HostCredential};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::metrics;
use crate::http::problem::{Code, Problem, code};
use crate::http::reply::Reply;
use crate::http::request::valid;
use crate::id::HostId;
use crate::name::{Cluster, DnsName, NameError};
use crate::secret::Secret;
use crate::service::{FieldError, RedeemRequest, Redemption, ServiceError};
use crate::store::EnrollmentRecord;
use crate::wire::{EnrollAnswer, WaitAnswer};

/// The counter of redemptions.
const COUNTER: &str = "gatepass_redemptions_total";
/// Time in which a waiting host asks again soon.
const SOON: Duration = Duration::from_secs(300);

/// Example of a certificate request.
pub(super) const CSR_EXAMPLE: &str =
    "-----BEGIN CERTIFICATE REQUEST-----\n…\n-----END CERTIFICATE REQUEST-----\n";

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({ "csr": CSR_EXAMPLE, "name": "node-7.eu.example.org" }))]
struct RedeemTokenRequest {
    /// The enrollment token, unless it is in the header.
    token: Option<String>,
    /// A certificate request, PKCS#10 in PEM: P-256, P-384 or Ed25519. Only its key is used.
    #[schema(required, max_length = 8192)]
    csr: String,
    /// The requested DNS name.
    #[schema(value_type = Option<DnsName>)]
    name: Option<String>,
    /// The host's cluster.
    #[schema(value_type = Option<Cluster>)]
    cluster: Option<String>,
    /// The id that the host has. A token for one host refuses another one; others ignore it.
    #[schema(value_type = Option<HostId>)]
    host_id: Option<String>,
    /// `certificate`, or `api_key` for an opaque key beside it, which the policy of the token must allow.
    #[schema(value_type = HostCredential, default = "certificate", example = "api_key")]
    credential: Option<String>,
    /// True to replace the host whose certificate the connection presents: its name is free for the new host, and it is
    /// revoked, in one act.
    replace: bool,
}

impl RedeemTokenRequest {
    fn claims(&self, faults: &mut Vec<FieldError>) -> HostClaims {
        let name = parsed("name", self.name.as_deref(), DnsName::parse, faults);
        let cluster = parsed("cluster", self.cluster.as_deref(), Cluster::parse, faults);
        let mut known = |field: &str, is_known: bool, message: &str| {
            if !is_known {
                faults.push(FieldError::new(field, message));
            }
        };
        let host = self.host_id.as_deref().map(HostId::parse);
        known("host_id", host != Some(None), "not the id of a host");
        let credential = self.credential.as_deref().map(|text| text.parse::<HostCredential>().ok());
        known("credential", credential != Some(None), "certificate or api_key");
        HostClaims {
            name,
            cluster,
            host: host.flatten(),
            credential: credential.flatten().unwrap_or_default(),
        }
    }
}

/// The answer to a redemption.
#[derive(Serialize, ToSchema)]
#[schema(as = EnrolledHost)]
struct RedeemAnswer<'a> {
    #[serde(flatten)]
    enrolled: EnrollAnswer,
    /// The opaque key of the host, shown once. It is as good as the certificate for check-in, policy, whoami and leave, and opens
    /// nothing else.
    #[schema(nullable = false, example = "gph_…")]
    #[serde(skip_serializing_if = "Option::is_none")]
    access_api_key: Option<&'a str>,
}

/// Redeem a token
///
/// The answer has the host's certificate. The token is in the `Authorization` header or in the body, not in both. The same
/// token and key within 24 hours get the same host's newest certificate, without a use. A re-enrollment token brings its host
/// back: former certificates and keys of that host are revoked. With `credential`, a repeat within 24 hours gets another opaque key
/// while the one before was never used.
#[utoipa::path(
    post,
    path = "/api/v1/bootstrap",
    request_body = RedeemTokenRequest,
    responses(
        (status = 200, description = "The host is enrolled.", body = RedeemAnswer<'static>),
        (
            status = 202,
            description = "The host waits until an administrator decides: send the same request again.",
            body = WaitAnswer,
            headers(("Retry-After" = u32, description = "Seconds until the next request.")),
        ),
        code::TokenEnded,
        code::BindingMismatch,
        code::HostRevoked,
        code::HostQuarantined,
        code::EnrollmentDenied,
        code::EnrollmentChanged,
        code::EnrollmentExpired,
        code::TooManyWaiting,
        code::CertificateRevoked,
        code::CertificateSuperseded,
        code::CredentialNotAllowed,
        code::NodeLimitExceeded,
        code::NameTaken,
        code::RateLimited,
        code::Issuing,
    ),
)]
pub(super) async fn redeem_token(call: Call) -> Result<Reply, Problem> {
    let (request, mut faults) = decode::native::<RedeemTokenRequest>(&call.body)?;
    let claims = request.claims(&mut faults);
    let replaces = request.replace.then(|| call.head.peer.certificate.of_host().cloned());
    if replaces == Some(None) {
        faults.push(FieldError::new("replace", "present the certificate of the host to replace"));
    }
    let in_body = request.token.map(Secret::new);
    let unverified_token = match (call.token(), &in_body) {
        (Some(_), Some(_)) => {
            faults.push(FieldError::new(
                "token",
                "the Authorization header has the token already: send it once",
            ));
            ""
        }
        (Some(token), None) => token.expose(),
        (None, Some(token)) => token.expose(),
        (None, None) => return Err(missing()),
    };
    if !faults.is_empty() {
        return Err(Problem::invalid_fields(faults));
    }
    let request = RedeemRequest {
        unverified_token,
        csr: &request.csr,
        claims,
        reached_url: call.reached_url(None),
        replaces: replaces.flatten(),
    };
    let redeemed = call.authority.enrollment.redeem(&call.caller, request).await;
    let success = if matches!(redeemed, Ok(Redemption::Waiting(_))) { "waiting" } else { "done" };
    metrics::count_as(COUNTER, &redeemed, success);
    match redeemed? {
        Redemption::Enrolled(enrolled, key) => {
            let enrolled = shapes::enrolled(&call.authority, *enrolled);
            let access_api_key = key.as_ref().map(|key| key.expose().as_str());
            Ok(Reply::ok(&RedeemAnswer { enrolled, access_api_key }))
        }
        Redemption::Waiting(waiting) => Ok(waits(&waiting, call.authority.time.now())),
    }
}

/// The answer to a host that waits. It asks again soon, and later once a minute, apart from the others.
fn waits(waiting: &EnrollmentRecord, now: Timestamp) -> Reply {
    let pause = match now.since(waiting.began_at) < SOON {
        true => 15,
        false => 60 + u32::from(waiting.id.as_bytes()[15] % 16),
    };
    let EnrollmentRecord { id, expires_at, code, .. } = waiting;
    let answer = WaitAnswer {
        enrollment_id: *id,
        state: "waiting".to_owned(),
        code: code.clone(),
        expires_at: *expires_at,
    };
    Reply::json(StatusCode::ACCEPTED, &answer).header("retry-after", &pause.to_string())
}

/// Counts a redemption with its refusal, also one before the body is read.
pub(in crate::http) fn refused<T>(result: Result<T, ServiceError>) -> Result<T, ServiceError> {
    if result.is_err() {
        metrics::count(COUNTER, &result);
    }
    result
}

/// A name that is present and not empty.
fn parsed<T>(
    field: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, NameError>,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    let text = text.filter(|text| !text.is_empty())?;
    valid(field, parse(text), faults)
}

fn missing() -> Problem {
    let detail = "give the enrollment token as `Authorization: Bearer`, or as `token` in the body";
    Problem::of(Code::InvalidToken, detail)
}
