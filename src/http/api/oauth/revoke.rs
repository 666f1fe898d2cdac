//! `POST /oauth2/revoke` (RFC 7009): revokes the presented token.

use http::StatusCode;
use utoipa::ToSchema;

use super::TokenForm;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem, code};
use crate::http::reply::Reply;
use crate::service::TakenBack;
use crate::service::tokens::HowToRevoke;

/// The fields that a request has (RFC 7009 section 2.1).
#[derive(ToSchema)]
#[schema(as = RevokePresentedTokenRequest, example = json!({ "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…" }))]
#[expect(dead_code, reason = "it says in the document what is read from the form")]
pub(in crate::http::api) struct RevocationForm {
    #[serde(flatten)]
    form: TokenForm,
    /// `emergency` revokes the emergency token too.
    confirm: Option<String>,
}

/// Revoke the presented token
///
/// RFC 7009. An unknown token gives 200 too. The holder of a token may revoke it, also beyond the limits of its API key.
/// The emergency token takes an admin and `confirm=emergency`.
#[utoipa::path(
    post,
    path = "/oauth2/revoke",
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Revoked, or not a token of this authority."),
        code::UnsupportedTokenType,
        code::EmergencyToken,
    ),
)]
pub(in crate::http::api) async fn revoke_presented_token(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    let even_emergency = form.get("confirm") == Some("emergency");
    let how = HowToRevoke { even_emergency, ..HowToRevoke::default() };
    match call.authority.tokens.take_back(&call.caller, form.required("token")?, how).await? {
        // An unknown token gives 200 (section 2.2).
        TakenBack::Revoked(_) | TakenBack::NotOurs => Ok(Reply::empty(StatusCode::OK)),
        TakenBack::OtherKind => {
            let detail = "only enrollment tokens and service tokens are revoked here";
            Err(Problem::of(Code::UnsupportedTokenType, detail))
        }
    }
}
