//! `POST /oauth2/revoke` (RFC 7009): takes back a token that is presented, whoever it was minted for.

use bytes::Bytes;
use http::Response;
use utoipa::ToSchema;

use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::openapi::tags;
use crate::http::problem::{Code, Problem, code};
use crate::http::reply::Reply;
use crate::service::TakenBack;

/// The form, field by field as it is asked for.
#[derive(ToSchema)]
#[schema(as = RevocationForm, example = json!({ "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…" }))]
#[expect(dead_code, reason = "it says in the document what is read from the form")]
pub(super) struct Question {
    token: String,
    /// Not looked at.
    token_type_hint: Option<String>,
    /// `emergency` revokes the emergency token too.
    confirm: Option<String>,
}

/// Revoke a token that one holds
///
/// RFC 7009. What is no token of this authority is as good as revoked.
#[utoipa::path(
    post,
    path = super::REVOKE,
    operation_id = "revoke_presented_token",
    tag = tags::ASKING,
    request_body(content = Question, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is revoked, or was none of this authority's."),
        code::UnsupportedTokenType,
        code::EmergencyToken,
    ),
)]
pub(super) async fn handle(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let even_emergency = form.get("confirm") == Some("emergency");
    match call.authority.tokens.take_back(&call.caller, form.required("token")?, even_emergency).await? {
        // What is no token of ours is as good as revoked (section 2.2).
        TakenBack::Revoked | TakenBack::NotOurs => {
            Ok(Reply(Response::new(Bytes::new())).header("cache-control", "no-store"))
        }
        TakenBack::OtherKind => {
            let detail = "only enrollment tokens and service tokens are revoked here";
            Err(Problem::of(Code::UnsupportedTokenType, detail))
        }
    }
}
