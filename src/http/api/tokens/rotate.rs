//! `POST /api/v1/enrollment-tokens/{id}/rotate`: a successor with the same grant.

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::create;
use crate::access::Permission;
use crate::clock::Timestamp;
use crate::http::api::shapes::HostItem;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::service::rotation::{RotateRequest, Rotated};

/// The successor's mint, and what becomes of the token itself.
#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    minted: Value,
    replaces: TokenId,
    revokes_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_hosts: Option<Vec<HostItem>>,
}

pub(in crate::http::api) async fn handle(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let overlap = decode::strict::<RotateRequest>(&call.body)?.judge()?;
    let authority = &call.authority;
    let Rotated { minted, order, revokes_at } = authority.rotate_token(&call.caller(), id, overlap).await?;
    let now = authority.now();
    let newest_hosts = match call.may(Permission::ReadHosts) {
        true => {
            Some(authority.hosts_of(id).await?.into_iter().map(|host| HostItem::new(host, now)).collect())
        }
        false => None,
    };
    let minted = create::shown(authority, &minted, order.label.to_string());
    Ok(Reply::json(StatusCode::CREATED, &Answer { minted, replaces: id, revokes_at, newest_hosts }))
}
