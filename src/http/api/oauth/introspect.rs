//! `POST /oauth2/introspect` (RFC 7662), for services without offline verification.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::openapi::tags;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::GoodToken;
use crate::token::KeyUse;

/// The form.
#[derive(ToSchema)]
#[schema(as = IntrospectionForm, example = json!({ "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…" }))]
#[expect(dead_code, reason = "it says in the document what is read from the form")]
pub(super) struct Question {
    token: String,
    /// Ignored.
    token_type_hint: Option<String>,
}

/// The claims of a token (RFC 7662 section 2.2).
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Introspection<'a> {
    Active(Active<'a>),
    Inactive(Inactive),
}

/// A valid token (section 2.2). `client_id` is left out, because no OAuth client requested the token. `username` is left
/// out, because the minter is not the holder.
#[derive(Serialize, ToSchema)]
#[schema(as = ActiveToken)]
pub(super) struct Active<'a> {
    #[schema(example = true)]
    active: bool,
    #[schema(pattern = "^(enroll|role)[+]jwt$", example = "role+jwt")]
    token_type: &'static str,
    #[schema(format = "uri", example = "https://gate.example.org")]
    iss: &'a str,
    #[schema(example = "https://jobs.example.org")]
    aud: &'a str,
    sub: TokenId,
    jti: TokenId,
    #[schema(example = 1_893_456_000)]
    iat: i64,
    #[schema(example = 1_893_456_000)]
    nbf: i64,
    /// Expiry; absent: until revoked.
    #[schema(nullable = false, example = 1_893_456_900)]
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// The roles, separated by spaces.
    #[schema(example = "director allocator")]
    scope: String,
    roles: &'a [Role],
}

/// Any other token. The reason is not disclosed (section 2.2).
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InactiveToken)]
pub(super) struct Inactive {
    #[schema(example = false)]
    active: bool,
}

/// Introspect a token
///
/// RFC 7662. The answer for any invalid token is exactly `{"active":false}`.
#[utoipa::path(
    post,
    path = super::INTROSPECT,
    operation_id = "introspect",
    tag = tags::ASKING,
    request_body(content = Question, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The claims, or `{\"active\":false}`.", body = Introspection<'static>)),
)]
pub(super) async fn handle(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    // The hint of section 2.1 is ignored: one lookup finds every kind of token.
    Ok(match call.authority.authenticator.check(form.required("token")?) {
        Ok(GoodToken::Enrollment(grant)) => {
            let audience = grant.audience();
            let times = (grant.issued_at, grant.not_before, grant.terms.expires_at);
            active(
                KeyUse::Enrollment,
                &grant.token.issuer,
                &audience,
                grant.token.id,
                &grant.terms.roles,
                times,
            )
        }
        Ok(GoodToken::Service(grant)) => {
            let times = (grant.issued_at, grant.not_before, Some(grant.expires_at));
            active(KeyUse::Service, &grant.token.issuer, &grant.audience, grant.token.id, &grant.roles, times)
        }
        Err(_) => Reply::ok(&Introspection::Inactive(Inactive { active: false })),
    })
}

fn active(
    usage: KeyUse,
    iss: &str,
    aud: &str,
    id: TokenId,
    roles: &[Role],
    (iat, nbf, exp): (Timestamp, Timestamp, Option<Timestamp>),
) -> Reply {
    let scope = roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" ");
    Reply::ok(&Introspection::Active(Active {
        active: true,
        token_type: usage.typ(),
        iss,
        aud,
        sub: id,
        jti: id,
        iat: iat.secs(),
        nbf: nbf.secs(),
        exp: exp.map(Timestamp::secs),
        scope,
        roles,
    }))
}
