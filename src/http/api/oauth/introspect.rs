//! `POST /oauth2/introspect` (RFC 7662): what a token says, for services that cannot verify it themselves.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::name::Role;
use crate::service::GoodToken;
use crate::token::KeyUse;

/// A token that is good now (section 2.2). Members that would have nothing true to say are left out: `client_id`, as no
/// OAuth client asked for the token, and `username`, as its minter is not its holder.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    token_type: &'static str,
    iss: &'a str,
    aud: &'a str,
    sub: TokenId,
    jti: TokenId,
    iat: i64,
    nbf: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    scope: String,
    roles: &'a [Role],
}

/// Any other: why is not for the caller to know (section 2.2).
#[derive(Serialize)]
struct Inactive {
    active: bool,
}

pub(super) async fn handle(call: Call) -> Result<Reply, Problem> {
    let form = Form::parse(&call.body)?;
    // The hint of section 2.1 only says where to look first, and there is one place.
    Ok(match call.authority.check(form.required("token")?) {
        Ok(GoodToken::Enrollment(grant)) => {
            let audience = grant.audience();
            let times = (grant.issued_at, grant.not_before, grant.expires_at);
            active(KeyUse::Enrollment, &grant.issuer, &audience, grant.token, &grant.roles, times)
        }
        Ok(GoodToken::Service(grant)) => {
            let times = (grant.issued_at, grant.not_before, Some(grant.expires_at));
            active(KeyUse::Service, &grant.issuer, &grant.audience, grant.token, &grant.roles, times)
        }
        Err(_) => Reply::ok(&Inactive { active: false }),
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
    Reply::ok(&Active {
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
    })
}
