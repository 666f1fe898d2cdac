//! `/outputs/{id}/delete`: the end of an output.

use super::{found, policies};
use crate::dashboard::form::Values;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::{OutputId, PolicyId};

#[derive(askama::Template)]
#[template(path = "output_delete.html")]
struct DeletePage<'a> {
    frame: Frame<'a>,
    id: OutputId,
    name: String,
    revision: u64,
    /// An output of a policy stays.
    policies: Vec<(PolicyId, String)>,
    faults: Vec<String>,
}

/// Asks before an output is deleted.
pub(super) async fn ask(call: Call) -> Result<Reply, Problem> {
    page(&call, None).await
}

/// Deletes an output.
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "output", OutputId::parse)?;
    let revision = Values::of(Form::parse(&call.body)?.into_pairs()).revision();
    let deleted = call.authority.outputs.delete_output(&call.caller, id, Some(revision)).await;
    match deleted.map_err(Problem::from) {
        Ok(()) => Ok(Reply::see_other("/policies")),
        Err(problem) => page(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn page(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let output = found(call).await?.output;
    let (id, name) = (output.id, output.name.to_string());
    let frame = Frame::of(call, format!("Delete {name}"), "/policies").await?;
    let (status, faults) = refusal::parts(refused);
    let policies = policies(call, id);
    frame::page(status, &DeletePage { frame, id, name, revision: output.revision, policies, faults })
}
