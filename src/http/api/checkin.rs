//! Requests of a host about itself besides its certificate: check-in, policy, access token.

use http::StatusCode;
use http::header::IF_NONE_MATCH;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::outputs::OwnOutput;
use super::renewal::life_of;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::document::matches;
use crate::http::metrics;
use crate::http::openapi::NotModified;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::judge_checkin;
use crate::id::PolicyId;
use crate::name::{Label, Labels};
use crate::server_url::ServerUrl;
use crate::service::checkin::{self, NextSteps};
use crate::service::outputs::keys::HostKeys;
use crate::store::Policy;
use crate::wire::{CheckInAnswer, CheckInReport};

/// Check in
///
/// A host reports its state, and learns its next steps. The newest check-in is written within a minute, and shown with the
/// host, marked as its own words.
#[utoipa::path(
    post,
    path = "/api/v1/checkin",
    request_body = CheckInReport,
    responses((status = 200, description = "The next steps.", body = CheckInAnswer)),
)]
pub(super) async fn check_in(call: Call) -> Result<Reply, Problem> {
    let (host, now) = (call.host()?, call.authority.time.now());
    let (report, faults) = decode::native::<CheckInReport>(&call.body)?;
    let (outputs, failed) = (report.outputs_revision, report.outputs_failed.clone());
    let checkin = judge_checkin(report, now, faults)?;
    let is_current = host.record.is_current(host.certificate.serial);
    if is_current {
        let reached_url = call.reached_url(host.record.reached_url.as_deref());
        call.authority.hosts.note_contact(&call.caller, host.id, reached_url).await;
    }
    let NextSteps { policy, fetch_policy, next } =
        call.authority.checkins.check_in(host, checkin, outputs, failed).await?;
    ::metrics::counter!("gatepass_checkins_total").increment(1);
    let answer = CheckInAnswer {
        policy: policy.map(|(id, _)| id),
        policy_revision: policy.map(|(_, revision)| revision),
        fetch_policy,
        // Renewing with a superseded certificate would raise the alarm of a copied disk.
        renew: is_current && life_of(host, now).renew_after <= now,
        server: other_url(&call),
        next: next.as_secs().max(1),
    };
    Ok(Reply::ok(&answer).header("date", &now.to_http_date()))
}

/// The current external URL, unless the request came to it.
fn other_url(call: &Call) -> Option<String> {
    let issuers = call.authority.trust.issuers();
    let reached = ServerUrl::of_authority(call.head.host()).map(|url| url.to_string());
    (reached.as_deref() != Some(issuers.current())).then(|| issuers.current().to_owned())
}

/// The policy of a host, as the host gets it.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnPolicy)]
struct OwnPolicy<'a> {
    id: PolicyId,
    /// Number of the revision.
    #[schema(minimum = 1, example = 3)]
    revision: u64,
    #[schema(value_type = Label)]
    name: &'a Label,
    #[schema(value_type = Labels)]
    labels: &'a Labels,
    /// The settings of the host.
    #[schema(value_type = Object, example = json!({ "log_level": "info" }))]
    settings: &'a Map<String, Value>,
    /// The services that the host may get access tokens for.
    #[schema(value_type = Vec<String>, example = json!(["https://jobs.example.org"]))]
    audiences: &'a [String],
    /// The outputs of the host, in the order of the policy, with their secrets.
    outputs: Vec<OwnOutput<'a>>,
    /// A number that each change of an output moves. Send it with the next check-in.
    #[schema(example = 0)]
    outputs_revision: u64,
}

/// Fetch the own policy
///
/// The policy of the host that asks, with the secrets of its outputs. Its entity tag is made of the policy's id and revision, and
/// of the revisions of its outputs and keys. A key at an Elasticsearch output is requested in the background: until each is ready, the
/// answer has `Retry-After`.
#[utoipa::path(
    get,
    path = "/api/v1/policy",
    responses(
        (status = 200, description = "The policy.", body = OwnPolicy<'static>, headers(
            ("ETag" = String, description = "Policy and revision, for `If-None-Match`."),
            ("Retry-After" = Option<u32>, description = "Seconds until a key may be ready."),
        )),
        NotModified,
        code::NotFound,
        code::KeysUnavailable,
    ),
)]
pub(super) async fn fetch_own_policy(call: Call) -> Result<Reply, Problem> {
    let (checkins, host) = (&call.authority.checkins, call.host()?);
    let found = checkins.policy(host).await?;
    let (Policy { id, revision, terms, .. }, outputs_revision) = (&*found.policy, found.outputs_revision);
    let etag = match outputs_revision {
        0 => format!("\"{id}.{revision}\""),
        _ => format!("\"{id}.{revision}.{outputs_revision}\""),
    };
    if matches(call.head.headers().get_all(IF_NONE_MATCH), &etag) {
        return Ok(later(Reply::empty(StatusCode::NOT_MODIFIED).header("etag", &etag), &found));
    }
    let outputs = checkins.outputs(host.id, &found).await?;
    let own = OwnPolicy {
        id: *id,
        revision: *revision,
        name: &terms.name,
        labels: &terms.labels,
        settings: &terms.settings,
        audiences: &terms.audiences,
        outputs: outputs.iter().map(OwnOutput::from).collect(),
        outputs_revision,
    };
    Ok(later(Reply::ok(&own).header("etag", &etag), &found))
}

/// The answer with the time after which the host asks again for its keys.
fn later(reply: Reply, found: &checkin::OwnPolicy) -> Reply {
    match found.keys.as_ref().and_then(HostKeys::retry_after) {
        Some(after) => reply.header("retry-after", &after.as_secs().to_string()),
        None => reply,
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = GetAccessTokenRequest)]
struct AccessTokenOrder {
    /// URI of the service, one of the audiences of the host's policy.
    #[schema(format = "uri", example = "https://jobs.example.org")]
    audience: String,
}

/// An access token, in the members of RFC 6749 section 5.1.
#[derive(Serialize, ToSchema)]
#[schema(as = BoundToken)]
struct AccessTokenAnswer<'a> {
    /// The token; the service accepts it with the presented certificate alone.
    #[schema(example = "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…")]
    access_token: &'a str,
    #[schema(pattern = "^Bearer$", example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it expires.
    #[schema(minimum = 1, example = 900)]
    expires_in: u64,
}

/// Get an access token
///
/// A short token for one service (RFC 9068), bound to the presented certificate (RFC 8705). The audience is one of the host's
/// policy. It opens no route of this server.
#[utoipa::path(
    post,
    path = "/api/v1/access-token",
    request_body = AccessTokenOrder,
    responses(
        (status = 200, description = "The token.", body = AccessTokenAnswer<'static>),
        code::NoPolicy,
        code::AudienceNotAllowed,
        code::Signing,
    ),
)]
pub(super) async fn get_access_token(call: Call) -> Result<Reply, Problem> {
    let AccessTokenOrder { audience } = decode::strict(&call.body)?;
    let minted = call.authority.checkins.access_token(call.host()?, &audience);
    metrics::count("gatepass_access_tokens_total", &minted);
    let minted = minted?;
    let (text, grant) = (minted.text(), minted.grant());
    let expires_in = grant.expires_at.since(grant.issued_at).as_secs();
    Ok(Reply::ok(&AccessTokenAnswer { access_token: text.expose(), token_type: "Bearer", expires_in }))
}
