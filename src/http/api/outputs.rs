//! Outputs of policies.

mod own;

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use self::own::OwnOutput;
use super::paging::{Listed, NoFilters, PageParams, Paging};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::request::{NewOutputRequest, OutputRequest};
use crate::http::revision::{self, IfMatch};
use crate::id::OutputId;
use crate::store::{KeyCounts, ListedOutput, Output, OutputState, SecretField};

/// A secret as readers see it.
#[derive(Serialize, ToSchema)]
struct SecretState {
    /// True: the output has the secret. No answer has its value.
    #[schema(example = true)]
    set: bool,
}

/// An output as administrators see it. A field that its type does not have is absent.
#[derive(Serialize, ToSchema)]
#[schema(as = Output)]
struct OutputItem {
    #[serde(flatten)]
    output: Output,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    service_token: Option<SecretState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password: Option<SecretState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<SecretState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    api_key: Option<SecretState>,
    /// Number of policies that have the output.
    #[schema(example = 2)]
    policies: u64,
    /// The keys of hosts at Elasticsearch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    keys: Option<KeysItem>,
}

/// The keys of hosts at an output: numbers by state, and those that are to be invalidated.
#[derive(Serialize, ToSchema)]
#[schema(as = OutputKeys)]
pub(super) struct KeysItem {
    #[schema(example = 120)]
    ready: u64,
    #[schema(example = 2)]
    preparing: u64,
    #[schema(example = 0)]
    unreachable: u64,
    #[schema(example = 0)]
    refused: u64,
    #[schema(example = 0)]
    invalid: u64,
    /// Number of keys that are to be invalidated.
    #[schema(example = 0)]
    to_invalidate: u64,
    /// Time since which the oldest of these waits; `null`: none.
    #[schema(required)]
    oldest_to_invalidate: Option<Timestamp>,
}

impl From<KeyCounts> for KeysItem {
    fn from(counts: KeyCounts) -> Self {
        let KeyCounts { states, invalidations: to_invalidate, oldest_invalidation: oldest_to_invalidate } =
            counts;
        let number = |state| states.get(&state).copied().unwrap_or_default();
        Self {
            ready: number(OutputState::Ready),
            preparing: number(OutputState::Preparing),
            unreachable: number(OutputState::Unreachable),
            refused: number(OutputState::Refused),
            invalid: number(OutputState::Invalid),
            to_invalidate,
            oldest_to_invalidate,
        }
    }
}

impl OutputItem {
    /// The output, with its number in `counts`.
    fn new(listed: ListedOutput, counts: &BTreeMap<OutputId, KeyCounts>) -> Self {
        let ListedOutput { output, secrets, policies } = listed;
        let keys = output.kind.is_elasticsearch();
        let keys = keys.then(|| counts.get(&output.id).cloned().unwrap_or_default().into());
        let state = |field| secrets.contains(&field).then_some(SecretState { set: true });
        Self {
            output,
            service_token: state(SecretField::ServiceToken),
            password: state(SecretField::Password),
            key: state(SecretField::Key),
            api_key: state(SecretField::ApiKey),
            policies,
            keys,
        }
    }
}

/// The answer with one output, and its entity tag.
async fn shown(call: &Call, status: StatusCode, listed: ListedOutput) -> Result<Reply, Problem> {
    let (revision, counts) = (listed.output.revision, call.authority.output_keys.count().await?);
    Ok(revision::tagged(Reply::json(status, &OutputItem::new(listed, &counts)), revision))
}

/// List outputs
///
/// A page of outputs, oldest first, with the numbers of keys of hosts. Secrets are not in it.
#[utoipa::path(
    get,
    path = "/api/v1/outputs",
    params(PageParams),
    responses((status = 200, description = "A page of outputs.", body = Listed<OutputItem>)),
)]
pub(super) async fn list_outputs(call: Call) -> Result<Reply, Problem> {
    let (paging, NoFilters {}) = Paging::read(&call, "outputs")?;
    let outputs = call.authority.outputs.list_outputs(paging.query()?).await?;
    let counts = call.authority.output_keys.count().await?;
    Ok(paging.rendered(outputs, |listed| OutputItem::new(listed, &counts)))
}

/// Create an output
///
/// Hosts get it with the policies that name it. Its secrets are sealed, and no answer to an administrator has them. Every act
/// on outputs needs the limit `policies` at `any`.
#[utoipa::path(
    post,
    path = "/api/v1/outputs",
    request_body = NewOutputRequest,
    responses(
        (status = 201, description = "The output.", body = OutputItem, headers(("ETag" = String, description = "Revision of the output, for `If-Match`."))),
        code::BeyondLimits,
        code::OutputExists,
        code::TooManyOutputs,
        code::Signing,
        code::Contended,
    ),
)]
pub(super) async fn create_output(call: Call) -> Result<Reply, Problem> {
    let (request, faults) = decode::native::<OutputRequest>(&call.body)?;
    let created = call.authority.outputs.create_output(&call.caller, request.edit(faults)).await?;
    shown(&call, StatusCode::CREATED, created).await
}

/// Show an output
#[utoipa::path(
    get,
    path = "/api/v1/outputs/{id}",
    params(("id" = OutputId, Path, description = "Id of the output.")),
    responses((status = 200, description = "The output.", body = OutputItem, headers(("ETag" = String, description = "Revision of the output, for `If-Match`.")))),
)]
pub(super) async fn show_output(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "output", OutputId::parse)?;
    shown(&call, StatusCode::OK, call.authority.outputs.show_output(id).await?).await
}

/// Change an output
///
/// Hosts follow at their next check-in. A change of the addresses, of `ca` or of the authentication needs every secret again. So
/// no stored secret is sent to a new address.
#[utoipa::path(
    patch,
    path = "/api/v1/outputs/{id}",
    params(
        ("id" = OutputId, Path, description = "Id of the output."),
        IfMatch,
    ),
    request_body = OutputRequest,
    responses(
        (status = 200, description = "The changed output.", body = OutputItem, headers(("ETag" = String, description = "Revision of the output, for `If-Match`."))),
        code::BeyondLimits,
        code::OutputExists,
        code::Stale,
        code::KeysUnavailable,
        code::Contended,
    ),
)]
pub(super) async fn change_output(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "output", OutputId::parse)?;
    let (request, faults) = decode::native::<OutputRequest>(&call.body)?;
    let IfMatch(expected) = IfMatch::of(&call.head);
    let edit = request.edit(faults);
    let changed = call.authority.outputs.change_output(&call.caller, id, edit, expected).await?;
    shown(&call, StatusCode::OK, changed).await
}

#[derive(Serialize, ToSchema)]
struct DeletedOutput {
    id: OutputId,
}

/// Delete an output
///
/// With its secrets. An output that a policy has is in use, and stays: 409 with the number of policies.
#[utoipa::path(
    delete,
    path = "/api/v1/outputs/{id}",
    params(
        ("id" = OutputId, Path, description = "Id of the output."),
        IfMatch,
    ),
    responses(
        (status = 200, description = "Deleted.", body = DeletedOutput),
        code::BeyondLimits,
        code::OutputInUse,
        code::Stale,
        code::Contended,
    ),
)]
pub(super) async fn delete_output(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "output", OutputId::parse)?;
    let IfMatch(expected) = IfMatch::of(&call.head);
    call.authority.outputs.delete_output(&call.caller, id, expected).await?;
    Ok(Reply::ok(&DeletedOutput { id }))
}
