//! `/policies/{id}/restore`: the terms of an earlier version again.

use super::{found, words};
use crate::dashboard::form::Values;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::output::{self, OutputNames};
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::query;
use crate::http::reply::Reply;
use crate::id::PolicyId;

#[derive(askama::Template)]
#[template(path = "policy_restore.html")]
struct RestorePage<'a> {
    frame: Frame<'a>,
    id: PolicyId,
    name: String,
    earlier: u64,
    revision: u64,
    hosts: u64,
    changes: Vec<words::Change>,
    faults: Vec<String>,
}

/// Asks before an earlier version is restored.
pub(super) async fn ask(call: Call) -> Result<Reply, Problem> {
    let values = Values::of(query::decode_query(call.head.raw_query())?);
    page(&call, earlier(&values)?, None).await
}

/// Restores an earlier version, as a new one.
pub(super) async fn restore(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "policy", PolicyId::parse)?;
    let values = Values::of(Form::parse(&call.body)?.into_pairs());
    let earlier = earlier(&values)?;
    let policies = &call.authority.policies;
    let restored = policies.restore_policy(&call.caller, id, earlier, Some(values.revision())).await;
    match restored.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("/policies/{id}"))),
        Err(problem) => page(&call, earlier, Some(Refusal::of(problem)?)).await,
    }
}

/// The number of the version.
fn earlier(values: &Values) -> Result<u64, Problem> {
    let number = values.get("earlier").and_then(|number| number.parse().ok());
    number.filter(|number| i64::try_from(*number).is_ok()).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::of(Code::NotFound, "revision not found")
}

async fn page(call: &Call, earlier: u64, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let counted = found(call).await?;
    let policy = counted.policy;
    let kept = call.authority.policies.policy_revisions(policy.id).await?;
    let wanted = kept.iter().find(|kept| kept.revision == earlier).ok_or_else(unknown)?;
    let names = OutputNames::of(&output::all(call).await?);
    let lifetime = call.authority.policies.lifetime;
    let name = policy.terms.name.to_string();
    let (status, faults) = refusal::parts(refused);
    let page = RestorePage {
        frame: Frame::of(call, format!("Restore revision {earlier} of {name}"), "/policies").await?,
        id: policy.id,
        name,
        earlier,
        revision: policy.revision,
        hosts: counted.hosts,
        changes: words::changes((&policy.terms, &wanted.terms), lifetime, &names),
        faults,
    };
    frame::page(status, &page)
}
