//! Credentials, distinguished by their shape. A route rejects one that does not fit it, and never tries it as another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::form::Form;
use super::problem::{Code, Problem};
use super::query::percent_decode;
use crate::access::ApiKey;
use crate::access::api_key::API_KEY_PREFIX;
use crate::access::mask::LOCAL_PREFIX;
use crate::access::opaque_key::OPAQUE_KEY_PREFIX;
use crate::access::{password, session};
use crate::name::UserName;
use crate::secret::Secret;
use crate::token::UnprovenApiKey;

/// The content of a request's `Authorization` header.
pub enum Credential {
    /// The header is missing.
    None,
    /// A user's name and password (RFC 7617).
    Basic {
        /// The user name.
        user: String,
        /// The user's password.
        password: Secret<String>,
    },
    /// The local credential of this run of the server, kept in the data directory.
    Local(Secret<String>),
    /// An API key: after `Bearer`, or after `ApiKey`. There it may also be in base64, after its id and a colon, as Elastic's
    /// clients send it.
    ApiKey(Secret<String>),
    /// The opaque key of a host, after `Bearer` or `ApiKey`.
    OpaqueKey(Secret<String>),
    /// The secret of a session.
    Session(Secret<String>),
    /// A text of the shape of a token, or of a token's `api_key` (after `ApiKey`).
    Token(Secret<String>),
}

impl Credential {
    /// Reads the header.
    ///
    /// # Errors
    /// 401: there are several headers, or the shape is unknown.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            let none = !headers.contains_key(AUTHORIZATION);
            return if none {
                Ok(Self::None)
            } else {
                Err(refused("the request has several Authorization headers: send one"))
            };
        };
        let (scheme, rest) = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or_else(|| refused("the Authorization header lacks a scheme or a value"))?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            return basic(rest).ok_or_else(|| refused("the Basic credential is not base64 of name:password"));
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            let secret = Secret::new(rest.to_owned());
            return Ok(match rest {
                _ if rest.starts_with(LOCAL_PREFIX) => Self::Local(secret),
                _ if rest.starts_with(API_KEY_PREFIX) => Self::ApiKey(secret),
                _ if rest.starts_with(OPAQUE_KEY_PREFIX) => Self::OpaqueKey(secret),
                _ if rest.starts_with(session::PREFIX) => Self::Session(secret),
                _ => Self::Token(secret),
            });
        }
        if scheme.eq_ignore_ascii_case("apikey") {
            return Ok(after_api_key(rest));
        }
        Err(refused("unknown Authorization scheme: use Basic, Bearer or ApiKey"))
    }

    /// The credential of an OAuth client, which form-encodes both parts of Basic (RFC 6749 section 2.3.1). Only an API key is
    /// decoded: the password of a user may contain `%`.
    #[must_use]
    pub fn of_client(self) -> Self {
        let Self::Basic { user, password } = self else { return self };
        let decoded = || {
            let secret = Secret::new(percent_decode(password.expose()).ok()?.into_owned());
            api_key(&percent_decode(&user).ok()?, secret)
        };
        decoded().unwrap_or(Self::Basic { user, password })
    }

    /// The API key in `client_id` and `client_secret` of a form (RFC 6749 section 2.3.1). `None` without `client_secret`.
    ///
    /// # Errors
    /// 401: these are not an API key and its id.
    pub fn in_form(form: &Form) -> Option<Result<Self, Problem>> {
        let secret = Secret::new(form.get("client_secret")?.to_owned());
        let key = api_key(form.get("client_id").unwrap_or(""), secret);
        let wrong = "client_id must be the id of an API key, and client_secret that key";
        Some(key.ok_or_else(|| refused(wrong)))
    }
}

/// Returns true if this is a credential that browsers store and send again automatically (RFC 7617).
pub fn is_basic(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.any(|value| {
        let scheme = value.as_bytes().get(..5);
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    })
}

/// The token of a request to a guarded service (RFC 6750 section 2.1), not verified. `None` without an `Authorization`
/// header.
///
/// # Errors
/// 401: there are several headers. Or the scheme is another one, which is for the guarded service and proves nothing
/// here.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, more) = (values.next(), values.next());
    let Some(value) = value else { return Ok(None) };
    let text = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token = text.filter(|(scheme, _)| more.is_none() && scheme.eq_ignore_ascii_case("bearer"));
    let wrong = || Problem::of(Code::InvalidToken, "send one token, as `Authorization: Bearer`");
    token.map(|(_, token)| Some(token.trim())).ok_or_else(wrong)
}

/// A name and a password, or the id of an API key and the key.
fn basic(encoded: &str) -> Option<Credential> {
    let decoded = Secret::new(STANDARD.decode(encoded).ok()?);
    let (user, password) = std::str::from_utf8(decoded.expose()).ok()?.split_once(':')?;
    let password = Secret::new(password.to_owned());
    let key = api_key(user, Secret::new(password.expose().clone()));
    Some(key.unwrap_or(Credential::Basic { user: user.to_owned(), password }))
}

/// The credential after `ApiKey`: an API key, also in base64 after its id, the opaque key of a host, or the `api_key` of a token.
fn after_api_key(text: &str) -> Credential {
    let secret = Secret::new(text.to_owned());
    if text.starts_with(OPAQUE_KEY_PREFIX) {
        return Credential::OpaqueKey(secret);
    }
    if UnprovenApiKey::parse(text).is_some() {
        return Credential::Token(secret);
    }
    match basic(text) {
        Some(key @ Credential::ApiKey(_)) => key,
        _ => Credential::ApiKey(secret),
    }
}

/// An API key after its id.
fn api_key(id: &str, unproven: Secret<String>) -> Option<Credential> {
    let key = ApiKey::parse(&unproven)?;
    (key.id().to_string() == id).then_some(Credential::ApiKey(unproven))
}

/// Shortens a name and a password while they are checked. That may take seconds, and a text that is too long is
/// nobody's.
pub fn kept((name, password): (String, Secret<String>)) -> (String, Secret<String>) {
    let name = UserName::parse(&name).map_or_else(|_| String::new(), |name| name.to_string());
    (name, password::kept(&password))
}

fn refused(detail: &str) -> Problem {
    Problem::unauthenticated(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Result<Credential, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        Credential::of(&headers)
    }

    #[test]
    fn credentials_are_distinguished_by_shape() {
        assert!(matches!(of("Basic YWRtaW46cDp3"), Ok(Credential::Basic { user, password })
            if user == "admin" && password.expose() == "p:w"));
        assert!(matches!(of("bearer gpl_abc"), Ok(Credential::Local(_))));
        assert!(matches!(of("Bearer gps_abc"), Ok(Credential::Session(_))));
        assert!(matches!(of("Bearer eyJ.e30.x"), Ok(Credential::Token(_))));
        for key in ["Bearer gpk_abc", "ApiKey gpk_abc", "apikey eyJ.e30.x", "ApiKey gpl_abc"] {
            assert!(matches!(of(key), Ok(Credential::ApiKey(_))), "{key}");
        }
        for key in ["Bearer gph_abc", "ApiKey gph_abc", "apikey gph_abc"] {
            assert!(matches!(of(key), Ok(Credential::OpaqueKey(_))), "{key}");
        }
        assert!(matches!(Credential::of(&HeaderMap::new()), Ok(Credential::None)));
    }

    #[test]
    fn an_api_key_is_a_password_of_its_id() {
        let [key, other] = [1, 2].map(|second| ApiKey::generate(crate::clock::Timestamp::from_secs(second)));
        let of = |user: &str| {
            let pair = format!("{user}:{}", key.text().expose());
            of(&format!("Basic {}", STANDARD.encode(pair)))
        };
        assert!(matches!(of(&key.id().to_string()), Ok(Credential::ApiKey(_))));
        for user in ["admin", "", &other.id().to_string()] {
            assert!(matches!(of(user), Ok(Credential::Basic { .. })), "{user}");
        }
    }

    #[test]
    fn base64_after_api_key_is_distinguished_by_its_pair() {
        let key = ApiKey::generate(crate::clock::Timestamp::from_secs(1));
        let of = |pair: String| of(&format!("ApiKey {}", STANDARD.encode(pair))).unwrap();
        let (id, text) = (key.id().to_string(), key.text());
        let own = of(format!("{id}:{}", text.expose()));
        assert!(matches!(own, Credential::ApiKey(key) if key.expose() == text.expose()));
        let token = of(String::from("0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081:abcdefghijklmnopqrstuv"));
        assert!(matches!(token, Credential::Token(_)));
        for pair in ["admin:password", "x:abcdefghijklmnopqrstuv", &format!("x:{}", text.expose())] {
            assert!(matches!(of(pair.to_owned()), Credential::ApiKey(key) if key.expose() != text.expose()));
        }
    }

    #[test]
    fn a_client_form_encodes_only_an_api_key() {
        let key = ApiKey::generate(crate::clock::Timestamp::from_secs(1));
        let encoded = |text: &str| text.replace('-', "%2D").replace('_', "%5f");
        let client = |user: &str, password: &str| {
            let pair = STANDARD.encode(format!("{user}:{password}"));
            of(&format!("Basic {pair}")).unwrap().of_client()
        };
        let (id, text) = (key.id().to_string(), key.text());
        for (user, password) in
            [(encoded(&id), encoded(text.expose())), (encoded(&id), text.expose().clone())]
        {
            let found = client(&user, &password);
            assert!(matches!(found, Credential::ApiKey(key) if key.expose() == text.expose()), "{user}");
        }
        for (user, password) in
            [("anna", "a%2Db"), ("an%2Dna", "p"), (&*encoded(&id), "a%2Db"), ("x", text.expose())]
        {
            let kept = matches!(client(user, password), Credential::Basic { user: name, password: secret }
                if name == user && secret.expose() == password);
            assert!(kept, "{user}");
        }
    }

    #[test]
    fn unknown_shapes_are_refused() {
        for wrong in ["Basic !!!", "Basic YWRtaW4=", "Digest x", "Bearer", "eyJ.e30.x"] {
            assert_eq!(of(wrong).err().map(|problem| problem.status().as_u16()), Some(401), "{wrong}");
        }
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(Credential::of(&headers).is_err());
    }
}
