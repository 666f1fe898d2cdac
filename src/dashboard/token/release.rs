//! `/tokens/{id}/release`: the release of a suspended token.

use super::found;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::grant;
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;

#[derive(askama::Template)]
#[template(path = "release_token.html")]
struct ReleaseTokenPage<'a> {
    frame: Frame<'a>,
    id: TokenId,
    label: String,
    /// The uses left in the backup, of a token with a use limit.
    left: Option<u32>,
    uses_left: String,
    faults: Vec<String>,
}

/// Asks before a token is released.
pub(in crate::dashboard) async fn ask(call: Call) -> Result<Reply, Problem> {
    page(&call, String::new(), None).await
}

/// Releases a token.
pub(in crate::dashboard) async fn release(call: Call) -> Result<Reply, Problem> {
    let id = call.id("id", "token", TokenId::parse)?;
    let typed = Form::parse(&call.body)?.get("uses_left").unwrap_or("").trim().to_owned();
    let uses_left = match typed.as_str() {
        "" => None,
        // The service refuses it with the range.
        text => Some(text.parse().unwrap_or(0)),
    };
    match call.authority.tokens.release_token(&call.caller, id, uses_left).await.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("/tokens/{id}"))),
        Err(problem) => page(&call, typed, Some(Refusal::of(problem)?)).await,
    }
}

async fn page(call: &Call, uses_left: String, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let token = found(call).await?;
    let label = grant::token_label(&token.mint);
    let (status, faults) = refusal::parts(refused);
    let page = ReleaseTokenPage {
        frame: Frame::of(call, format!("Release {label}"), "/tokens").await?,
        id: token.mint.token.id,
        label,
        left: token.mint.terms.max_uses.map(|most| most.saturating_sub(token.used)),
        uses_left,
        faults,
    };
    frame::page(status, &page)
}
