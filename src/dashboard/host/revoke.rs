//! `/hosts/{id}/revoke`: the end of a host.

use super::of_path;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::grant;
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

#[derive(askama::Template)]
#[template(path = "host_revoke.html")]
struct RevokeHostPage<'a> {
    frame: Frame<'a>,
    id: String,
    name: String,
    faults: Vec<String>,
}

/// Shows the form.
pub(in crate::dashboard) async fn show(call: Call) -> Result<Reply, Problem> {
    form(&call, None).await
}

/// Revokes the host.
pub(in crate::dashboard) async fn revoke(call: Call) -> Result<Reply, Problem> {
    let host = of_path(&call).await?;
    match call.authority.hosts.revoke_host(&call.caller, host.id, None).await.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("/hosts/{}", host.id))),
        Err(problem) => form(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn form(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let host = of_path(call).await?;
    let name = grant::host_name(&host);
    let frame = Frame::of(call, format!("Revoke {name}"), "/hosts").await?;
    let (status, faults) = refusal::parts(refused);
    frame::page(status, &RevokeHostPage { frame, id: host.id.to_string(), name, faults })
}
