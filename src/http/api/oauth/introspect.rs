//! `POST /oauth2/introspect` (RFC 7662), for services without offline verification.

use serde::Serialize;
use utoipa::ToSchema;

use super::TokenForm;
use crate::clock::Timestamp;
use crate::http::api::shapes::Confirmation;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::{HostId, TokenId};
use crate::name::Role;
use crate::service::GoodToken;

/// The fields that a request has (RFC 7662 section 2.1).
#[derive(ToSchema)]
#[schema(as = IntrospectTokenRequest, example = json!({ "token": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii…" }))]
#[expect(dead_code, reason = "it says in the document what is read from the form")]
pub(in crate::http::api) struct IntrospectionForm {
    #[serde(flatten)]
    form: TokenForm,
    /// The audience that the token must have; absent: that of the API key, or else the only configured service.
    #[schema(example = "https://jobs.example.org")]
    audience: Option<String>,
    /// The same under the name of RFC 8707; not another one.
    #[schema(example = "https://jobs.example.org")]
    resource: Option<String>,
}

/// The claims of a token (RFC 7662 section 2.2).
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::http::api) enum Introspection<'a> {
    Active(Box<ActiveToken<'a>>),
    Inactive(InactiveToken),
}

/// A valid token (section 2.2). Only an access token has a `client_id`, its host: no OAuth client requested another token.
/// `username` is left out, because the minter is not the holder.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct ActiveToken<'a> {
    #[schema(example = true)]
    active: bool,
    #[schema(pattern = "^(enroll|role|at)[+]jwt$", example = "role+jwt")]
    token_type: &'static str,
    #[schema(format = "uri", example = "https://gate.example.org")]
    iss: &'a str,
    #[schema(example = "https://jobs.example.org")]
    aud: &'a str,
    /// The token's id; of an access token, the host's.
    #[schema(format = "uuid", example = "0198c0de-9b41-7d20-9c55-6e7f80912a3b")]
    sub: String,
    /// The host of an access token.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<HostId>,
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
    /// The certificate that an access token is bound to. Compare it with the one that the client presented.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

/// Any other token. The reason is not disclosed (section 2.2).
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct InactiveToken {
    #[schema(example = false)]
    active: bool,
}

/// Introspect a token
///
/// RFC 7662. The answer for any invalid token, and for a token of another audience, is exactly `{"active":false}`.
#[utoipa::path(
    post,
    path = "/oauth2/introspect",
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The claims, or `{\"active\":false}`.", body = Introspection<'static>)),
)]
pub(in crate::http::api) async fn introspect_token(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    // The hint of section 2.1 is ignored: one lookup finds every kind of token.
    let (token, audience) = (form.required("token")?, audience(&form)?);
    Ok(match call.authority.authenticator.introspect(&call.caller.rights, audience, token).await? {
        Ok(good) => Reply::ok(&Introspection::Active(Box::new(active(&good, &good.audience())))),
        Err(_) => Reply::ok(&Introspection::Inactive(InactiveToken { active: false })),
    })
}

/// The audience that the caller names.
fn audience(form: &Form) -> Result<Option<&str>, Problem> {
    match (form.get("audience"), form.get("resource")) {
        (Some(audience), Some(resource)) if audience != resource => {
            Err(Problem::bad_request("audience and resource name different services: send one of them"))
        }
        (audience, resource) => Ok(audience.or(resource)),
    }
}

fn active<'a>(good: &'a GoodToken, aud: &'a str) -> ActiveToken<'a> {
    let (iat, nbf, exp) = good.times();
    let access = good.access();
    ActiveToken {
        active: true,
        token_type: good.kind().typ(),
        iss: good.issuer(),
        aud,
        sub: access.map_or_else(|| good.id().to_string(), |grant| grant.host.to_string()),
        client_id: access.map(|grant| grant.host),
        jti: good.id(),
        iat: iat.secs(),
        nbf: nbf.secs(),
        exp: exp.map(Timestamp::secs),
        scope: good.roles().iter().map(Role::as_str).collect::<Vec<_>>().join(" "),
        roles: good.roles(),
        cnf: access.map(|grant| Confirmation { thumbprint: grant.certificate }),
    }
}
