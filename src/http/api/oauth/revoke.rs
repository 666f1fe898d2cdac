//! `POST /oauth2/revoke` (RFC 7009): takes back a token that is presented, whoever it was minted for.

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::TakenBack;

pub(super) async fn handle(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let even_emergency = form.get("confirm") == Some("emergency");
    match call.authority.take_back(&call.caller(), form.required("token")?, even_emergency).await? {
        // What is no token of ours is as good as revoked (section 2.2).
        TakenBack::Revoked | TakenBack::NotOurs => {
            Ok(Reply(Response::new(Bytes::new())).header("cache-control", "no-store"))
        }
        TakenBack::OtherKind => {
            let detail = "only enrollment tokens and service tokens are revoked here";
            Err(Problem::new(StatusCode::BAD_REQUEST, "unsupported_token_type", detail))
        }
    }
}
