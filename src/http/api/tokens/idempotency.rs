//! The header `Idempotency-Key` of a mint (draft-ietf-httpapi-idempotency-key-header-07).

use http::HeaderName;

use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::id::{BodyHash, IdempotencyKey};
use crate::service::tokens::bulk::Idempotency;

/// Name of the header, as errors show it.
const NAME: &str = "Idempotency-Key";
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Maximum length of a key.
const LONGEST: usize = 255;

/// The key of a request with its body; `None` without a key. The draft quotes a key, and most clients do not.
///
/// # Errors
/// 400: the header is there twice, or is no key.
pub(super) fn of(call: &Call) -> Result<Option<Idempotency>, Problem> {
    let mut values = call.head.headers().get_all(HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match call.head.headers().contains_key(HEADER) {
            true => Err(Problem::invalid_field(NAME, "given twice: send one")),
            false => Ok(None),
        };
    };
    let text = value.to_str().unwrap_or_default();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let is_key = (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key {
        let message = format!("1 to {LONGEST} visible ASCII characters, such as a UUID");
        return Err(Problem::invalid_field(NAME, message));
    }
    let (key, body) = (IdempotencyKey::of(key.as_bytes()), BodyHash::of(&call.body));
    Ok(Some(Idempotency { key, body }))
}
