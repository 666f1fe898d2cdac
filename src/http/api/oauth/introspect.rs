//! `POST /oauth2/introspect` (RFC 7662): what a token says, for services that cannot verify it themselves.

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

/// The form, field by field as it is asked for.
#[derive(ToSchema)]
#[schema(as = IntrospectionForm, example = json!({ "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…" }))]
#[expect(dead_code, reason = "it says in the document what is read from the form")]
pub(super) struct Question {
    token: String,
    /// Not looked at.
    token_type_hint: Option<String>,
}

/// What a token says (RFC 7662 section 2.2).
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Introspection<'a> {
    Active(Active<'a>),
    Inactive(Inactive),
}

/// A token that is good now (section 2.2). Members that would have nothing true to say are left out: `client_id`, as no
/// OAuth client asked for the token, and `username`, as its minter is not its holder.
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
    /// Absent: it lives until revoked.
    #[schema(nullable = false, example = 1_893_456_900)]
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    /// The roles, between spaces.
    #[schema(example = "director allocator")]
    scope: String,
    roles: &'a [Role],
}

/// Any other: why is not for the caller to know (section 2.2).
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InactiveToken)]
pub(super) struct Inactive {
    #[schema(example = false)]
    active: bool,
}

/// Introspect a token
///
/// RFC 7662. Anything but a good token is exactly `{"active":false}`.
#[utoipa::path(
    post,
    path = super::INTROSPECT,
    operation_id = "introspect",
    tag = tags::ASKING,
    request_body(content = Question, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "What it says.", body = Introspection<'static>)),
)]
pub(super) async fn handle(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    // The hint of section 2.1 only says where to look first, and there is one place.
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
