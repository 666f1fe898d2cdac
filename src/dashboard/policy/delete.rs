//! `/policies/{id}/delete`: the end of a policy.

use super::found;
use crate::dashboard::form::Values;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::PolicyId;
use crate::service::policies::CountedPolicy;

#[derive(askama::Template)]
#[template(path = "policy_delete.html")]
struct DeletePage<'a> {
    frame: Frame<'a>,
    id: PolicyId,
    name: String,
    revision: u64,
    /// A policy that hosts have stays.
    hosts: u64,
    tokens: u64,
    faults: Vec<String>,
}

/// Asks before a policy is deleted.
pub(super) async fn ask(call: Call) -> Result<Reply, Problem> {
    page(&call, None).await
}

/// Deletes a policy.
pub(super) async fn delete(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    let revision = Values::of(Form::parse(&call.body)?.into_pairs()).revision();
    let deleted = call.authority.policies.delete_policy(&call.caller, id, Some(revision)).await;
    match deleted.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other("/policies")),
        Err(problem) => page(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn page(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let CountedPolicy { policy, hosts } = found(call).await?;
    let (id, name) = (policy.id, policy.terms.name.to_string());
    let tokens = call.authority.policies.count_tokens(vec![id]).await?.iter().sum();
    let frame = Frame::of(call, format!("Delete {name}"), "/policies").await?;
    let (status, faults) = refusal::parts(refused);
    frame::page(status, &DeletePage { frame, id, name, revision: policy.revision, hosts, tokens, faults })
}
